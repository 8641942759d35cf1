"""Sessions that a kernel left, idle sessions, and the log of requests."""

from __future__ import annotations

import dataclasses
import json
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.errors import ConnectionFailed
from fabric_livy_magic.sessions import records
from fabric_livy_magic.sessions.idle import LOOK_S, RESET_S, IdleWatch
from fabric_livy_magic.sessions.runner import Runner
from tests.magics.conftest import start_elsewhere
from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook
from tests.support.outputs import text_output
from tests.support.timing import FakeClock


# ------------------------------------------------------------------------------------------------ mine, orphans
def remember(fabric: FakeFabric, sessions: list[str], *, alive: bool, ours: bool = True, name: str = "Old") -> None:
    """As a kernel of another notebook has it on record."""
    import os

    found = [dataclasses.asdict(records.SessionRecord(one, "main", fabric.url, fabric.url, ours)) for one in sessions]
    content: dict[str, Any] = {"notebook": f"/work/{name}.ipynb", "host": platform.node(), "sessions": found}
    content |= {"pid": os.getpid(), "started": records.process_start(os.getpid()) if alive else 1.0}
    folder = records.state_folder()
    (folder / f"{name}.json").write_text(json.dumps(content))


@pytest.fixture
def left_behind(nb_with_session: Notebook, fabric: FakeFabric) -> dict[str, str]:
    found = {who: start_elsewhere(fabric) for who in ("orphan", "running", "kept", "nobody's")}
    remember(fabric, [found["orphan"]], alive=False, name="Died")
    remember(fabric, [found["running"]], alive=True, name="Runs")
    remember(fabric, [found["kept"]], alive=False, ours=False, name="Kept")
    return found


def test_mine_are_those_of_my_notebooks_with_where_they_belong(
    nb_with_session: Notebook, left_behind: dict[str, str]
) -> None:
    listed = nb_with_session.ok("%livy sessions --mine").text
    lines = {one.split()[0]: one for one in listed.splitlines() if one.strip()}
    assert lines[left_behind["orphan"]].endswith("Died.ipynb, whose kernel has ended: an orphan")
    assert lines[left_behind["running"]].endswith("Runs.ipynb, which runs")
    assert lines[left_behind["kept"]].endswith("Kept.ipynb, kept")
    assert left_behind["nobody's"] not in listed
    assert "this notebook: main" in listed
    assert "`%livy stop --orphans`" in listed


@pytest.mark.parametrize(("answer", "stopped"), [("y", True), ("n", False), ("", False)])
def test_orphans_are_stopped_after_a_question_and_nothing_else(
    nb_with_session: Notebook,
    fabric: FakeFabric,
    left_behind: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    stopped: bool,
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question="": asked.append(question) or answer)
    said = nb_with_session.ok("%livy stop --orphans").text
    assert asked == ["Stop it? [y/N] "]
    assert fabric.deleted == ([left_behind["orphan"]] if stopped else [])
    assert ("is stopped" in said) is stopped
    assert ("There is no orphan" in nb_with_session.ok("%livy stop --orphans").text) is stopped


def test_orphans_are_stopped_without_a_question_where_that_was_said(
    nb_with_session: Notebook, fabric: FakeFabric, left_behind: dict[str, str]
) -> None:
    nb_with_session.ok("%livy stop --orphans --yes")
    assert fabric.deleted == [left_behind["orphan"]]


