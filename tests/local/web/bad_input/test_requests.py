"""Wrong bodies, paths and methods, and broken HTTP."""

from __future__ import annotations

import socket
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.local.web.bad_input.conftest import MIB, STRANGE, connected, head, read_all, refused
from tests.support import contract
from tests.support.random_requests import NOBODY, check_form
from tests.support.service import Api

pytestmark = pytest.mark.spark


# ------------------------------------------------------------------------------------------------ bodies
@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"a":' * 100_000, "no JSON"),
        (b'{"name": "a" "b"}', "no JSON"),
        ('{"name": "é"}'.encode("utf-16"), "no JSON"),
        ('{"name": "é"}'.encode("latin-1"), "no JSON"),
        (b'{"numExecutors": ' + b"9" * 5_000 + b"}", "no JSON"),
        (b'{"numExecutors": 2147483648}', "'numExecutors'"),
        (b'{"numExecutors": 1.0}', "'numExecutors'"),
        (b'{"numExecutors": true}', "'numExecutors'"),
        (b'{"numExecutors": 1e999}', "'numExecutors'"),
        (b'{"numExecutors": NaN}', "no JSON"),
        (b'{"driverMemory": "' + b"9" * 5_000 + b'g"}', "no amount of memory"),
        ('{"driverMemory": "٣g"}'.encode(), "no amount of memory"),
        (b'{"executorMemory": "AAA"}', "no amount of memory"),
        (b'{"conf": {"spark.driver.memory": "1 x"}}', "no amount of memory"),
        (b'{"conf": {"spark.driver.extraJavaOptions": "-Da=\'"}}', "No closing quotation"),
        (b'{"conf": {"spark.driver.extraJavaOptions": "-Da=\\u0000"}}', "NUL"),
        (b'{"conf": {"spark.driver.extraClassPath": "\\ud800"}}', "surrogates not allowed"),
        (b'{"kind": "cobol"}', "'cobol'"),
        (b'{"archives": ["a\\u0000b"]}', "control characters"),
        (b'{"archives": ["../x.zip"]}', "'..'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_session_request_is_refused(api: Api, body: bytes, word: str) -> None:
    refused(api.http.post(f"{api.base}/sessions", data=body, timeout=15), 400, word)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "'code'"),
        ({"code": 1, "kind": "sql"}, "'code'"),
        ({"code": None, "kind": "sql"}, "'code'"),
        ({"code": "1"}, "'kind' is needed"),
        ({"code": "1", "kind": "cobol"}, "'cobol'"),
        ({"code": "1", "kind": ["sql"]}, "'kind'"),
        ({"code": "1", "kind": "sql", "sourceId": 5}, "'sourceId'"),
    ],
)
def test_a_wrong_statement_request_is_refused(api: Api, body: dict[str, Any], word: str) -> None:
    session = api.start_session()
    refused(api.post(f"{session.path}/statements", body), 400, word)
    assert api.get(f"{session.path}/statements").json() == {"statements": [], "total_statements": 0}
    api.delete(session.path)


def test_strange_texts_are_kept_as_they_are(api: Api) -> None:
    body = {"name": STRANGE, "tags": {STRANGE: STRANGE}, "conf": {STRANGE: STRANGE}}
    made = api.post("/sessions", body)
    assert (made.status_code, made.json()["name"]) == (202, STRANGE)
    assert "X-Injected" not in made.headers
    session = f"/sessions/{made.json()['id']}"
    view = api.get(session).json()
    assert (view["name"], view["tags"]) == (STRANGE, {STRANGE: STRANGE})
    submitted = api.post(f"{session}/statements", {"code": STRANGE, "kind": "sql", "sourceId": STRANGE}).json()
    assert (submitted["code"], submitted["sourceId"]) == (STRANGE.replace("\r\n", "\n"), STRANGE)
    listed = [item["name"] for item in api.get("/sessions").json()["items"]]
    assert STRANGE in listed
    assert api.delete(session).status_code == 200


def test_a_body_that_is_too_large_is_refused_however_it_comes(api: Api) -> None:
    piece = b"x" * MIB
    pieces = (piece for _ in range(65))
    for data in (pieces, piece * 65, piece * 130):
        refused(requests.post(f"{api.base}/sessions", data=data, headers=api.http.headers, timeout=60), 413, "at most")
    assert api.get("/sessions").status_code == 200


# ------------------------------------------------------------------------------------------------ paths and methods
@pytest.mark.parametrize("call", contract.calls(), ids=lambda call: f"{call.method} {call.path}")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "NONSENSE"])
def test_other_methods_are_refused_and_the_right_ones_listed(api: Api, call: contract.Call, method: str) -> None:
    if call.path.startswith("/batches") and api.get("/batches").status_code == 404:
        pytest.skip("this server has no batches")
    path = call.path.replace("{statementId}", "0")
    for name in ("sessionId", "replId", "highConcurrencySessionId"):
        path = path.replace(f"{{{name}}}", NOBODY)
    answer = api.http.request(method, api.base + path, timeout=15)
    assert answer.status_code == 405
    allowed = {one.method for one in contract.calls() if one.path == call.path}
    assert {one.strip() for one in answer.headers["Allow"].split(",")} == allowed
    assert method == "HEAD" or answer.json()["errorCode"] == "MethodNotAllowed"


