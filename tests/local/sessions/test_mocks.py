"""Mocks in a session of a real embedded Fabric, and in a run from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from fabric_livy_magic.notebooks.mocks import MOCKS_CONF, USED_CONF, read_used
from fabric_livy_magic.testing.mocks import Mocks
from tests.support import service
from tests.support.commands import fabric_livy

pytestmark = pytest.mark.spark

KUSTO = "com.microsoft.kusto.spark.synapse.datasource"
MOCKS = """
[vaults.v]
s = "hidden word"

[[http]]
url = "https://api.example.com/rates"
json = { USD = 1.07 }

[[spark]]
format = "com.microsoft.kusto.spark*"
options = { kustoDatabase = "Telemetry", kustoQuery = "Events | take 2" }
file = "events.json"
schema = "id INT, at TIMESTAMP"

[[spark]]
format = "jdbc"
options = { dbtable = "dbo.orders" }
rows = [{ id = 1, what = "trip" }]

[[warehouse]]
table = "Sales.dbo.customers"
file = "customers.csv"
"""


@pytest.fixture(scope="module")
def mocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mocks")
    (folder / "mocks.toml").write_text(MOCKS)
    (folder / "events.json").write_text('[{"id": 1, "at": "2024-01-02T03:04:05"},\n {"id": 2, "at": null}]')
    (folder / "customers.csv").write_text("id,name\n1,Ann\n2,Bob\n")
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, mocks: Path) -> Mocks:
    """Those of a test, over those of the folder."""
    return Mocks(tmp_path_factory.mktemp("own"), [mocks])


@pytest.fixture(scope="module")
def used(own: Mocks) -> Path:
    return own.folder / "used.jsonl"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Api]:
    with service.serving(tmp_path_factory.mktemp("house"), ("--token", service.TOKEN, "--share-spark")) as served:
        yield served


@pytest.fixture(scope="module")
def session(api: service.Api, own: Mocks, used: Path) -> service.Session:
    started = api.start_session(conf={MOCKS_CONF: own.environ["FABRIC_LIVY_MOCKS"], USED_CONF: str(used)})
    started.wait_for("idle")
    return started


def test_secrets_http_and_semantic_link_are_mocked_before_the_first_cell(session: service.Session) -> None:
    code = """
from notebookutils.mssparkutils.credentials import getSecret
import requests
print(len(getSecret("v", "s")), requests.get("https://api.example.com/rates").json())
"""
    assert session.text(code) == "11 {'USD': 1.07}"


def test_kusto_is_a_table_with_the_types_that_its_schema_names(session: service.Session) -> None:
    code = f"""
reader = spark.read.format({KUSTO!r}).option("kustoDatabase", "Telemetry").option("accessToken", "hidden")
frame = reader.option("kustoQuery", "Events |\\n take 2").load()
print(frame.dtypes, [tuple(row) for row in frame.orderBy("id").collect()])
"""
    assert session.text(code) == (
        "[('id', 'int'), ('at', 'timestamp')] [(1, datetime.datetime(2024, 1, 2, 3, 4, 5)), (2, None)]"
    )


def test_another_query_says_which_lines_to_add_and_no_token(session: service.Session) -> None:
    code = f"""
options = {{"kustoDatabase": "Telemetry", "kustoQuery": "Other", "accessToken": "hidden"}}
spark.read.format({KUSTO!r}).options(**options).load()
"""
    said = session.error(code)["evalue"]
    assert 'options = { "kustoDatabase" = "Telemetry", "kustoQuery" = "Other" }' in said
    assert "hidden" not in said


def test_a_warehouse_is_read_written_and_read_again(session: service.Session) -> None:
    code = """
import com.microsoft.spark.fabric
from com.microsoft.spark.fabric.Constants import Constants
customers = spark.read.option(Constants.WorkspaceId, "w").synapsesql("sales.[dbo].customers")
customers.limit(1).write.mode("append").synapsesql("Sales.dbo.customers")
print(customers.count(), spark.read.synapsesql("Sales.dbo.customers").count())
"""
    assert session.text(code) == "2 3"
    said = session.error('spark.read.synapsesql("Sales.dbo.orders")')["evalue"]
    assert '[[warehouse]]\n    table = "Sales.dbo.orders"' in said
    said = session.error('spark.range(1).write.synapsesql("Sales.dbo.customers")')["evalue"]
    assert "is there already" in said


def test_jdbc_is_mocked_and_files_are_read_as_ever(session: service.Session) -> None:
    code = """
