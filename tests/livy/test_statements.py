"""A statement to its result: progress, exactly once, a lost session."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from fabric_livy_magic.errors import (
    HttpError,
    OutcomeUnknown,
    SessionLostError,
    StatementCancelled,
)
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.endings import failure_lines, lost_session
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.statements import run_statement
from fabric_livy_magic.livy.submission import KnownStatements
from fabric_livy_magic.settings import SessionSpec
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.request_auth import BearerAuth
from tests.livy.conftest import Run
from tests.support.clients import client_of
from tests.support.fakes import FakeFabric
from tests.support.outputs import SCALA_ERROR, SYNTAX_ERROR, ZERO_DIVISION, error_output
from tests.support.timing import FakeClock


@pytest.fixture
def client(client: LivyClient, fake: FakeFabric) -> LivyClient:
    """Its sessions are idle at once."""
    fake.session_goes("idle")
    return client


# ------------------------------------------------------------------------------------------------ results
def test_a_statement_runs_to_its_output(run: Run, fake: FakeFabric) -> None:
    fake.statement_goes("waiting", "running", "running", "available")
    final = run("1+1")
    assert final.output is not None
    assert final.output.text == "2"
    assert fake.posted_code == [("pyspark", "1+1")]


def test_the_posts_own_answer_may_hold_the_result(run: Run, fake: FakeFabric) -> None:
    fake.statement_goes("available")
    assert run("1+1").output is not None
    assert not fake.seen("GET", "/statements")


@pytest.mark.parametrize(
    ("kind", "code", "output"),
    [("sql", "selec 1", SYNTAX_ERROR), ("spark", "nosuch + 1", SCALA_ERROR), ("pyspark", "1/0", ZERO_DIVISION)],
    ids=["sql", "spark", "pyspark"],
)
def test_an_error_in_the_users_code_is_an_output(run: Run, kind: str, code: str, output: dict[str, Any]) -> None:
    final = run(code, kind)
    assert final.output is not None
    assert (final.output.status, final.output.ename) == ("error", output["ename"])


def test_the_state_error_of_fabrics_contract_ends_the_wait(run: Run, fake: FakeFabric) -> None:
    fake.statement_goes("running", "Error")
    fake.answer("x", error_output("NameError", "name 'x' is not defined"))
    final = run("x")
    assert final.output is not None
    assert final.output.ename == "NameError"


def test_the_state_error_without_an_output_is_an_error(run: Run, fake: FakeFabric) -> None:
    fake.statement_goes("running", {"state": "Error"})
    final = run("x")
    assert final.output is not None
    assert final.output.status == "error"


def test_available_with_a_null_output_is_read_again(run: Run, fake: FakeFabric) -> None:
    fake.statement_goes("running", {"state": "available"}, {"state": "available"}, "available")
    final = run("1+1")
    assert final.output is not None
    assert final.output.text == "2"


def test_available_without_an_output_for_good_is_an_empty_result(run: Run, fake: FakeFabric, clock: FakeClock) -> None:
    fake.statement_goes({"state": "available"})
    final = run("1+1")
    assert final.output is not None
    assert (final.output.status, final.output.text) == ("ok", "")
    assert 5 <= clock.now_s < 7


def test_a_fresh_statement_that_is_not_visible_yet_is_waited_for(run: Run, fake: FakeFabric) -> None:
    fake.statement_goes("waiting", "missing", "missing", "available")
    assert run("1+1").output is not None


def test_a_statement_that_stays_unknown_on_a_live_session_has_an_unknown_outcome(
    run: Run, fake: FakeFabric, clock: FakeClock
) -> None:
    fake.statement_goes("waiting", "missing")
    with pytest.raises(OutcomeUnknown, match=r"Statement 0 had been accepted \(last seen: waiting\)"):
        run("1+1")
    assert 5 <= clock.now_s < 10


def test_an_unknown_state_is_waited_on(run: Run, fake: FakeFabric) -> None:
    fake.statement_goes("waiting", "pondering", "available")
    assert run("1+1").output is not None


def test_a_statement_that_was_cancelled_elsewhere_raises(run: Run, fake: FakeFabric) -> None:
    fake.statement_goes("running", "cancelling", "cancelled")
    with pytest.raises(StatementCancelled, match="was cancelled on the session"):
        run("1+1")


def test_a_long_statement_costs_150_polls_at_most(run: Run, fake: FakeFabric, clock: FakeClock) -> None:
    # What fits into ten minutes is test_waiting.py's. On this machine, as the fake is, 20 are in the first moments.
    fake.statement_goes(*["running"] * 140, "available")
    run("1+1")
    assert len(fake.seen("GET", "/statements/0")) == 140
    assert clock.now_s > 300


# ------------------------------------------------------------------------------------------------ progress
def test_a_listener_gets_state_time_and_fraction(run: Run, fake: FakeFabric) -> None:
    reported: list[Progress] = []
    fake.statement_goes(
        "waiting", {"state": "running", "progress": 0.25}, {"state": "running", "progress": 0.5}, "available"
    )
    run("1+1", on_progress=reported.append)
    assert [one.state for one in reported] == ["waiting", "running", "running"]
    assert [one.fraction for one in reported[1:]] == [0.25, 0.5]
    assert {one.subject for one in reported} == {"statement"}


def test_the_fraction_does_not_fall_when_further_jobs_appear(run: Run, fake: FakeFabric) -> None:
    reported: list[Progress] = []
    fractions = [0.5, 1.0, 0.4, None, 0.8]
    fake.statement_goes(*({"state": "running", "progress": one} for one in fractions), "available")
    run("1+1", on_progress=reported.append)
    assert [one.fraction for one in reported] == [0.5, 1.0, 1.0, 1.0, 1.0]


def test_an_error_of_the_listener_is_raised(run: Run, fake: FakeFabric) -> None:
    def listener(progress: Progress) -> None:
        raise RuntimeError("cannot draw")

    with pytest.raises(RuntimeError, match="cannot draw"):
        run("1+1", on_progress=listener)


# ------------------------------------------------------------------------------------------------ exactly once
@pytest.mark.parametrize("fault", [{"closes": True}, {"status": 503}], ids=["reset", "503"])
def test_a_statement_that_never_arrived_is_sent_again(run: Run, fake: FakeFabric, fault: dict[str, Any]) -> None:
    fake.fault("POST", "/statements", **fault)
    assert run("1+1").output is not None
    (session,) = fake.sessions.values()
    assert len(session.statements) == 1


@pytest.mark.parametrize(
    "fault",
    [{"closes": True}, {"status": 503}, {"status": 200, "body": '{"id": '}, {"status": 502, "body": "<html>"}],
    ids=["reset", "503", "cut JSON", "HTML"],
)
def test_a_statement_whose_answer_was_lost_is_found_and_not_sent_again(
    run: Run, fake: FakeFabric, fault: dict[str, Any]
) -> None:
    run("1+1")  # an earlier one of the same code
    fake.fault("POST", "/statements", acts=True, **fault)
    assert run("1+1").id == 1
    assert len(fake.posted_code) == 2


def test_a_statement_that_a_new_session_answers_with_404_is_sent_again(run: Run, fake: FakeFabric) -> None:
    fake.fault("POST", "/statements", status=404, body='{"message": "not found"}', times=2)
    assert run("1+1").output is not None
    assert len(fake.posted_code) == 3


def test_the_search_for_a_lost_statement_is_reported_as_progress(run: Run, fake: FakeFabric) -> None:
    reported: list[Progress] = []
    fake.fault("POST", "/statements", status=503)
    run("1+1", on_progress=reported.append)
    assert "Looking whether it arrived" in next(one.detail for one in reported if one.state == "waiting")


def test_a_statement_that_never_arrives_is_reported_as_not_run(run: Run, fake: FakeFabric) -> None:
    fake.fault("POST", "/statements", status=503, times=1000)
    with pytest.raises(HttpError, match=r"answered 503: .* did not run\.$"):
        run("1+1")


@pytest.mark.parametrize("acts", [True, False], ids=["which arrived", "which did not"])
def test_a_lost_statement_is_only_sent_again_if_it_cannot_be_among_those_that_the_session_dropped(
    client: LivyClient, fake: FakeFabric, clock: FakeClock, acts: bool
) -> None:
    session_id, known_statements = client.create_session(SessionSpec()).id, KnownStatements(-1)
    run = partial(run_statement, client, session_id, kind="pyspark", known_statements=known_statements, clock=clock)
    fake.fault("POST", "/statements", closes=True, acts=acts)
    others = iter([100])

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        for number in range(next(others, 0)):
            run(f"other({number})", sleep=clock.sleep)

    fake.fault("GET", "/statements$", status=404, body='{"message": "young"}')  # the first look
    if acts:
        with pytest.raises(OutcomeUnknown, match=r"lists only its newest .* not known whether it ran"):
            run("lost()", sleep=sleep)
    else:
        assert run("lost()", sleep=sleep).id == 100
    assert [code for _, code in fake.posted_code].count("lost()") == (1 if acts else 2)


def test_equal_statements_of_many_threads_run_as_often_as_they_were_sent(fake: FakeFabric) -> None:
    """Also where answers are lost: none is taken for another's."""
    client, known_statements = client_of(fake), KnownStatements(-1)
    session_id = client.create_session(SessionSpec()).id
    fake.fault("POST", "/statements", closes=True, acts=True, times=4)
    fake.fault("POST", "/statements", closes=True, times=4)

    def run_one() -> int:
        sleep = lambda seconds: time.sleep(seconds / 50)  # noqa: E731
        return run_statement(client, session_id, "1+1", "pyspark", known_statements=known_statements, sleep=sleep).id

    with ThreadPoolExecutor(8) as pool:
        ids = [future.result() for future in [pool.submit(run_one) for _ in range(12)]]
    assert sorted(ids) == list(range(12))
    assert len(fake.sessions[session_id].statements) == 12


