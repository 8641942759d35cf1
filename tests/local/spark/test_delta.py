"""Tables are Delta tables, as on Fabric: a real session with Delta's jars, fetched or from the cache."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import service
from tests.support.service import NO_DELTA, Api, Session

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def filled(session: Session) -> Session:
    """`trips`: three versions of a table without a format in its statements."""
    missing = session.view()["tags"].get("FallbackMessages", "")
    if any(words in missing for words in NO_DELTA):
        pytest.skip(missing)
    session.rows("create table trips (id int, fare double)")
    session.rows("insert into trips values (1, 7.5), (2, 9.0)")
    session.rows(
        "merge into trips t using (select 2 as id, 10.0 as fare union all select 3, 4.25) s on t.id = s.id "
        "when matched then update set fare = s.fare when not matched then insert *"
    )
    return session


def history(session: Session, table: str) -> list[str]:
    code = f"print([r.operation for r in spark.sql('describe history {table}').orderBy('version').collect()])"
    found: list[str] = eval(session.text(code))
    return found


def test_a_table_without_a_format_is_a_delta_table(filled: Session, lakehouse: Path) -> None:
    assert filled.rows("describe detail trips")[0][0] == "delta"
    assert (lakehouse / "Tables" / "dbo" / "trips" / "_delta_log").is_dir()


def test_merge_and_history(filled: Session) -> None:
    assert filled.rows("select * from trips order by id") == [[1, 7.5], [2, 10.0], [3, 4.25]]
    assert history(filled, "trips") == ["CREATE TABLE", "WRITE", "MERGE"]


@pytest.mark.parametrize(
    "query",
    [
        "select * from trips version as of 1 order by id",
        "select * from trips timestamp as of '{moment}' order by id",
        "select * from delta.`{folder}@v1` order by id",
    ],
)
def test_time_travel(filled: Session, lakehouse: Path, query: str) -> None:
    code = "print(spark.sql('describe history trips').where('version = 1').first().timestamp)"
    moment = filled.text(code).strip()
    rows = filled.rows(query.format(moment=moment, folder=lakehouse / "Tables" / "dbo" / "trips"))
    assert rows == [[1, 7.5], [2, 9.0]]


@pytest.mark.parametrize(
    ("kind", "code", "printed"),
    [
        (
            "pyspark",
            "from delta.tables import DeltaTable\nprint(DeltaTable.forName(spark, 'trips').toDF().count())",
            "3",
        ),
        ("pyspark", "print(spark.read.format('delta').load('Tables/trips').count())", "3"),
        ("spark", 'println(io.delta.tables.DeltaTable.forName(spark, "trips").toDF.count)', "3"),
        (
            "pyspark",
            "spark.range(3).write.saveAsTable('saved')\n"
            "spark.range(2).write.mode('overwrite').saveAsTable('saved')\n"
            "spark.range(2).write.mode('append').saveAsTable('saved')\n"
            "print(spark.table('saved').count(), spark.sql('describe detail saved').first().format)",
            "4 delta",
        ),
        ("spark", 'spark.range(4).write.saveAsTable("by_scala")\nprintln(spark.table("by_scala").count)', "4"),
    ],
)
def test_each_kind_reads_and_writes_them(filled: Session, kind: str, code: str, printed: str) -> None:
    assert filled.text(code, kind).strip().splitlines()[-1] == printed


def test_a_replaced_table_can_be_read_as_a_stream(filled: Session) -> None:
    filled.rows("create or replace table again (id int) tblproperties ('a' = '1')")
    filled.rows("create or replace table again as select 1 id, 'one' name")
    code = (
        "q = spark.readStream.table('again').writeStream.format('memory').queryName('seen').trigger(availableNow=True)"
        ".start()\nq.awaitTermination()\nprint(spark.table('seen').collect())"
    )
    assert filled.text(code).strip() == "[Row(id=1, name='one')]"


def test_a_table_at_a_relative_location_is_in_the_lakehouse(filled: Session, lakehouse: Path) -> None:
    filled.rows("create table outside (id int) location 'Files/outside'")
    filled.rows("insert into outside values (5)")
    assert (lakehouse / "Files" / "outside" / "_delta_log").is_dir()
    assert filled.rows("select * from outside") == [[5]]


def test_another_session_finds_them_and_sees_each_new_version(api: Api, filled: Session) -> None:
    filled.rows("create table shared (id int)")
    other = api.start_session(name="other")
    other.wait_for("idle")
    try:
        assert other.rows("select * from outside") == [[5]]
        assert other.rows("select count(*) from trips version as of 1") == [[2]]
        other.rows("insert into shared values (1)")
        assert filled.rows("select * from shared") == [[1]]
        filled.rows("alter table shared add column name string")
        filled.rows("insert into shared values (2, 'two')")
        assert other.rows("select * from shared order by id") == [[1, None], [2, "two"]]
    finally:
        api.delete(other.path)


def test_a_batch_writes_them(api: Api, filled: Session, lakehouse: Path) -> None:
    script = lakehouse / "Files" / "batch.py"
    script.write_text(
        "from delta.tables import DeltaTable\n"
        "from pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        "spark.range(6).write.saveAsTable('of_batch')\n"
        "DeltaTable.forName(spark, 'trips').delete('id = 3')\n"
    )
    answer = api.post("/batches", {"file": "Files/batch.py"})
    assert answer.status_code in (201, 202), answer.text
    path = f"/batches/{answer.json()['id']}"
    until = time.monotonic() + 90
    while (view := api.get(path).json())["state"] not in ("success", "dead") and time.monotonic() < until:
        time.sleep(0.1)
    assert view["state"] == "success", view
    assert filled.rows("describe detail of_batch")[0][0] == "delta"
    assert history(filled, "trips")[-1] == "DELETE"


# ------------------------------------------------------------------------------------------------ without the jars
WITHOUT_JARS = {
    "spark.read.format('avro').load('Files')": "The jars of the source avro are not in this session: 127.0.0.1 cannot be reached",
    "spark.range(1).write.format('avro').save('Files/a')": "The jars of the source avro are not in this session",
    "spark.read.format('com.databricks.spark.xml').schema('a int').load('Files')": "of the source com.databricks.spark.xml",
    "spark.sql('CREATE MATERIALIZED LAKE VIEW v AS SELECT 1 AS a')": "this session has no Delta Lake",
}


@pytest.fixture(scope="module")
def without_jars(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """On a machine without jars that reaches no repository: a session's view, and results of its statements."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # refuses, as it does not listen
        home = tmp_path_factory.mktemp("home")
        environment = {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "DEFAULT_ARTIFACT_REPOSITORY": f"http://127.0.0.1:{closed.getsockname()[1]}/",
        }
        process, api = service.start(home / "lake", "--token", service.TOKEN, extra_env={**os.environ, **environment})
        try:
            session = api.start_session()
            view = session.wait_for("idle")
            session.rows("create table plain (id int)")
            session.rows("insert into plain values (1)")
            yield {
                "view": view,
                "provider": [row[1] for row in session.rows("describe extended plain") if row[0] == "Provider"],
                "rows": session.rows("select * from plain"),
                "errors": [session.error(code)["evalue"] for code in WITHOUT_JARS],
            }
        finally:
            api.http.close()
            assert service.close(process) == 0


def test_without_the_jars_tables_are_parquet(without_jars: dict[str, Any]) -> None:
    assert without_jars["provider"] == ["parquet"]
    assert without_jars["rows"] == [[1]]


def test_without_the_jars_what_needs_them_says_so(without_jars: dict[str, Any]) -> None:
    for error, message in zip(without_jars["errors"], WITHOUT_JARS.values(), strict=True):
        assert message in error


def test_without_the_jars_one_line_has_the_reason_and_how_to_get_them(without_jars: dict[str, Any]) -> None:
    message = without_jars["view"]["tags"]["FallbackMessages"]
    assert message.startswith("Delta Lake is not available, so tables are Parquet here: 127.0.0.1 cannot be reached")
    assert "~/.m2/settings.xml" in message
    assert "\n" not in message
    assert without_jars["view"]["tags"]["FallbackReasons"] == "DeltaLakeMissing"
