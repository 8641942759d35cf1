"""A statement that is cancelled or interrupted."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from fabric_livy_magic.errors import (
    Interrupted,
    WaitTimeout,
)
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.models import StatementState
from fabric_livy_magic.livy.statements import cancel_statement, run_statement
from fabric_livy_magic.livy.submission import LOOKUP_PAUSES_S, KnownStatements, Submission
from fabric_livy_magic.settings import SessionSpec
from tests.livy.conftest import Run
from tests.support.clients import client_of
from tests.support.fakes import FakeFabric
from tests.support.timing import AT_ONCE_S, FakeClock, eventually, interrupt_after


@pytest.fixture
def client(client: LivyClient, fake: FakeFabric) -> LivyClient:
    """Its sessions are idle at once."""
    fake.session_goes("idle")
    return client


# ------------------------------------------------------------------------------------------------ cancel
def test_a_statement_that_takes_too_long_is_cancelled(run: Run, fake: FakeFabric, clock: FakeClock) -> None:
    fake.statement_goes("running")
    with pytest.raises(WaitTimeout, match=r"took longer than the 30 s .* was cancelled on the session"):
        run("slow()", timeout_s=30)
    assert len(fake.seen("POST", "/cancel")) == 1
    assert clock.now_s < 32


def test_the_time_that_a_cell_was_given_is_told_not_the_rest_of_it(run: Run, fake: FakeFabric) -> None:
    fake.statement_goes("running")
    with pytest.raises(WaitTimeout, match="took longer than the 30 s that it was given"):
        run("slow()", timeout_s=29.93, given_s=30)


def test_code_that_goes_on_after_its_cancel_is_reported(run: Run, fake: FakeFabric, clock: FakeClock) -> None:
    fake.statement_goes("running")
    fake.cancel_goes("cancelling")
    with pytest.raises(WaitTimeout, match=r"its code still runs: .* What you run next waits for it"):
        run("slow()", timeout_s=30)
    assert clock.now_s < 32


def test_a_failed_cancel_is_reported(run: Run, fake: FakeFabric) -> None:
    fake.statement_goes("running")
    fake.fault("POST", "/cancel", status=500, body='{"message": "no"}')
    with pytest.raises(WaitTimeout, match="Whether the statement was stopped is not known"):
        run("slow()", timeout_s=30)


@pytest.mark.parametrize(
    ("retries", "fault", "message"),
    [
        (False, {"status": 500}, "is not known"),
        (False, {"status": 429, "headers": {"Retry-After": "7"}}, "is not known"),
        (True, {"status": 429, "headers": {"Retry-After": "7"}}, "takes no calls for 7 s"),
        (True, {"status": 500}, "is told once more to stop it"),
        (True, {"status": 403}, "is not known"),
    ],
    ids=["a failure", "no calls", "no calls, later", "a failure, again", "a refusal"],
)
def test_a_statement_whose_cancel_did_not_come_through_may_run_on(
    client: LivyClient, fake: FakeFabric, retries: bool, fault: dict[str, Any], message: str
) -> None:
    fake.statement_goes("running")
    session_id = client.create_session(SessionSpec()).id
    statement_id = client.submit_statement(session_id, "slow()", "pyspark", "an-id").id
    fake.fault("POST", "/cancel", body='{"message": "no"}', **fault)
    reported, may_run_on = cancel_statement(
        client.with_short_timeouts(), session_id, statement_id, patient_client=client if retries else None
    )
    assert message in reported
    assert may_run_on


def test_ctrl_c_cancels_the_statement_and_raises_within_a_second(client: LivyClient, fake: FakeFabric) -> None:
    fake.statement_goes("running")
    session_id = client.create_session(SessionSpec()).id
    interrupt = interrupt_after(0.3)
    began = time.monotonic()
    with pytest.raises(Interrupted, match="Statement 0 was cancelled on the session") as caught:
        run_statement(client, session_id, "slow()", "pyspark", known_statements=KnownStatements(-1))
    assert caught.value.may_run_on is False
    assert time.monotonic() - began < AT_ONCE_S
    assert len(fake.seen("POST", "/cancel")) == 1
    interrupt.join()


def test_ctrl_c_raises_within_a_second_also_when_the_code_goes_on(client: LivyClient, fake: FakeFabric) -> None:
    fake.statement_goes("running")
    fake.cancel_goes("cancelling")
    session_id = client.create_session(SessionSpec()).id
    interrupt = interrupt_after(0.2)
    began = time.monotonic()
    with pytest.raises(Interrupted, match="still runs") as caught:
        run_statement(client, session_id, "slow()", "pyspark", known_statements=KnownStatements(-1))
    assert caught.value.may_run_on is True
    assert time.monotonic() - began < AT_ONCE_S
    interrupt.join()


def test_ctrl_c_while_the_statement_is_sent_finds_and_cancels_it(client: LivyClient, fake: FakeFabric) -> None:
    fake.statement_goes("running")
    fake.fault("POST", "/statements$", acts=True, delay_s=3)
    session_id = client.create_session(SessionSpec()).id
    interrupt = interrupt_after(0.3)
    with pytest.raises(Interrupted, match="was cancelled"):
        run_statement(client, session_id, "slow()", "pyspark", known_statements=KnownStatements(-1))
    assert len(fake.seen("POST", "/cancel")) == 1
    interrupt.join()


def test_ctrl_c_before_the_statement_has_arrived_cancels_no_other_one(client: LivyClient, fake: FakeFabric) -> None:
    session_id = client.create_session(SessionSpec()).id
    client.submit_statement(session_id, "others()", "pyspark", "another-id")
    fake.fault("POST", "/statements$", delay_s=1.2)
    interrupt = interrupt_after(0.3)
    with pytest.raises(Interrupted, match="had not been accepted yet") as caught:
        run_statement(client, session_id, "slow()", "pyspark", known_statements=KnownStatements(-1))
    assert caught.value.may_run_on is True
    assert not fake.seen("POST", "/cancel")
    interrupt.join()


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 200, "body": "<html>"}, {"delay_s": 5}], ids=str)
def test_a_failed_cancel_is_sent_again_in_the_background(
    client: LivyClient, fake: FakeFabric, fault: dict[str, Any]
) -> None:
    fake.statement_goes("running")
    fake.fault("POST", "/cancel", **fault)
    session_id = client.create_session(SessionSpec()).id
    interrupt = interrupt_after(0.2)
    began = time.monotonic()
    with pytest.raises(Interrupted) as caught:
        run_statement(client, session_id, "slow()", "pyspark", known_statements=KnownStatements(-1))
    assert caught.value.may_run_on
    assert time.monotonic() - began < 4.5
    interrupt.join()
    assert eventually(lambda: len(fake.seen("POST", "/cancel")) == 2)
    assert client.get_statement(session_id, 0).state is StatementState.CANCELLED


def test_a_statement_whose_broken_request_arrives_after_ctrl_c_is_cancelled_then(
    client: LivyClient, fake: FakeFabric
) -> None:
    session_id = client.create_session(SessionSpec()).id
    fake.statement_goes("running")
    fake.fault("POST", "/statements$", status=502)
    sent = threading.Event()

    def interrupted_while_it_looks(_: float) -> None:
        if not sent.is_set():
            sent.set()
            raise KeyboardInterrupt
        if not fake.seen("POST", "/statements$")[1:]:  # the request comes through after all
            source_id = fake.seen("POST", "/statements$")[0].body.get("sourceId", "")
            client.submit_statement(session_id, "slow()", "pyspark", source_id)

    with pytest.raises(Interrupted, match="If the server takes it after all, it is cancelled at once"):
        run_statement(
            client,
            session_id,
            "slow()",
            "pyspark",
            known_statements=KnownStatements(-1),
            sleep=interrupted_while_it_looks,
        )
    assert eventually(lambda: fake.seen("POST", "/cancel"))
    assert client.get_statement(session_id, 0).state is StatementState.CANCELLED
    assert len(fake.seen("POST", "/cancel")) == 1


def test_the_same_cell_run_again_is_not_taken_for_the_one_that_was_interrupted(
    client: LivyClient, fake: FakeFabric
) -> None:
    """On Apache Livy the code is all that a statement is known by."""
    fake.statement_goes("running")
    session_id, known_statements = client.create_session(SessionSpec()).id, KnownStatements(-1)
    fake.fault("POST", "/statements$", status=502)
    sleeps: list[float] = []

    def interrupted_while_it_looks(seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) == 1:
            raise KeyboardInterrupt
        if len(sleeps) == 3:
            Submission(client, session_id, "slow()", "pyspark", known_statements).send(lambda _: None)

    with pytest.raises(Interrupted):
        run_statement(
            client, session_id, "slow()", "pyspark", known_statements=known_statements, sleep=interrupted_while_it_looks
        )
    assert eventually(lambda: len(sleeps) == 1 + len(LOOKUP_PAUSES_S))
    assert [code for _, code in fake.posted_code] == ["slow()"] * 2
    assert not fake.seen("POST", "/cancel")


def test_an_equal_statement_of_another_client_is_not_cancelled(client: LivyClient, fake: FakeFabric) -> None:
    """A session may be shared, and on Apache Livy it has no mark of ours."""
    fake.statement_goes("running")
    session_id = client.create_session(SessionSpec()).id
    client.submit_statement(session_id, "slow()", "pyspark", "of somebody else")
    fake.fault("POST", "/statements$", delay_s=1.2)
    interrupt = interrupt_after(0.3)
    with pytest.raises(Interrupted, match="had not been accepted yet"):
        run_statement(client, session_id, "slow()", "pyspark")
    interrupt.join()
    assert not fake.seen("POST", "/cancel")


def test_a_statement_that_the_server_takes_after_ctrl_c_is_cancelled_then(client: LivyClient, fake: FakeFabric) -> None:
    session_id = client.create_session(SessionSpec()).id
    fake.statement_goes("waiting", "running")
    fake.fault("POST", "/statements$", acts=True, delay_s=1.0)
    fake.fault("GET", "/statements$", status=503)  # not to be found meanwhile
    interrupt, also_ended = interrupt_after(0.3), list[int]()
    with pytest.raises(Interrupted):
        run_statement(
            client, session_id, "slow()", "pyspark", known_statements=KnownStatements(-1), on_cancel=also_ended.append
        )
    assert not fake.seen("POST", "/cancel")
    assert eventually(lambda: fake.seen("POST", "/statements/0/cancel"))
    assert eventually(lambda: also_ended == [0])
    assert len(fake.seen("POST", "/cancel")) == 1
    interrupt.join()


def test_ctrl_c_does_not_wait_long_for_a_server_that_hangs(fabric: FakeFabric) -> None:
    fabric.session_goes("idle")
    fabric.statement_goes("running")
    fabric.fault("POST", "/cancel", delay_s=30)
    client = client_of(fabric)
    session_id = client.create_session(SessionSpec()).id
    interrupt = interrupt_after(0.2)
    began = time.monotonic()
    with pytest.raises(Interrupted, match="The server has not answered yet") as caught:
        run_statement(client, session_id, "slow()", "pyspark", known_statements=KnownStatements(-1))
    assert caught.value.may_run_on is True
    assert time.monotonic() - began < AT_ONCE_S
    assert len(fabric.seen("POST", "/cancel")) == 1
    interrupt.join()


def test_an_interrupt_is_a_keyboard_interrupt_and_no_exception() -> None:
    assert issubclass(Interrupted, KeyboardInterrupt)
    assert not issubclass(Interrupted, Exception)