def test_a_session_that_vanishes_in_mid_statement_leaves_it_open_whether_that_ran(run: Run, fake: FakeFabric) -> None:
    fake.statement_goes("running")
    fake.fault("GET", "/statements/0", status=404, body='{"message": "gone"}', times=1000)
    fake.fault("GET", "/sessions/[^/]+$", status=404, body='{"message": "gone"}', times=1000)
    with pytest.raises(SessionLostError, match=r"Statement 0 had been accepted .* is not known"):
        run("1+1")


def test_where_the_session_cannot_be_read_the_outcome_is_reported_as_unknown(
    fabric: FakeFabric, clock: FakeClock
) -> None:
    http = LivyHttp(fabric.url, BearerAuth(StaticToken(fabric.token)), clock=clock, sleep=clock.sleep)
    client = LivyClient(http, Dialect.FABRIC)
    session_id = client.create_session(SessionSpec()).id
    fabric.fault("POST", "/statements", closes=True, acts=True)
    fabric.fault("GET", "/statements$", status=503, times=1000)
    with pytest.raises(OutcomeUnknown, match="it is not known whether it ran"):
        run_statement(
            client, session_id, "1+1", "pyspark", known_statements=KnownStatements(-1), clock=clock, sleep=clock.sleep
        )
    assert len(fabric.posted_code) == 1


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("body", ["", "{}"])
def test_a_statement_that_an_empty_answer_accepted_is_found(run: Run, fake: FakeFabric, status: int, body: str) -> None:
    fake.fault("POST", "/statements", status=status, body=body, acts=True)
    final = run("1+1")
    assert final.output is not None
    assert final.output.text == "2"
    assert len(fake.posted_code) == 1


