"""All sessions of a server: made, found, listed, ended."""

from __future__ import annotations

import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.places import Lakehouse
from fabric_livy_magic.local.session import Groups, Session
from fabric_livy_magic.local.statements import now_ms

IDLE_TIMEOUT_S = 20 * 60.0  # Fabric's default
IDLE_CONF = "spark.livy.session.idle.timeout"
LOOK_EVERY_S = 1.0
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


def idle_timeout_s(request: dict[str, Any]) -> float:
    """From the session's conf; a value nobody can read counts as not given, as Fabric ignores it."""
    text = str((request.get("conf") or {}).get(IDLE_CONF, ""))
    match = re.fullmatch(r"\s*(\d+)\s*(ms|s|m|min|h|d)?\s*", text)
    if not match:
        return IDLE_TIMEOUT_S
    return int(match[1]) * UNITS_S[match[2] or "ms"]


class Sessions:
    def __init__(self, private: Path, groups: Groups) -> None:
        self._private = private
        self._groups = groups
        self._by_id: dict[tuple[str, str], Session] = {}  # by lakehouse and session
        self._lock = threading.Lock()
        self._end = threading.Event()  # the server stops: nothing new begins
        threading.Thread(target=self._end_idle_ones, name="idle-sessions", daemon=True).start()

    def create(self, request: dict[str, Any], lakehouse: Lakehouse) -> Session:
        """Not started yet, so that its first view is the one the API documents. Raises BadSetting."""
        session_id = str(uuid.uuid4())
        folder = self._private / session_id
        folder.mkdir(mode=0o700)
        session = Session(session_id, request, lakehouse.folder, folder, self._groups, lakehouse.default_schema)
        with self._lock:
            self._by_id[lakehouse.id, session_id] = session
        return session

    @property
    def ended(self) -> bool:
        return self._end.is_set()

    def get(self, lakehouse_id: str, session_id: str) -> Session | None:
        return self._by_id.get((lakehouse_id, session_id.lower()))

    def all(self, lakehouse_id: str) -> list[Session]:
        with self._lock:
            return [session for (lakehouse, _), session in self._by_id.items() if lakehouse == lakehouse_id]

    def delete(self, lakehouse_id: str, session_id: str) -> bool:
        """False where there is none. Returns when its processes are gone."""
        with self._lock:
            session = self._by_id.pop((lakehouse_id, session_id.lower()), None)
        if session is None:
            return False
        session.stop()
        return True

    def stop_all(self) -> None:
        self._end.set()
        with self._lock:
            keys = list(self._by_id)
        if keys:
            with ThreadPoolExecutor(len(keys)) as pool:
                list(pool.map(lambda key: self.delete(*key), keys))

    def _end_idle_ones(self) -> None:
        while not self._end.wait(LOOK_EVERY_S):
            with self._lock:
                sessions = list(self._by_id.values())
            for session in sessions:
                idle_s = (now_ms() - session.repl.last_active_ms) / 1000
                if session.state in ("idle", "error") and idle_s > idle_timeout_s(session.request):
                    session.expire(f"no statement for {idle_s:.0f} s")
