"""Wrong, broken and hostile requests: each gets the documented status and error body, or HTTP's own 400; a line in the
server's log tells of it; and the server lives on. No Spark is started but by the tests at the end.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.support import contract, service
from tests.support.random_requests import NOBODY, STUCK, check_form, run_on_fabric
from tests.support.service import TOKEN, Api

pytestmark = pytest.mark.spark

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, state: Path) -> Iterator[Api]:
    """Its sessions never start Spark."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "faults.toml").write_text(STUCK, encoding="utf-8")
    options = ["--token", TOKEN, "--capacity", "100", "--faults", str(folder / "faults.toml")]
    process, started = service.start(folder / "lake", *options, extra_env={"XDG_STATE_HOME": str(state)})
    yield started
    started.http.close()
    assert service.close(process) == 0


@pytest.fixture
def log(state: Path) -> LogOfServer:
    return LogOfServer(state / "fabric-livy-magic" / "serve.log")


class LogOfServer:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = len(self.text()) if path.exists() else 0

    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def new_lines(self, count: int = 0) -> list[str]:
        """At least so many: a line follows its answer."""
        until = time.monotonic() + 5
        while len(lines := self.text()[self._seen :].splitlines()) < count:
            assert time.monotonic() < until, lines
            time.sleep(0.02)
        return lines


def connected(api: Api) -> socket.socket:
    url = urlsplit(api.base)
    return socket.create_connection((url.hostname or "", url.port or 0), timeout=15)


