"""Responses to wrong requests. No Spark is started here, but the server needs the `local` extra."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.support import service
from tests.support.service import TOKEN, Api

pytestmark = pytest.mark.spark
NOBODY = str(uuid.uuid5(uuid.NAMESPACE_URL, "nobody"))  # the same in each run: it is part of names of tests


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Its own, as it counts sessions."""
    with service.serving(tmp_path_factory.mktemp("lake")) as running:
        yield running


def check_error(answer: requests.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"errorCode", "message", "requestId", "moreDetails"}
    assert uuid.UUID(body["requestId"])
    assert "Traceback" not in answer.text
    assert TOKEN not in answer.text
    for word in words:
        assert word in body["message"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer é"])
def test_without_the_token(api: Api, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode()}
    for path in ("/sessions", "/nowhere"):
        check_error(requests.get(api.base + path, headers=headers, timeout=10), 401)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_name(api: Api, host: str) -> None:
    check_error(api.get("/sessions", headers={"Host": host}), 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:99", "[::1]:5"])
def test_own_host_names(api: Api, host: str) -> None:
    assert api.get("/sessions", headers={"Host": host}).status_code == 200


def test_a_refusal_announces_that_its_connection_is_closed(api: Api) -> None:
    for _ in range(20):
        refused = api.get("/sessions", headers={"Host": "evil.example"})
        assert (refused.status_code, refused.headers["Connection"]) == (403, "close")


def test_only_loopback_listens(api: Api) -> None:
    port = urlsplit(api.base).port
    assert port is not None
    own = socket.gethostbyname(socket.gethostname())
    if own.startswith("127."):
        pytest.skip("this machine has no other address")
    with pytest.raises(OSError), socket.create_connection((own, port), timeout=2):
        pass


BODIES: list[tuple[Any, str]] = [
    (b"", "no JSON"),
    (b"abcde", "no JSON"),
    (b"\xff\xfe", "no JSON"),
    (b"[" * 100_000, "no JSON"),
    (b"null", "object"),
    (b"[]", "object"),
    (b'{"conf": "x"}', "'conf'"),
    (b'{"conf": {"a": 1}}', "'conf'"),
    (b'{"name": 5}', "'name'"),
    (b'{"tags": ["a"]}', "'tags'"),
    (b'{"driverCores": "two"}', "'driverCores'"),
    (b'{"archives": [1]}', "'archives'"),
    (b'{"driverMemory": "lots"}', "lots"),
]


@pytest.mark.parametrize(("body", "word"), BODIES, ids=[str(case[0][:30]) for case in BODIES])
def test_session_bodies_that_are_wrong(api: Api, body: bytes, word: str) -> None:
    check_error(api.http.post(f"{api.base}/sessions", data=body, timeout=10), 400, word)
    assert api.get("/sessions").json()["items"] == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("session_id", [NOBODY, "0", "nobody", "%2e%2e", "a b"])
def test_unknown_sessions(api: Api, method: str, session_id: str) -> None:
    answer = api.http.request(method, f"{api.base}/sessions/{session_id}", timeout=10)
    check_error(answer, 404)


@pytest.mark.parametrize("path", ["statements", "statements/0", "nothing"])
def test_below_an_unknown_session(api: Api, path: str) -> None:
    check_error(api.get(f"/sessions/{NOBODY}/{path}"), 404)


def test_statement_to_an_unknown_session(api: Api) -> None:
    check_error(api.post(f"/sessions/{NOBODY}/statements", {"code": "1", "kind": "sql"}), 404, NOBODY)


def test_other_workspaces_lakehouses_and_versions(api: Api) -> None:
    root = api.ready["api_url"]
    workspace, lakehouse = (api.base.split("/")[i] for i in (-6, -4))
    for path, word in (
        (f"/workspaces/{NOBODY}/lakehouses/{lakehouse}/livyapi/versions/2023-12-01/sessions", "workspace"),
        (f"/workspaces/{workspace}/lakehouses/{NOBODY}/livyapi/versions/2023-12-01/sessions", "lakehouse"),
        (f"/workspaces/{workspace}/lakehouses/{lakehouse}/livyapi/versions/1999-01-01/sessions", "version"),
        ("/nothing", "nothing"),
    ):
        check_error(api.http.get(root + path, timeout=10), 404, word)


@pytest.mark.parametrize("spelling", ["livyapi", "livyApi", "LIVYAPI"])
def test_the_path_is_read_in_any_case(api: Api, spelling: str) -> None:
    assert api.http.get(api.base.replace("livyapi", spelling) + "/sessions", timeout=10).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_methods_that_are_not_there(api: Api, method: str) -> None:
    check_error(api.http.request(method, f"{api.base}/sessions", timeout=10), 405)


def test_an_empty_list(api: Api) -> None:
    assert api.get("/sessions").json() == {"items": [], "totalCountOfMatchedItems": 0, "pageSize": 100}
    assert api.get("/sessions?$top=5&$skip=1").json()["pageSize"] == 5
    check_error(api.get("/sessions?$top=x"), 400, "$top")


def test_a_body_that_is_too_large(api: Api) -> None:
    """The announced length is enough; the 64 MiB are not sent."""
    url = urlsplit(api.base)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=10) as link:
        link.sendall(
            f"POST {url.path}/sessions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Length: {65 * 1024 * 1024}\r\n\r\n".encode()
        )
        assert link.recv(4096).startswith(b"HTTP/1.1 413 ")
    assert api.get("/sessions").status_code == 200
