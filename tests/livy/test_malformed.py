"""10,000 answers that no Livy server should give: each call ends in a result or in an error of ours, and none hangs."""

from __future__ import annotations

import copy
import http.client
import io
import itertools
import json
import logging
import socket
from collections.abc import Callable, Iterator
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ProtocolError

from fabric_livy_magic.errors import FabricLivyError
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.statements import cancel_statement, run_statement
from fabric_livy_magic.settings import SessionSpec
from tests.support.timing import FakeClock

ANSWERS = 10_000
EXAMPLES = 3000

SESSION = {
    "id": "7",
    "name": "etl",
    "state": "idle",
    "appId": "application_1",
    "log": ["INFO fine"],
    "tags": {"a": "b"},
    "livyInfo": {"currentState": "idle", "startedAt": "2026-01-01T00:00:00Z"},
    "fabricSessionStateInfo": {"state": "queued", "errorMessage": None},
    "errorInfo": [{"message": "m", "errorCode": "C", "source": "System"}],
    "submitterName": "Ada",
    "result": "Uncertain",
    "cancellationReason": None,
}
STATEMENT = {
    "id": 3,
    "code": "1+1",
    "state": "available",
    "sourceId": None,
    "progress": 1.0,
    "started": 1,
    "completed": 2,
    "output": {
        "status": "ok",
        "execution_count": 0,
        "data": {"text/plain": "2"},
        "traceback": [],
        "ename": "",
        "evalue": "",
    },
}
SHAPES: list[Any] = [
    SESSION,
    STATEMENT,
    {"items": [SESSION], "totalCountOfMatchedItems": 1, "pageSize": 100},
    {"from": 0, "total": 1, "sessions": [SESSION]},
    {"statements": [STATEMENT, STATEMENT], "total_statements": 2},
    {"id": 7, "from": 0, "total": 1, "log": ["x"]},
    {"errorCode": "C", "message": "m", "requestId": "r", "moreDetails": [{"errorCode": "D", "message": "n"}]},
    {"error": {"code": "C", "message": "until: 4/17/2026 12:22:35 PM (UTC)"}},
    {"msg": "canceled"},
]
ODD: list[Any] = [
    *(None, True, False, 0, 7, -1, 10**400, 2**63, 1e308, float("nan"), float("-inf")),
    *("", "idle", "dead", "available", "running", "error", "AVAILABLE", "9" * 30, "-", "\x00", "\ud800", "é" * 9),
    *([], [None], [1, "x"], [[]], {}, {"id": None}, {"state": "idle"}, {"data": {"": 1}}, {"message": [1]}),
]


