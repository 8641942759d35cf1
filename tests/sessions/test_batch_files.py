"""`session.batch`, and where the files of a batch go, on a scripted Fabric whose OneLake refuses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic import connect
from fabric_livy_magic.cells.batch_options import BatchRequest
from fabric_livy_magic.cells.batch_script import script_of_cell
from fabric_livy_magic.errors import AccessError, BatchFailed, HttpError, SettingsError
from fabric_livy_magic.livy.batches import NOTEBOOK
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.models import BatchInfo
from fabric_livy_magic.output.batches import submitted_lines
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.batches import Batch, Batches, requested_application
from tests.support.fakes import LAKEHOUSE, WORKSPACE, FakeFabric

ONELAKE = f"abfss://{WORKSPACE}@onelake.dfs.fabric.microsoft.com/{LAKEHOUSE}"
FILES = r"^\?/onelake/"


@pytest.fixture
def batches(target: str) -> Batches:
    account = Account({"target": target})
    return Batches(account, account.target, NOTEBOOK)


def test_a_program_submits_a_batch_beside_its_session(fabric: FakeFabric, target: str) -> None:
    fabric.batch_goes("starting", "running", "dead", errorInfo=[{"message": "exit code 3"}])
    with connect(target) as session:
        batch = session.batch(
            "Files/job.jar",
            "--day",
            "1",
            conf={"spark.x": "1"},
            jars=["Files/a.jar"],
            class_name="its.Main",
            name="nightly",
        )
        assert (batch.name, batch.state) == ("nightly", "running")
        with pytest.raises(BatchFailed, match="exit code 3"):
            batch.wait()
        assert (batch.exit_code, batch.reason, batch.cancel()) == (3, "exit code 3", False)
        assert batch.logs()[0] == "stdout:"
        assert [one.id for one in session.batches.list()] == [batch.id]
        assert session.batches.get(batch.id).state == "dead"
    (body,) = [one.body for one in fabric.seen("POST", "/batches")]
    assert body == {
        "file": f"{ONELAKE}/Files/job.jar",
        "className": "its.Main",
        "args": ["--day", "1"],
        "jars": [f"{ONELAKE}/Files/a.jar"],
        "name": "nightly",
        "conf": {"spark.x": "1"},
    }


def test_on_fabric_its_page_of_the_monitoring_hub_is_told() -> None:
    url = "https://api.fabric.microsoft.com/v1/workspaces/w/lakehouses/l/livyapi/versions/2023-12-01"
    batch = Batch(LivyClient(LivyHttp(url)), BatchInfo.from_json({"id": "b-1", "state": "running"}))
    assert batch.run_link == "https://app.fabric.microsoft.com/workloads/de-ds/sparkmonitor/l/b-1"
    assert f"Its run: {batch.run_link}" in submitted_lines(batch, NOTEBOOK, is_waited_for=True)


@pytest.mark.parametrize("refusal", [403, 401])
def test_a_refused_token_for_storage_says_what_it_takes_and_submits_nothing(
    fabric: FakeFabric, batches: Batches, tmp_path: Path, refusal: int
) -> None:
    (tmp_path / "job.py").touch()
    for method in ("HEAD", "GET", "PUT"):  # whichever an upload begins with
        fabric.fault(method, FILES, status=refusal, body={"error": {"code": "Denied", "message": "no"}}, times=99)
    with pytest.raises(AccessError, match="Files need a token for storage"):
        batches.submit(BatchRequest(file=str(tmp_path / "job.py")))
    assert fabric.seen("POST", "/batches") == []
    submitted: Any = batches.submit(BatchRequest(file="Files/job.py"))  # the API itself works
    assert submitted.id in fabric.batches.kept


def test_a_file_of_another_lakehouse_is_found_by_its_names(fabric: FakeFabric, batches: Batches) -> None:
    for what, found in (("workspaces", "Sales"), ("lakehouses", "Gold")):
        item = {"id": f"id-of-{found}", "displayName": found}
        fabric.fault("GET", rf"^\?.*/{what}$", status=200, body={"value": [item]}, times=9)
    batches.submit(BatchRequest(file="Sales/Gold:Files/job.py"))
    (body,) = [one.body for one in fabric.seen("POST", "/batches")]
    assert body["file"] == "abfss://id-of-Sales@onelake.dfs.fabric.microsoft.com/id-of-Gold/Files/job.py"


def test_what_a_configure_cell_asks_for_is_in_the_request_or_told(
    fabric: FakeFabric, batches: Batches, tmp_path: Path
) -> None:
    environment = "0c7a3f60-1111-4222-8333-444455556666"
    fabric.fault(
        "GET",
        r"^\?.*/environments$",
        status=200,
        body={"value": [{"id": environment, "displayName": "Nightly"}]},
        times=2,
    )
    asked = {
        "conf": {"spark.x": "1"},
        "driverCores": 8,
        "environment": {"name": "Nightly"},
        "defaultLakehouse": {"name": "Gold"},
    }
    said: list[str] = []
    with pytest.raises(HttpError):  # this OneLake takes no files
        batches.submit(BatchRequest(file="cell.py"), cell=f"%%configure\n{json.dumps(asked)}", say=said.append)
    assert said == ["Left out, since it has no effect in a batch: defaultLakehouse of %%configure"]
    spec, _ = requested_application(
        batches.account, BatchRequest(file="cell.py"), script_of_cell(f"%%configure\n{json.dumps(asked)}")
    )
    assert (spec.conf["spark.x"], spec.driver_cores) == ("1", 8)
    assert environment in spec.conf["spark.fabric.environmentDetails"]


def test_a_file_without_a_suffix_that_can_run_is_refused(batches: Batches, tmp_path: Path) -> None:
    (tmp_path / "job.sql").touch()
    with pytest.raises(SettingsError, match="a batch runs"):
        batches.submit(BatchRequest(file=str(tmp_path / "job.sql")))
