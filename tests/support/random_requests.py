"""Random requests over raw sockets, most of them wrong, and the checks of every response to one.

For more than the tests send, against a server of your own (its sessions should be ones that start no Spark; see `STUCK`):

    python -m tests.support.random_requests --count 10000 --seed 1
    python -m tests.support.random_requests --count 10000 --url http://127.0.0.1:8998 --token TOKEN --path '/sessions/{id}'
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import json
import random
import re
import socket
import string
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support import contract, service
from tests.support.service import TOKEN, Api

# Sessions that exist and never start Spark.
STUCK = '[[sessions]]\nstart.states = ["not_started"]\nstart.seconds = inf\n'
LOOKUPS = (
    *("/v1/workspaces", "/v1/workspaces/WORKSPACE", "/v1/workspaces/{id}", "/v1/workspaces/WORKSPACE/lakehouses"),
    *("/v1/workspaces/WORKSPACE/lakehouses/LAKEHOUSE", "/v1/workspaces/WORKSPACE/lakehouses/{id}"),
    *("/v1/workspaces/WORKSPACE/lakehouses/LAKEHOUSE/tables", "/v1/workspaces/WORKSPACE/environments"),
    *("/v1/capacities", "/v1/workspaces/WORKSPACE/environments/{id}", "/v1/{id}", "/{id}", "/"),
    *("/delta/WORKSPACE/LAKEHOUSE/api/2.1/unity-catalog/schemas", "/delta/{id}/{id}/api/2.1/unity-catalog/tables"),
)
NOBODY = str(uuid.UUID(int=0))
METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "FOO", "get")
PARTS_WRONG = (
    *("..", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "%ff%fe", "a%0d%0aSet-Cookie:%20x=1", "%", "%zz", "*"),
    *("0", "-1", "2147483648", "9" * 400, "1e3", "null", "%F0%9F%92%A9", "%ED%A0%80", "x" * 3000, "", ";", "&", "%2F"),
)
QUERIES = (
    *("$top", "$skip", "$count", "from", "size", "maxResults", "continuationToken", "roles", "max_results"),
    *("page_token", "catalog_name", "schema_name", "order", "%ff", "a b"),
)
FIELDS = (
    *("name", "conf", "tags", "archives", "driverMemory", "driverCores", "executorMemory", "executorCores"),
    *("numExecutors", "sessionTag", "code", "kind", "sourceId", "file", "className", "args", "jars", "pyFiles", "x"),
)
WORDS = ("", "sql", "pyspark", "spark", "1g", "9" * 5000 + "g", "a\0b", "\ud800", "é☃💩", "../../x", "\r\nX: y", "0")


@dataclass(frozen=True)
class Target:
    """`calls` are methods and paths, whose `{id}` stands for any of `ids`. `check_error` checks the form of an error response;
    those with a status of `bare` may have no body.
    """

    url: str
    token: str
    calls: Sequence[tuple[str, str]]
    ids: Sequence[str]
    check_error: Callable[[int, bytes], None]
    bare: frozenset[int] = frozenset({400})  # tornado's own: of what is no HTTP request, and so of no dialect


@dataclass(frozen=True)
class Request:
    """`complete`: the request is valid HTTP, so it has to get a response."""

    data: bytes
    complete: bool
    pieces: int = 1

    def __repr__(self) -> str:
        cut = b"..." if len(self.data) > 1_000 else b""
        return f"Request({self.data[:1_000] + cut!r}, complete={self.complete}, pieces={self.pieces})"


@dataclass
class Outcome:
    """Of a run: responses by status, and requests without one."""

    statuses: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0


# ------------------------------------------------------------------------------------------------ what is sent
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from((2**31, -(2**63), 10**400))
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner),
    max_leaves=5,
)
bodies = st.one_of(
    st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=5).map(lambda body: json.dumps(body).encode()),
    st.just(b'{"code": "1", "kind": "sql"}'),
    st.just(b"{}"),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(WORDS), max_size=3).map(
        lambda body: json.dumps(body).encode("utf-16")
    ),
    st.sampled_from(
        (b"", b"{", b"[" * 100_000, b'{"a":' * 30_000, b"\xff\xfe", b"NaN", b'{"code": "\xff"}', b"\0" * 9)
    ),
    st.binary(max_size=60),
)
headers_wrong = st.sampled_from(
    (
        *(b"Content-Type: text/plain", b"Content-Encoding: gzip", b"Accept: text/html", b"If-None-Match: *"),
        *(b"X-HTTP-Method-Override: DELETE", b"Expect: 100-continue", b"Range: bytes=0-1", b"Cookie: a=\xff"),
        *(b"X-Long: " + b"y" * 9000, b"Upgrade: websocket", b"X-Forwarded-Host: evil.example", b"Origin: http://evil"),
        *(b"Accept-Encoding: gzip, br", b"Content-Type: application/json; charset=utf-16"),
    )
)
# What no client of HTTP may send.
heads_broken = st.sampled_from(
    (
        *(b"Content-Length: -1", b"Content-Length: 1\r\nContent-Length: 2", b"Content-Length: 9999999999999999999999"),
        *(b"Content-Length: x", b"Transfer-Encoding: gzip, chunked", b"no colon here", b"Bad Name: x", b" folded"),
        *(b"Transfer-Encoding: chunked\r\nContent-Length: 5", b": empty", b"Host: a\r\nHost: b", b"\0: \0"),
    )
)


@st.composite
def random_requests(draw: st.DrawFn, target: Target) -> Request:
    kind = draw(st.sampled_from(range(20)))
    if kind == 0:
        return Request(draw(st.binary(max_size=200)) + draw(st.sampled_from((b"", b"\r\n\r\n"))), complete=False)
    method, path = draw(st.sampled_from(target.calls))
    if kind == 8:
        method = draw(st.sampled_from(METHODS))
    body = draw(bodies) if method != "GET" or kind == 1 else b""
    lines = [b"%s %s HTTP/1.1" % (method.encode(), draw(filled(path, target))), *draw(identities(target))]
    lines += draw(st.lists(headers_wrong, max_size=2))
    if kind == 2:
        lines.append(draw(heads_broken))
    if kind == 3:
        data = b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"Connection: close", b"", _chunked(body)])
        return Request(data, complete=True, pieces=draw(st.integers(1, 4)))
    length = len(body)
    if kind == 4:
        length += draw(st.integers(1, 50))  # half a request
    after = draw(st.binary(min_size=1, max_size=30)) if kind == 5 else b""  # garbage behind a whole one
    if body or method == "POST":
        lines.append(b"Content-Length: %d" % length)
    data = b"\r\n".join([*lines, b"Connection: close" if kind != 5 else b"X: y", b"", body]) + after
    if kind == 6:
        data = data[: draw(st.integers(0, len(data)))]
    return Request(data, complete=kind not in (2, 4, 5, 6), pieces=draw(st.integers(1, 3)) if kind == 7 else 1)


@st.composite
def filled(draw: st.DrawFn, path: str, target: Target) -> bytes:
    wrong = st.sampled_from(PARTS_WRONG) | st.text(max_size=6).map(lambda text: quote(text, errors="surrogatepass"))
    while "{id}" in path:
        part = draw(st.sampled_from(target.ids) if draw(st.sampled_from(range(8))) else wrong)
        path = path.replace("{id}", part, 1)
    values = st.sampled_from(
        ("", "1", "true", "x", "-1", "%ff", "2147483648", "+RID:~OTk5Ly8%2F==", "9" * 30)
    ) | st.text(string.printable, max_size=6).map(quote)
    query = draw(st.dictionaries(st.sampled_from(QUERIES).map(quote), values, max_size=2))
    return (path + ("?" + "&".join(f"{key}={value}" for key, value in query.items()) if query else "")).encode()


@st.composite
def identities(draw: st.DrawFn, target: Target) -> list[bytes]:
    """Host and token, mostly the right ones."""
    right = b"Authorization: Bearer " + target.token.encode()
    if draw(st.sampled_from(range(10))):
        return [b"Host: localhost", right]
    host = draw(st.sampled_from((b"evil.example", b"", b"localhost:x", b"[::1", b"127.0.0.1:99999", b"\xff")))
    token = draw(st.sampled_from((right, b"Authorization: Bearer", b"Authorization: Basic \xff", b"X: y")))
    return [b"Host: " + host, token]


def _chunked(body: bytes) -> bytes:
    parts = [body[at : at + 7] for at in range(0, min(len(body), 2_000), 7)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


# ------------------------------------------------------------------------------------------------ what has to come back
def send(target: Target, request: Request) -> bytes:
    """Everything that is received until the server closes the connection."""
    url = urlsplit(target.url)
    received = b""
    with socket.create_connection((url.hostname or "", url.port or 80), timeout=20) as link:
        # The server may stop reading a request that it refuses early.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            size = max(1, len(request.data) // request.pieces)
            for at in range(0, len(request.data), size):
                link.sendall(request.data[at : at + size])
        with contextlib.suppress(OSError):
            if not request.complete:
                link.shutdown(socket.SHUT_WR)  # else the server would wait for the rest
        with contextlib.suppress(ConnectionResetError):
            while part := link.recv(65536):
                received += part
    return received


class _Received(io.BytesIO):
    """What `http.client` reads a response from; its position then shows where the response ended."""

    def makefile(self, _mode: str) -> _Received:
        return self

    def close(self) -> None:
        """Not closed: the rest is still to be read."""


def check(target: Target, request: Request, received: bytes, outcome: Outcome) -> None:
    assert b"Traceback" not in received
    assert target.token.encode() not in received
    method = request.data.split(b" ", 1)[0].decode("latin-1")
    while received:
        file = _Received(received)
        answer = http.client.HTTPResponse(file, method=method)  # type: ignore[arg-type]
        try:
            answer.begin()
        except http.client.RemoteDisconnected:
            break  # nothing but `100 Continue`
        length = answer.length or 0
        body = file.read(length)
        outcome.statuses[answer.status] += 1
        assert len(body) == length
        if answer.status >= 400 and method != "HEAD":
            if body:
                target.check_error(answer.status, body)
            else:
                assert answer.status in target.bare, answer.status
        received, method = received[file.tell() :], "GET"
        if not received:
            return
    assert not request.complete, request.data[:300]
    outcome.unanswered += 1


def run(target: Target, count: int, seed_: int) -> Outcome:
    """Raises AssertionError, with a request that hypothesis has made as small as it can."""
    outcome = Outcome()

    @seed(seed_)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(random_requests(target))
    def one(request: Request) -> None:
        check(target, request, send(target, request), outcome)

    one()
    return outcome


# ------------------------------------------------------------------------------------------------ Fabric's dialect
def check_fabric_error(status: int, body: bytes) -> None:
    assert status < 500, (status, body)
    check_form(body)


def check_form(body: bytes) -> None:
    view = json.loads(body)
    assert set(view) == {"errorCode", "message", "requestId", "moreDetails"}, view
    assert uuid.UUID(view["requestId"])
    assert view["errorCode"]
    assert view["errorCode"].isalnum()
    assert len(view["message"]) < 2_010


def fabric_target(api: Api) -> Target:
    """For a server whose sessions are stuck: all paths of one session and one high-concurrency session."""
    session = api.start_session(name="random").id
    hc_id = api.post("/highConcurrencySessions", {"sessionTag": "random"}).json()["id"]
    below = next(one["id"] for one in api.get("/sessions").json()["items"] if one["id"] != session)
    root = urlsplit(api.base).path
    workspace, lakehouse = api.base.split("/")[-6:-3:2]
    calls = [("GET", path.replace("WORKSPACE", workspace).replace("LAKEHOUSE", lakehouse)) for path in LOOKUPS]
    for call in contract.calls():
        path = re.sub(r"\{\w+\}", "{id}", call.path)
        path = path.replace("/repls/{id}", f"/repls/{NOBODY}").replace("{id}/statements", f"{session}/statements")
        calls.append((call.method, root + path))
    return Target(
        url=api.ready["api_url"],
        token=api.ready["token"],
        calls=calls,
        ids=[session, hc_id, below, "0", "1", NOBODY],
        check_error=check_fabric_error,
    )


def run_on_fabric(count: int, seed_: int) -> Outcome:
    """On a server of its own. It gets new sessions every 500 requests, as their statements never end."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        faults = Path(folder) / "faults.toml"
        faults.write_text(STUCK, encoding="utf-8")
        options = ["--token", TOKEN, "--capacity", "6", "--faults", str(faults)]
        with service.serving(Path(folder) / "lake", options) as api:
            for part in range(0, count, 500):
                found = run(fabric_target(api), min(500, count - part), seed_ + part)
                outcome.statuses += found.statuses
                outcome.unanswered += found.unanswered
                for item in api.get("/sessions").json()["items"]:
                    api.delete(f"/sessions/{item['id']}")
            assert api.get("/sessions").json()["totalCountOfMatchedItems"] == 0
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--url", help="of a running server, instead of one of our own")
    parser.add_argument("--token", default="")
    parser.add_argument("--path", action="append", default=[], help="with {id} for an id; may be given several times")
    parser.add_argument("--id", action="append", default=["0"], help="of something that is there")
    options = parser.parse_args()
    began = time.monotonic()
    if options.url:
        calls = [(method, path) for path in options.path for method in ("GET", "POST", "DELETE")]
        bare = frozenset(range(400, 500))
        target = Target(options.url, options.token, calls, options.id, lambda _status, _body: None, bare)
        outcome = run(target, options.count, options.seed)
    else:
        outcome = run_on_fabric(options.count, options.seed)
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(outcome.statuses.items()))
    print(
        f"seed {options.seed}, {time.monotonic() - began:.0f} s; answers by status: {statuses}; none: {outcome.unanswered}"
    )


if __name__ == "__main__":
    main()