url = "jdbc:sqlserver://x.database.windows.net"
print(spark.read.jdbc(url, "dbo.orders", properties={"password": "hidden"}).collect())
spark.range(3).write.format("json").mode("overwrite").save("Files/three")
print(spark.read.format("json").load("Files/three").count())
"""
    assert session.text(code) == "[Row(id=1, what='trip')]\n3"
    said = session.error(
        'spark.read.format("jdbc").option("url", "jdbc:postgresql://h/d").option("query", "SELECT 1").load()'
    )
    assert '[[spark]]\n    format = "jdbc"' in said["evalue"]


def test_what_a_test_mocks_counts_at_once_and_before_the_folder(session: service.Session, own: Mocks) -> None:
    own.secret("v", "s", "of the test")
    own.token("pbi", "of the test")
    own.http("https://api.example.com/rates", json={"USD": 2})
    own.http("https://api.example.com/orders", method="POST", contains="trip", status=201, body="done")
    own.dax("Sales", pd.DataFrame({"year": [2024], "amount": [Decimal("1.50")]}), "EVALUATE 'Date'")
    own.semantic_link("resolve_dataset_id", "an id", dataset="Sales")
    own.table("Sales.dbo.riders", pd.DataFrame({"id": [1, 2], "at": pd.to_datetime(["2024-01-02", None])}))
    own.source("jdbc", pd.DataFrame({"n": [7]}), dbtable="dbo.sevens")
    code = """
import requests, sempy.fabric as fabric
print(notebookutils.credentials.getSecret("v", "s"), notebookutils.credentials.getToken("pbi"))
print(requests.get("https://api.example.com/rates").json())
print(requests.post("https://api.example.com/orders", data="a trip").status_code)
print(fabric.evaluate_dax("Sales", "EVALUATE  'Date'").to_dict("records"), fabric.resolve_dataset_id("Sales"))
print(spark.read.synapsesql("Sales.dbo.riders").where("at IS NULL").collect())
print(spark.read.jdbc("jdbc:sqlserver://x", "dbo.sevens").collect())
"""
    assert session.text(code).splitlines() == [
        "of the test of the test",
        "{'USD': 2}",
        "201",
        "[{'year': 2024, 'amount': Decimal('1.50')}] an id",
        "[Row(id=2, at=None)]",
        "[Row(n=7)]",
    ]


def test_what_was_used_is_written_down_without_values(session: service.Session, used: Path) -> None:
    names = [f"{use}{' is missing' * use.is_missing}" for use in read_used(used)]
    assert "secret v/s (2 times)" in names
    assert "warehouse Sales.dbo.customers (4 times)" in names
    assert f"Spark source {KUSTO} Telemetry Other is missing" in names
    assert "hidden" not in used.read_text()


def test_a_run_says_which_mocks_it_used_and_which_were_missing(
    api: service.Api, session: service.Session, mocks: Path, tmp_path: Path
) -> None:
    script = tmp_path / "load.py"
    script.write_text(
        "import requests\n"
        'print(requests.get("https://api.example.com/rates").json())\n'
        'notebookutils.credentials.getSecret("v", "other")\n'
    )
    signed = {"FABRIC_LIVY_TOKEN": service.TOKEN}
    run = ["run", str(script), "--target", api.base]
    done = fabric_livy(*run, "--mocks", str(mocks), folder=tmp_path, **signed)
    assert done.returncode == 1
    assert "{'USD': 1.07}" in done.stdout
    assert (
        "Mocks used:\n  HTTP GET https://api.example.com/rates\nWithout a mock:\n  secret v/other: add it to"
        in done.stdout
    )
    assert '"other" = "a secret for tests"' in done.stderr
    done = fabric_livy(*run, "--record", folder=tmp_path, **signed)
    assert (done.returncode, done.stderr) == (2, "fabric-livy: --record writes to the folder of --mocks FOLDER.\n")
