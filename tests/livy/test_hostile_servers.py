"""Servers on real sockets that stall, drip, bomb or lie: each call ends in its time, with an error of ours, in bounded memory."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from fabric_livy_magic.errors import (
    AnswerTooLarge,
    ConnectionFailed,
    FabricLivyError,
    HttpError,
    NotLivyError,
    WaitTimeout,
)
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.models import StatementInfo
from fabric_livy_magic.livy.retries import NO_RETRY
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.statements import run_statement
from fabric_livy_magic.livy.submission import KnownStatements
from fabric_livy_magic.settings import SessionSpec
from tests.support.hostile_server import (
    ENDLESS,
    MIB,
    OK,
    STALLING,
    Behaviour,
    HostileServer,
    always,
    gives,
    never_ends,
    packed,
    sends,
    stalls_after,
)
from tests.support.timing import eventually

LIMIT_S = 0.4
SLACK_S = 4.0  # of a machine that is busy


def seconds_of(call: Callable[[], object], error: type[BaseException]) -> tuple[float, Any]:
    began = time.monotonic()
    with pytest.raises(error) as caught:
        call()
    return time.monotonic() - began, caught.value


# ------------------------------------------------------------------------------------------------ one request
@pytest.mark.parametrize("behaviour", STALLING.values(), ids=STALLING)
def test_a_request_ends_within_its_time_out(behaviour: Behaviour) -> None:
    with HostileServer(always(behaviour)) as server:
        http = LivyHttp(server.url, timeout_s=LIMIT_S, retry=NO_RETRY)
        took_s, error = seconds_of(lambda: http.get("/sessions"), ConnectionFailed)
        assert LIMIT_S / 2 < took_s < LIMIT_S + SLACK_S
        assert error.maybe_sent


class SlowSignIn:
    """An authorization that waits, as for a resolver or a token that does not come."""

    def __init__(self) -> None:
        self.goes_on, self.gave_token = threading.Event(), threading.Event()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self.goes_on.wait(10)
        self.gave_token.set()
        return request

    def renew(self) -> bool:
        return False

    def account(self) -> str:
        return ""


def test_what_no_socket_ends_is_given_up_and_not_sent_afterwards() -> None:
    sign_in = SlowSignIn()
    with HostileServer(always(gives({}))) as server:
        http = LivyHttp(server.url, sign_in).within(LIMIT_S)
        took_s, error = seconds_of(lambda: http.post("/sessions", {}), HttpError)
        assert took_s < LIMIT_S + SLACK_S
        assert "not known whether" in str(error)
        sign_in.goes_on.set()
        assert sign_in.gave_token.wait(5)
        time.sleep(0.2)
        assert server.seen == []


def test_a_sign_in_may_take_longer_than_a_request() -> None:
    """A person enters a code meanwhile."""
    sign_in = SlowSignIn()
    threading.Timer(1.2, sign_in.goes_on.set).start()
    with HostileServer(always(gives({"id": 1}))) as server:
        assert LivyHttp(server.url, sign_in, timeout_s=LIMIT_S, retry=NO_RETRY).get("/x") == {"id": 1}


def test_a_post_that_drips_is_sent_once_and_said_to_be_maybe_sent() -> None:
    with HostileServer(always(STALLING["drips the body"])) as server:
        http = LivyHttp(server.url, timeout_s=LIMIT_S)
        _, error = seconds_of(lambda: http.post("/sessions", {}), ConnectionFailed)
        assert "not known whether" in str(error)
        assert len(server.seen) == 1


def test_a_connection_goes_on_after_an_answer_that_took_nearly_all_of_its_time() -> None:
    """The rest of one request's time is not that of the next."""

    def slowly(connection: Any, ended: Any) -> None:
        lines = connection.makefile("rb")
        for pause_s in (0.8, 0.8, 0.8):
            ended.wait(pause_s)
            connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")
            while lines.readline().strip():
                pass

    with HostileServer(always(slowly)) as server:
        http = LivyHttp(server.url, timeout_s=1.4, retry=NO_RETRY)
        assert [http.get("/x") for _ in range(3)] == [{}, {}, {}]
        assert len(server.seen) == 1, "all went over one connection"


