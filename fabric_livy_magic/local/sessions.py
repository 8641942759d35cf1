"""All sessions of a server: made, found, listed, ended."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from fabric_livy_magic.local.archiver import archive_in_background
from fabric_livy_magic.local.asked import SessionRequest
from fabric_livy_magic.local.capacity import Capacity
from fabric_livy_magic.local.faults.rules import Faults
from fabric_livy_magic.local.faults.sessions import SessionScript, tags_of
from fabric_livy_magic.local.groups import ProcessGroups
from fabric_livy_magic.local.places import Lakehouse
from fabric_livy_magic.local.session import Session
from fabric_livy_magic.local.spark.settings import check_settings

IDLE_TIMEOUT_S = 20 * 60.0  # Fabric's default
IDLE_CONF = "spark.livy.session.idle.timeout"
LOOK_EVERY_S = 1.0
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


def idle_timeout_s(asked: SessionRequest) -> float:
    """From the session's conf; a value nobody can read counts as not given, as Fabric ignores it."""
    match = re.fullmatch(r"\s*(\d{1,15})\s*(ms|s|m|min|h|d)?\s*", asked.conf.get(IDLE_CONF, ""), re.ASCII)
    if not match:
        return IDLE_TIMEOUT_S
    return int(match[1]) * UNITS_S[match[2] or "ms"]


def new_guid() -> str:
    return str(uuid.uuid4())


class Sessions:
    def __init__(
        self,
        private: Path,
        groups: ProcessGroups,
        capacity: Capacity,
        new_id: Callable[[], str] = new_guid,
        *,
        quirks: bool = False,
        faults: Faults | None = None,
    ) -> None:
        """With `quirks` sessions have those bugs of Apache Livy that are mended otherwise."""
        self._private = private
        self._quirks = quirks
        self._faults = faults
        self._groups = groups
        self._capacity = capacity
        self._new_id = new_id
        self._by_id: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._end = threading.Event()  # the server stops: nothing new begins
        capacity.count(lambda: sum(not session.ended for session in self.all()))
        threading.Thread(target=self._end_idle_ones, name="idle-sessions", daemon=True).start()

    def create(
        self, asked: SessionRequest, lakehouse: Lakehouse, submitter: str, name_start: str = "livy-session-"
    ) -> Session:
        """Not started yet, so that its first view is the one the API documents. Raises NoCapacity or BadSetting."""
        check_settings(asked)  # what is wrong stays so, whatever room there is
        self._capacity.check()
        session_id = self._new_id()
        folder = self._private / session_id
        folder.mkdir(mode=0o700)
        named = replace(asked, name=asked.name or f"{name_start}{session_id}")
        named, script = self._struck(named, session_id)
        session = Session(
            session_id, named, lakehouse, folder, self._groups, submitter, quirks=self._quirks, script=script
        )
        with self._lock:
            self._by_id[session_id] = session
        return session

    def _struck(self, asked: SessionRequest, session_id: str) -> tuple[SessionRequest, SessionScript | None]:
        """As a fault wants it, where there are faults and one strikes."""
        strike = self._faults.strike_session(asked.name or "", asked.conf) if self._faults else None
        if strike is None:
            return asked, None
        script = SessionScript(strike, lambda: self._lose(session_id))
        return replace(asked, tags={**asked.tags, **tags_of(strike, asked.conf)}), script

    @property
    def ended(self) -> bool:
        return self._end.is_set()

    def get(self, session_id: str) -> Session | None:
        return self._by_id.get(session_id.lower())

    def all(self) -> list[Session]:
        """In the order in which they were made."""
        with self._lock:
            return list(self._by_id.values())

    def delete(self, session_id: str) -> bool:
        """False where there is none. Returns when its processes are gone; until then it is there, as `shutting_down`."""
        session = self.get(session_id)
        if session is None:
            return False
        ended_well = session.state in ("idle", "busy")
        session.stop()
        if ended_well:
            archive_in_background()
        with self._lock:
            return self._by_id.pop(session.id, None) is not None

    def _lose(self, session_id: str) -> None:
        """It is not known any more, and then ended."""
        with self._lock:
            session = self._by_id.pop(session_id, None)
        if session is not None:
            session.stop()

    def stop_all(self) -> None:
        self._end.set()
        with self._lock:
            ids = list(self._by_id)
        if ids:
            with ThreadPoolExecutor(len(ids)) as pool:
                list(pool.map(self.delete, ids))

    def _end_idle_ones(self) -> None:
        while not self._end.wait(LOOK_EVERY_S):
            for session in self.all():
                idle_s = session.idle_s
                if session.state in ("idle", "error") and idle_s > idle_timeout_s(session.asked):
                    # It stays listed as dead, as on Fabric.
                    session.die(f"Session timed out: no statement for {idle_s:.0f} s", "LIVY_JOB_TIMED_OUT")
