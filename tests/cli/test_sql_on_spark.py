"""`fabric-livy sql` on the embedded Fabric: one session, kept between all of these calls, in a server of its own."""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fabric_livy_magic.cli.main import main
from fabric_livy_magic.local.serve import _wait_until_unused
from fabric_livy_magic.local.server.discovery import find_token
from fabric_livy_magic.local.sessions.capacity import Capacity
from fabric_livy_magic.sessions.kept_sessions import kept_sessions
from tests.support.commands import fabric_livy
from tests.support.timing import eventually, interrupt_after

Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.spark
EVERY_TYPE = """SELECT true AS b, 1Y AS y, 9007199254740993 AS l, 0.1F AS f, double('NaN') AS d, 12.50 AS m, 'a"b' AS s,
DATE'2024-02-29' AS day, TIMESTAMP'2024-02-29 10:00:00.5' AS t, TIMESTAMP_NTZ'2024-02-29 10:00:00' AS n, X'00ff' AS x, NULL AS v,
array(1, NULL) AS a, map('k', 1.5) AS o, named_struct('p', 1, 'q', 'z') AS u, INTERVAL '1 02:00:00' DAY TO SECOND AS i,
INTERVAL 14 MONTHS AS j, map(array(1), 2) AS c"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("kept")
    return {"XDG_STATE_HOME": str(root / "state"), "FABRIC_LIVY_LAKEHOUSE": str(root / "house")}


@pytest.fixture(scope="module", autouse=True)
def _ended(folders: dict[str, str]) -> Iterator[None]:
    """The server ends by itself, once its last session has."""
    yield
    with pytest.MonkeyPatch.context() as patch:
        for name, value in folders.items():
            patch.setenv(name, value)
        (kept,) = kept_sessions()
        assert main(["stop", "--all"]) == 0
        assert eventually(lambda: find_token(kept.server) is None, within_s=60)


@pytest.fixture(autouse=True)
def _environment(folders: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in folders.items():
        monkeypatch.setenv(name, value)


def sql(*words: str) -> int:
    return main(["sql", *words, "--session", "etl", "--target", "local"])


def test_the_second_call_goes_on_in_the_session_of_the_first(capfd: Capture) -> None:
    assert sql("CREATE TEMP VIEW v AS SELECT id, concat('n', id) AS name FROM range(5)") == 0
    told = capfd.readouterr().err
    assert "Done: this statement gives no rows." in told
    assert "takes memory of this machine until `fabric-livy stop etl`, or until nothing has used it for 20 min" in told
    assert main(["sql", "SELECT * FROM v WHERE id > :low ORDER BY id", "-p", "low=2", "--session", "etl"]) == 0
    assert capfd.readouterr().out == "id  name\n──  ────\n 3  n3\n 4  n4\n"


def test_every_type_as_json_and_csv(capfd: Capture, golden: object) -> None:
    for format in ("json", "csv", "table"):
        assert sql(EVERY_TYPE, "--format", format, "-q") == 0
        golden(f"sql_every_type.{format}", capfd.readouterr().out)  # type: ignore[operator]


def test_every_type_as_json_is_json(capfd: Capture) -> None:
    assert sql(EVERY_TYPE, "--format", "json", "-q") == 0
    (row,) = json.loads(capfd.readouterr().out)
    assert (row["l"], row["f"], row["d"], row["x"]) == (9007199254740993, 0.1, "NaN", "AP8=")
    assert (row["a"], row["o"], row["u"], row["c"]) == ([1, None], {"k": 1.5}, {"p": 1, "q": "z"}, [[[1], 2]])


def test_rows_of_many_pieces_arrive_whole_and_in_order(tmp_path: Path, capfd: Capture) -> None:
    query = "SELECT id, sha2(CAST(id AS STRING), 512) AS text FROM range(0, 300000, 1, 7)"
    assert sql(query, "--output", str(tmp_path / "a.parquet")) == 0
    table = pq.read_table(tmp_path / "a.parquet")
    assert table["id"].to_pylist() == list(range(300000))
    assert table["text"][299999].as_py() == table["text"].to_pylist()[-1]
    told = re.search(r"300,000 rows · [\d.]+ s · ([\d.]+) MiB → ", capfd.readouterr().err)
    assert told
    assert float(told[1]) > 12  # more than two pieces


def test_a_limit_is_that_of_the_rows(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert sql("SELECT id FROM range(0, 1000000, 1, 5)", "--limit", "250_000", "--format", "arrow", "-q") == 0
    read = pa.ipc.open_stream(io.BytesIO(capfdbinary.readouterr().out)).read_all()
    assert read["id"].to_pylist() == list(range(250000))


@pytest.mark.parametrize(
    ("format", "printed"), [("table", "id\n──\n"), ("csv", '"id"\n'), ("json", "[]\n"), ("jsonl", "")]
)
def test_no_rows_are_a_result_as_well(format: str, printed: str, capfd: Capture) -> None:
    assert sql("SELECT id FROM range(3) WHERE id > 7", "--format", format) == 0
    shown = capfd.readouterr()
    assert shown.out == printed
    assert shown.err.startswith("0 rows · ")


def test_of_several_statements_the_last_ones_rows_are_written(capfd: Capture, tmp_path: Path) -> None:
    text = "CREATE OR REPLACE TEMP VIEW w AS SELECT 7 AS seven;\nSELECT 1;\nSELECT seven FROM w;"
    (tmp_path / "a.sql").write_text(text)
    assert sql("-f", str(tmp_path / "a.sql"), "--format", "csv", "-q") == 0
    assert capfd.readouterr().out == '"seven"\n7\n'
    assert sql("SELECT 1;\nSELECT nope") == 1
    assert "Line 2, column 8" in capfd.readouterr().err


def test_a_statement_that_gives_no_rows_writes_no_file(tmp_path: Path, capfd: Capture) -> None:
    assert sql("CREATE OR REPLACE TEMP VIEW w AS SELECT 1 AS a", "--output", str(tmp_path / "a.csv")) == 0
    assert f"so that {tmp_path / 'a.csv'} was not written" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["table", "csv", "jsonl", "parquet"])
def test_a_reader_that_leaves_ends_it_without_a_word(format: str, folders: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fabric_livy_magic", "sql", "SELECT id FROM range(3000000)", "--session", "etl"]
    with subprocess.Popen(
        [*command, "--format", format], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.read(3)
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
    assert process.returncode == 141


def test_ctrl_c_while_rows_are_made_cancels_them_and_leaves_the_session(tmp_path: Path, capfd: Capture) -> None:
    slow = "SELECT id, java_method('java.lang.Thread', 'sleep', 20000L) FROM range(0, 8, 1, 8)"
    interrupt = interrupt_after(3)
    assert sql(slow, "--output", str(tmp_path / "a.csv")) == 130
    interrupt.join()
    assert "was cancelled on the session" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert sql("SELECT 1 AS one", "--format", "csv", "-q") == 0
    assert capfd.readouterr().out == '"one"\n1\n'


def test_two_calls_at_once_share_one_session(folders: dict[str, str], tmp_path: Path) -> None:
    before = kept_sessions()
    done = []
    calls = [
        threading.Thread(
            target=lambda: done.append(fabric_livy("sql", "SELECT 1", "--session", "etl", folder=tmp_path, **folders))
        )
        for _ in range(2)
    ]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert [one.returncode for one in done] == [0, 0]
    assert kept_sessions() == before


def test_another_lakehouse_is_another_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: Capture) -> None:
    monkeypatch.setenv("FABRIC_LIVY_LAKEHOUSE", str(tmp_path))
    assert sql("SELECT 1") == 2
    assert "Session 'etl' runs on local (" in capfd.readouterr().err


def test_a_kept_session_is_looked_into_by_its_name_alone(capfd: Capture) -> None:
    assert sql("SELECT count(*) FROM range(1000)") == 0
    capfd.readouterr()
    (kept,) = kept_sessions()
    assert main(["spark", "etl", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["executors"]
    assert main(["logs", "etl", "-n", "5"]) == 0
    assert 1 <= len(capfd.readouterr().out.splitlines()) <= 5
    assert main(["runs", "etl", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["id"] == kept.id


def test_without_its_name_the_kept_session_of_an_embedded_fabric_is_named(capfd: Capture) -> None:
    assert main(["spark", "--target", "local"]) == 2
    assert "Name the session that goes on, without --target: etl." in capfd.readouterr().err


def test_a_server_ends_once_it_is_not_used_any_more() -> None:
    """By serve --while-used ; that a kept session's does is seen at the end of this file."""

    async def watched(alive: list[int]) -> None:
        capacity = Capacity(1)
        capacity.count(lambda: alive.pop(0) if alive else 0)
        await _wait_until_unused(capacity, asyncio.Event(), unused_s=0.02, unasked_s=30)

    alive = [0, 0, 1]
    asyncio.run(watched(alive))
    assert alive == []
