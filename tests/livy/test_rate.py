"""How often a server is called: by one account, over all its sessions and threads. The clock is a fake one."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any

import pytest

from fabric_livy_magic.errors import CapacityError, ThrottledError
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.rate import BURST, CALLS_PER_MINUTE, RateLimiter, shared_rate_limiter
from fabric_livy_magic.livy.retries import RetryPolicy
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.statements import run_statement
from fabric_livy_magic.livy.waiting import Pauses
from fabric_livy_magic.settings import SessionSpec
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.request_auth import BearerAuth
from tests.support.clients import SuccessiveTokens
from tests.support.fakes import FakeFabric
from tests.support.faulty_proxy import until_text
from tests.support.timing import FakeClock


def most_in_a_minute(moments: list[float]) -> int:
    return max(sum(begin <= one < begin + 60 for one in moments) for begin in moments)


class Calls:
    """Of clients that share a pace, each with the moment it was made at."""

    def __init__(self, fabric: FakeFabric, rate_limiter: RateLimiter) -> None:
        self.fabric, self.rate_limiter = fabric, rate_limiter
        self.moments: list[float] = []

    def client(self, clock: FakeClock) -> LivyClient:
        authorization = TimestampedRequests(
            BearerAuth(StaticToken(self.fabric.token)), lambda: self.moments.append(clock())
        )
        http = LivyHttp(self.fabric.url, authorization, rate_limiter=self.rate_limiter, clock=clock, sleep=clock.sleep)
        return LivyClient(http, Dialect.FABRIC)


class TimestampedRequests:
    def __init__(self, inner: BearerAuth, note: Callable[[], None]) -> None:
        self._inner, self._note = inner, note

    def __call__(self, request: Any) -> Any:
        self._note()
        return self._inner(request)

    def renew(self) -> bool:
        return self._inner.renew()

    def account(self) -> str:
        return self._inner.account()


# ------------------------------------------------------------------------------------------------ how many calls
def test_a_statement_of_ten_minutes_takes_150_calls_at_most(fabric: FakeFabric, clock: FakeClock) -> None:
    calls = Calls(fabric, RateLimiter())
    client = calls.client(clock)
    session_id = client.create_session(SessionSpec()).id
    fabric.statement_goes("running")

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now_s >= 600:
            fabric.statement_goes("available")
            for statement in fabric.sessions[session_id].statements:
                statement.script.readings = ["available"]

    run_statement(client, session_id, "slow()", "pyspark", clock=clock, sleep=sleep)
    assert clock.now_s >= 600
    assert len(calls.moments) <= 150


def test_five_sessions_together_make_150_calls_a_minute_at_most() -> None:
    """Each with a statement that has just begun, when it is looked at most often; new ones begin all the time."""
    rate_limiter, moments, clock = RateLimiter(), [], 0.0
    due = [(0.0, 0.0)] * 5  # of each session: when its next call is due, and when its statement began
    while clock < 600:
        which = min(range(5), key=lambda one: due[one][0])
        at, began = due[which]
        clock = max(clock, at)
        is_command = at == began
        if wait_s := rate_limiter.acquire(clock, is_command=is_command):
            due[which] = (clock + wait_s, clock + wait_s if is_command else began)
            continue
        moments.append(clock)
        next_s = clock + Pauses().after(clock - began)
        due[which] = (next_s, next_s if clock - began > 20 else began)
    assert most_in_a_minute(moments) <= CALLS_PER_MINUTE
    assert len(moments) > 600  # and not much fewer


def test_after_a_retry_after_no_session_of_the_account_calls_before_it_ends(
    fabric: FakeFabric, clock: FakeClock
) -> None:
    calls = Calls(fabric, RateLimiter())
    first, second = calls.client(clock), calls.client(clock)
    session_id = first.create_session(SessionSpec()).id
    clock.sleep(10)
    fabric.fault("GET", "/sessions$", status=429, headers={"Retry-After": "55"})
    with pytest.raises(ThrottledError, match="asks for fewer calls"):
        first.with_short_timeouts().list_sessions()
    with pytest.raises(ThrottledError, match="wants none for another 55 s"):
        second.with_short_timeouts().list_sessions()
    struck_at = clock()
    run_statement(second, session_id, "1+1", "pyspark", clock=clock, sleep=clock.sleep)
    later = [moment for moment in calls.moments if moment > 10]
    assert min(later) >= struck_at + 55
    assert len(later) >= 2


@pytest.mark.parametrize("where", ["seconds", "date", "body"])
def test_a_throttled_call_waits_for_retry_after_and_reports_it(
    fabric: FakeFabric, clock: FakeClock, where: str
) -> None:
    soon_s = time.time() + 5
    headers = {"seconds": {"Retry-After": "5"}, "date": {"Retry-After": formatdate(soon_s, usegmt=True)}}.get(where, {})
    reported: list[Progress] = []
    client = Calls(fabric, RateLimiter()).client(clock).reporting_to(reported.append, "session")
    fabric.fault("GET", "/sessions$", status=429, headers=headers, body=f'{{"message": "until: {until_text(soon_s)}"}}')
    client.list_sessions()
    assert 3 < clock.now_s <= 5
    assert {one.state for one in reported} == {"waiting"}
    assert "asks for fewer calls; going on in" in reported[0].detail


# ------------------------------------------------------------------------------------------------ the pace itself
def acquired(rate_limiter: RateLimiter, moments: Iterator[float], *, is_command: bool) -> int:
    return sum(rate_limiter.acquire(moment, is_command=is_command) == 0 for moment in moments)


def test_no_minute_has_more_calls_than_the_limit() -> None:
    rate_limiter, tenths = RateLimiter(), [tenth / 10 for tenth in range(3000)]
    assert (
        most_in_a_minute([one for one in tenths if rate_limiter.acquire(one, is_command=True) == 0]) <= CALLS_PER_MINUTE
    )


def test_polls_leave_tokens_for_commands() -> None:
    rate_limiter = RateLimiter()
    polls = acquired(rate_limiter, itertools.repeat(0.0, 100), is_command=False)
    commands = acquired(rate_limiter, itertools.repeat(0.0, 100), is_command=True)
    assert (polls, commands) == (BURST - 5, 5)


def test_retry_after_holds_for_commands_as_well() -> None:
    rate_limiter = RateLimiter(None)
    rate_limiter.close_until(55.0)
    assert rate_limiter.acquire(10.0, is_command=True) == 45.0
    assert rate_limiter.acquire(55.0, is_command=True) == 0.0


def test_an_account_has_one_rate_limiter_for_each_host() -> None:
    ada = shared_rate_limiter("api.fabric.example", "ada")
    assert shared_rate_limiter("api.fabric.example", "ada") is ada
    assert shared_rate_limiter("api.fabric.example", "bob") is not ada
    assert shared_rate_limiter("other.example", "ada") is not ada


def test_calls_to_this_machine_have_no_limit(fabric: FakeFabric, clock: FakeClock) -> None:
    http = LivyHttp(fabric.url, BearerAuth(StaticToken(fabric.token)), clock=clock, sleep=clock.sleep)
    for _ in range(200):
        http.get("/sessions")
    assert clock.sleeps == []


# ------------------------------------------------------------------------------------------------ a full capacity
FULL = {"status": 430, "body": '{"errorCode": "TooManyRequestsForCapacity", "message": "This spark job can\'t be run"}'}


def test_a_full_capacity_is_waited_for_with_few_requests(fabric: FakeFabric, clock: FakeClock) -> None:
    client, reported = Calls(fabric, RateLimiter()).client(clock), []
    held = client.create_session(SessionSpec(name="nightly"))
    fabric.fault("POST", "/sessions$", **FULL, times=4)
    session = StandardSession.create(
        client, SessionSpec(), capacity_wait_s=300, on_progress=reported.append, clock=clock, sleep=clock.sleep
    )
    assert session.id in fabric.sessions
    assert session.id != held.id
    assert 45 <= clock.now_s <= 75
    assert len(fabric.seen("POST", "/sessions$")) == 1 + 5
    assert "the Spark capacity is full; asking again in" in reported[0].detail
    assert "On this lakehouse run: nightly (starting)" in reported[0].detail


def test_a_capacity_that_stays_full_is_reported_after_capacity_wait_s(fabric: FakeFabric, clock: FakeClock) -> None:
    client = Calls(fabric, RateLimiter()).client(clock)
    fabric.fault("POST", "/sessions$", **FULL, times=1000)
    with pytest.raises(CapacityError, match=r"still so after 100 s \(setting capacity_wait_s\)"):
        StandardSession.create(client, SessionSpec(), capacity_wait_s=100, clock=clock, sleep=clock.sleep)
    assert 70 <= clock.now_s <= 100
    assert len(fabric.seen("POST", "/sessions$")) <= 9


@pytest.mark.parametrize(
    ("method", "path", "idempotent"),
    [
        ("GET", "/sessions", False),
        ("DELETE", "/sessions/{id}", False),
        ("POST", "/sessions/{id}/statements/0/cancel", True),
    ],
)
def test_a_call_that_does_no_harm_twice_is_repeated_while_the_capacity_is_full(
    fabric: FakeFabric, clock: FakeClock, method: str, path: str, idempotent: bool
) -> None:
    client = Calls(fabric, RateLimiter()).client(clock)
    session_id = client.create_session(SessionSpec()).id
    client.submit_statement(session_id, "1", "pyspark", "a")
    path = path.format(id=session_id)
    fabric.fault(method, "/sessions", **FULL, times=5)
    client.http.request(method, path, body={}, idempotent=idempotent)
    assert len(fabric.seen(method, f"{path}$")) == 6
    assert 5 < clock.now_s < 60


def test_a_statement_runs_on_while_a_full_capacity_refuses_the_look_at_it(fabric: FakeFabric, clock: FakeClock) -> None:
    client = Calls(fabric, RateLimiter()).client(clock)
    session_id = client.create_session(SessionSpec()).id
    fabric.statement_goes("waiting", "running", "available")
    fabric.fault("GET", "/statements/", **FULL, times=9)
    final = run_statement(client, session_id, "1+1", "pyspark", clock=clock, sleep=clock.sleep)
    assert final.output is not None
    assert final.output.text == "2"
    assert len(fabric.posted_code) == 1


def test_a_statement_that_a_full_capacity_refuses_is_not_sent_twice(fabric: FakeFabric, clock: FakeClock) -> None:
    client = Calls(fabric, RateLimiter()).client(clock)
    session_id = client.create_session(SessionSpec()).id
    fabric.fault("POST", "/statements$", **FULL)
    with pytest.raises(CapacityError, match="The Spark capacity is full"):
        run_statement(client, session_id, "1+1", "pyspark", clock=clock, sleep=clock.sleep)
    assert len(fabric.posted_code) == 1


# ------------------------------------------------------------------------------------------------ a new token
def test_a_statement_whose_token_expired_is_sent_once_with_a_new_one(fabric: FakeFabric, clock: FakeClock) -> None:
    good = Calls(fabric, RateLimiter()).client(clock)
    session_id = good.create_session(SessionSpec()).id
    credential = SuccessiveTokens("old", fabric.token)
    http = LivyHttp(fabric.url, BearerAuth(credential), clock=clock, sleep=clock.sleep)
    run_statement(LivyClient(http, Dialect.FABRIC), session_id, "1+1", "pyspark", clock=clock, sleep=clock.sleep)
    assert len(fabric.sessions[session_id].statements) == 1
    assert credential.requests == 2


def test_pauses_between_retries_grow_and_have_jitter() -> None:
    first, second = (list(itertools.islice(RetryPolicy().pauses(), 12)) for _ in range(2))
    assert first != second
    assert first[0] < 0.5 < 7 < first[-1] < 13


def test_a_pause_takes_no_number_of_a_notebook_that_has_set_its_seed() -> None:
    random.seed(7)
    expected = random.Random(7).random()
    next(RetryPolicy().pauses())
    assert random.random() == expected
