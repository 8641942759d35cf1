"""The server that the recorded answers are compared with."""

from __future__ import annotations

import threading
import time
import uuid
from typing import Any

import requests

from tests.support.replay import normal

FINISHED = ("available", "cancelled", "error")
SETTLED = ("idle", "dead", "error", "killed")
START_S = 240.0
CALL_S = 120.0


class NotStarted(Exception):  # noqa: N818 - says what happened
    """A session of the replay did not become idle."""


class Target:
    """The calls that both dialects have. Usable from several threads."""

    def __init__(self, base_url: str, token: str | None, dialect: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.dialect = dialect
        self._headers = {"X-Requested-By": "replay", "Accept-Encoding": "identity"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._of_thread = threading.local()

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        if not hasattr(self._of_thread, "http"):
            self._of_thread.http = requests.Session()
            self._of_thread.http.trust_env = False
        headers = self._headers | options.pop("headers", {})
        answer: requests.Response = self._of_thread.http.request(
            method,
            self.base_url + path,
            headers=headers,
            timeout=options.pop("timeout_s", CALL_S),
            allow_redirects=False,
            **options,
        )
        return answer

    def start_session(self, kind: str) -> Any:
        body = {"kind": kind} if self.dialect == "livy" else {"name": f"replay-{uuid.uuid4().hex[:8]}"}
        answer = self.call("POST", "/sessions", json=body)
        if not answer.ok:
            raise NotStarted(f"{answer.status_code} {answer.text[:300]}")
        session = answer.json()["id"]
        until = time.monotonic() + START_S
        while (state := self.state(session)) not in SETTLED and time.monotonic() < until:
            time.sleep(0.1)
        if state != "idle":
            raise NotStarted(f"session {session} is {state}")
        return session

    def state(self, session: Any) -> str:
        answer = self.call("GET", f"/sessions/{session}")
        return str(answer.json().get("state", "?")) if answer.ok else str(answer.status_code)

    def delete_session(self, session: Any) -> None:
        self.call("DELETE", f"/sessions/{session}")

    def run(self, session: Any, code: str, kind: str | None, within_s: float, *, keeps_res: bool) -> dict[str, Any]:
        """The statement, in its normal form, once it is finished or the time is over; or how it was refused."""
        body = {"code": code} | ({} if kind is None else {"kind": kind})
        answer = self.call("POST", f"/sessions/{session}/statements", json=body)
        until, pause_s = time.monotonic() + within_s, 0.005
        while answer.ok:
            statement = answer.json()
            if finished(statement) or time.monotonic() > until:
                return normal.statement(statement, code, keeps_res=keeps_res)
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.3, 0.5)
            answer = self.call("GET", f"/sessions/{session}/statements/{statement['id']}")
        return normal.refusal(answer.status_code, body_of(answer))


def finished(statement: dict[str, Any]) -> bool:
    """Livy writes `completed` and the output after the state."""
    if statement["state"] == "cancelled":
        return True
    return statement["state"] in FINISHED and bool(statement.get("output") and statement.get("completed", 1))


def body_of(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text[:500]
