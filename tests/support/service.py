"""A real server process of the embedded Fabric, and the few calls that tests make on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

# Parts of the messages on a machine that reaches no Maven repository.
NO_DELTA = ("cannot be reached", "does not answer", "was not there after")
ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-tests"
FINISHED = ("available", "cancelled")


class Api:
    def __init__(self, ready: dict[str, Any]) -> None:
        self.ready = ready
        self.base: str = ready["livy_endpoint"]
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Authorization"] = f"Bearer {ready['token']}"

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.http.get(self.base + path, timeout=60, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.http.post(self.base + path, json=body, timeout=60, **options)

    def delete(self, path: str) -> requests.Response:
        return self.http.delete(self.base + path, timeout=60)

    def start_session(self, **request: Any) -> Session:
        answer = self.post("/sessions", request)
        assert answer.status_code == 202, answer.text
        return Session(self, answer.json()["id"])


class Session:
    def __init__(self, api: Api, session_id: str) -> None:
        self.api = api
        self.id = session_id
        self.path = f"/sessions/{session_id}"

    def view(self) -> dict[str, Any]:
        view: dict[str, Any] = self.api.get(self.path).json()
        return view

    def wait_for(self, *states: str, within_s: float = 90) -> dict[str, Any]:
        until = time.monotonic() + within_s
        while (view := self.view()).get("state") not in states:
            assert view.get("state") != "dead", view
            assert time.monotonic() < until, view
            time.sleep(0.05)
        return view

    def submit(self, code: str, kind: str = "pyspark", **more: Any) -> int:
        answer = self.api.post(f"{self.path}/statements", {"code": code, "kind": kind, **more})
        assert answer.status_code == 200, answer.text
        statement_id: int = answer.json()["id"]
        return statement_id

    def statement(self, statement_id: int) -> dict[str, Any]:
        view: dict[str, Any] = self.api.get(f"{self.path}/statements/{statement_id}").json()
        return view

    def wait(self, statement_id: int, *states: str, within_s: float = 90) -> dict[str, Any]:
        until = time.monotonic() + within_s
        while (view := self.statement(statement_id))["state"] not in (states or FINISHED):
            assert time.monotonic() < until, view
            time.sleep(0.02)
        return view

    def output(self, code: str, kind: str = "pyspark") -> dict[str, Any]:
        view = self.wait(self.submit(code, kind))
        assert view["state"] == "available"
        output: dict[str, Any] = view["output"]
        return output

    def text(self, code: str, kind: str = "pyspark") -> str:
        output = self.output(code, kind)
        assert output["status"] == "ok", output["evalue"]
        text: str = output["data"]["text/plain"]
        return text

    def rows(self, code: str) -> list[list[Any]]:
        output = self.output(code, "sql")
        assert output["status"] == "ok", output["evalue"]
        rows: list[list[Any]] = output["data"]["application/json"]["data"]
        return rows

    def error(self, code: str, kind: str = "pyspark") -> dict[str, Any]:
        output = self.output(code, kind)
        assert output["status"] == "error", output
        return output

    def cancel(self, statement_id: int) -> requests.Response:
        return self.api.post(f"{self.path}/statements/{statement_id}/cancel", {})


def command(lakehouse: Path | None, *options: str) -> list[str]:
    where = ["--lakehouse", str(lakehouse)] if lakehouse else []
    return [sys.executable, "-m", "fabric_livy_magic.local", "--json", *where, *options]


def startup_error(folder: Path, *options: str) -> str:
    """The message of a server that does not start because of its options."""
    root = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command(None, *options), cwd=folder, env=root, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    return done.stderr


def start(
    lakehouse: Path | None, *options: str, extra_env: dict[str, str] | None = None
) -> tuple[subprocess.Popen[str], Api]:
    process = subprocess.Popen(
        command(lakehouse, *options),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(extra_env or {})},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the server ended with {process.wait()}"
    return process, Api(json.loads(line))


def close(process: subprocess.Popen[str]) -> int:
    """Ends it by SIGTERM, unless it has ended; gives its exit code."""
    process.terminate()
    code = process.wait(30)
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        stream.close()
    return code


@contextmanager
def serving(
    lakehouse: Path | None, options: Sequence[str] = ("--token", TOKEN), extra_env: dict[str, str] | None = None
) -> Iterator[Api]:
    process, api = start(lakehouse, *options, extra_env=extra_env)
    try:
        yield api
    finally:
        api.http.close()
        assert close(process) == 0
