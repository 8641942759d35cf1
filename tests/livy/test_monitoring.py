"""How and when the jobs of a statement are asked for: at what rate, what a refusal ends, and that it holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.job_watch import FIRST_LOOK_S, JobWatch
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.monitoring import MANY_STAGES, Monitored, SparkMonitoring
from fabric_livy_magic.livy.rate import BURST, CALLS_PER_MINUTE, KEPT_BY_SPARE_CALLS, RateLimiter
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.spark_jobs import SparkWork
from fabric_livy_magic.livy.statements import run_statement
from fabric_livy_magic.settings import SessionSpec
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.request_auth import BearerAuth
from tests.support.clients import SuccessiveTokens, client_of
from tests.support.fakes import APPLICATION, FakeFabric
from tests.support.spark_json import job, stage
from tests.support.timing import AT_ONCE_S, FakeClock, eventually

HTML = "<!DOCTYPE html><html><body>Sign in to your proxy</body></html>"


def at_once(work: Callable[[], None], name: str) -> None:
    work()


class Statements:
    """Of one session on the scripted Fabric, by a clock that only pauses move. Looks at jobs take no time of it."""

    def __init__(self, fabric: FakeFabric, clock: FakeClock, credential: Any = None) -> None:
        self.fabric, self.clock = fabric, clock
        self.rate_limiter = RateLimiter()
        authorization = BearerAuth(credential or StaticToken(fabric.token))
        http = LivyHttp(fabric.url, authorization, rate_limiter=self.rate_limiter, clock=clock, sleep=clock.sleep)
        self.client = LivyClient(http, Dialect.FABRIC)
        self.session_id = self.client.create_session(SessionSpec()).id
        self.monitoring = SparkMonitoring(http, lambda: Monitored(self.session_id, APPLICATION), clock)
        self.finals: list[SparkWork] = []

    def run(self, seconds: float, watch: JobWatch | None = None) -> JobWatch:
        """A statement that takes that long."""
        until, watch = self.clock() + seconds, watch or JobWatch(in_background=at_once, sleep=self.clock.sleep)
        self.fabric.statement_goes("running")

        def hear(progress: Progress) -> None:
            if self.clock() >= until:
                self.fabric.sessions[self.session_id].statements[-1].script.readings[:] = ["available"]
            watch.hear(progress)

        run_statement(
            self.client,
            self.session_id,
            "1+1",
            "pyspark",
            on_progress=hear,
            monitoring=self.monitoring,
            clock=self.clock,
            sleep=self.clock.sleep,
        )
        self.took_s = self.clock() - until + seconds
        watch.finish(self.finals.append)
        return watch


@pytest.fixture
def statements(fabric: FakeFabric, clock: FakeClock) -> Statements:
    fabric.session_goes("idle")
    return Statements(fabric, clock)


RUNNING = ([job(4, "0", 10, 3, running=2)], [stage(4, 10, 3, running=2, inputBytes=5)])
ENDED = ([job(4, "0", 10, 10)], [stage(4, 10, 10, inputBytes=9)])


def test_counts_rise_while_the_statement_runs_and_are_final_after_it(
    fabric: FakeFabric, statements: Statements
) -> None:
    fabric.monitoring_goes(RUNNING, RUNNING, ENDED)
    watch = statements.run(20)
    (final,) = statements.finals
    assert (final.is_final, final.done, final.read_bytes) == (True, 10, 9)
    assert watch.work == final


def test_a_quick_statement_costs_no_call(fabric: FakeFabric, statements: Statements) -> None:
    fabric.monitoring_goes(RUNNING)
    statements.run(FIRST_LOOK_S - 0.3)
    assert fabric.monitoring_calls == []
    assert statements.finals == []


def test_a_statement_of_ten_minutes_is_looked_at_seldom_and_its_own_polls_are_those_without(
    fabric: FakeFabric, clock: FakeClock
) -> None:
    class Far(SparkMonitoring):
        """Loopback has no limits of its own; this one counts as a server elsewhere."""

        is_near = False  # type: ignore[assignment]

    fabric.session_goes("idle")
    alone = Statements(fabric, FakeClock())
    alone.monitoring.is_refused = True
    alone.run(600)
    polls = len(fabric.seen("GET", "/statements/"))
    fabric.monitoring_goes(RUNNING)
    watched = Statements(fabric, clock)
    watched.monitoring = Far(watched.client.http, lambda: Monitored(watched.session_id, APPLICATION), clock)
    watched.run(600)
    assert 40 <= len(fabric.monitoring_calls) <= 100
    assert len(fabric.seen("GET", "/statements/")) == 2 * polls
    assert watched.clock.sleeps == alone.clock.sleeps


def test_with_few_calls_left_the_monitoring_asks_nothing_and_the_statement_goes_on(
    fabric: FakeFabric, statements: Statements
) -> None:
    fabric.monitoring_goes(RUNNING)
    limiter = statements.rate_limiter

    class Busy(JobWatch):
        """Other sessions use what there is."""

        def hear(self, progress: Progress) -> None:
            while limiter.acquire_spare(statements.clock()):
                pass
            super().hear(progress)

        def finish(self, on_answer: Callable[[SparkWork], None]) -> None:
            pass

    assert statements.run(30, Busy(in_background=at_once)).is_postponed
    assert fabric.monitoring_calls == []
    assert not statements.monitoring.is_refused
    fabric.monitoring_goes(ENDED)
    statements.clock.sleep(60)
    statements.run(20)
    assert fabric.monitoring_calls != []


def test_a_statement_that_ended_before_a_call_was_to_spare_is_looked_at_after_its_end(
    fabric: FakeFabric, statements: Statements
) -> None:
    """A statement asks for its own state forty times in its first two seconds."""
    fabric.monitoring_goes(ENDED)
    watch = statements.run(4)
    assert statements.took_s < 5
    assert [work.done for work in statements.finals] == [10]
    assert not watch.is_postponed


def test_spare_calls_leave_some_of_a_burst_and_stop_while_the_gate_is_closed() -> None:
    limiter = RateLimiter()
    assert [limiter.acquire_spare(0) for _ in range(BURST)].count(True) == BURST - KEPT_BY_SPARE_CALLS
    assert limiter.acquire(0, is_command=False) == 0
    limiter.close_until(100)
    assert not limiter.acquire_spare(99)
    assert limiter.acquire_spare(101)
    seconds = [second / 10 for second in range(1010, 1610)]
    taken = sum(limiter.acquire_spare(second) for second in seconds)
    assert taken <= CALLS_PER_MINUTE


@pytest.mark.parametrize(
    ("how", "calls"),
    [
        pytest.param({"status": 403, "body": '{"errorCode":"InsufficientScopes","message":"no"}'}, 1, id="403"),
        pytest.param({"status": 401, "body": ""}, 1, id="401"),
        pytest.param({"status": 400, "body": "what?"}, 1, id="400"),
        pytest.param({"status": 200, "body": HTML}, 1, id="a page of a proxy"),
        pytest.param({"status": 403, "body": HTML}, 1, id="a page with 403"),
        pytest.param({"status": 302, "headers": {"Location": "https://example.org/"}}, 1, id="a redirect"),
        pytest.param({"status": 404, "body": HTML}, 2, id="404: once more with the next statement"),
    ],
)
def test_a_refusal_ends_the_asking_for_the_session(
    fabric: FakeFabric, statements: Statements, how: dict[str, Any], calls: int
) -> None:
    fabric.monitoring_goes(RUNNING)
    fabric.fault("GET", "/jobs$", times=1000, **how)
    watches = [statements.run(60) for _ in range(4)]
    assert len(fabric.monitoring_calls) == calls
    assert all(watch.work.jobs == () for watch in watches)


def test_a_429_to_the_monitoring_holds_up_itself_alone(fabric: FakeFabric, statements: Statements) -> None:
    fabric.monitoring_goes(RUNNING)
    fabric.fault("GET", "/jobs$", status=429, headers={"Retry-After": "40"})
    statements.run(20)
    assert statements.took_s < 23
    assert len(fabric.monitoring_calls) == 1
    statements.clock.sleep(40)
    statements.run(20)
    assert len(fabric.monitoring_calls) > 1


def test_after_a_server_error_it_asks_again_later(fabric: FakeFabric, statements: Statements) -> None:
    fabric.monitoring_goes(RUNNING)
    fabric.fault("GET", "/jobs$", status=503)
    assert statements.run(25).work.jobs == ()
    assert len(fabric.monitoring_calls) == 1
    fabric.monitoring_goes(([job(5, "1")], [stage(5)]))
    assert statements.run(60).work.jobs != ()


def test_nobody_signs_in_for_it_again(fabric: FakeFabric, clock: FakeClock) -> None:
    fabric.session_goes("idle")
    fabric.monitoring_goes(RUNNING)
    credential = SuccessiveTokens(fabric.token)
    statements = Statements(fabric, clock, credential)
    fabric.fault("GET", "/jobs$", status=401)
    statements.run(30)
    assert len(fabric.monitoring_calls) == 1
    assert credential.requests == 1


def test_a_monitoring_that_hangs_delays_nothing(fabric: FakeFabric, statements: Statements) -> None:
    fabric.monitoring_goes(RUNNING)
    fabric.fault("GET", "/jobs$", acts=True, delay_s=30)
    began = time.monotonic()
    statements.run(60, JobWatch())
    assert time.monotonic() - began < AT_ONCE_S
    assert eventually(lambda: fabric.monitoring_calls)


def test_one_question_is_on_its_way_at_a_time(fabric: FakeFabric, statements: Statements) -> None:
    fabric.monitoring_goes(RUNNING)
    waiting: list[Callable[[], None]] = []
    statements.run(60, JobWatch(in_background=lambda work, name: waiting.append(work)))
    assert len(waiting) == 1
    thread = threading.Thread(target=waiting[0])
    thread.start()
    thread.join(10)
    assert len(fabric.monitoring_calls) == 2


def test_a_large_application_is_asked_for_the_stages_that_run_until_the_end(
    fabric: FakeFabric, statements: Statements
) -> None:
    number = MANY_STAGES + 7
    fabric.monitoring_goes(([job(number, "0")], [stage(number)]))
    statements.run(40)
    queries = [one.query for one in fabric.monitoring_calls if one.path.endswith("/stages")]
    assert len(queries) > 1
    assert all(query == {"status": ["active"]} for query in queries[:-1])
    assert queries[-1] == {}


def test_a_server_that_is_no_fabric_is_not_asked(apache_livy: FakeFabric, clock: FakeClock) -> None:
    apache_livy.session_goes("idle")
    session = StandardSession.create(client_of(apache_livy, clock), SessionSpec())
    assert session.monitoring.is_refused


def test_a_session_asks_with_its_own_ids_and_looks_up_an_application_that_it_does_not_name(
    fabric: FakeFabric, clock: FakeClock
) -> None:
    fabric.session_goes("idle")
    fabric.monitoring_goes(RUNNING)
    session = StandardSession.create(client_of(fabric, clock), SessionSpec())
    work = session.monitoring.jobs_of(0).ask()
    assert work is not None
    assert [one.tasks for one in work.jobs] == [10]
    paths = [one.path.partition("/livySessions/")[2] for one in fabric.monitoring_calls]
    below = f"{session.id}/applications/{APPLICATION}"
    assert paths == [session.id, f"{below}/jobs", f"{below}/stages"]