def test_where_nobody_can_be_asked_no_orphan_is_stopped(
    nb_with_session: Notebook, fabric: FakeFabric, left_behind: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(question: str = "") -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    assert "`%livy stop --orphans --yes`" in nb_with_session.fails("%livy stop --orphans")
    assert fabric.deleted == []


# ------------------------------------------------------------------------------------------------ at rest
@dataclasses.dataclass
class Rest:
    """A notebook's runner with one idle session, and a clock that only the test moves."""

    runner: Runner
    clock: FakeClock
    watch: IdleWatch

    def minutes(self, count: float) -> None:
        until = self.clock() + count * 60
        while self.clock() < until:
            self.clock.sleep(LOOK_S)
            self.watch.look()


@pytest.fixture
def at_rest(fabric: FakeFabric, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rest]:
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    fabric.session_goes("idle")
    runner = Runner({"target": fabric.url})
    runner.sessions.start()
    runner.sessions.used_at = runner.sessions.find().used_at = 0.0
    yield Rest(runner, clock, IdleWatch(runner.sessions, clock))
    runner.close()


def test_nothing_watches_an_idle_session_unasked(at_rest: Rest, fabric: FakeFabric) -> None:
    before = len(fabric.requests)
    at_rest.minutes(120)
    assert len(fabric.requests) == before


def test_a_session_is_kept_alive_while_the_notebook_is_used_and_no_longer(at_rest: Rest, fabric: FakeFabric) -> None:
    fabric.fault("POST", "/reset-timeout", status=204, body=None, times=1000)
    at_rest.runner.account.choose("keep_alive_min", 60)
    at_rest.minutes(60)
    kept = len(fabric.seen("POST", "/reset-timeout"))
    assert 60 * 60 / RESET_S - 2 <= kept <= 60 * 60 / RESET_S
    at_rest.minutes(60)
    assert len(fabric.seen("POST", "/reset-timeout")) == kept


def test_an_idle_session_is_stopped_and_the_next_cell_is_told_why(at_rest: Rest, fabric: FakeFabric) -> None:
    at_rest.runner.account.choose("stop_idle_min", 10)
    at_rest.minutes(9)
    assert fabric.deleted == []
    at_rest.minutes(2)
    assert len(fabric.deleted) == 1
    with pytest.raises(Exception, match=r"no cell ran on it for 10 minutes \(setting stop_idle_min\)"):
        at_rest.runner.sessions.find()


def test_a_session_on_which_a_cell_runs_is_not_idle(at_rest: Rest, fabric: FakeFabric) -> None:
    at_rest.runner.account.choose("stop_idle_min", 10)
    at_rest.runner.sessions.find().remote.running_statements = 1
    at_rest.minutes(30)
    assert fabric.deleted == []


def test_a_session_that_cannot_be_kept_alive_says_so_in_the_status(at_rest: Rest, fabric: FakeFabric) -> None:
    at_rest.runner.account.choose("keep_alive_min", 60)
    at_rest.minutes(6)  # the scripted server has no such call
    assert "could not be found" in at_rest.watch.trouble[at_rest.runner.sessions.find().id]


@pytest.mark.spark
def test_an_embedded_fabric_without_a_session_ends_after_five_minutes_and_starts_anew_when_needed(
    clock: FakeClock, tmp_path: Path
) -> None:
    runner = Runner({"target": "local", "lakehouse": str(tmp_path / "lakehouse")})
    runner.sessions.used_at = 0.0
    rest = Rest(runner, clock, IdleWatch(runner.sessions, clock))
    try:
        server = runner.account.client()
        rest.minutes(4)
        assert runner.account.owns_server_of(server)
        rest.minutes(2)
        assert not runner.account.owns_server_of(server)
        with pytest.raises(ConnectionFailed):
            server.list_sessions()
        assert runner.account.client().list_sessions() == []
    finally:
        runner.close()


def test_status_shows_how_long_a_session_rests_and_what_watches_that(nb_with_session: Notebook) -> None:
    assert re.search(r" idle +\d s ", nb_with_session.ok("%livy status").text)
    nb_with_session.ok("%livy config keep_alive_min 60")
    nb_with_session.ok("%livy config stop_idle_min 10")
    assert "  kept alive for 60 min after a cell, stopped after 10 min" in nb_with_session.ok("%livy status").text


# ------------------------------------------------------------------------------------------------ the log
def test_the_log_file_has_each_request_for_this_user_alone_and_no_secrets(
    nb_with_session: Notebook, fabric: FakeFabric, tmp_path: Path
) -> None:
    file = tmp_path / "livy.log"
    file.write_text("before\n")
    file.chmod(0o644)
    fabric.answer("print('SECRET CODE')", text_output("SECRET OUTPUT"))
    assert "no token, no code" in nb_with_session.ok(f"%livy log file {file}").text
    nb_with_session.ok("%%livy_pyspark\nprint('SECRET CODE')")
    fabric.fault("POST", "/statements", closes=True)
    nb_with_session.ok("%%livy_pyspark\nprint('SECRET CODE')")  # it is looked for, and sent again
    nb_with_session.fails("%%livy_pyspark\n1/0")
    nb_with_session.ok("%livy log off")
    nb_with_session.ok("%livy_pyspark 1+1")
    lines = file.read_text().splitlines()
    assert file.stat().st_mode & 0o777 == 0o600
    assert lines[0] == "before"
    posted = [line for line in lines if "POST" in line and "/statements →" in line]
    assert len(posted) == 4
    assert "→ 200 in" in posted[0]
    assert "no answer" in posted[1]
    text = "\n".join(lines)
    assert "SECRET" not in text
    assert "1/0" not in text
    assert fabric.token not in text


def test_the_log_can_be_seen_in_the_notebook(nb_with_session: Notebook) -> None:
    nb_with_session.ok("%livy log debug")
    shown = nb_with_session.ok("%livy_pyspark 1+1").text
    nb_with_session.ok("%livy log off")
    assert "POST /v1/workspaces" in shown
    assert "1+1" not in shown
    assert "POST" not in nb_with_session.ok("%livy_pyspark 1+1").text


def test_a_log_that_cannot_be_written_is_refused(nb_with_session: Notebook, tmp_path: Path) -> None:
    assert "Nothing can be logged into" in nb_with_session.fails(f"%livy log file {tmp_path}")
    assert "takes debug, file PATH, or off" in nb_with_session.fails("%livy log file")
