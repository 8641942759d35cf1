"""High-concurrency sessions: each is one REPL, with variables of its own; those of one tag share a Spark application.

learn.microsoft.com/fabric/data-engineering/high-concurrency-livy: an acquire is never idempotent, acquires at the same
time may start several applications, five REPLs fit into one, and an application ends with its last REPL.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from fabric_livy_magic.errors import FabricLivyError, HttpError, SessionLostError, SettingsError
from fabric_livy_magic.livy.client import Dialect, LivyClient, parse_late_answer, path_part, session_body
from fabric_livy_magic.livy.creation import Creation
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.models import SessionInfo, SessionState
from fabric_livy_magic.livy.monitoring import Monitored
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.submission import KnownStatements
from fabric_livy_magic.settings import SessionSpec


class ReplClient(LivyClient):
    """The calls of one REPL. Its id is that of the acquired session; statements need two more ids, which it has once it is ready."""

    def __init__(self, http: LivyHttp, dialect: Dialect = Dialect.FABRIC) -> None:
        super().__init__(http, dialect)
        self._repl_ids: dict[str, str] = {}  # shared by all copies: any of them may read the ids

    @property
    def application_id(self) -> str:
        """Of the Livy session that the REPL is in; empty until it is ready."""
        return self._repl_ids.get("session", "")

    @property
    def repl_id(self) -> str:
        """Empty until it is ready."""
        return self._repl_ids.get("repl", "")

    def create_session(
        self, spec: SessionSpec, on_late_answer: Callable[[SessionInfo | None], None] | None = None
    ) -> SessionInfo:
        body = {**session_body(spec), "sessionTag": spec.session_tag}
        answer = self.http.post(
            "/highConcurrencySessions", body, on_late_answer=parse_late_answer(SessionInfo, on_late_answer)
        )
        return self._info(self.made(answer, "a high-concurrency session"))

    def get_session(self, session_id: str) -> SessionInfo:
        return self._info(self._object(self.http.get(self.session_path(session_id)), "a high-concurrency session"))

    def list_sessions(self) -> list[SessionInfo]:
        """Raises HttpError: a session whose answer was lost cannot be found; it is not requested twice, and its idle timeout ends it."""
        raise HttpError("The API has no list of high-concurrency sessions.")

    def session_log(self, session_id: str) -> list[str]:
        """A REPL has no log of its own: that of its Livy session, where the server shows it."""
        if not self.application_id:
            return []
        standard = LivyClient(self.http, self.dialect)
        return standard.session_log(self.application_id)

    def reset_timeout(self, session_id: str) -> None:
        raise SettingsError("the API has no call that keeps a high-concurrency session alive")

    def _info(self, view: Mapping[str, Any]) -> SessionInfo:
        info = SessionInfo.from_json(view)
        session_id, repl_id = view.get("sessionId"), view.get("replId")
        if session_id and repl_id:
            self._repl_ids.update(session=str(session_id), repl=str(repl_id))
            return replace(info, app_id=info.app_id or self.application_id)
        if info.state.is_ready:  # not ready before it names its session and REPL
            return replace(info, state=SessionState.STARTING)
        return info

    def session_path(self, session_id: str) -> str:
        return f"/highConcurrencySessions/{path_part(session_id)}"

    def statements_path(self, session_id: str) -> str:
        if not self._repl_ids:
            raise SessionLostError(f"High-concurrency session {session_id} has no REPL yet. Wait until it is ready.")
        repl_id = path_part(self._repl_ids["repl"])
        return f"{self.session_path(self.application_id)}/repls/{repl_id}/statements"


class HighConcurrencySession(StandardSession):
    """One REPL, and the further ones that were acquired for it, which end with it."""

    client: ReplClient

    def __init__(
        self,
        client: LivyClient,
        info: SessionInfo,
        known_statements: KnownStatements | None = None,
        creation: Creation | None = None,
    ) -> None:
        super().__init__(client, info, known_statements, creation)
        self._spec = SessionSpec(high_concurrency=True, session_tag=info.raw.get("sessionTag"))
        self._others: list[HighConcurrencySession] = []
        self._acquiring = threading.Lock()
        self._stopping = False

    @classmethod
    def create(cls, client: LivyClient, spec: SessionSpec, **waiting: Any) -> HighConcurrencySession:
        """See `StandardSession.create`. Without a tag it gets a unique one, so that more REPLs can join it."""
        if client.dialect is not Dialect.FABRIC:
            raise SettingsError("Apache Livy has no high-concurrency sessions; start several sessions instead.")
        spec = replace(spec, session_tag=spec.session_tag or f"fabric-livy-magic-{uuid.uuid4().hex[:12]}")
        created = super().create(ReplClient(client.http, client.dialect), spec, **waiting)
        assert isinstance(created, HighConcurrencySession)
        created._spec = spec
        return created

    @classmethod
    def attach(cls, client: LivyClient, session_id: str) -> HighConcurrencySession:
        """By the id that the acquire call returned."""
        found = super().attach(ReplClient(client.http, client.dialect), session_id)
        assert isinstance(found, HighConcurrencySession)
        return found

    def monitored(self) -> Monitored:
        """No answer about a REPL names the Spark application."""
        return Monitored(self.client.application_id, "", self.client.repl_id)

    def acquire_another(self, *, timeout_s: float) -> HighConcurrencySession:
        """Another REPL, ready. One is acquired at a time; it is released again where that fails, or where this session is
        stopped meanwhile."""
        with self._acquiring:
            self._check_not_stopped()
            other = self.create(self.client, self._spec, timeout_s=timeout_s)
            self._others.append(other)  # so that `stop` ends it, too
            try:
                other.wait_ready(timeout_s=timeout_s)
                if self._stopping:
                    raise SessionLostError(f"Session {self.id} was stopped.")
            except BaseException:
                self.release(other)
                raise
            return other

    def release(self, other: HighConcurrencySession) -> None:
        """Ends a REPL of `acquire_another`. Where that fails, its idle timeout ends it."""
        if other in self._others:
            self._others.remove(other)
        with contextlib.suppress(FabricLivyError):
            other.stop(short_timeouts=True)

    def paths(self) -> list[str]:
        return [path for one in self._others for path in one.paths()] + super().paths()

    def stop(self, *, short_timeouts: bool = False) -> bool:
        """Stops the further REPLs first. Raises the first error only after it has tried all of them."""
        self._stopping = True
        first_error: FabricLivyError | None = None
        while self._others:
            try:
                self._others.pop().stop(short_timeouts=short_timeouts)
            except FabricLivyError as error:
                first_error = first_error or error
        existed = super().stop(short_timeouts=short_timeouts)
        if first_error:
            raise first_error
        return existed
