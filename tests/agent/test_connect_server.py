"""The agent in a Python whose `spark` speaks to a server of Spark Connect, of PySpark 4: as real as it gets."""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fabric_livy_magic.frames import transfer
from fabric_livy_magic.local.spark.java import find_java
from tests.support.agent_process import SHELL, AgentProcess

pytestmark = [pytest.mark.connect, pytest.mark.spark]
PACKAGES = ("pyspark[connect]>=4,<5", "pandas<3")
STARTED = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.remote('local[2]').getOrCreate()"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("connect") / "environment"
    venv.create(folder, with_pip=True)
    made = folder / "bin" / "python"
    subprocess.run([made, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return made


@pytest.fixture(scope="module")
def agent(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SPARK"))}
    environ |= {"JAVA_HOME": str(find_java("4.0").parents[1]), "SPARK_LOCAL_IP": "127.0.0.1"}
    with subprocess.Popen(
        [python, "-P", "-c", SHELL],
        cwd=tmp_path_factory.mktemp("work"),
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        process_agent = AgentProcess(process)
        process_agent.shows(STARTED)
        assert process_agent.shows("print(type(spark).__module__)") == ["pyspark.sql.connect.session\n"]
        yield process_agent
        assert process.stdin
        process.stdin.close()
        process.wait(60)


def fetched(agent: AgentProcess, operation: str, *arguments: Any) -> pa.Table:
    def call(operation: str, *arguments: Any) -> Any:
        reply = agent.call(operation, *arguments)
        assert reply.error is None, reply.error
        return reply.value

    return transfer.fetch(call, call(operation, *arguments))


def test_the_value_of_a_cell_is_shown_as_a_table(agent: AgentProcess) -> None:
    reply = agent.cell("spark.range(3).selectExpr('id', 'array(id) AS ids')")
    assert reply.error is None
    (shown,) = (event["frame"] for event in reply.events if "frame" in event)
    assert (shown["rows"], shown["more"]) == (3, False)
    assert [one["name"] for one in shown["schema"]["fields"]] == ["id", "ids"]


def test_a_frame_arrives_with_its_types(agent: AgentProcess) -> None:
    table = fetched(agent, "open_expression", "spark.sql('SELECT id, CAST(id AS DECIMAL(9,2)) AS d FROM range(10000)')")
    assert table.num_rows == 10_000
    assert table.schema.field("d").type == pa.decimal128(9, 2)
    assert table["id"].to_pylist() == list(range(10_000))


def test_sql_finds_the_views_and_tables_of_the_users_session(agent: AgentProcess) -> None:
    agent.shows("spark.range(5).createOrReplaceTempView('mine')")
    agent.shows("spark.range(7).write.mode('overwrite').format('parquet').saveAsTable('written')")
    assert fetched(agent, "open_sql", "SELECT count(*) AS n FROM mine").to_pydict() == {"n": [5]}
    assert fetched(agent, "open_sql", "SELECT count(*) AS n FROM written").to_pydict() == {"n": [7]}


def test_an_error_has_its_cause_and_no_trace_of_the_jvm_in_its_message(agent: AgentProcess) -> None:
    error = agent.cell("frame = spark.range(1)\nframe.select('nosuch').show()").error
    assert error is not None
    assert error["ename"] == "AnalysisException"
    assert "`nosuch`" in error["evalue"]
    assert "JVM stacktrace" not in error["evalue"]
    assert "Spark was stopped" not in error["evalue"]
    assert "line 2" in error["traceback"]
    assert "JVM stacktrace" in error["full"]


def test_what_connect_cannot_do_is_told(agent: AgentProcess) -> None:
    error = agent.call("publish", "nothing", 0, "frame").error
    assert error is not None
    assert "Spark Connect" in error["evalue"]


def test_the_profile_of_a_frame(agent: AgentProcess) -> None:
    agent.shows(
        "watched = spark.range(100).selectExpr('id', 'id % 3 = 0 AS flag', \"concat('zone ', id % 2) AS zone\","
        " \"timestamp_ntz'2024-01-01 10:00:00' + make_dt_interval(0, CAST(id AS INT)) AS at\")"
    )
    reply = agent.call("explore_profile", "watched")
    assert reply.error is None, reply.error
    columns = {one["name"]: one for one in reply.value["columns"]}
    assert reply.value["rows"] == 100
    assert {name: sum(one["bars"]["counts"]) for name, one in columns.items()} == dict.fromkeys(columns, 100)
    assert columns["zone"]["bars"]["labels"] == ["zone 0", "zone 1"]
    assert (columns["id"]["min"], columns["at"]["max"]) == ("0", "2024-01-05 13:00:00")
    agent.shows("nothing = spark.range(0)")
    assert agent.call("explore_profile", "nothing").value["rows"] == 0
