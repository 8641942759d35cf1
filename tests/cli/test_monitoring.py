"""`fabric-livy spark`, `logs` and `runs` against a scripted server: standard output is data alone."""

from __future__ import annotations

import json
import shlex

import pytest

from fabric_livy_magic.cli.main import main
from fabric_livy_magic.settings import SessionSpec
from tests.support.clients import client_of
from tests.support.fakes import FakeFabric
from tests.support.monitored_spark import RUNS, monitored_spark
from tests.support.timing import interrupt_after

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _target(fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TARGET", fabric.url)
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)


@pytest.fixture
def session_id(fabric: FakeFabric) -> str:
    """Of a session that runs, with a Spark application."""
    fabric.session_goes("idle", log=["line 1", "line 2"])
    fabric.monitoring_goes(([], []))
    fabric.monitoring.spark = monitored_spark()
    return client_of(fabric).create_session(SessionSpec(name="etl")).id


def test_spark_is_text_for_a_person_and_json_for_a_program(session_id: str, capsys: Captured) -> None:
    assert main(["spark", session_id]) == 0
    shown = capsys.readouterr()
    assert "Failed tasks" in shown.out
    assert shown.err == ""
    assert main(["spark", session_id, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["failures"][0]["reason"] == "ZeroDivisionError: division by zero"


def test_a_session_is_named_by_its_id_or_its_name_and_without_one_the_only_one_is_meant(
    session_id: str, fabric: FakeFabric, capsys: Captured
) -> None:
    assert main(["logs", "-n", "1"]) == 0
    assert capsys.readouterr().out == "line 2\n"
    assert main(["logs", "etl", "-n", "1"]) == 0
    assert capsys.readouterr().out == "line 2\n"
    client_of(fabric).create_session(SessionSpec(name="other"))
    assert main(["logs"]) == 2
    said = capsys.readouterr().err
    assert "2 sessions run on" in said
    assert f"{session_id} (etl)" in said
    fabric.forget_sessions()
    assert main(["spark"]) == 2
    assert "No session runs on" in capsys.readouterr().err


def test_logs_are_lines_or_json(session_id: str, fabric: FakeFabric, capsys: Captured) -> None:
    fabric.monitoring.files = {
        ("driver", "", "stdout"): b"one\ntwo\n",
        ("livy", "", ""): b"of livy\n",
        ("executor", "container_1_0007_01_000002", "stdout"): b"of executor 1\n",
    }
    for words, lines in (
        (["--driver", "--lines", "1"], ["two"]),
        (["--livy"], ["of livy"]),
        (["--executor", "1"], ["of executor 1"]),
    ):
        assert main(["logs", session_id, *words]) == 0
        assert capsys.readouterr().out.splitlines() == lines
        assert main(["logs", session_id, *words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == lines


def test_a_log_is_followed_until_the_end_or_an_interrupt(session_id: str, fabric: FakeFabric, capsys: Captured) -> None:
    interrupt_after(0.4)
    assert main(["logs", session_id, "--follow"]) == 130
    shown = capsys.readouterr()
    assert shown.out == "line 1\nline 2\n"
    assert f"The run goes on (id {session_id})" in shown.err
    fabric.session_becomes("dead", log=["line 1", "the end"])
    assert main(["logs", session_id, "-f"]) == 0
    assert capsys.readouterr().out == "line 1\nthe end\n"


def test_runs_are_listed_and_one_is_shown(fabric: FakeFabric, capsys: Captured) -> None:
    fabric.monitoring.runs = RUNS
    assert main(["runs", "--limit", "2"]) == 0
    assert "`fabric-livy runs ID` shows one." in capsys.readouterr().out
    assert main(["runs", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["state"] for one in listed] == ["InProgress", "Failed", "Cancelled"]
    assert main(["runs", listed[1]["id"], "--target", fabric.url]) == 0
    assert f"`fabric-livy spark {listed[1]['id']} --target {shlex.quote(fabric.url)}`" in capsys.readouterr().out
    assert main(["runs", listed[1]["id"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reason"] == "the driver ran out of memory"


@pytest.mark.parametrize("name", ["spark", "logs", "runs"])
def test_wrong_use_and_refusals_have_their_exit_codes(
    name: str, fabric: FakeFabric, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([name, "77", "--target", fabric.url]) == 1
    assert "There is no run 77" in capsys.readouterr().err
    assert main([name, "--target", "local"]) == 2
    assert "`fabric-livy serve`" in capsys.readouterr().err
    monkeypatch.delenv("FABRIC_LIVY_TARGET")
    assert main([name]) == 2
    assert "No target was chosen" in capsys.readouterr().err