def head(method: str, path: str, *more: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {TOKEN}", *more, "", "")
    return "\r\n".join(lines).encode()


def all_of(link: socket.socket) -> bytes:
    received = b""
    while part := link.recv(65536):
        received += part
    return received


def refused(answer: requests.Response, status: int, word: str = "") -> None:
    assert answer.status_code == status, answer.text[:300]
    check_form(answer.content)
    assert word in answer.json()["message"]


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
def test_a_session_that_cannot_be_asked_for_like_that(api: Api, body: bytes, word: str) -> None:
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
def test_a_statement_that_is_none(api: Api, body: dict[str, Any], word: str) -> None:
    session = api.start_session()
    refused(api.post(f"{session.path}/statements", body), 400, word)
    assert api.get(f"{session.path}/statements").json() == {"statements": [], "total_statements": 0}
    api.delete(session.path)


STRANGE = "a\0b\ud800💩\r\nX-Injected: y‮ é"


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
def test_other_methods_are_refused_and_the_right_ones_told(api: Api, call: contract.Call, method: str) -> None:
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
        answer = all_of(link)
    assert answer.startswith(b"HTTP/1.1 404 ")
    fields, _, body = answer.partition(b"\r\n\r\n")
    assert b"X-Injected" not in fields
    check_form(body)


@pytest.mark.parametrize("part", ["%ff", "%ED%A0%80"])
def test_what_is_no_text_is_no_id(api: Api, part: str) -> None:
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
def test_a_page_that_is_none(api: Api, query: str, word: str) -> None:
    refused(api.get(f"/sessions?{query}"), 400, word)


def test_the_count_may_be_left_out(api: Api) -> None:
    assert "totalCountOfMatchedItems" not in api.get("/sessions?$count=false").json()
    assert "totalCountOfMatchedItems" in api.get("/sessions?$count=True&$top=2147483647").json()


@pytest.mark.parametrize("token", ["+RID:~" + "x" * 50 + "==", "+RID:~OTk5OTk5OTk5OTk5OTk5OTk5Ly8/=="])
def test_a_continuation_that_is_none(api: Api, token: str) -> None:
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
        answer = all_of(link)
    # Where it was HTTP up to its head, our own answer may have gone out before.
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 ", b"HTTP/1.1 403 "))
    assert api.get("/sessions").status_code == 200


def test_garbage_behind_a_request_does_not_harm_it(api: Api) -> None:
    with connected(api) as link:
        path = f"{urlsplit(api.base).path}/sessions"
        link.sendall(head("GET", path) * 3 + b"\0garbage\r\n\r\n")
        answer = all_of(link)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.endswith(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_slow_and_half_requests_keep_nobody_waiting(api: Api) -> None:
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


def test_an_answer_is_given_whole_to_who_seems_to_have_it(api: Api) -> None:
    """304 is no documented answer."""
    assert api.get("/sessions", headers={"If-None-Match": "*"}).status_code == 200
    assert "Etag" not in api.get("/sessions").headers


# ------------------------------------------------------------------------------------------------ the log
def test_a_refusal_leaves_one_line_without_what_was_sent(api: Api, log: LogOfServer) -> None:
    hush = "hush-hush"
    answer = api.http.post(
        f"{api.base}/sessions/{NOBODY}/statements?secret={hush}",
        json={"code": hush, "kind": "sql"},
        headers={"X-Secret": hush},
        timeout=15,
    )
    (line,) = log.new_lines(1)
    assert " INFO POST " in line
    assert line.endswith(f"statements' 404 SparkCoreSessionNotFound ({answer.headers['RequestId']})")
    requests.get(api.base, headers={"Authorization": f"Bearer {hush}"}, timeout=15)
    line = log.new_lines(2)[1]
    assert " WARNING GET " in line
    assert " 401 Unauthorized (" in line
    assert not {hush, TOKEN} & set(log.text().split())
    assert hush not in log.text()


def test_a_success_leaves_none(api: Api, log: LogOfServer) -> None:
    api.get("/sessions")
    assert log.new_lines() == []


def test_no_request_writes_lines_of_its_own_into_the_log(api: Api, log: LogOfServer) -> None:
    with connected(api) as link:
        link.sendall(head("GET", "/v1/a%0aFAKE\x85\xa0b" + "c" * 3_000, "Connection: close"))
        all_of(link)
        link.close()
    with connected(api) as link:
        link.sendall(b"GET / HTTP/1.1\r\nAuthorization Bearer hush\r\n\r\n")
        all_of(link)
    lines = log.new_lines(2)
    assert len(lines) == 2
    assert all(len(line) < 600 and line.isascii() and " FAKE" not in line for line in lines)
    assert "hush" not in "".join(lines)


def test_a_failure_of_its_own_is_told_without_its_words_and_logged_with_its_place(tmp_path: Path) -> None:
    """A lakehouse that became a file, in whose place the session's folders cannot be made."""
    (tmp_path / "lake").mkdir()
    options = ["--token", TOKEN]
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    process, api = service.start(tmp_path / "lake", *options, extra_env=environment)
    (tmp_path / "lake").rmdir()
    (tmp_path / "lake").write_text("", encoding="utf-8")
    try:
        answer = api.post("/sessions", {"name": "hush"})
        log = tmp_path / "fabric-livy-magic" / "serve.log"
        refused(answer, 500, str(log))
        assert answer.json()["errorCode"] == "InternalError"
        assert "Traceback" not in answer.text
        text = log.read_text(encoding="utf-8")
        assert f"POST '{urlsplit(api.base).path}/sessions' failed ({answer.headers['RequestId']})" in text
        assert "in make" in text
        assert "hush" not in text
        assert log.stat().st_mode & 0o777 == 0o600
        assert api.get("/sessions").json()["items"] == []
    finally:
        api.http.close()
        assert service.close(process) == 0


def test_livys_dialect_logs_what_it_refuses_too(tmp_path: Path) -> None:
    options = ["--token", TOKEN, "--dialect", "livy"]
    process, api = service.start(tmp_path / "lake", *options, extra_env={"XDG_STATE_HOME": str(tmp_path)})
    log = LogOfServer(tmp_path / "fabric-livy-magic" / "serve.log")
    assert api.post("/sessions", {"hush": 1}).status_code == 400
    assert api.get("/sessions/9/statements?hush=1").status_code == 404
    api.http.close()
    assert service.close(process) == 0
    told = re.findall(r"(POST|GET) '(\S+)' (\d+)", log.text())
    assert told == [("POST", "/sessions", "400"), ("GET", "/sessions/9/statements", "404")]
    assert "hush" not in log.text()


def test_without_a_folder_for_its_log_a_server_serves_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    process, api = service.start(
        tmp_path / "lake", "--token", TOKEN, extra_env={"XDG_STATE_HOME": str(tmp_path / "file")}
    )
    assert api.get("/nowhere").status_code == 404
    api.http.close()
    assert service.close(process) == 0


# ------------------------------------------------------------------------------------------------ at random
def test_random_requests_get_documented_answers() -> None:
    """A share of what `python -m tests.support.random_requests` sends."""
    told = run_on_fabric(1_500, seed_=20_260_417)
    assert set(told.statuses) >= {200, 202, 204, 400, 401, 403, 404, 405, 430}
    assert told.unanswered < 300


# ------------------------------------------------------------------------------------------------ with Spark
def test_a_session_of_strange_settings_starts_and_its_statements_say_what_is_wrong(tmp_path: Path) -> None:
    conf = {"spark.a\0b": "c\n=d", "spark.é": "\ud800", "x y": "", "": "e", "spark.k=v": "#!:"}
    with service.serving(tmp_path / "lake") as api:
        session = api.start_session(name=STRANGE, conf=conf)
        session.wait_for("idle")
        assert session.text("spark.conf.get('spark.k=v'), spark.conf.get('spark.a\\0b')") == "('#!:', 'c\\n=d')"
        for kind in ("pyspark", "sql", "spark"):
            for code in ("\ud800", "a\0b", "'\ud800'"):
                view = session.wait(session.submit(code, kind))
                assert view["state"] == "available"
                assert view["output"]["status"] in ("ok", "error")
                assert view["output"].get("ename") != "InternalError", view["output"]
        assert session.text("1 + 1") == "2"
        assert json.loads(session.api.get(session.path).text)["state"] == "idle"