def test_a_statement_that_an_empty_answer_accepted_is_known_by_its_location(run: Run, fake: FakeFabric) -> None:
    fake.fault("POST", "/statements", status=201, acts=True, headers={"Location": "/sessions/0/statements/0"})
    assert run("1+1").id == 0
    assert not fake.seen("GET", "/statements$")


def test_a_statement_that_an_empty_answer_accepted_is_never_sent_again(
    run: Run, fake: FakeFabric, clock: FakeClock
) -> None:
    fake.fault("POST", "/statements", status=201, headers={"Location": "/sessions/0/statements/of-another"})
    with pytest.raises(
        OutcomeUnknown, match=r"did not say which one it made.*does not list it.*not known whether it ran"
    ):
        run("1+1")
    assert len(fake.posted_code) == 1


def test_a_failed_poll_does_not_fail_the_statement(run: Run, fake: FakeFabric) -> None:
    fake.fault("GET", "/statements/0", closes=True)
    assert run("1+1").output is not None
    assert len(fake.posted_code) == 1


def test_each_statement_has_a_source_id_of_its_own(fabric: FakeFabric, clock: FakeClock) -> None:
    client = client_of(fabric)
    session_id = client.create_session(SessionSpec()).id
    for _ in range(3):
        run_statement(
            client, session_id, "1+1", "pyspark", known_statements=KnownStatements(-1), clock=clock, sleep=clock.sleep
        )
    assert len({one.body["sourceId"] for one in fabric.seen("POST", "/statements")}) == 3