def paths_in(shape: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = shape.items() if isinstance(shape, dict) else enumerate(shape) if isinstance(shape, list) else ()
    for key, value in inner:
        yield from paths_in(value, (*path, key))


SHAPES_WITH_PATHS = [(shape, list(paths_in(shape))) for shape in SHAPES]


def body_of(random: Random) -> bytes:
    """A body of the contract with some of its values replaced or left out, and maybe not all of it."""
    shape, paths = random.choice(SHAPES_WITH_PATHS)
    value = json.loads(json.dumps(shape))
    for path in random.choices(paths, k=random.randrange(4)):
        value = with_replaced_value(value, path, copy.deepcopy(random.choice(ODD)), leave_out=random.random() < 0.5)
    body = json.dumps(value).encode("utf-8", "surrogatepass")
    how = random.choice(["whole", "whole", "whole", "cut", "odd", "stranger"])
    if how == "cut":
        return body[: random.randrange(len(body) + 1)]
    if how == "odd":
        return random.choice(STRANGE_BODIES)
    return random.randbytes(30) if how == "stranger" else body


STRANGE_BODIES = [
    b"",
    b"null",
    b"[]",
    b'"java.lang.IllegalStateException: RPC channel is closed."',
    b"<html><title>502 &amp; more</title>",
    b"[" * 3000,
    b'{"id": ' + b"9" * 5000 + b"}",
    b'\xef\xbb\xbf{"id": 1}',
    b"\x1f\x8b\x08\x00 not really gzip",
    b'{"id": "\\ud800", "state": "\\u0000"}',
]


def with_replaced_value(value: Any, path: tuple[Any, ...], odd: Any, *, leave_out: bool) -> Any:
    if not path:
        return odd
    container = value
    try:
        for key in path[:-1]:
            container = container[key]
        if leave_out and isinstance(container, dict):
            container.pop(path[-1], None)
        else:
            container[path[-1]] = odd
    except (TypeError, KeyError, IndexError):
        pass  # an earlier change took the place away
    return value


STATUSES = [
    200,
    200,
    200,
    200,
    201,
    202,
    204,
    299,
    302,
    400,
    401,
    403,
    404,
    408,
    409,
    410,
    429,
    430,
    500,
    502,
    503,
    999,
]
HEADERS = [
    "",
    "",
    "",
    "Retry-After: 1\r\n",
    "Retry-After: -5\r\n",
    "Retry-After: soon\r\n",
    "Retry-After: " + "9" * 400 + "\r\n",
    "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
    "Content-Encoding: gzip\r\n",
    "Content-Encoding: zebra\r\n",
    "Content-Type: text/html; charset=no-such\r\n",
    "Location: http://[::bad\r\n",
    "Transfer-Encoding: chunked\r\n",
    "X-Ms-Request-Id: é\r\n",
]


def response_of(random: Random) -> bytes:
    body = body_of(random)
    length = len(body) + random.choice([0, 0, 0, 0, 0, 7, -1])
    head = f"HTTP/1.1 {random.choice(STATUSES)} X\r\nContent-Length: {length}\r\n{random.choice(HEADERS)}\r\n"
    whole = head.encode("utf-8") + body
    if random.random() < 0.9:
        return whole
    return random.choice([b"", b"HTTP/1.1", b"220 smtp.example.com ESMTP\r\n", whole[:20]])


class RawServer(requests.adapters.HTTPAdapter):
    """Below `requests`: each call is answered by the next bytes, over and over. Without sockets, which would take a minute."""

    def __init__(self, answers: list[bytes]) -> None:
        super().__init__()
        self.sent = 0
        self.answers = itertools.cycle(answers)

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.sent += 1
        content = next(self.answers)
        raw = http.client.HTTPResponse(
            cast(socket.socket, SimpleNamespace(makefile=lambda *_: io.BytesIO(content))), method=request.method
        )
        try:
            raw.begin()
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise requests.ConnectionError(ProtocolError("Connection aborted.", error), request=request) from error
        head = {"status": raw.status, "reason": raw.reason, "original_response": raw, "request_method": request.method}
        answer = HTTPResponse(raw, HTTPHeaderDict(raw.msg.items()), preload_content=False, decode_content=False, **head)
        return self.build_response(request, answer)


def calls(client: LivyClient, clock: FakeClock) -> list[Callable[[], object]]:
    timing: dict[str, Any] = {"clock": clock, "sleep": clock.sleep}

    def whole_session() -> None:
        session = StandardSession.create(client, SessionSpec(), capacity_wait_s=60, **timing)
        session.wait_ready(timeout_s=60, **timing)
        session.stop()

    return [
        whole_session,
        lambda: run_statement(client, "7", "1+1", "pyspark", timeout_s=60, **timing),
        lambda: StandardSession.attach(client, "7").info(),
        lambda: list(itertools.islice(client.newest_statements("7"), 20)),
        lambda: cancel_statement(client, "7", 3, **timing),
        lambda: (client.session_log("7"), client.reset_timeout("7"), client.candidates("7", "pyspark", "1", 1)),
    ]


def test_malformed_answers_end_in_a_result_or_a_livy_error() -> None:
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)
    sent_in_all = 0

    @settings(max_examples=EXAMPLES)
    @given(random=st.randoms(use_true_random=True))
    def check(random: Random) -> None:
        nonlocal sent_in_all
        if sent_in_all >= ANSWERS:
            return
        server, clock, messages = (
            RawServer([response_of(random) for _ in range(random.randrange(4, 12))]),
            FakeClock(),
            ["-"],
        )
        with_clock = LivyHttp("http://127.0.0.1:1", timeout_s=5, clock=clock, sleep=clock.sleep)
        with_clock._session.mount("http://", server)
        client = LivyClient(with_clock, random.choice(list(Dialect)))
        try:
            random.choice(calls(client, clock))()
        except FabricLivyError as error:
            messages.append(str(error))
        assert all(messages)
        assert server.sent < 2000, "it asks for ever"
        sent_in_all += server.sent

    check()
    assert sent_in_all >= ANSWERS
