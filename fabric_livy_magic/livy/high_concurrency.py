"""High-concurrency sessions: each is one REPL, with variables of its own; those of one tag share a Spark application.

learn.microsoft.com/fabric/data-engineering/high-concurrency-livy: an acquire is never idempotent, acquires at the same
time may start several applications, five REPLs fit into one, and an application ends with its last REPL.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from urllib.parse import quote

from fabric_livy_magic.errors import FabricLivyError, SessionLostError, SettingsError
from fabric_livy_magic.livy.client import Dialect, LivyClient, session_body
from fabric_livy_magic.livy.models import SessionInfo, SessionState
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.settings import SessionSpec


class ReplClient(LivyClient):
    """The calls of one REPL. Its id is that of the acquired session; statements go by the two ids that it is told later."""

    _statements_path = ""

    def create_session(self, spec: SessionSpec) -> SessionInfo:
        body = {**session_body(spec), "sessionTag": spec.session_tag}
        return self._info(self.http.post("/highConcurrencySessions", body), needs="id")

    def get_session(self, session_id: str) -> SessionInfo:
        return self._info(self.http.get(_acquired(session_id)))

    def _info(self, answer: object, needs: str = "") -> SessionInfo:
        view = self._object(answer, "a high-concurrency session", needs)
        info = SessionInfo.from_json(view)
        session_id, repl_id = view.get("sessionId"), view.get("replId")
        if session_id and repl_id:
            self._statements_path = f"{_acquired(session_id)}/repls/{quote(str(repl_id), safe='')}/statements"
        elif info.state.is_ready:  # not before it says where its statements go
            return replace(info, state=SessionState.STARTING)
        return info

    def _session_path(self, session_id: str) -> str:
        return _acquired(session_id)

    def statements_path(self, session_id: str) -> str:
        if not self._statements_path:
            raise SessionLostError(f"High-concurrency session {session_id} has no REPL yet. Wait until it is ready.")
        return self._statements_path


def _acquired(session_id: object) -> str:
    return f"/highConcurrencySessions/{quote(str(session_id), safe='')}"


class HighConcurrencySession(StandardSession):
    """One REPL, and those acquired beside it by `beside`, which end with it."""

    def __init__(self, client: ReplClient, first: SessionInfo, spec: SessionSpec) -> None:
        super().__init__(client, first)
        self._spec = spec
        self._beside: list[HighConcurrencySession] = []
        self._acquiring = threading.Lock()

    @classmethod
    def acquire(cls, client: LivyClient, spec: SessionSpec) -> HighConcurrencySession:
        """Asks for a REPL and returns at once. Without a tag it gets one of its own, so that more can join it.

        No call lists these sessions: one whose answer is lost is not asked for again; it ends by its idle timeout.
        """
        if client.dialect is not Dialect.FABRIC:
            raise SettingsError("Apache Livy has no high-concurrency sessions; start several sessions instead.")
        spec = replace(spec, session_tag=spec.session_tag or f"fabric-livy-magic-{uuid.uuid4().hex[:12]}")
        repl = ReplClient(client.http, client.dialect)
        return cls(repl, repl.create_session(spec), spec)

    def beside(self, *, timeout_s: float) -> HighConcurrencySession:
        """Another REPL of the same application, ready. One is acquired at a time; none is left behind where it fails."""
        with self._acquiring:
            self._check_not_stopped()
            other = self.acquire(self.client, self._spec)
            try:
                other.wait_ready(timeout_s=timeout_s)
            except BaseException:
                other.stop(brief=True)
                raise
            self._beside.append(other)
            return other

    def stop(self, *, brief: bool = False) -> bool:
        """Those beside it first. Raises the first error only after all of them were told to end."""
        failed: FabricLivyError | None = None
        with self._acquiring:
            while self._beside:
                try:
                    self._beside.pop().stop(brief=brief)
                except FabricLivyError as error:
                    failed = failed or error
            there = super().stop(brief=brief)
        if failed:
            raise failed
        return there
