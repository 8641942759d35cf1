"""A server of Apache Livy's dialect, and the calls that tests make on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.support import service
from tests.support.service import TOKEN


class Livy(service.Api):
    def start_session(self, **request: Any) -> LivySession:
        answer = self.post("/sessions", request)
        assert answer.status_code == 201, answer.text
        return LivySession(self, answer.json()["id"])

    def wait_until_gone(self, path: str, within_s: float = 30) -> list[str]:
        """The states that it had until then."""
        states: list[str] = []
        until = time.monotonic() + within_s
        while (answer := self.get(path)).status_code != 404:
            assert time.monotonic() < until, answer.text
            if states[-1:] != [answer.json()["state"]]:
                states.append(answer.json()["state"])
            time.sleep(0.05)
        return states


class LivySession(service.Session):
    def submit(self, code: str, kind: str = "pyspark", **more: Any) -> int:
        answer = self.api.post(f"{self.path}/statements", {"code": code, "kind": kind, **more})
        assert answer.status_code == 201, answer.text
        statement_id: int = answer.json()["id"]
        return statement_id


@contextmanager
def serving(lakehouse: Path, *options: str) -> Iterator[Livy]:
    with service.serving(lakehouse, ["--token", TOKEN, "--dialect", "livy", *options]) as api:
        yield Livy(api.ready)


def message(answer: requests.Response) -> tuple[int, str]:
    """Of an answer in the form `{"msg": …}`."""
    body = answer.json()
    assert list(body) == ["msg"], body
    return answer.status_code, body["msg"]


def bare(answer: requests.Response) -> tuple[int, str]:
    """Of an answer that is a JSON string."""
    body = answer.json()
    assert isinstance(body, str), body
    return answer.status_code, body
