"""The sessions of one notebook, and cells on them, without magics."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import (
    Interrupted,
    SessionError,
    SessionLostError,
)
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.settings import SessionSpec
from tests.support.fakes import FakeFabric
from tests.support.outputs import text_output


# ------------------------------------------------------------------------------------------------ the sessions of a notebook
def test_the_last_session_begun_is_the_current_one(runner: Runner) -> None:
    runner.sessions.start()
    runner.sessions.start("second")
    assert runner.sessions.current == "second"
    runner.sessions.stop()
    assert runner.sessions.current == "main"
    runner.sessions.stop()
    assert (runner.sessions.current, runner.sessions) == ("main", {})


def test_begin_does_not_wait_and_the_first_cell_does(runner: Runner, fabric: FakeFabric) -> None:
    fabric.session_goes("starting", "starting", "idle")
    runner.sessions.begin()
    assert len(fabric.requests) == 1
    heard: list[Progress] = []
    assert runner.run(Cell(kind="pyspark", code="1+1"), heard.append).text == "2"
    assert "session" in {one.subject for one in heard}


def test_a_lost_session_is_told_each_time_and_started_anew_only_when_asked(runner: Runner, fabric: FakeFabric) -> None:
    runner.sessions.start()
    fabric.forget_sessions()
    cell = Cell(kind="pyspark", code="1+1")
    for _ in range(2):
        with pytest.raises(SessionLostError, match="Nothing was run again"):
            runner.run(cell)
    assert len(fabric.posted_code) == 1
    runner.sessions.start()
    assert runner.run(cell).text == "2"


def test_a_lost_session_can_be_stopped(runner: Runner, fabric: FakeFabric) -> None:
    runner.sessions.start()
    fabric.forget_sessions()
    with pytest.raises(SessionLostError):
        runner.run(Cell(kind="pyspark", code="1+1"))
    assert not runner.sessions.stop()
    assert dict(runner.sessions) == {}


@pytest.mark.spark
def test_a_session_whose_embedded_fabric_ends_while_it_starts_leaves_none(tmp_path: Path) -> None:
    """An interrupt that reached the server, too: the next cell starts another one."""
    runner = Runner({"target": "local", "lakehouse": str(tmp_path / "house")})

    def interrupted(progress: Progress) -> None:
        (server,) = [one for one in psutil.Process().children() if str(tmp_path) in " ".join(one.cmdline())]
        server.kill()
        server.wait()
        raise KeyboardInterrupt

    session = runner.sessions.begin()
    with pytest.raises(Interrupted, match="has ended, with its embedded Fabric"):
        runner.sessions.finish_start(session, interrupted)
    assert dict(runner.sessions) == {}
    runner.close()


def test_closing_stops_what_was_started_and_leaves_what_was_attached(runner: Runner, fabric: FakeFabric) -> None:
    theirs = runner.account.client().create_session(SessionSpec()).id
    runner.sessions.start()
    runner.sessions.attach(theirs, "theirs")
    assert runner.close() == []
    assert fabric.left_running == [theirs]
    assert runner.close() == []


def test_attaching_under_a_name_that_is_taken_says_how_to_give_another(runner: Runner) -> None:
    session = runner.sessions.start()
    with pytest.raises(SessionError, match=f"`%livy attach {session.id} --name <name>`"):
        runner.sessions.attach(session.id, "main")


def test_settings_given_in_code_stand(fabric: FakeFabric) -> None:
    runner = Runner({"target": fabric.url})
    assert runner.settings.origins["target"] == "argument"


def test_the_value_of_a_result_fits_its_kind(runner: Runner, fabric: FakeFabric) -> None:
    fabric.answer("%json x", {"status": "ok", "execution_count": 0, "data": {"application/json": {"a": 1}}})
    fabric.answer("text", text_output("t"))
    runner.sessions.start()
    assert runner.run(Cell(kind="pyspark", code="%json x")).value() == {"a": 1}
    assert runner.run(Cell(kind="pyspark", code="text")).value() == "t"
    assert list(runner.run(Cell(kind="sql", code="SELECT 1 AS one")).value().columns) == ["one"]
