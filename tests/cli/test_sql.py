"""`fabric-livy sql` against a scripted server: where rows and words go, what is refused before anything runs."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fabric_livy_magic.cli.main import main
from tests.support.fakes import FakeFabric
from tests.support.outputs import error_output, sql_output
from tests.support.timing import interrupt_after

Capture = pytest.CaptureFixture[str]
ROWS = sql_output([("n", "long"), ("name", "string")], [[1, "ä"], [None, ""]])


@pytest.fixture(autouse=True)
def _target(fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TARGET", fabric.url)
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    fabric.session_goes("idle")
    fabric.answer("SELECT rows", ROWS)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    made = Terminal()
    monkeypatch.setattr(sys, "stdout", made)
    return made


def hidden_times(text: str) -> str:
    return re.sub(r"\d+\.\d s", "T s", text)


@pytest.mark.parametrize(
    ("format", "printed"),
    [
        ("table", "   n  name\n────  ────\n   1  ä\nNULL\n"),
        ("csv", '"n","name"\n1,"ä"\n,""\n'),
        ("json", '[\n{"n": 1, "name": "ä"},\n{"n": null, "name": ""}\n]\n'),
        ("jsonl", '{"n": 1, "name": "ä"}\n{"n": null, "name": ""}\n'),
    ],
)
def test_rows_go_to_standard_output_and_words_to_standard_error(format: str, printed: str, capfd: Capture) -> None:
    assert main(["sql", "SELECT rows", "--format", format]) == 0
    shown = capfd.readouterr()
    assert shown.out == printed
    assert hidden_times(shown.err) == "2 rows · T s\n"


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("rows.parquet", lambda path: pq.read_table(path)),
        ("rows.arrow", lambda path: pa.ipc.open_file(path).read_all()),
    ],
)
def test_a_file_has_the_format_of_its_ending(
    name: str, read: Callable[[Path], Any], tmp_path: Path, capfd: Capture
) -> None:
    assert main(["sql", "SELECT rows", "--output", str(tmp_path / name)]) == 0
    assert read(tmp_path / name).to_pylist() == [{"n": 1, "name": "ä"}, {"n": None, "name": ""}]
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == [name]
    shown = capfd.readouterr()
    assert shown.out == ""
    assert hidden_times(shown.err) == f"2 rows · T s → {tmp_path / name}\n"


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_a_pipe_gets_binary_and_a_terminal_does_not(
    format: str, capfdbinary: pytest.CaptureFixture[bytes], fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["sql", "SELECT rows", "--format", format, "--quiet"]) == 0
    shown = capfdbinary.readouterr()
    read = pq.read_table if format == "parquet" else lambda stream: pa.ipc.open_stream(stream).read_all()
    assert read(pa.BufferReader(shown.out)).num_rows == 2
    assert shown.err == b""
    before = len(fabric.requests)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["sql", "SELECT rows", "--format", format]) == 2
    assert b"no terminal can show: --output FILE" in capfdbinary.readouterr().err
    assert len(fabric.requests) == before


def test_data_cannot_steer_a_terminal(fabric: FakeFabric, terminal: io.StringIO) -> None:
    fabric.answer("SELECT rows", sql_output([("t", "string")], [["\x1b[2J\u202e"]]))
    for format in ("table", "csv", "json", "jsonl"):
        assert main(["sql", "SELECT rows", "--format", format, "-q"]) == 0
    assert "\x1b" not in terminal.getvalue()
    assert "\u202e" not in terminal.getvalue()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["SELECT 1", "-f", "a.sql"], "a statement or -f FILE, not both"),
        (["-f", "nosuch.sql"], "nosuch.sql could not be read as text"),
        ([" "], "There is no SQL statement to run"),
        (["SELECT 1", "--output", "rows.xlsx"], "Which format is rows.xlsx to have?"),
        (["SELECT 1", "--output", "nosuch/rows.csv"], "There is no folder"),
        (["SELECT 1", "-p", "floor"], "-p takes NAME=VALUE"),
        (["SELECT 1", "--session", "-"], "A session needs a name"),
        (["SELECT 1", "--target", "lokal"], "Did you mean 'local'?"),
    ],
)
def test_wrong_use_costs_nothing(words: list[str], says: str, fabric: FakeFabric, capsys: Capture) -> None:
    assert main(["sql", *words]) == 2
    assert says in capsys.readouterr().err
    assert fabric.requests == []


def test_without_a_target_the_ways_to_choose_one_are_named(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.delenv("FABRIC_LIVY_TARGET")
    assert main(["sql", "SELECT 1"]) == 2
    assert "`fabric-livy use`" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["-"], ["-f", "-"]])
def test_standard_input_can_have_the_statement(
    words: list[str], fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\ufeffSELECT 'é'\n".encode())))
    assert main(["sql", *words]) == 0
    assert fabric.posted_code == [("sql", "SELECT 'é'\n")]


def test_a_file_is_read_in_the_encoding_that_it_says(fabric: FakeFabric, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes("SELECT 'é'".encode("utf-16"))
    assert main(["sql", "--file", str(tmp_path / "a.sql")]) == 0
    assert fabric.posted_code == [("sql", "SELECT 'é'")]


def test_parameters_are_not_pasted_into_the_text_where_there_is_no_agent(fabric: FakeFabric, capsys: Capture) -> None:
    assert main(["sql", "SELECT :a", "--parameter", "a=1"]) == 2
    assert fabric.posted_code == []
    assert fabric.left_running == []


def test_a_failed_statement_leaves_no_file(fabric: FakeFabric, tmp_path: Path, capsys: Capture) -> None:
    fabric.answer("SELECT rows", error_output("ParseException", "no"))
    assert main(["sql", "SELECT rows", "--output", str(tmp_path / "a.csv")]) == 1
    assert "ParseException: no" in capsys.readouterr().err
    assert not (tmp_path / "a.csv").exists()


def test_names_that_stand_twice_are_refused_where_a_name_has_one_value(
    fabric: FakeFabric, tmp_path: Path, capsys: Capture
) -> None:
    fabric.answer("SELECT rows", sql_output([("n", "long"), ("n", "long")], [[1, 2]]))
    for format, code in (("json", 2), ("jsonl", 2), ("parquet", 2), ("csv", 0), ("table", 0)):
        assert main(["sql", "SELECT rows", "--format", format]) == code
    assert capsys.readouterr().err.count("Give them names of their own (AS)") == 3


def test_a_time_limit_cancels_and_ends_with_124(fabric: FakeFabric, capsys: Capture) -> None:
    fabric.statement_goes("running")
    assert main(["sql", "SELECT slow", "--timeout", "0.5"]) == 124
    assert "Statement 0 was cancelled" in capsys.readouterr().err
    assert fabric.left_running == []


def test_ctrl_c_cancels_and_ends_with_130(fabric: FakeFabric, capsys: Capture) -> None:
    fabric.statement_goes("running")
    interrupt = interrupt_after(0.3)
    assert main(["sql", "SELECT slow"]) == 130
    interrupt.join()
    assert "Interrupted. Statement 0 was cancelled on the session." in capsys.readouterr().err
    assert fabric.left_running == []


# ------------------------------------------------------------------------------------------- kept by name
def test_a_named_session_is_started_once_and_stopped_by_its_name(fabric: FakeFabric, capsys: Capture) -> None:
    assert main(["sql", "SELECT rows", "--session", "etl"]) == 0
    told = capsys.readouterr().err
    assert re.search(r"Session 'etl' \(id \S+ on .*\) goes on and costs until `fabric-livy stop etl`", told)
    assert "until nothing has used it for 20 min" in told
    assert main(["sql", "SELECT rows", "--session", "etl"]) == 0
    assert sum(one.path.endswith("/sessions") for one in fabric.seen("POST", "/sessions")) == 1
    (session,) = fabric.left_running
    capsys.readouterr()
    assert main(["sessions", "--kept", "--json"]) == 0
    (kept,) = json.loads(capsys.readouterr().out)
    assert (kept["name"], kept["id"], kept["idle"]) == ("etl", session, "20 min")
    assert main(["sessions", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["kept_as"] == "etl"
    assert main(["sessions", "--mine"]) == 0
    assert "kept as 'etl': `fabric-livy stop etl`" in capsys.readouterr().out
    assert main(["stop", "etl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"name": "etl", "id": session, "was_there": True}]
    assert fabric.left_running == []
    assert main(["sessions", "--kept"]) == 0
    assert "No session is kept. `fabric-livy start NAME` starts one." in capsys.readouterr().out


def test_a_named_session_that_has_ended_is_started_anew_and_told(fabric: FakeFabric, capsys: Capture) -> None:
    assert main(["start", "etl"]) == 0
    (first,) = fabric.left_running
    main(["stop", first, "--target", fabric.url])
    capsys.readouterr()
    assert main(["sql", "SELECT rows", "--session", "etl"]) == 0
    assert f"Session 'etl' (id {first}) has ended" in capsys.readouterr().err
    (second,) = fabric.left_running
    assert second != first
    assert main(["stop", "--all"]) == 0


def test_a_name_is_one_session_wherever_it_runs(fabric: FakeFabric, capsys: Capture) -> None:
    assert main(["start", "etl", "--target", fabric.url]) == 0
    assert main(["sql", "SELECT 1", "--session", "etl", "--target", "http://127.0.0.1:9"]) == 2
    assert f"Session 'etl' runs on {fabric.url}" in capsys.readouterr().err
    assert main(["start", "etl"]) == 0
    assert "runs already" in capsys.readouterr().err
    assert main(["start", "etl", "--fresh", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == fabric.left_running[0]
    assert len(fabric.left_running) == 1
    main(["stop", "etl"])


def test_a_start_asks_for_what_its_options_say(fabric: FakeFabric) -> None:
    words = ["--name", "Nightly", "--conf", "spark.x=1", "--tag", "team=sales", "--driver-memory", "28g"]
    words += ["--driver-cores", "4", "--executor-memory", "28g", "--executor-cores", "4", "--num-executors", "2"]
    found = {"value": [{"id": "0c7a3f60-1111-4222-8333-444455556666", "displayName": "Prod"}]}
    fabric.fault("GET", r"^\?.*/environments$", status=200, body=found)
    assert main(["start", "etl", *words, "--environment", "Prod"]) == 0
    body = fabric.seen("POST", "/sessions")[0].body
    assert body["conf"]["spark.x"] == "1"
    assert "spark.fabric.environmentDetails" in body["conf"]
    assert (body["name"], body["tags"], body["driverMemory"], body["driverCores"]) == (
        "Nightly",
        {"team": "sales"},
        "28g",
        4,
    )
    assert (body["executorMemory"], body["executorCores"], body["numExecutors"]) == ("28g", 4, 2)
    main(["stop", "etl"])


def test_words_of_livys_own_request_are_refused_on_fabric(fabric: FakeFabric, capsys: Capture) -> None:
    assert main(["start", "etl", "--livy", "queue=nightly"]) != 0
    assert "Fabric has no queues" in capsys.readouterr().err


def test_ctrl_c_leaves_a_named_session_and_cancels_its_statement(fabric: FakeFabric, capsys: Capture) -> None:
    assert main(["start", "etl"]) == 0
    fabric.statement_goes("running")
    interrupt = interrupt_after(0.3)
    assert main(["sql", "SELECT slow", "--session", "etl"]) == 130
    interrupt.join()
    assert "was cancelled on the session" in capsys.readouterr().err
    assert len(fabric.left_running) == 1
    main(["stop", "etl"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["stop"], "takes names, or --all, or --orphans"),
        (["stop", "etl", "--all"], "takes names, or --all, or --orphans"),
        (["stop", "nosuch"], "No session is kept as 'nosuch'"),
        (["sessions", "--kept", "--mine"], "is for all servers"),
        (["sessions", "--target", "local"], "`fabric-livy sessions --kept` lists"),
        (["stop", "etl", "--target", "local"], "No session is kept as 'etl'"),
    ],
)
def test_wrong_use_of_sessions_is_told(words: list[str], says: str, capsys: Capture) -> None:
    assert main(words) == 2
    assert says in capsys.readouterr().err


def test_there_are_no_orphans_of_a_terminal(fabric: FakeFabric, capsys: Capture) -> None:
    assert main(["start", "etl"]) == 0
    assert main(["stop", "--orphans", "--yes", "--target", fabric.url]) == 0
    assert "There is no orphan" in capsys.readouterr().err
    assert len(fabric.left_running) == 1
    assert main(["stop", "--all"]) == 0


# ------------------------------------------------------------------------------------------- use
def test_a_target_is_chosen_for_all_commands(
    fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("FABRIC_LIVY_TARGET")
    assert main(["use"]) == 2
    assert "No target was chosen" in capsys.readouterr().err
    assert main(["use", fabric.url, "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["target"] == fabric.url
    assert "config.toml" in shown.err
    assert main(["sql", "SELECT rows"]) == 0
    assert main(["use"]) == 0
    assert f"Target: {fabric.url} (from " in capsys.readouterr().out
    assert main(["use", "lokal"]) == 2
    monkeypatch.setenv("FABRIC_LIVY_TARGET", "http://127.0.0.1:9")
    assert main(["use", "local"]) == 0
    assert "It does not count here" in capsys.readouterr().err
    assert main(["config", "unset", "target"]) == 0
    assert main(["config", "unset", "targe"]) == 2
    assert "Did you mean 'target'?" in capsys.readouterr().err
    monkeypatch.delenv("FABRIC_LIVY_TARGET")
    assert main(["use"]) == 2
