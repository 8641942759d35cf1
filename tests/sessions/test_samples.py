"""`fabric-livy pull` and `fabric-livy seed`: tables of one lakehouse come to another with their exact types, on one session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fabric_livy_magic import Session, connect
from fabric_livy_magic.cli.sample_commands import pulled_text
from fabric_livy_magic.errors import FrameError, SettingsError, StatementError
from fabric_livy_magic.notebooks.files import write_notebook
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.sessions.samples import SALT_VARIABLE, Choice, pull, seed
from tests.support import service
from tests.support.commands import ROOT, fabric_livy

pytestmark = pytest.mark.spark

MAKE = """
SET spark.sql.parquet.datetimeRebaseModeInWrite=CORRECTED;
SET spark.sql.parquet.int96RebaseModeInWrite=CORRECTED;
CREATE TABLE trips (
  id INT NOT NULL COMMENT 'its key', big BIGINT, small SMALLINT, tiny TINYINT, fare DECIMAL(38, 18), whole DECIMAL(12, 0),
  ratio DOUBLE, part FLOAT, email STRING, code VARCHAR(8), raw BINARY, ok BOOLEAN, day DATE, at TIMESTAMP, local TIMESTAMP_NTZ,
  person STRUCT<name: STRING, `home town`: STRUCT<zip: STRING>>, tags ARRAY<STRING>, counts MAP<STRING, DECIMAL(5, 2)>,
  `odd name` STRING)
PARTITIONED BY (day, `odd name`) TBLPROPERTIES ('delta.columnMapping.mode' = 'name');
INSERT INTO trips VALUES
  (1, 7, 1, 1, 12345678901234567890.123456789012345678, 7, double('NaN'), float('-Infinity'), 'Ann.O@Example.com', 'A1', X'00FF', true,
   DATE'1492-10-12', TIMESTAMP'1500-02-28 01:02:03.000004', TIMESTAMP_NTZ'0001-01-01 00:00:00',
   named_struct('name', 'Ann', 'home town', named_struct('zip', '10-A')), array('a', null), map('x', 1.25), 'x/y=z'),
  (2, null, null, null, null, null, null, null, null, null, null, null, DATE'9999-12-31', null, null, null, null, null, null),
  (3, 8, -32768, -128, -0.000000000000000001, 8, -0.0, 1.5, 'Bob', '', X'', false, DATE'2024-02-29', TIMESTAMP'2024-03-31 02:30:00',
   TIMESTAMP_NTZ'2024-03-31 02:30:00.123456', named_struct('name', null, 'home town', null), array(), map(), '');
RESET spark.sql.parquet.datetimeRebaseModeInWrite;
RESET spark.sql.parquet.int96RebaseModeInWrite;
CREATE TABLE riders AS SELECT CAST(id AS BIGINT) AS rider, email, CAST(id AS DECIMAL(20, 0)) AS exact FROM trips;
CREATE TABLE many AS SELECT id, id % 3 AS third FROM range(5000)
"""


# By the writer: Delta's INSERT of a literal makes a struct of nulls out of a null.
PEOPLE = """
kind = "id INT, person STRUCT<name: STRING, town: STRUCT<zip: STRING>>"
rows = [(1, ("Ann", ("10-A",))), (2, (None, None)), (3, (None, (None,))), (4, None)]
spark.createDataFrame(rows, kind).write.saveAsTable("people")
"""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Api]:
    with service.serving(tmp_path_factory.mktemp("samples"), ("--token", service.TOKEN, "--share-spark")) as served:
        yield served


@pytest.fixture(scope="module")
def session(api: service.Api) -> Iterator[Session]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FABRIC_LIVY_TOKEN", service.TOKEN)
        connected = connect(api.base)
    with connected as started:
        started.run(MAKE, "sql")
        started.run(PEOPLE)
        yield started


OF_A_REPOSITORY = """
import pytest
from fabric_livy_magic.errors import SettingsError

def test_notebooks_and_sessions_work_in_its_lakehouse(spark_session, run_notebook):
    assert spark_session.sql("SELECT count(*) AS n FROM people")["n"].tolist() == [4]
    assert run_notebook("Count.ipynb", least=3).exit_value == "2"