# ------------------------------------------------------------------------------------------------ a lost session
def test_a_statement_on_a_forgotten_session_says_what_is_lost(run: Run, fake: FakeFabric) -> None:
    fake.forget_sessions()
    with pytest.raises(SessionLostError, match="does not know it any more") as caught:
        run("1+1")
    assert "temporary views are lost" in str(caught.value)
    assert "`%livy start`" in str(caught.value)


def test_a_statement_on_a_dead_session_gives_the_reason(run: Run, fake: FakeFabric) -> None:
    fake.session_becomes("dead", errorInfo=[{"errorCode": "LIVY_JOB_TIMED_OUT", "message": "idle for 20 minutes"}])
    with pytest.raises(
        SessionLostError, match="it was idle for too long \\(dead: LIVY_JOB_TIMED_OUT idle for 20 minutes\\)"
    ):
        run("1+1")


def test_a_dead_session_without_a_reason_shows_its_log(run: Run, fake: FakeFabric) -> None:
    fake.session_becomes("dead", log=["INFO fine", "java.lang.OutOfMemoryError: Java heap space"])
    with pytest.raises(SessionLostError, match="OutOfMemoryError"):
        run("1+1")


def test_a_session_that_dies_while_the_statement_runs_is_lost(
    client: LivyClient, fake: FakeFabric, clock: FakeClock
) -> None:
    fake.statement_goes("running")
    session_id = client.create_session(SessionSpec()).id

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now_s > 3:
            fake.session_becomes("dead", log=["Killed"])
            if not fake.apache:
                fake.forget_sessions()

    with pytest.raises(SessionLostError, match="session is gone"):
        run_statement(
            client, session_id, "slow()", "pyspark", known_statements=KnownStatements(-1), clock=clock, sleep=sleep
        )
    assert clock.now_s < 5


def test_a_session_whose_channel_broke_is_lost_although_the_server_calls_it_idle(
    apache_livy: FakeFabric, clock: FakeClock
) -> None:
    """As recorded after a result that was too large for the server."""
    apache_livy.session_goes("idle")
    client = client_of(apache_livy)
    session_id = client.create_session(SessionSpec()).id
    closed = '"java.lang.IllegalStateException: RPC channel is closed."'
    apache_livy.fault("POST", "/statements", status=500, body=closed)
    with pytest.raises(SessionLostError, match="lost its connection to it"):
        run_statement(
            client, session_id, "1+1", "pyspark", known_statements=KnownStatements(-1), clock=clock, sleep=clock.sleep
        )


def test_a_refusal_on_a_live_session_is_not_called_a_loss(client: LivyClient, fake: FakeFabric) -> None:
    session_id = client.create_session(SessionSpec()).id
    for status in (400, 404, 409, 500, 503):
        assert lost_session(client, session_id, HttpError("x", status=status)) is None


# ------------------------------------------------------------------------------------------------ the log's lines
def test_livys_names_of_the_two_streams_are_no_lines_of_the_log() -> None:
    assert failure_lines(["stdout: ", "\nstderr: ", "Killed"]) == "Killed"


def test_the_lines_that_name_a_failure_are_picked_from_a_log() -> None:
    log = [
        *(f"INFO line {number}" for number in range(50)),
        "ERROR one\n\tat x.Y(Z.java:1)",
        "Caused by: two",
        "INFO end",
    ]
    assert failure_lines(log) == "ERROR one\nCaused by: two"


def test_without_a_failure_the_last_lines_are_picked() -> None:
    assert failure_lines([f"INFO {number}" for number in range(50)]).splitlines()[-1] == "INFO 49"
    assert len(failure_lines([f"INFO {number}" for number in range(50)]).splitlines()) == 8
