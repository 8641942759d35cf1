"""All sessions of a server: made, found, listed, ended."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from fabric_livy_magic.local.faults.rules import Faults
from fabric_livy_magic.local.faults.sessions import SessionFaultInjector, tags_of
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces
from fabric_livy_magic.local.sessions.capacity import Capacity
from fabric_livy_magic.local.sessions.class_data_archive import archive_in_background
from fabric_livy_magic.local.sessions.lifetimes import Lifetimes, fabric_lifetimes
from fabric_livy_magic.local.sessions.notebook_context import NotebookContext
from fabric_livy_magic.local.sessions.session import Session
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.session_request import SessionRequest
from fabric_livy_magic.local.spark.settings import check_settings

POLL_INTERVAL_S = 1.0


def new_guid() -> str:
    return str(uuid.uuid4())


def counting() -> Callable[[], str]:
    """Livy's ids: 0, 1, 2…"""
    numbers = itertools.count()
    return lambda: str(next(numbers))


class Sessions:
    def __init__(
        self,
        private: Path,
        groups: ProcessGroups,
        capacity: Capacity,
        workspaces: Workspaces,
        new_id: Callable[[], str] = new_guid,
        lifetimes: Lifetimes | None = None,
        *,
        quirks: bool = False,
        faults: Faults | None = None,
        notebookutils: bool = False,
    ) -> None:
        """With `quirks` sessions have those bugs of Apache Livy that are mended otherwise; `notebookutils` is Fabric's."""
        self.new_id = new_id
        self._private = private
        self._quirks = quirks
        self._faults = faults
        self._groups = groups
        self._workspaces = workspaces
        self._notebookutils = notebookutils
        self._capacity = capacity
        self._lifetimes = lifetimes or fabric_lifetimes()
        self._by_id: dict[str, Session] = {}
        self._left_behind: list[Session] = []
        self._lock = threading.Lock()
        self._end = threading.Event()  # the server stops: nothing new begins
        capacity.count(lambda: sum(not session.ended for session in self.all()))
        threading.Thread(target=self._end_overdue_ones, name="overdue-sessions", daemon=True).start()

    def create(
        self,
        request: SessionRequest,
        lakehouse: Lakehouse,
        submitter: str,
        *,
        name_start: str = "livy-session-",
        session_id: str | None = None,
        located: SessionRequest | None = None,
    ) -> Session:
        """Not started yet, so that its first view is the one the API documents. Raises NoCapacity or BadSetting.

        `session_id` is one that `new_id` gave, where the caller had to know it before. `located` has the files of the
        request where they are on this machine.
        """
        check_settings(request)  # what is wrong stays so, whatever room there is
        self._capacity.check()
        session_id = session_id or self.new_id()
        name = request.name or f"{name_start}{session_id}"
        faulty, fault_injector = self._with_faults(request, name, session_id)
        session = self._made(faulty, located or request, lakehouse, submitter, name, session_id, fault_injector)
        with self._lock:
            self._by_id[session_id] = session
        return session

    def _with_faults(
        self, request: SessionRequest, name: str, session_id: str
    ) -> tuple[SessionRequest, SessionFaultInjector | None]:
        """As a fault wants it, where there are faults and one strikes."""
        injected = self._faults.inject_in_session(name, request.conf) if self._faults else None
        if injected is None:
            return request, None
        fault_injector = SessionFaultInjector(injected, lambda: self._lose(session_id))
        return replace(request, tags={**request.tags, **tags_of(injected, request.conf)}), fault_injector

    def _made(
        self,
        request: SessionRequest,
        located: SessionRequest,
        lakehouse: Lakehouse,
        submitter: str,
        name: str,
        session_id: str,
        fault_injector: SessionFaultInjector | None = None,
    ) -> Session:
        folder = self._private / session_id
        folder.mkdir(mode=0o700)
        facts = (self._workspaces, lakehouse, session_id, submitter, folder, request.conf)
        told = NotebookContext(*facts) if self._notebookutils else None
        return Session(
            session_id,
            name,
            request,
            located,
            lakehouse,
            self._workspaces,
            folder,
            self._groups,
            submitter,
            quirks=self._quirks,
            fault_injector=fault_injector,
            notebook_context=told,
        )

    def launch_only(self, request: SessionRequest, lakehouse: Lakehouse, session_id: str) -> None:
        """Livy's bug: of some sessions that it refuses it keeps the process, and knows it no more. Ours ends with the server."""
        left = self._made(request, request, lakehouse, "", session_id, session_id)
        self._left_behind.append(left)
        left.launch_only()

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
        session.remove_files()
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
            session.remove_files()

    def stop_all(self) -> None:
        self._end.set()
        with self._lock:
            ids = list(self._by_id)
        ends = [*(partial(self.delete, one) for one in ids), *(left.stop for left in self._left_behind)]
        if ends:
            with ThreadPoolExecutor(len(ends)) as pool:
                list(pool.map(lambda end: end(), ends))

    def _end_overdue_ones(self) -> None:
        while not self._end.wait(POLL_INTERVAL_S):
            for session in self.all():
                if session.active and (reason := self._lifetimes.reason_to_end(session)):
                    self._time_out(session, f"Session timed out: {reason}")
                elif self._lifetimes.forgets(session):
                    self.delete(session.id)

    def _time_out(self, session: Session, reason: str) -> None:
        if self._lifetimes.overdue_stay_listed:
            session.die(reason, "LIVY_JOB_TIMED_OUT")
        else:
            session.log.write(reason)
            self.delete(session.id)
