"""A server with a log of its own."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.support import service
from tests.support.random_requests import STUCK, check_form
from tests.support.service import TOKEN, Api

MIB = 1024 * 1024
STRANGE = "a\0b\ud800💩\r\nX-Injected: y‮ é"


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
def log(state: Path) -> ServerLog:
    return ServerLog(state / "fabric-livy-magic" / "serve.log")


class ServerLog:
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


def read_all(link: socket.socket) -> bytes:
    received = b""
    while part := link.recv(65536):
        received += part
    return received


def refused(answer: requests.Response, status: int, word: str = "") -> None:
    assert answer.status_code == status, answer.text[:300]
    check_form(answer.content)
    assert word in answer.json()["message"]