@pytest.mark.parametrize(
    "part",
    [
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "%2fetc%2fpasswd",
        "%00",
        "a%0d%0aX-Injected:%20y",
        "x" * 5_000,
        "%F0%9F%92%A9",
    ],
)
@pytest.mark.parametrize("path", ["/sessions/{}", "/sessions/{}/statements", "/highConcurrencySessions/{}", "/{}"])
def test_ids_are_no_paths(api: Api, path: str, part: str) -> None:
    with connected(api) as link:
        link.sendall(head("GET", urlsplit(api.base).path + path.format(part), "Connection: close"))
        answer = read_all(link)
    assert answer.startswith(b"HTTP/1.1 404 ")
    fields, _, body = answer.partition(b"\r\n\r\n")
    assert b"X-Injected" not in fields
    check_form(body)


@pytest.mark.parametrize("part", ["%ff", "%ED%A0%80"])
def test_an_id_that_is_no_utf_8_is_refused(api: Api, part: str) -> None:
    refused(api.http.get(f"{api.base}/sessions/{part}", timeout=15), 400)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("$top=", "$top must be"),
        ("$top=-1", "$top must be"),
        ("$top=+5", "$top must be"),
        ("$top=2147483648", "$top must be"),
        ("$skip=" + "9" * 5_000, "$skip must be"),
        ("$skip=٣", "$skip must be"),
        ("$count=maybe", "$count must be"),
        ("$top=%ff", ""),
    ],
    ids=lambda value: value[:20],
)
def test_wrong_paging_arguments_are_refused(api: Api, query: str, word: str) -> None:
    refused(api.get(f"/sessions?{query}"), 400, word)


def test_the_count_may_be_left_out(api: Api) -> None:
    assert "totalCountOfMatchedItems" not in api.get("/sessions?$count=false").json()
    assert "totalCountOfMatchedItems" in api.get("/sessions?$count=True&$top=2147483647").json()


@pytest.mark.parametrize("token", ["+RID:~" + "x" * 50 + "==", "+RID:~OTk5OTk5OTk5OTk5OTk5OTk5Ly8/=="])
def test_a_wrong_continuation_token_is_refused(api: Api, token: str) -> None:
    answer = api.http.get(f"{api.ready['api_url']}/workspaces", params={"continuationToken": token}, timeout=15)
    refused(answer, 400, "continuation token")


# ------------------------------------------------------------------------------------------------ broken HTTP
@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a client that speaks TLS
    ],
    ids=lambda data: repr(data[:30]),
)
def test_what_is_no_http_ends_its_connection_only(api: Api, data: bytes) -> None:
    with connected(api) as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        answer = read_all(link)
    # Where the head was valid HTTP, the server's response may have been sent before.
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 ", b"HTTP/1.1 403 "))
    assert api.get("/sessions").status_code == 200


@pytest.mark.parametrize(
    ("length", "status"),
    [("²", 400), ("٣", 400), ("-5", 400), ("0x5", 400), ("five", 400), ("9" * 30, 413), ("9" * 5000, 413)],
    ids=lambda value: str(value)[:6],
)
def test_a_length_that_is_no_number_or_too_large_is_refused(api: Api, length: str, status: int) -> None:
    path = f"{urlsplit(api.base).path}/sessions"
    with connected(api) as link:
        link.sendall(head("POST", path)[:-2] + f"Content-Length: {length}\r\n\r\n".encode())
        assert link.recv(4096).startswith(f"HTTP/1.1 {status} ".encode())
    with connected(api) as link:  # as a client writes it that knows nothing but Latin-1
        link.sendall(head("POST", path)[:-2] + b"Content-Length: \xb2\r\n\r\n")
        assert link.recv(4096).startswith(b"HTTP/1.1 400 ")


def test_garbage_behind_a_request_does_not_harm_it(api: Api) -> None:
    with connected(api) as link:
        path = f"{urlsplit(api.base).path}/sessions"
        link.sendall(head("GET", path) * 3 + b"\0garbage\r\n\r\n")
        answer = read_all(link)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.endswith(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_slow_and_half_requests_block_no_other_request(api: Api) -> None:
    halves = [connected(api) for _ in range(150)]
    path = f"{urlsplit(api.base).path}/sessions"
    beginnings = (b"GET ", head("GET", path)[:-2], head("POST", path, "Content-Length: 1000") + b'{"name": "')
    for number, link in enumerate(halves):
        link.sendall(beginnings[number % 3])
    began = time.monotonic()
    for _ in range(20):
        assert api.get("/sessions").status_code == 200
    assert time.monotonic() - began < 5
    for link in halves:
        link.close()
    assert "name" not in {item.get("name") for item in api.get("/sessions").json()["items"]}


def test_if_none_match_gets_the_whole_response(api: Api) -> None:
    """No API documents 304."""
    assert api.get("/sessions", headers={"If-None-Match": "*"}).status_code == 200
    assert "Etag" not in api.get("/sessions").headers