UNREADABLE: dict[str, Behaviour] = {
    "half an answer": sends(OK + b'Content-Length: 100\r\n\r\n{"id": 1'),
    "a length that is too small": sends(OK + b'Content-Length: 4\r\n\r\n{"id": 1}'),
    "a length of letters": sends(OK + b"Content-Length: many\r\n\r\nnot json"),
    "a status of letters": sends(b"HTTP/1.1 OK fine\r\n\r\n{}"),
    "a header line without end": never_ends(OK + b"X: ", b"x" * MIB),
    "headers without end": never_ends(OK, b"A: b\r\n" * 1000),
    "a broken chunk": sends(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "a chunk that is not all there": sends(OK + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n{}"),
    "gzip that is none": sends(packed(b"not gzip at all")),
    "gzip cut short": sends(packed(b"\x1f\x8b\x08\x00\x00\x00")),
    "an encoding that was not asked for": sends(packed(b"\x1b\x00\x00", "br")),
}


@pytest.mark.parametrize("behaviour", UNREADABLE.values(), ids=UNREADABLE)
def test_an_answer_that_cannot_be_read_is_an_http_error(behaviour: Behaviour) -> None:
    with HostileServer(always(behaviour)) as server:
        http = LivyHttp(server.url, timeout_s=5, retry=NO_RETRY)
        took_s, _ = seconds_of(lambda: http.get("/sessions"), HttpError)
        assert took_s < SLACK_S


def nested(levels: int, opened: str = '{"a":', closed: str = "}") -> bytes:
    body = (opened * levels + "1" + closed * levels).encode()
    return OK + b"Connection: close\r\n\r\n" + body


@pytest.mark.parametrize("levels", [260, 900, 5_000, 200_000])
@pytest.mark.parametrize("brackets", [('{"a":', "}"), ("[", "]")])
def test_an_answer_that_is_nested_too_deeply_is_an_error_that_says_so(levels: int, brackets: tuple[str, str]) -> None:
    with HostileServer(always(sends(nested(levels, *brackets)))) as server:
        _, error = seconds_of(lambda: LivyHttp(server.url, retry=NO_RETRY).get("/x"), AnswerTooLarge)
        assert "nested more than 250 deep" in str(error)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    value = [[[]] for _ in range(10_000)]
    with HostileServer(always(gives(value))) as server:
        assert LivyHttp(server.url).get("/x") == value


def test_the_end_of_a_long_error_is_not_read() -> None:
    with HostileServer(always(never_ends(b"HTTP/1.1 503 Oh\r\nConnection: close\r\n\r\n", b"<p>" * MIB))) as server:
        _, error = seconds_of(lambda: LivyHttp(server.url, retry=NO_RETRY).get("/x"), HttpError)
        assert error.status == 503


# ------------------------------------------------------------------------------------------------ memory
IN_A_CHILD = """
import resource, sys
from fabric_livy_magic.errors import AnswerTooLarge
from fabric_livy_magic.livy.http import LivyHttp
LivyHttp(sys.argv[1]).get("/first")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for number in range(int(sys.argv[2])):
    try:
        LivyHttp(sys.argv[1]).get(f"/{number}")
    except AnswerTooLarge as error:
        assert "256 MiB" in str(error), error
    else:
        sys.exit("it was read")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // (1024 * (1024 if sys.platform == "darwin" else 1)))
"""


def test_no_answer_takes_more_memory_than_the_limit() -> None:
    endless = list(ENDLESS.values())

    def answer(method: str, path: str) -> Behaviour:
        return gives({}) if path == "/first" else endless[int(path[1:])]

    with HostileServer(answer) as server:
        child = [sys.executable, "-c", IN_A_CHILD, server.url, str(len(endless))]
        done = subprocess.run(child, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) < 400, "MiB for answers of at most 256"
        assert len(server.seen) == 1 + len(endless), "none was asked for again"


def test_an_answer_just_below_the_limit_is_read() -> None:
    with HostileServer(always(gives("x" * 100))) as server:
        http = LivyHttp(server.url)
        assert http.for_list(102).get("/x") == "x" * 100
        with pytest.raises(AnswerTooLarge):
            http.for_list(101).get("/x")


# ------------------------------------------------------------------------------------------------ lists
def sessions_page(numbers: range) -> dict[str, Any]:
    return {"sessions": [{"id": number, "state": "idle"} for number in numbers], "total": 10**30}


def page_of(path: str) -> int:
    return int(path.partition("from=")[2].partition("&")[0])


LISTS: dict[str, tuple[Callable[[str], Any], type[HttpError]]] = {
    "an endless list": (lambda path: sessions_page(range(page_of(path), page_of(path) + 100)), AnswerTooLarge),
    "a list that repeats": (lambda path: sessions_page(range(100)), NotLivyError),
    "a list of long pages": (
        lambda path: {**sessions_page(range(page_of(path), page_of(path) + 100)), "x": "x" * 10 * MIB},
        AnswerTooLarge,
    ),
}


@pytest.mark.parametrize(("page", "error"), LISTS.values(), ids=LISTS)
def test_a_list_of_sessions_ends(page: Callable[[str], Any], error: type[HttpError]) -> None:
    with HostileServer(lambda method, path: gives(page(path))) as server:
        client = LivyClient(LivyHttp(server.url, retry=NO_RETRY), Dialect.APACHE_LIVY)
        seconds_of(client.list_sessions, error)
        assert len(server.seen) <= 100


def test_a_list_of_statements_without_end_is_looked_through_to_a_limit() -> None:
    with HostileServer(always(gives({"statements": [], "total_statements": 10**400}))) as server:
        client = LivyClient(LivyHttp(server.url, retry=NO_RETRY), Dialect.APACHE_LIVY)
        assert list(client.newest_statements("1")) == []
        assert len(server.seen) <= 201


# ------------------------------------------------------------------------------------------------ a statement, a start
RUNNING = {"id": 3, "state": "running", "output": None}
ACCEPTS = gives(RUNNING)


def statement_server(status: Behaviour, cancel: Behaviour, post: Behaviour = ACCEPTS) -> HostileServer:
    def answer(method: str, path: str) -> Behaviour:
        if path.endswith("/cancel"):
            return cancel
        return post if method == "POST" else status

    return HostileServer(answer)


def run(server: HostileServer, timeout_s: float, dialect: Dialect = Dialect.FABRIC) -> StatementInfo:
    client = LivyClient(LivyHttp(server.url), dialect)
    return run_statement(client, "1", "x", "pyspark", known_statements=KnownStatements(-1), timeout_s=timeout_s)


@pytest.mark.parametrize("stalling", ["stalls before the head", "drips the body", "drips headers"])
def test_a_time_out_holds_while_the_status_call_hangs_and_the_statement_is_cancelled(stalling: str) -> None:
    with statement_server(STALLING[stalling], gives({"msg": "canceled"})) as server:
        took_s, error = seconds_of(lambda: run(server, 1.0), WaitTimeout)
        assert took_s < 1.0 + 3.0 + SLACK_S
        assert ("POST", "/sessions/1/statements/3/cancel") in server.seen
        assert "longer than the 1 s that it was given" in str(error)


REFUSING = {
    "503": gives("busy", "503 Service Unavailable"),
    "429": gives("fewer", "429 Too Many Requests\r\nRetry-After: 1"),
    "a page": sends(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<html><title>Oh</title></html>"),
}


@pytest.mark.parametrize("status", REFUSING.values(), ids=REFUSING)
def test_retries_together_take_no_longer_than_the_time_out(status: Behaviour) -> None:
    with statement_server(status, gives({})) as server:
        took_s, error = seconds_of(lambda: run(server, 1.5), FabricLivyError)
        assert isinstance(error, WaitTimeout)
        assert took_s < 1.5 + 3.0 + SLACK_S
        assert eventually(lambda: ("POST", "/sessions/1/statements/3/cancel") in server.seen)


def test_a_time_out_holds_where_every_call_hangs() -> None:
    stall = STALLING["drips the body"]
    with statement_server(stall, stall, stall) as server:
        took_s, error = seconds_of(lambda: run(server, 1.0), WaitTimeout)
        assert took_s < 1.0 + 3.0 + SLACK_S
        assert "cancelled as soon as it does" in str(error)
        assert [one for one in server.seen if one == ("POST", "/sessions/1/statements")] == [
            ("POST", "/sessions/1/statements")
        ]


def test_a_time_out_holds_while_another_thread_sends_the_same_code() -> None:
    """Apache Livy's statements are told apart by their code, so that one waits for the other."""
    known_statements = KnownStatements(-1)
    with statement_server(gives(RUNNING), gives({})) as server, known_statements.sending("x"):
        client = LivyClient(LivyHttp(server.url), Dialect.APACHE_LIVY)
        took_s, _ = seconds_of(
            lambda: run_statement(client, "1", "x", "pyspark", known_statements=known_statements, timeout_s=0.5),
            WaitTimeout,
        )
        assert took_s < 0.5 + SLACK_S
        assert server.seen == []


def test_a_start_ends_within_its_time_where_the_server_drips() -> None:
    with HostileServer(always(STALLING["drips the body"])) as server:
        client = LivyClient(LivyHttp(server.url))
        took_s, error = seconds_of(lambda: StandardSession.create(client, SessionSpec(), timeout_s=1.0), WaitTimeout)
        assert took_s < 1.0 + 3.0 + SLACK_S
        assert len([one for one in server.seen if one[0] == "POST"]) == 1
        assert "after 1 s" in str(error)


def test_the_wait_for_a_session_ends_within_its_time_where_the_status_call_hangs() -> None:
    def answer(method: str, path: str) -> Behaviour:
        return gives({"id": "1", "state": "starting"}) if method == "POST" else stalls_after(b"")

    with HostileServer(answer) as server:
        session = StandardSession.create(LivyClient(LivyHttp(server.url)), SessionSpec(), timeout_s=5)
        took_s, error = seconds_of(lambda: session.wait_ready(timeout_s=1.0), WaitTimeout)
        assert took_s < 1.0 + SLACK_S
        assert "goes on starting (id 1)" in str(error)


ODD_NUMBERS = [10**400, -(10**400), float("nan"), float("inf"), True, "7", "٣", "²", [1], {"a": 1}, None, 1e308, 2**63]


@pytest.mark.parametrize("number", ODD_NUMBERS, ids=lambda one: str(one)[:10])
@pytest.mark.parametrize("key", ["id", "progress", "started", "completed"])
def test_a_statement_is_read_whatever_its_numbers_are(number: Any, key: str) -> None:
    info = StatementInfo.from_json(json.loads(json.dumps({**RUNNING, key: number})))
    assert isinstance(info.id, int)
    assert not isinstance(info.id, bool)
    assert info.progress is None or 0.0 <= info.progress <= 1.0
