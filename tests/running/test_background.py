"""Background statements and fan-out over REPLs, on the embedded Fabric."""

from __future__ import annotations

import ast
import logging
import time
from collections.abc import Iterator

import pytest

from fabric_livy_magic import Session, connect
from fabric_livy_magic.errors import Interrupted, SessionLostError, StatementCancelled, StatementError, WaitTimeout
from fabric_livy_magic.livy.high_concurrency import HighConcurrencySession
from fabric_livy_magic.sessions.notebook_sessions import NotebookSessions
from tests.support.timing import interrupt_after

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A high-concurrency one, and its end."""
    folder = str(tmp_path_factory.mktemp("lakehouse"))
    with connect("local", high_concurrency=True, tag="tests", lakehouse=folder) as one:
        yield one
        remote = one.remote
        assert isinstance(remote, HighConcurrencySession)
        others = [remote.client.session_path(other.id) for other in remote._others]
        one.stop()
        assert [gone(one, path) for path in others] == [True] * len(others)


def gone(session: Session, path: str) -> bool:
    try:
        session.remote.client.http.get(path)
    except Exception as error:  # noqa: BLE001 - told by its status
        return getattr(error, "status", None) == 404
    return False


def further_repls(session: Session) -> list[str]:
    remote = session.remote
    assert isinstance(remote, HighConcurrencySession)
    return [other.id for other in remote._others]


# ------------------------------------------------------------------------------------------------ one statement
def test_a_submitted_statement_gives_its_result_later(session: Session) -> None:
    handle = session.submit("6 * 7")
    assert handle.result(60).text == "42"
    assert (handle.state, handle.progress) == ("available", 1.0)


def test_a_failed_one_raises_when_its_result_is_asked_for(session: Session) -> None:
    handle = session.submit("1 / 0")
    with pytest.raises(StatementError, match="division"):
        handle.result(60)
    assert handle.state == "error"
    assert "StatementError" in repr(handle)


def test_submitted_ones_run_in_the_order_of_their_submission(session: Session) -> None:
    session.run("seen = []")
    handles = [session.submit(f"seen.append({number}); seen") for number in range(6)]
    assert session.run("seen").text == "[0, 1, 2, 3, 4, 5]"
    assert [handle.result(60).text for handle in handles][-1] == "[0, 1, 2, 3, 4, 5]"


def test_one_that_takes_long_is_told_of_and_goes_on_when_nobody_waits(session: Session) -> None:
    handle = session.submit("import time\ntime.sleep(1.5)\n'slept'")
    with pytest.raises(WaitTimeout, match="goes on running"):
        handle.result(0.3)
    interrupt_after(0.2)
    with pytest.raises(Interrupted, match="goes on running"):
        handle.result()
    assert handle.state in {"waiting", "running"}
    assert handle.result(60).text == "'slept'"


def test_a_cancelled_one_stops_and_those_behind_it_are_never_sent(session: Session) -> None:
    handle = session.submit("import time\nwhile True: time.sleep(0.05)")
    behind = session.submit("never = 1")
    while handle.state != "running":
        time.sleep(0.02)
    behind.cancel()
    with pytest.raises(StatementCancelled, match="not been sent"):
        behind.result(60)
    handle.cancel()
    with pytest.raises(StatementCancelled, match="was cancelled on the session"):
        handle.result(60)
    assert (handle.state, behind.state) == ("cancelled", "cancelled")
    assert session.run("'never' in globals()").text == "False"


# ------------------------------------------------------------------------------------------------ fan-out
def test_map_keeps_the_order_and_its_repls(session: Session) -> None:
    codes = [f"import os, time; time.sleep(0.2); (os.getpid(), {number})" for number in range(6)]
    session.map(codes, repls=2)
    first = further_repls(session)
    found = [ast.literal_eval(one.text) for one in session.map(codes, repls=2)]
    assert [number for _, number in found] == list(range(6))
    assert len({pid for pid, _ in found}) == 2
    assert len(first) == 1
    assert further_repls(session) == first


def test_map_raises_the_first_error_or_gives_it_in_its_place(session: Session) -> None:
    with pytest.raises(StatementError, match="division"):
        session.map(["1", "1/0", "2"], repls=2)
    first, failed, last = session.map(["1", "1/0", "2"], repls=2, return_exceptions=True)
    assert (first.text, last.text) == ("1", "2")
    assert isinstance(failed, StatementError)


def test_an_interrupted_map_cancels_what_runs_and_says_what_became_of_each(session: Session) -> None:
    before = further_repls(session)
    codes = ["1", "2", *["import time\ntime.sleep(30)"] * 4]
    interrupt_after(1.5)
    with pytest.raises(Interrupted) as told:
        session.map(codes, repls=2)
    assert "2 of 6 had ended, 2 had not begun." in str(told.value)
    assert str(told.value).count("was cancelled on the session") == 2
    assert told.value.may_run_on is False
    assert further_repls(session) == before
    assert [one.text for one in session.map(["3", "4"], repls=2)] == ["3", "4"]


def test_a_repl_that_ended_is_replaced(session: Session) -> None:
    session.map(["1", "2"], repls=2)
    assert session.repl.pool is not None
    ended = session.repl.pool.repls[0]
    ended.remote.client.delete_session(ended.id)
    results = session.map(["import time; time.sleep(1)", "1", "2", "3"], repls=2, return_exceptions=True)
    assert sum(isinstance(one, SessionLostError) for one in results) == 1
    assert ended.id not in further_repls(session)
    assert len(session.map(["1", "2"], repls=2)) == 2
    assert len(further_repls(session)) == 1


# ------------------------------------------------------------------------------------------------ one tag
def test_sessions_of_one_tag_share_a_spark_application_and_run_side_by_side(session: Session) -> None:
    sessions = session._keeper
    assert isinstance(sessions, NotebookSessions)
    other = sessions.start("other", session.spec)
    application = "spark.sparkContext.applicationId"
    assert other.run(application).text == session.run(application).text
    session.run("mine = 1")
    assert other.run("'mine' in globals()").text == "False"
    slow = session.submit("import time\ntime.sleep(4)")
    began = time.monotonic()
    assert other.run("1 + 1").text == "2"
    assert time.monotonic() - began < 3.5
    slow.result(20)
    other.run("kept = 3")
    found = sessions.attach(other.id, "found")
    assert found.run("kept").text == "3"
    sessions.stop("found")
    sessions.stop("other")
    sessions.switch(session.name)


# ------------------------------------------------------------------------------------------------ the log
def test_the_log_has_each_request_and_neither_token_nor_code(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="fabric_livy_magic"):
        session.run("'SECRET' + 'CODE'")
        with pytest.raises(StatementError):
            session.run("raise ValueError('SECRET')")
    token = session.remote.client.http._authorization._credential.token().secret  # type: ignore[union-attr]
    assert "POST" in caplog.text
    assert "statements → 200" in caplog.text
    assert "SECRET" not in caplog.text
    assert token not in caplog.text
