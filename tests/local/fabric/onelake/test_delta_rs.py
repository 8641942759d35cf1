"""A Delta table over `abfss://` and `az://` by delta-rs and polars as they are, on a server that speaks https. No Spark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars
import pyarrow
import pytest
from deltalake import DeltaTable, write_deltalake

from tests.support import service
from tests.support.service import Api

pytestmark = pytest.mark.spark  # needs the `local` extra
DOCS = (service.ROOT / "docs" / "embedded_fabric.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Its certificate is trusted as its start says."""
    state = {"XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}
    process, found = service.start(tmp_path_factory.mktemp("lakes") / "house", "--tls", extra_env=state)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(found.ready["ca_bundle"]))
        yield found
    found.http.close()
    assert service.close(process) == 0


@pytest.fixture(scope="module")
def options(api: Api) -> dict[str, str]:
    """As the docs have them."""
    made = {
        "azure_storage_account_name": "onelake",
        "azure_storage_endpoint": str(api.ready["api_url"]).removesuffix("/v1") + "/onelake",
        "azure_storage_token": str(api.ready["token"]),
    }
    assert all(f'"{name}"' in DOCS for name in made)
    return made


def table(api: Api, scheme: str, name: str) -> str:
    ids = api.base.partition("/workspaces/")[2].split("/")
    workspace, lakehouse = ids[0], ids[2]
    if scheme == "abfss":
        return f"abfss://{workspace}@onelake.dfs.fabric.microsoft.com/{lakehouse}/Tables/dbo/{name}"
    return f"{scheme}://{workspace}/{lakehouse}/Tables/dbo/{name}"


@pytest.mark.parametrize("scheme", ["abfss", "az"])
def test_delta_rs_writes_reads_and_tends_a_table(api: Api, options: dict[str, str], scheme: str) -> None:
    address = table(api, scheme, f"by_{scheme}")
    rows = pyarrow.table({"number": [1, 2, 3], "word": ["a", "é", None]})
    write_deltalake(address, rows, storage_options=options)
    write_deltalake(address, rows, storage_options=options, mode="append")
    written = DeltaTable(address, storage_options=options)
    assert (written.version(), written.count()) == (1, 6)
    written.delete("number = 2")
    written.create_checkpoint()
    written.optimize.compact()
    assert written.vacuum(0, dry_run=False, enforce_retention_duration=False)
    again = polars.read_delta(address, storage_options=options).sort("number")
    assert again.to_dict(as_series=False) == {"number": [1, 1, 3, 3], "word": ["a", "a", None, None]}


def test_of_two_writers_of_one_version_one_is_told_so(api: Api, options: dict[str, str]) -> None:
    address = table(api, "az", "twice")
    rows = pyarrow.table({"number": [1]})
    write_deltalake(address, rows, storage_options=options)
    one, other = (DeltaTable(address, storage_options=options) for _ in range(2))
    one.delete()
    with pytest.raises(Exception, match=r"[Cc]ommit|conflict"):
        other.delete()
    assert DeltaTable(address, storage_options=options).version() == 1


def test_polars_reads_and_writes_one(api: Api, options: dict[str, str]) -> None:
    address = table(api, "abfss", "by_polars")
    polars.DataFrame({"n": [1, 2]}).write_delta(address, storage_options=options)
    assert polars.scan_delta(address, storage_options=options).select(polars.col("n").sum()).collect().item() == 3


def test_files_are_where_sessions_have_their_tables(api: Api, options: dict[str, str]) -> None:
    write_deltalake(table(api, "az", "seen"), pyarrow.table({"n": [1]}), storage_options=options)
    lakehouse = api.base.partition("/livyapi/")[0]
    tables = api.http.get(lakehouse, timeout=30, verify=str(api.ready["ca_bundle"])).json()["properties"]
    listed = api.http.get(
        tables["oneLakeTablesPath"].rpartition("/onelake/")[0] + "/onelake/" + api.base.split("/")[5],
        params={"resource": "filesystem", "recursive": "false", "directory": f"{api.base.split('/')[7]}/Tables/dbo"},
        verify=str(api.ready["ca_bundle"]),
        timeout=30,
    ).json()["paths"]
    assert "seen" in [Path(one["name"]).name for one in listed]
