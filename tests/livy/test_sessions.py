"""The life of a session: create, find again, attach, be ready, stop."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fabric_livy_magic.errors import (
    CapacityError,
    HttpError,
    NotFoundError,
    NotLivyError,
    SessionLostError,
    SessionStartError,
    TakenWithoutId,
    WaitTimeout,
)
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.high_concurrency import HighConcurrencySession
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.settings import SessionSpec
from tests.support.clients import client_of
from tests.support.fakes import FakeFabric
from tests.support.timing import AT_ONCE_S, FakeClock, eventually, interrupt_after


def ready(session: StandardSession, clock: FakeClock, **more: Any) -> str:
    """The state after the wait."""
    info = session.wait_ready(timeout_s=more.pop("timeout_s", 600), clock=clock, sleep=clock.sleep, **more)
    return info.state.value


# ------------------------------------------------------------------------------------------------ start
@pytest.mark.parametrize(
    "readings",
    [
        ["idle"],
        ["starting", "idle"],
        ["not_started", "starting", "busy"],
        [
            {"fabricSessionStateInfo": {"state": "queued"}},
            {"fabricSessionStateInfo": {"state": "acquiringSession"}},
            {"state": "not_started"},
            {"state": "starting", "livyInfo": {"currentState": "idle"}},
            {"state": "idle"},
        ],
        [{}, {"livyInfo": None}, {"livyInfo": {"currentState": "idle"}}],
        ["starting", "missing", "missing", "idle"],
        ["starting", "hibernating", "idle"],
    ],
    ids=["at once", "starting", "busy", "fabric's own states first", "nothing told", "not visible yet", "new state"],
)
def test_a_session_is_waited_for_until_it_is_ready(fabric: FakeFabric, clock: FakeClock, readings: list[Any]) -> None:
    fabric.session_goes(*readings)
    session = StandardSession.create(client_of(fabric), SessionSpec())
    assert ready(session, clock) in {"idle", "busy"}
    assert session.ready
    assert len(fabric.seen("POST", "/sessions")) == 1


def test_a_session_gets_a_name_of_its_own_to_be_found_by(client: LivyClient, fake: FakeFabric) -> None:
    StandardSession.create(client, SessionSpec())
    StandardSession.create(client, SessionSpec())
    one, other = (request.body["name"] for request in fake.requests)
    assert one.startswith("fabric-livy-magic-")
    assert one != other
    assert set(fake.requests[0].body) == {"name"}


def test_a_chosen_name_is_kept(client: LivyClient, fake: FakeFabric) -> None:
    StandardSession.create(client, SessionSpec(name="nightly"))
    assert fake.requests[0].body == {"name": "nightly"}


LOST_ANSWERS = {
    "reset": {"closes": True},
    "500": {"status": 500},
    "502": {"status": 502, "body": "<html><title>Bad gateway</title></html>"},
    "504": {"status": 504},
    "cut": {"status": 202, "body": '{"id": "', "cuts": True},
    "broken JSON": {"status": 202, "body": '{"id": "'},
    "an empty 201": {"status": 201, "body": ""},
    "an empty 202": {"status": 202, "body": "", "headers": {"x-ms-operation-id": "o-1"}},
}


@pytest.mark.parametrize("fault", LOST_ANSWERS.values(), ids=LOST_ANSWERS)
def test_a_session_whose_answer_was_lost_is_found_and_not_created_twice(
    client: LivyClient, fake: FakeFabric, fault: dict[str, Any]
) -> None:
    fake.fault("POST", "/sessions", acts=True, **fault)
    session = StandardSession.create(client, SessionSpec())
    assert [session.id] == list(fake.sessions)
    assert len(fake.seen("POST", "/sessions")) == 1


@pytest.mark.parametrize("fault", [{"closes": True}, {"status": 503}], ids=["reset", "503"])
def test_a_session_that_was_not_created_is_requested_again(
    fake: FakeFabric, clock: FakeClock, fault: dict[str, Any]
) -> None:
    client = client_of(fake, clock)
    fake.fault("POST", "/sessions", **fault)
    session = StandardSession.create(client, SessionSpec(), clock=clock, sleep=clock.sleep)
    assert [session.id] == list(fake.sessions)
    first, second = fake.seen("POST", "/sessions")
    assert first.body["name"] == second.body["name"]


def test_a_server_that_creates_no_session_gets_three_requests(fabric: FakeFabric, clock: FakeClock) -> None:
    client = client_of(fabric, clock)
    fabric.fault("POST", "/sessions", status=500, times=10)
    with pytest.raises(HttpError, match="The list of sessions has none that came of it"):
        StandardSession.create(client, SessionSpec(), clock=clock, sleep=clock.sleep)
    assert len(fabric.seen("POST")) == 3


def test_a_request_that_arrives_after_all_leaves_no_second_session(fabric: FakeFabric, clock: FakeClock) -> None:
    client = client_of(fabric, clock)
    fabric.fault("POST", "/sessions", status=503)
    session = StandardSession.create(client, SessionSpec(), clock=clock, sleep=clock.sleep)
    late = client.create_session(SessionSpec(name=fabric.seen("POST")[0].body["name"]))
    ready(session, clock)
    assert fabric.deleted == [late.id]
    assert fabric.left_running == [session.id]


def test_a_session_with_a_chosen_name_is_not_requested_again(fabric: FakeFabric, clock: FakeClock) -> None:
    """Others may have one of that name."""
    fabric.fault("POST", "/sessions", status=503)
    with pytest.raises(HttpError, match="It is not known whether session 'nightly' was made"):
        StandardSession.create(client_of(fabric, clock), SessionSpec(name="nightly"))
    assert len(fabric.seen("POST")) == 1


def test_a_session_that_was_made_and_is_not_listed_is_told_of_and_not_requested_again(
    fabric: FakeFabric, clock: FakeClock
) -> None:
    fabric.fault("POST", "/sessions", status=201, times=10)
    with pytest.raises(
        TakenWithoutId, match=r"`%livy sessions` lists it by its name 'fabric-livy-.* stopped as soon as"
    ):
        StandardSession.create(client_of(fabric, clock), SessionSpec(), clock=clock, sleep=clock.sleep)
    assert len(fabric.seen("POST")) == 1


def test_a_session_that_was_made_and_is_listed_late_is_stopped(client: LivyClient, fake: FakeFabric) -> None:
    fake.fault("POST", "/sessions", status=201)
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 5:  # after the error
            client.create_session(SessionSpec(name=fake.seen("POST", "/sessions")[0].body["name"]))

    with pytest.raises(TakenWithoutId):
        StandardSession.create(client, SessionSpec(), sleep=sleep)
    assert eventually(lambda: fake.deleted and not fake.left_running)


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_chosen_name_tells_how_to_find_the_session_that_was_made(fabric: FakeFabric, is_listed: bool) -> None:
    """It is not taken by itself: others may have one of that name."""
    fabric.fault("POST", "/sessions", status=201, acts=is_listed)
    with pytest.raises(TakenWithoutId, match=r"`%livy sessions` lists it by its name 'nightly', `%livy attach <id>`"):
        StandardSession.create(client_of(fabric), SessionSpec(name="nightly"))
    assert len(fabric.seen("POST")) == 1


def test_a_high_concurrency_session_that_was_made_is_known_by_its_location_or_told_of(fabric: FakeFabric) -> None:
    spec = SessionSpec(high_concurrency=True)
    fabric.fault("POST", "/highConcurrencySessions", status=201, headers={"Location": "/highConcurrencySessions/h-1"})
    assert HighConcurrencySession.create(client_of(fabric), spec).id == "h-1"
    fabric.fault("POST", "/highConcurrencySessions", status=201)
    with pytest.raises(TakenWithoutId, match="It may run and cost"):
        HighConcurrencySession.create(client_of(fabric), spec)


def test_a_full_capacity_gets_few_requests(fabric: FakeFabric) -> None:
    fabric.fault(
        "POST",
        "/sessions",
        status=430,
        body='{"errorCode": "TooManyRequestsForCapacity", "message": "This spark job can\'t be run"}',
    )
    with pytest.raises(CapacityError, match="TooManyRequestsForCapacity: This spark job can't be run"):
        StandardSession.create(client_of(fabric), SessionSpec())
    assert len(fabric.seen("POST")) == 1


def test_ctrl_c_while_the_session_is_requested_leaves_no_session(client: LivyClient, fake: FakeFabric) -> None:
    fake.fault("POST", "/sessions", acts=True, delay_s=30)
    interrupt = interrupt_after(0.3)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        StandardSession.create(client, SessionSpec())
    assert time.monotonic() - began < AT_ONCE_S
    assert len(fake.deleted) == 1
    assert fake.left_running == []
    interrupt.join()


def test_a_session_that_cannot_be_stopped_after_ctrl_c_is_stopped_in_the_background(
    client: LivyClient, fake: FakeFabric
) -> None:
    fake.fault("POST", "/sessions", acts=True, delay_s=30)
    fake.fault("DELETE", "/sessions", status=503)
    interrupt = interrupt_after(0.3)
    with pytest.raises(KeyboardInterrupt, match=r"\(id .+\) could not be stopped yet: .* It is told to stop once more"):
        StandardSession.create(client, SessionSpec())
    interrupt.join()
    assert eventually(lambda: fake.deleted and not fake.left_running)


def test_a_session_whose_broken_request_arrives_after_ctrl_c_is_stopped_then(
    client: LivyClient, fake: FakeFabric
) -> None:
    fake.fault("POST", "/sessions", status=502)
    pauses: list[float] = []

    def interrupted_while_it_looks(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            raise KeyboardInterrupt
        if len(pauses) == 3:  # the request comes through after all
            client.create_session(SessionSpec(name=fake.seen("POST", "/sessions")[0].body["name"]))

    with pytest.raises(KeyboardInterrupt, match="If the server makes one after all, it is stopped at once"):
        StandardSession.create(client, SessionSpec(), sleep=interrupted_while_it_looks)
    assert eventually(lambda: fake.deleted and not fake.left_running)


# ------------------------------------------------------------------------------------------------ a failed start
@pytest.mark.parametrize("state", ["dead", "error", "killed", "shutting_down", "success"])
def test_every_end_ends_the_wait_at_once(client: LivyClient, fake: FakeFabric, clock: FakeClock, state: str) -> None:
    fake.session_goes("starting", state)
    session = StandardSession.create(client, SessionSpec())
    with pytest.raises(SessionStartError, match=f"state: {state}"):
        ready(session, clock)
    assert clock.now_s < 1
    assert not session.ready


def test_a_session_that_dies_while_starting_shows_its_log(
    client: LivyClient, fake: FakeFabric, clock: FakeClock
) -> None:
    log = [*(f"INFO line {number}" for number in range(100)), "ERROR SparkContext: Cannot get 64 cores"]
    fake.log = log
    fake.session_goes("starting", "dead", log=log)
    with pytest.raises(SessionStartError, match="Its log ends:\nERROR SparkContext: Cannot get 64 cores"):
        ready(StandardSession.create(client, SessionSpec()), clock)


def test_a_reason_above_the_last_lines_of_a_livy_log_is_found(apache_livy: FakeFabric, clock: FakeClock) -> None:
    reason = 'Exception in thread "main" java.lang.RuntimeException: [unresolved dependency: a.b#c;1: not found]'
    stack = [f"\tat org.apache.spark.deploy.SparkSubmit.main(SparkSubmit.scala:{line})" for line in range(12)]
    apache_livy.session_goes("starting", "dead", log=["stdout: ", "\nstderr: ", reason, *stack])
    with pytest.raises(SessionStartError) as caught:
        ready(StandardSession.create(client_of(apache_livy), SessionSpec()), clock)
    assert str(caught.value).endswith(f"Its log ends:\n{reason}")


def test_why_a_session_did_not_start_is_told_once(fake: FakeFabric, client: LivyClient, clock: FakeClock) -> None:
    """As the embedded Fabric answers: the reason is in two fields, and in several lines of the log."""
    reason = "java.lang.ClassNotFoundException: no.such.Plugin"
    log = [
        "26/11/28 17:14:30 ERROR SparkContext: Error initializing SparkContext.",
        reason,
        f"26/11/28 17:14:30 fabric-livy {reason}",
        f"26/11/28 17:14:30 fabric-livy session ended: {reason}",
    ]
    fake.session_goes(
        "starting",
        "error",
        fabricSessionStateInfo={"state": "error", "errorMessage": reason},
        errorInfo=[{"errorCode": "SESSION_FAILED", "message": reason}],
        log=log,
    )
    with pytest.raises(SessionStartError) as caught:
        ready(StandardSession.create(client, SessionSpec()), clock)
    assert str(caught.value).count(reason) == 1
    assert str(caught.value).endswith(f"Its log ends:\n{log[0]}")


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        ({"fabricSessionStateInfo": {"state": "error", "errorMessage": "no capacity"}}, "no capacity"),
        ({"fabricSessionStateInfo": {"state": "cancelled"}, "cancellationReason": "by an admin"}, "by an admin"),
        ({"state": "dead", "errorInfo": [{"errorCode": "X1", "message": "boom"}]}, "X1 boom"),
    ],
    ids=["fabric's own field", "cancelled", "errorInfo"],
)
def test_the_servers_reason_for_a_failed_start_is_in_the_message(
    fabric: FakeFabric, clock: FakeClock, reading: dict[str, Any], reason: str
) -> None:
    fabric.session_goes({"fabricSessionStateInfo": {"state": "acquiringSession"}}, reading)
    with pytest.raises(SessionStartError, match=f"The server says: {reason}"):
        ready(StandardSession.create(client_of(fabric), SessionSpec()), clock)


def test_a_log_that_cannot_be_read_does_not_replace_the_reason(apache_livy: FakeFabric, clock: FakeClock) -> None:
    apache_livy.session_goes("starting", "dead", log=[])
    apache_livy.fault("GET", "/log", status=404)
    with pytest.raises(SessionStartError, match="state: dead"):
        ready(StandardSession.create(client_of(apache_livy), SessionSpec()), clock)


def test_a_start_that_times_out_is_reported_with_its_id_and_goes_on(
    client: LivyClient, fake: FakeFabric, clock: FakeClock
) -> None:
    fake.session_goes("starting")
    session = StandardSession.create(client, SessionSpec())
    with pytest.raises(WaitTimeout, match=rf"not ready after 60 s and goes on starting \(id {session.id}\)"):
        ready(session, clock, timeout_s=60)
    assert fake.deleted == []
    fake.session_becomes("idle")
    assert ready(session, clock) == "idle"


def test_a_session_that_stays_invisible_is_not_waited_for_long(fabric: FakeFabric, clock: FakeClock) -> None:
    fabric.session_goes("starting", "missing")
    session = StandardSession.create(client_of(fabric), SessionSpec())
    with pytest.raises((NotFoundError, SessionLostError)):
        ready(session, clock)
    assert 30 <= clock.now_s < 40


def test_a_listener_gets_each_state_of_the_start(fabric: FakeFabric, clock: FakeClock) -> None:
    reported: list[Progress] = []
    fabric.session_goes({"fabricSessionStateInfo": {"state": "acquiringSession"}}, "starting", "idle")
    ready(StandardSession.create(client_of(fabric), SessionSpec()), clock, on_progress=reported.append)
    assert list(dict.fromkeys(one.state for one in reported)) == ["acquiring_session", "starting"]
    assert {one.subject for one in reported} == {"session"}


# ------------------------------------------------------------------------------------------------ attach, run, stop
def test_a_running_session_is_attached_by_its_id(client: LivyClient, fake: FakeFabric, clock: FakeClock) -> None:
    created = StandardSession.create(client, SessionSpec())
    session = StandardSession.attach(client, created.id)
    assert ready(session, clock) == "idle"
    output = session.run("1+1", "pyspark").output
    assert output is not None
    assert output.text == "2"


def test_attaching_to_a_missing_session_is_refused_with_how_to_find_one(client: LivyClient) -> None:
    with pytest.raises(SessionLostError, match=r"There is no session 4711 on this server\. `%livy sessions` lists"):
        StandardSession.attach(client, "4711")


def test_attaching_to_an_ended_session_is_refused(client: LivyClient, fake: FakeFabric) -> None:
    fake.session_goes("dead")
    created = StandardSession.create(client, SessionSpec())
    with pytest.raises(SessionLostError, match="is dead; nothing can run on it"):
        StandardSession.attach(client, created.id)


def test_nothing_runs_on_a_stopped_session_and_nothing_is_sent(client: LivyClient, fake: FakeFabric) -> None:
    session = StandardSession.create(client, SessionSpec())
    assert session.stop()
    sent = len(fake.requests)
    with pytest.raises(SessionLostError, match=r"was stopped\. `%livy start` starts a new one"):
        session.run("1+1", "pyspark")
    with pytest.raises(SessionLostError, match="was stopped"):
        session.wait_ready(timeout_s=1)
    assert len(fake.requests) == sent


def test_stopping_a_session_that_is_gone_is_no_error(client: LivyClient, fake: FakeFabric) -> None:
    session = StandardSession.create(client, SessionSpec())
    fake.forget_sessions()
    assert not session.stop()


def test_a_forgotten_session_is_lost_when_it_is_read(client: LivyClient, fake: FakeFabric) -> None:
    session = StandardSession.create(client, SessionSpec())
    fake.forget_sessions()
    with pytest.raises(SessionLostError, match="does not know it any more"):
        session.info()


def test_a_server_that_is_no_livy_server_is_named_and_gets_one_request(fabric: FakeFabric) -> None:
    fabric.fault("POST", "/sessions", status=200, body="<html><title>Welcome</title></html>")
    fabric.fault("GET", "/sessions", status=200, body="<html><title>Welcome</title></html>")
    with pytest.raises(NotLivyError, match="Welcome"):
        StandardSession.create(client_of(fabric), SessionSpec())
    assert len(fabric.seen("POST")) == 1
