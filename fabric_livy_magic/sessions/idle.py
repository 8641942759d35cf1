"""Idle sessions: kept from their timeout while the notebook is in use, stopped when it no longer is. Both only by a setting."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection
from typing import Protocol

from fabric_livy_magic.errors import FabricLivyError, SessionLostError
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.settings import Settings

LOOK_S = 20.0
UNUSED_S = 300.0  # an embedded Fabric without a session keeps a JVM ready for the next one: hundreds of MiB
RESET_S = 300.0  # Fabric's shortest timeout that was seen is 20 minutes


class Sessions(Protocol):
    """Those of a notebook."""

    used_at: float

    @property
    def settings(self) -> Settings: ...
    def values(self) -> Collection[Session]: ...
    def keep_signed_in(self) -> None: ...
    def tell_guard(self) -> None: ...
    def end_embedded(self) -> None: ...


class IdleWatch:
    """Of one notebook. Its thread runs while there are sessions; it calls the server only where a setting says so."""

    def __init__(self, sessions: Sessions, clock: Callable[[], float] = time.monotonic) -> None:
        self._sessions, self._clock = sessions, clock
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._reset_at: dict[str, float] = {}
        self.trouble: dict[str, str] = {}
        """Why a session could not be kept alive or stopped, by its id."""

    def begin(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._ended.clear()
            self._thread = threading.Thread(target=self._run, name="idle", daemon=True)
            self._thread.start()

    def end(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_S):
            self.look()

    def look(self) -> None:
        """Does what is due."""
        settings, now = self._sessions.settings, self._clock()
        with contextlib.suppress(FabricLivyError):  # then the last token is what the guard has; a cell tells why
            self._sessions.keep_signed_in()
        self._sessions.tell_guard()  # a token may be newer than the one that it has
        for session in list(self._sessions.values()):
            if session.lost or not session.remote.ready or session.remote.running_statements:
                continue
            try:
                if session.started_here and 0 < settings.stop_idle_min * 60 <= now - session.used_at:
                    self._stop(session, settings.stop_idle_min)
                elif now - self._sessions.used_at < settings.keep_alive_min * 60:
                    self._keep_alive(session, now)
            except FabricLivyError as error:
                self.trouble[session.id] = str(error)

        if now - self._sessions.used_at >= UNUSED_S and not any(
            session.target.is_embedded for session in list(self._sessions.values())
        ):
            self._sessions.end_embedded()

    def _stop(self, session: Session, minutes: float) -> None:
        session.remote.stop(short_timeouts=True)
        session.lost = SessionLostError(
            f"Session {session.name!r} was stopped: no cell ran on it for {minutes:g} minutes (setting stop_idle_min). "
            "Its variables and temporary views are lost; tables are not. `%livy restart` starts it anew."
        )

    def _keep_alive(self, session: Session, now: float) -> None:
        last = max(session.used_at, self._reset_at.get(session.id, 0.0))
        if now - last >= RESET_S:
            self._reset_at[session.id] = now
            session.remote.client.with_short_timeouts().reset_timeout(session.id)
            self.trouble.pop(session.id, None)
