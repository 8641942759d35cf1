"""`fabric-livy batch` against a scripted server: the exit code follows the batch, standard output is data alone."""

from __future__ import annotations

import json
import re

import pytest

from fabric_livy_magic.cli.main import main
from tests.support.fakes import LAKEHOUSE, WORKSPACE, FakeFabric
from tests.support.timing import interrupt_after

ONELAKE = f"abfss://{WORKSPACE}@onelake.dfs.fabric.microsoft.com/{LAKEHOUSE}"
Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _target(fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TARGET", fabric.url)
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)


def submitted_id(fabric: FakeFabric) -> str:
    return list(fabric.batches.kept)[-1]


def test_what_follows_two_dashes_goes_to_the_program(fabric: FakeFabric, capsys: Captured) -> None:
    words = ["--conf", "spark.x=1", "--jar", "Files/a.jar", "--py-files", "Files/b.py", "--name", "nightly"]
    assert (
        main(["batch", "submit", "Files/job.jar", "--class", "its.Main", *words, "--", "--day", "1", "--", "-n"]) == 0
    )
    (body,) = [one.body for one in fabric.seen("POST", "/batches")]
    assert body == {
        "file": f"{ONELAKE}/Files/job.jar",
        "className": "its.Main",
        "args": ["--day", "1", "--", "-n"],
        "jars": [f"{ONELAKE}/Files/a.jar"],
        "pyFiles": [f"{ONELAKE}/Files/b.py"],
        "name": "nightly",
        "conf": {"spark.x": "1"},
    }
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"`fabric-livy batch wait {submitted_id(fabric)}` waits for its end" in shown.err


def test_an_environment_is_found_by_its_name(fabric: FakeFabric) -> None:
    found = {"value": [{"id": "0c7a3f60-1111-4222-8333-444455556666", "displayName": "Nightly"}]}
    fabric.fault("GET", r"^\?.*/environments$", status=200, body=found)
    assert main(["batch", "submit", "Files/job.py", "--environment", "Nightly"]) == 0
    assert "spark.fabric.environmentDetails" in fabric.seen("POST", "/batches")[0].body["conf"]


@pytest.mark.parametrize(
    ("readings", "options", "code", "says"),
    [
        (["starting", "running", "success"], ["--wait", "--timeout", "60"], 0, "shows what it has printed."),
        (["starting", "dead"], ["--wait"], 1, "failed (state: dead)"),
        (["starting", "killed"], ["--wait"], 1, "was cancelled"),
        (["not_started"], ["--wait", "--timeout", "0.2"], 124, "had not ended after 0.2 s (state: not started)"),
        (["starting"], ["--timeout", "5"], 2, "--timeout is for --wait"),
    ],
)
def test_the_exit_code_follows_the_batch(
    fabric: FakeFabric, capsys: Captured, readings: list[str], options: list[str], code: int, says: str
) -> None:
    fabric.batch_goes(*readings)
    assert main(["batch", "submit", "Files/job.py", *options]) == code
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.out == ""


def test_a_wait_ends_as_the_batch_does(fabric: FakeFabric, capsys: Captured) -> None:
    fabric.batch_goes("running", "dead", errorInfo=[{"message": "it ended with exit code 7"}])
    main(["batch", "submit", "Files/job.py", "--name", "nightly"])
    assert main(["batch", "wait", submitted_id(fabric), "--timeout", "60", "--json"]) == 1
    shown = capsys.readouterr()
    data = json.loads(shown.out)
    assert (data["name"], data["state"], data["exit_code"], data["succeeded"]) == ("nightly", "dead", 7, False)
    assert "The server says: it ended with exit code 7" in shown.err


def test_an_interrupt_leaves_the_batch_and_names_the_command_with_its_target(
    fabric: FakeFabric, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    fabric.batch_goes("running")
    monkeypatch.delenv("FABRIC_LIVY_TARGET")
    interrupt_after(0.5)
    assert main(["batch", "submit", "Files/job.py", "--wait", "--target", fabric.url]) == 130
    batch_id = submitted_id(fabric)
    shown = capsys.readouterr().err
    assert f"`fabric-livy batch cancel {batch_id} --target {fabric.url}` cancels it" in shown
    assert fabric.batches.cancelled == []
    assert main(["batch", "cancel", batch_id, "--target", fabric.url, "--json"]) == 0
    assert fabric.batches.cancelled == [batch_id]
    assert json.loads(capsys.readouterr().out)["state"] == "killed"


@pytest.mark.parametrize("verb", ["show", "logs", "wait", "cancel"])
def test_an_unknown_id_is_told(verb: str, fabric: FakeFabric, capsys: Captured) -> None:
    assert main(["batch", verb, "77", "--target", fabric.url]) == 1
    assert "There is no batch 77 on this server" in capsys.readouterr().err


def test_a_missing_file_is_wrong_use(fabric: FakeFabric, capsys: Captured) -> None:
    assert main(["batch", "submit", "nothing.py"]) == 2
    assert "There is no file nothing.py on this machine" in capsys.readouterr().err
    assert fabric.requests == []


def test_without_a_target_the_option_is_named(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FABRIC_LIVY_TARGET")
    assert main(["batch", "list"]) == 2
    assert "--target takes workspace/lakehouse" in capsys.readouterr().err


def test_an_embedded_fabric_is_not_left_with_a_batch(capsys: Captured) -> None:
    assert main(["batch", "submit", "Files/job.py", "--target", "local"]) == 2
    assert "add --wait, or run `fabric-livy serve`" in capsys.readouterr().err


def test_lists_and_logs_are_text_or_data(fabric: FakeFabric, capsys: Captured) -> None:
    fabric.batches.log = ["stdout: ", "one", "two", "\nstderr: ", "noted"]
    fabric.batch_goes("running", "running", "running", "success")
    main(["batch", "submit", "Files/job.py", "--name", "nightly", "--json"])
    batch_id = json.loads(capsys.readouterr().out)["id"]
    assert main(["batch", "list", "--target", fabric.url]) == 0
    assert re.search(rf"{batch_id} +nightly +running", capsys.readouterr().out)
    main(["batch", "list", "--json"])
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["nightly"]
    main(["batch", "show", batch_id, "--json", "--target", fabric.url])
    assert json.loads(capsys.readouterr().out)["name"] == "nightly"
    main(["batch", "logs", batch_id, "--lines", "1", "--json"])
    assert json.loads(capsys.readouterr().out) == ["stdout:", "two", "stderr:", "noted"]
    assert main(["batch", "logs", "--follow", batch_id]) == 0
    shown = capsys.readouterr()
    assert shown.out == "one\ntwo\nnoted\n"
    assert "Batch nightly has ended: success" in shown.err