def test_it_has_no_folder_here(lakehouse):
    with pytest.raises(SettingsError, match="has no folder on this machine"):
        lakehouse.files
"""
COUNT = "notebookutils.notebook.exit(spark.table('people').where(f'id >= {least}').count())"


@pytest.fixture(autouse=True)
def salt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SALT_VARIABLE, "of the tests")


def rows_of(session: Session, table: str) -> Any:
    """All values as Spark writes them, NaN and -0.0 too, and the schema."""
    code = f"""
import json
_frame = spark.table({table!r})
_rows = _frame.selectExpr("CAST(struct(*) AS STRING)", "hex(raw)", "CAST(CAST(at AS DOUBLE) AS STRING)").collect()
print(json.dumps([json.loads(_frame.schema.json()), sorted(map(list, _rows))]))
"""
    return json.loads(session.run(code).text)


def test_a_table_comes_back_as_it_was(session: Session, tmp_path: Path) -> None:
    (one,) = pull(session, ["dbo.trips"], tmp_path)
    assert pulled_text(one) == (
        f"dbo.trips: 3 of 3 rows, 19 columns; partitioned by day, odd name → {tmp_path / 'dbo.trips'}"
    )
    before = rows_of(session, "trips")
    with pytest.raises(SettingsError, match=r"dbo.trips is there already, and nothing was changed. --overwrite"):
        seed(session, tmp_path)
    assert rows_of(session, "trips") == before
    (made,) = seed(session, tmp_path, overwrite=True)
    assert (made.replaced, made.created_schema, made.rows) == (True, False, 3)
    assert rows_of(session, "trips") == before
    assert session.run("print([one.name for one in spark.catalog.listColumns('trips') if one.isPartition])").text == (
        "['day', 'odd name']"
    )


def test_a_null_struct_is_none_of_nulls(session: Session, tmp_path: Path) -> None:
    (one,) = pull(session, ["people"], tmp_path, Choice(mask=["person.town.zip"]))
    seed(session, tmp_path, overwrite=True)
    rows = pq.read_table(one.folder / "data.parquet").to_pylist()
    assert {row["id"]: row["person"] for row in rows} == {
        1: {"name": "Ann", "town": {"zip": None}},
        2: {"name": None, "town": None},
        3: {"name": None, "town": {"zip": None}},
        4: None,
    }
    code = "print(spark.sql('SELECT id FROM people WHERE person IS NULL OR person.town IS NULL ORDER BY id').collect())"
    assert session.run(code).text == "[Row(id=2), Row(id=4)]"


def test_a_sample_is_made_in_a_schema_that_is_not_there(session: Session, tmp_path: Path) -> None:
    (one,) = pull(session, ["many"], tmp_path, Choice(rows=50))
    assert (one.sample.rows, one.sample.of_rows) == (50, 5000)
    about = one.folder / "schema.json"
    about.write_text(about.read_text().replace('"many"', '"fresh_schema.some_of_many"'))
    (made,) = seed(session, tmp_path)
    assert made.created_schema
    assert session.run("print(spark.table('fresh_schema.some_of_many').distinct().count())").text == "50"
    assert session.run(
        "print([name for name in dir() if 'fabric_livy' in name], spark.catalog.listTables()[0].isTemporary)"
    ).text == ("[] False")


def test_what_is_hidden_never_leaves_spark_and_joins_stay_equal(session: Session, tmp_path: Path) -> None:
    choice = Choice(
        mask=["ratio", "person.`home town`.zip"],
        mask_shape=["email", "code"],
        hash=["id", "rider", "exact", "person.name"],
    )
    trips, riders = pull(session, ["trips", "riders"], tmp_path, choice)
    rows = sorted(pq.read_table(trips.folder / "data.parquet").to_pylist(), key=lambda row: str(row["day"]))
    riders_rows = pq.read_table(riders.folder / "data.parquet").to_pylist()
    assert [row["ratio"] for row in rows] == [None] * 3
    assert rows[0]["email"] == "Xxx.X@Xxxxxxx.xxx"
    assert rows[0]["code"] == "X0"
    assert rows[0]["person"]["home town"] == {"zip": None}
    assert len(rows[0]["person"]["name"]) == 64
    assert (
        {row["id"] for row in rows}
        == {row["rider"] for row in riders_rows}
        == {int(row["exact"]) for row in riders_rows}
    )
    assert not {row["id"] for row in rows} & {1, 2, 3}
    assert trips.sample.changed == {
        "mask": ["ratio", "person.`home town`.zip"],
        "mask_shape": ["email", "code"],
        "hash": ["id", "person.name"],
    }
    seed(session, trips.folder, overwrite=True)  # what was NOT NULL and is masked may be null
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file())
    assert not [word for word in (b"Ann", b"Example", b"10-A", b"of the tests") if word in everything]


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (Choice(mask=["emial"]), "--mask emial: many has no column of this name. Nothing was written."),
        (Choice(mask_shape=["id"]), "id is long: only text has a shape"),
    ],
)
def test_a_column_that_cannot_be_hidden_stops_it(session: Session, tmp_path: Path, choice: Choice, says: str) -> None:
    with pytest.raises((SettingsError, StatementError), match=says):
        pull(session, ["many"], tmp_path, choice)
    assert not list(tmp_path.iterdir())


def test_a_condition_chooses_rows_and_a_missing_table_is_told(session: Session, tmp_path: Path) -> None:
    (one,) = pull(session, ["many"], tmp_path, Choice(where="third = 1 AND id < 30"))
    assert one.sample.rows == one.sample.of_rows == 10
    with pytest.raises(StatementError, match="nothing_here"):
        pull(session, ["nothing_here"], tmp_path)


def test_a_folder_of_something_else_is_left_alone(session: Session, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    with pytest.raises(FrameError, match="is no sample of a table"):
        pull(session, ["many"], tmp_path)
    with pytest.raises(FrameError, match="has no sample of a table: `fabric-livy pull TABLE --to"):
        seed(session, tmp_path)


def test_the_commands_say_what_they_did(session: Session, api: service.Api, tmp_path: Path) -> None:
    session.run("CREATE TABLE notes AS SELECT id, concat(id, '@x.com') AS email, 'x' AS note FROM range(5)", "sql")
    common = ["--target", api.base]
    hide = ["--mask", "note", "--mask-shape", "email", "--hash", "id", "--where", "id > 0"]
    pulled = fabric_livy(
        *("pull", "notes", "--rows", "3", *hide, "--to", "data", *common),
        folder=tmp_path,
        FABRIC_LIVY_TOKEN=service.TOKEN,
    )
    assert pulled.stdout.splitlines()[-1] == (
        f"notes: 3 of 4 rows, 3 columns; hashed: id; shape only: email; null: note → {Path('data') / 'notes'}"
    ), pulled.stderr
    seeded = fabric_livy("seed", "data", "--overwrite", *common, folder=tmp_path, FABRIC_LIVY_TOKEN=service.TOKEN)
    assert seeded.stdout.splitlines()[-1] == "notes: replaced, 3 rows", seeded.stderr
    again = fabric_livy(
        "pull", "notes", "--to", "more", "--json", *common, folder=tmp_path, FABRIC_LIVY_TOKEN=service.TOKEN
    )
    (one,) = json.loads(again.stdout)
    assert (one["table"], one["rows"], one["of_rows"], one["folder"]) == ("notes", 3, 3, str(Path("more") / "notes"))
    made = fabric_livy(
        *("seed", "more", "--overwrite", "--json", *common), folder=tmp_path, FABRIC_LIVY_TOKEN=service.TOKEN
    )
    assert json.loads(made.stdout) == [{"table": "notes", "rows": 3, "replaced": True, "created_schema": False}]
    assert session.run("print(spark.table('notes').count())").text == "3"


def test_tests_of_a_repository_run_on_the_target_that_is_named(
    api: service.Api, session: Session, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "test_people.py").write_text(OF_A_REPOSITORY, encoding="utf-8")
    cells = (Cell(source="least = 0", is_parameters=True), Cell(source=COUNT))
    write_notebook(
        tmp_path / "Count.ipynb", Notebook(cells=cells, metadata={"kernel_info": {"name": "synapse_pyspark"}})
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--fabric-target", api.base],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_ADDOPTS": "", "PYTHONPATH": str(ROOT), "FABRIC_LIVY_TOKEN": service.TOKEN},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
