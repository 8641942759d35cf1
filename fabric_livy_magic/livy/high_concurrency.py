"""High-concurrency sessions: each is one REPL, with variables of its own; those of one tag share a Spark application.

learn.microsoft.com/fabric/data-engineering/high-concurrency-livy: an acquire is never idempotent, acquires at the same
time may start several applications, five REPLs fit into one, and an application ends with its last REPL.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from fabric_livy_magic.errors import FabricLivyError, HttpError, SessionLostError, SettingsError
from fabric_livy_magic.livy.client import Dialect, LivyClient, reading, session_body
from fabric_livy_magic.livy.creation import Creation
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.models import SessionInfo, SessionState
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.submission import Ledger
from fabric_livy_magic.settings import SessionSpec


class ReplClient(LivyClient):
    """The calls of one REPL. Its id is that of the acquired session; statements go by the two ids that it is told later."""

    def __init__(self, http: LivyHttp, dialect: Dialect = Dialect.FABRIC) -> None:
        super().__init__(http, dialect)
        self._place: dict[str, str] = {}  # one for all copies: whichever of them waits is told the ids

    @property
    def application_id(self) -> str:
        """Of the Livy session that the REPL is in; empty until it is ready."""
        return self._place.get("session", "")

    def create_session(
        self, spec: SessionSpec, late: Callable[[SessionInfo | None], None] | None = None
    ) -> SessionInfo:
        body = {**session_body(spec), "sessionTag": spec.session_tag}
        return self._info(self.http.post("/highConcurrencySessions", body, late=reading(SessionInfo, late)), needs="id")

    def get_session(self, session_id: str) -> SessionInfo:
        return self._info(self.http.get(self.session_path(session_id)))

    def list_sessions(self) -> list[SessionInfo]:
        """Raises: one whose answer was lost cannot be looked for, and must not be asked for twice; it ends by its idle timeout."""
        raise HttpError("The API has no list of high-concurrency sessions.")

    def session_log(self, session_id: str) -> list[str]:
        """A REPL has none of its own; that of the Livy session that it is in, where the server shows that."""
        if not self.application_id:
            return []
        standard = LivyClient(self.http, self.dialect)
        return standard.session_log(self.application_id)

    def reset_timeout(self, session_id: str) -> None:
        raise SettingsError("the API has no call that keeps a high-concurrency session alive")

    def _info(self, answer: object, needs: str = "") -> SessionInfo:
        view = self._object(answer, "a high-concurrency session", needs)
        info = SessionInfo.from_json(view)
        session_id, repl_id = view.get("sessionId"), view.get("replId")
        if session_id and repl_id:
            self._place.update(session=str(session_id), repl=str(repl_id))
            return replace(info, app_id=info.app_id or self.application_id)
        if info.state.is_ready:  # not before it says where its statements go
            return replace(info, state=SessionState.STARTING)
        return info

    def session_path(self, session_id: str) -> str:
        return f"/highConcurrencySessions/{quote(session_id, safe='', errors='replace')}"

    def statements_path(self, session_id: str) -> str:
        if not self._place:
            raise SessionLostError(f"High-concurrency session {session_id} has no REPL yet. Wait until it is ready.")
        return f"{self.session_path(self.application_id)}/repls/{quote(self._place['repl'], safe='', errors='replace')}/statements"


class HighConcurrencySession(StandardSession):
    """One REPL, and those acquired beside it, which end with it."""

    client: ReplClient

    def __init__(
        self, client: LivyClient, first: SessionInfo, ledger: Ledger | None = None, creation: Creation | None = None
    ) -> None:
        super().__init__(client, first, ledger, creation)
        self._spec = SessionSpec(high_concurrency=True, session_tag=first.raw.get("sessionTag"))
        self._others: list[HighConcurrencySession] = []
        self._acquiring = threading.Lock()
        self._ending = False

    @classmethod
    def create(cls, client: LivyClient, spec: SessionSpec, **waiting: Any) -> HighConcurrencySession:
        """As of any session. Without a tag it gets one of its own, so that more REPLs can join it."""
        if client.dialect is not Dialect.FABRIC:
            raise SettingsError("Apache Livy has no high-concurrency sessions; start several sessions instead.")
        spec = replace(spec, session_tag=spec.session_tag or f"fabric-livy-magic-{uuid.uuid4().hex[:12]}")
        made = super().create(ReplClient(client.http, client.dialect), spec, **waiting)
        assert isinstance(made, HighConcurrencySession)
        made._spec = spec
        return made

    @classmethod
    def attach(cls, client: LivyClient, session_id: str) -> HighConcurrencySession:
        """By the id that its acquire gave."""
        found = super().attach(ReplClient(client.http, client.dialect), session_id)
        assert isinstance(found, HighConcurrencySession)
        return found

    def acquire_another(self, *, timeout_s: float) -> HighConcurrencySession:
        """Another REPL, ready. One is acquired at a time. None is left behind where it fails, or where this one is stopped
        meanwhile."""
        with self._acquiring:
            self._check_not_stopped()
            other = self.create(self.client, self._spec)
            self._others.append(other)  # from now on `stop` finds it
            try:
                other.wait_ready(timeout_s=timeout_s)
                if self._ending:
                    raise SessionLostError(f"Session {self.id} was stopped.")
            except BaseException:
                self.release(other)
                raise
            return other

    def release(self, other: HighConcurrencySession) -> None:
        """Ends one that was acquired beside it. Where that fails, its idle timeout does it."""
        if other in self._others:
            self._others.remove(other)
        with contextlib.suppress(FabricLivyError):
            other.stop(brief=True)

    def stop(self, *, brief: bool = False) -> bool:
        """Those beside it first. Raises the first error only after all of them were told to end."""
        self._ending = True
        failed: FabricLivyError | None = None
        while self._others:
            try:
                self._others.pop().stop(brief=brief)
            except FabricLivyError as error:
                failed = failed or error
        there = super().stop(brief=brief)
        if failed:
            raise failed
        return there
