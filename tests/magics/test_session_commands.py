"""What `%livy` does with sessions that run on, end, or were left behind, and with cells in the background: in a real IPython
shell against the scripted server."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.sessions import records
from fabric_livy_magic.sessions.idle import LOOK_S, RESET_S, IdleWatch
from fabric_livy_magic.sessions.runner import Runner
from tests.conftest import FakeClock, soon
from tests.magics.test_magics import made_elsewhere
from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook, notebook
from tests.support.outputs import sql_output, text_output


@pytest.fixture
def nb(
    capsys: pytest.CaptureFixture[str], fabric: FakeFabric, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Notebook]:
    """A notebook with a session on the scripted Fabric, and a state folder of its own."""
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", fabric.token)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    fabric.session_goes("idle")
    with notebook(capsys, tmp_path) as one:
        one.ok("%load_ext fabric_livy_magic")
        one.ok(f"%livy use {fabric.url}")
        one.ok("%livy start")
        yield one


# ------------------------------------------------------------------------------------------------ background cells
def test_a_background_cell_gives_a_handle_and_the_notebook_goes_on(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    ran = nb.ok("%%livy_pyspark -b -o job\nslow('SECRET CODE')")
    assert "pyspark on 'main'" in ran.text
    assert "SECRET" not in ran.text + ran.html
    assert nb.ok("1 + 1").value == 2
    assert soon(lambda: nb.names["job"].state == "running")
    nb.ok("job.cancel()")
    assert "StatementCancelled" in nb.fails("job.result()")
    assert nb.names["job"].state == "cancelled"


def test_a_handle_without_a_variable_is_the_value_of_its_cell(nb: Notebook) -> None:
    handle = nb.ok("%%livy_pyspark -b\n1+1").value
    assert handle.result(5).text == "2"
    assert nb.ok("handle = %livy_pyspark -b 1+1\nhandle.result().text").value == "2"


def test_background_cells_are_listed_and_waited_for(nb: Notebook, fabric: FakeFabric) -> None:
    assert nb.ok("%livy statements").text.strip() == "No background statements. `-b` on a cell makes it one."
    fabric.answer("SELECT 1", sql_output([("one", "integer")], [[1]]))
    first = nb.ok("%%livy_sql -b\nSELECT 1").value
    nb.ok("%%livy_pyspark -b -q -o other\n1+1")
    assert soon(lambda: first.done and nb.names["other"].done)
    listed = nb.ok("%livy statements").text
    assert f"{first.number}" in listed
    assert listed.count("available") == 2
    assert "SELECT" not in listed
    shown = nb.ok(f"%livy wait {first.number}")
    assert "1 row" in shown.text
    assert "<table" in shown.html
    assert nb.ok("%livy wait").text.strip() == "2"
    assert "No background statements" in nb.ok("%livy statements").text
    assert "There is no background statement 4711" in nb.fails("%livy wait 4711")


def test_waiting_for_a_failed_cell_fails_as_the_cell_would_have(nb: Notebook) -> None:
    nb.ok("%%livy_pyspark -b -q\n1/0")
    assert "ZeroDivisionError" in nb.fails("%livy wait")
    assert "No background statements" in nb.ok("%livy statements").text
    assert "ZeroDivisionError" in nb.ok("%livy error").text


def test_a_cell_that_waits_behind_another_is_not_sent_to_a_session_that_was_started_anew(
    nb: Notebook, fabric: FakeFabric
) -> None:
    fabric.statement_goes("running")
    nb.ok("%%livy_pyspark -b -q -o first\nslow()")
    nb.ok("%%livy_pyspark -b -q -o second\nafter()")
    assert soon(lambda: len(fabric.posted_code) == 1)
    nb.ok("%livy restart")
    assert "SessionLostError" in nb.fails("second.result()")
    assert fabric.posted_code == [("pyspark", "slow()\n")]
    nb.names["first"].cancel()


def test_a_high_concurrency_session_whose_answer_was_lost_is_not_asked_for_twice(
    nb: Notebook, fabric: FakeFabric
) -> None:
    fabric.fault("POST", "/highConcurrencySessions", closes=True)
    assert "It is not known whether the server acted on it" in nb.fails(
        "%livy start side --high-concurrency --tag both"
    )
    asked = fabric.seen("POST", "/highConcurrencySessions")
    assert [one.body["sessionTag"] for one in asked] == ["both"]


def test_an_apache_livy_has_no_high_concurrency_sessions(nb: Notebook, apache_livy: FakeFabric) -> None:
    nb.ok(f"%livy use {apache_livy.url}")
    assert "start several sessions instead" in nb.fails("%livy start side --high-concurrency")


# ------------------------------------------------------------------------------------------------ cancel, timeout
def test_cancel_ends_what_runs_and_what_waits(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    nb.ok("%%livy_pyspark -b -q -o first\nslow()")
    nb.ok("%%livy_pyspark -b -q -o second\nafter()")
    assert soon(lambda: nb.names["first"].state == "running")
    said = nb.ok("%livy cancel").text
    assert f"Background statement {nb.names['second'].number}: It had not been sent: " in said
    assert "Statement 0 was cancelled on the session." in said
    assert "StatementCancelled" in nb.fails("first.result()")
    assert "StatementCancelled" in nb.fails("second.result()")
    assert len(fabric.posted_code) == 1


def test_cancel_says_what_became_of_one_whose_request_is_on_its_way(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    fabric.fault("POST", "/statements", acts=True, delay_s=0.5)
    nb.ok("%%livy_pyspark -b -q -o first\nslow()")
    assert soon(lambda: len(fabric.posted_code) == 1)
    said = nb.ok("%livy cancel").text
    number = nb.names["first"].number
    assert f"Background statement {number}: Statement 0 was cancelled on the session." in said
    assert soon(lambda: len(fabric.seen("POST", "/statements/0/cancel")) >= 1)


def test_cancel_takes_the_number_of_a_statement(nb: Notebook, fabric: FakeFabric) -> None:
    nb.ok("%livy_pyspark 1+1")
    nb.ok("%livy cancel 0")
    assert [one.path.rsplit("/", 2)[-2:] for one in fabric.seen("POST", "/cancel")] == [["0", "cancel"]]


def test_cancel_with_nothing_to_cancel_says_so(nb: Notebook, fabric: FakeFabric) -> None:
    assert nb.ok("%livy cancel").text.strip() == "Nothing runs on the session."
    assert fabric.seen("POST", "/cancel") == []


def test_a_cancel_that_does_not_reach_the_code_says_that_it_runs_on_and_what_to_do(
    nb: Notebook, fabric: FakeFabric
) -> None:
    fabric.statement_goes("running")
    fabric.cancel_goes("cancelling")
    nb.ok("%%livy_pyspark -b -q -o job\nwhile True: pass")
    assert soon(lambda: len(fabric.posted_code) == 1)
    said = nb.ok("%livy cancel").text
    assert "its code still runs" in said
    assert "`%livy restart` ends the session" in said
    nb.names["job"].cancel()
    assert "its code still runs" in nb.fails("job.result()")
    assert nb.names["job"].state == "cancelling"


def test_a_timeout_cancels_the_statement_on_the_session(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    said = nb.fails("%%livy_pyspark --timeout 0.2\nslow()")
    assert "WaitTimeout" in said
    assert "Statement 0 was cancelled on the session." in said
    assert len(fabric.seen("POST", "/statements/0/cancel")) == 1


# ------------------------------------------------------------------------------------------------ restart
def test_restart_starts_anew_with_the_same_settings_and_runs_nothing_again(nb: Notebook, fabric: FakeFabric) -> None:
    nb.ok("%livy start big --conf spark.a=1 --driver-memory 28g")
    nb.ok("%livy_pyspark 1+1")
    before = list(fabric.sessions)
    assert "Nothing was run again" in nb.ok("%livy restart").text
    assert fabric.deleted == before[1:]
    bodies = [{**one.body, "name": ""} for one in fabric.seen("POST", "/sessions$")]
    assert bodies[-1] == bodies[-2]
    assert len(fabric.posted_code) == 1
    assert "big" in nb.ok("%livy status").text


def test_restart_of_a_lost_session_starts_one(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.forget_sessions()
    nb.fails("%livy_pyspark 1+1")
    nb.ok("%livy restart")
    assert nb.ok("%livy_pyspark 1+1").text.strip() == "2"


def test_restart_does_not_end_a_session_that_was_found(nb: Notebook, fabric: FakeFabric) -> None:
    found = made_elsewhere(fabric)
    nb.ok(f"%livy attach {found} --name found")
    assert "was not started here" in nb.fails("%livy restart")
    assert found in fabric.sessions


# ------------------------------------------------------------------------------------------------ mine, orphans
def remember(fabric: FakeFabric, sessions: list[str], *, alive: bool, ours: bool = True, name: str = "Old") -> None:
    """As a kernel of another notebook has it on record."""
    import os

    found = [dataclasses.asdict(records.SessionRecord(one, "main", fabric.url, fabric.url, ours)) for one in sessions]
    content: dict[str, Any] = {"notebook": f"/work/{name}.ipynb", "host": platform.node(), "sessions": found}
    content |= {"pid": os.getpid(), "started": records._process_start(os.getpid()) if alive else 1.0}
    folder = records.state_folder()
    (folder / f"{name}.json").write_text(json.dumps(content))


@pytest.fixture
def left_behind(nb: Notebook, fabric: FakeFabric) -> dict[str, str]:
    found = {who: made_elsewhere(fabric) for who in ("orphan", "running", "kept", "nobody's")}
    remember(fabric, [found["orphan"]], alive=False, name="Died")
    remember(fabric, [found["running"]], alive=True, name="Runs")
    remember(fabric, [found["kept"]], alive=False, ours=False, name="Kept")
    return found


def test_mine_are_those_of_my_notebooks_with_where_they_belong(nb: Notebook, left_behind: dict[str, str]) -> None:
    listed = nb.ok("%livy sessions --mine").text
    lines = {one.split()[0]: one for one in listed.splitlines() if one.strip()}
    assert lines[left_behind["orphan"]].endswith("Died.ipynb, whose kernel has ended: an orphan")
    assert lines[left_behind["running"]].endswith("Runs.ipynb, which runs")
    assert lines[left_behind["kept"]].endswith("Kept.ipynb, kept")
    assert left_behind["nobody's"] not in listed
    assert "this notebook: main" in listed
    assert "`%livy stop --orphans`" in listed


@pytest.mark.parametrize(("answer", "stopped"), [("y", True), ("n", False), ("", False)])
def test_orphans_are_stopped_after_a_question_and_nothing_else(
    nb: Notebook,
    fabric: FakeFabric,
    left_behind: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    stopped: bool,
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question="": asked.append(question) or answer)
    said = nb.ok("%livy stop --orphans").text
    assert asked == ["Stop it? [y/N] "]
    assert fabric.deleted == ([left_behind["orphan"]] if stopped else [])
    assert ("is stopped" in said) is stopped
    assert ("There is no orphan" in nb.ok("%livy stop --orphans").text) is stopped


def test_orphans_are_stopped_without_a_question_where_that_was_said(
    nb: Notebook, fabric: FakeFabric, left_behind: dict[str, str]
) -> None:
    nb.ok("%livy stop --orphans --yes")
    assert fabric.deleted == [left_behind["orphan"]]


def test_where_nobody_can_be_asked_no_orphan_is_stopped(
    nb: Notebook, fabric: FakeFabric, left_behind: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(question: str = "") -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    assert "`%livy stop --orphans --yes`" in nb.fails("%livy stop --orphans")
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
    at_rest.runner.sessions.find().remote.running = 1
    at_rest.minutes(30)
    assert fabric.deleted == []


def test_a_session_that_cannot_be_kept_alive_says_so_in_the_status(at_rest: Rest, fabric: FakeFabric) -> None:
    at_rest.runner.account.choose("keep_alive_min", 60)
    at_rest.minutes(6)  # the scripted server has no such call
    assert "could not be found" in at_rest.watch.trouble[at_rest.runner.sessions.find().id]


def test_status_shows_how_long_a_session_rests_and_what_watches_that(nb: Notebook) -> None:
    assert "idle 0 min" in nb.ok("%livy status").text
    nb.ok("%livy config keep_alive_min 60")
    nb.ok("%livy config stop_idle_min 10")
    assert "idle 0 min, kept alive for 60 min after a cell, stopped after 10 min" in nb.ok("%livy status").text


# ------------------------------------------------------------------------------------------------ the log
def test_the_log_file_has_each_request_for_this_user_alone_and_no_secrets(
    nb: Notebook, fabric: FakeFabric, tmp_path: Path
) -> None:
    file = tmp_path / "livy.log"
    file.write_text("before\n")
    file.chmod(0o644)
    fabric.answer("print('SECRET CODE')", text_output("SECRET OUTPUT"))
    assert "no token, no code" in nb.ok(f"%livy log file {file}").text
    nb.ok("%%livy_pyspark\nprint('SECRET CODE')")
    fabric.fault("POST", "/statements", closes=True)
    nb.ok("%%livy_pyspark\nprint('SECRET CODE')")  # it is looked for, and sent again
    nb.fails("%%livy_pyspark\n1/0")
    nb.ok("%livy log off")
    nb.ok("%livy_pyspark 1+1")
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


def test_the_log_can_be_seen_in_the_notebook(nb: Notebook) -> None:
    nb.ok("%livy log debug")
    shown = nb.ok("%livy_pyspark 1+1").text
    nb.ok("%livy log off")
    assert "POST /v1/workspaces" in shown
    assert "1+1" not in shown
    assert "POST" not in nb.ok("%livy_pyspark 1+1").text


def test_a_log_that_cannot_be_written_is_refused(nb: Notebook, tmp_path: Path) -> None:
    assert "Nothing can be logged into" in nb.fails(f"%livy log file {tmp_path}")
    assert "takes debug, file PATH, or off" in nb.fails("%livy log file")
