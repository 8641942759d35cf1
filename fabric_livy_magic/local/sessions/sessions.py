"""All sessions of a server: created, found, listed, ended."""

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
from fabric_livy_magic.local.interpreters.python_process import repl_forks
from fabric_livy_magic.local.lakehouse.notebook_lakehouses import Home
from fabric_livy_magic.local.lakehouse.served_workspaces import ServedWorkspaces
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspace, Workspaces
from fabric_livy_magic.local.sessions.capacity import Capacity
from fabric_livy_magic.local.sessions.child_sessions import ChildSessions
from fabric_livy_magic.local.sessions.class_data_archive import build_in_background
from fabric_livy_magic.local.sessions.ended_jobs import EndedJob, EndedJobs
from fabric_livy_magic.local.sessions.lifetimes import Lifetimes, fabric_lifetimes
from fabric_livy_magic.local.sessions.notebook_context import NotebookContext, home_of_child, home_of_request
from fabric_livy_magic.local.sessions.session import Session
from fabric_livy_magic.local.sessions.shared_spark import SharedSpark
from fabric_livy_magic.local.spark.application import Application
from fabric_livy_magic.local.spark.guests import fits_a_guest
from fabric_livy_magic.local.spark.process_groups import ProcessGroups
from fabric_livy_magic.local.spark.session_request import SessionRequest
from fabric_livy_magic.local.spark.settings import SessionFolders, check_settings

POLL_INTERVAL_S = 1.0


def new_guid() -> str:
    return str(uuid.uuid4())


def counting_ids() -> Callable[[], str]:
    """Livy's ids: 0, 1, 2…"""
    numbers = itertools.count()
    return lambda: str(next(numbers))


class Sessions:
    def __init__(
        self,
        private: Path,
        groups: ProcessGroups,
        capacity: Capacity,
        served: ServedWorkspaces,
        new_id: Callable[[], str] = new_guid,
        lifetimes: Lifetimes | None = None,
        *,
        quirks: bool = False,
        faults: Faults | None = None,
        notebookutils: bool = False,
        shares_spark: bool = False,
        ended_jobs: EndedJobs | None = None,
    ) -> None:
        """With `quirks` sessions have those bugs of Apache Livy that are mended otherwise; `notebookutils` is Fabric's. With
        `shares_spark` those that ask for no Spark application of their own share one, which starts at once."""
        self.new_id = new_id
        self._private = private
        self._quirks = quirks
        self._faults = faults
        self._groups = groups
        self._served = served
        self._ended_jobs = ended_jobs
        self._notebookutils = notebookutils
        self._capacity = capacity
        self._lifetimes = lifetimes or fabric_lifetimes()
        self._by_id: dict[str, Session] = {}
        self._left_behind: list[Session] = []
        self._lock = threading.Lock()
        self._forks = None if quirks else repl_forks()
        self._end = threading.Event()  # set when the server stops: no session is created any more
        self.shared_spark = SharedSpark(private, self._new_host) if shares_spark else None
        capacity.count(self._applications_alive)
        threading.Thread(target=self._end_overdue_sessions, name="overdue-sessions", daemon=True).start()
        if self.shared_spark:
            self.shared_spark.start()
            if self._forks:
                self._forks.start()

    def _applications_alive(self) -> int:
        own = sum(not (session.ended or session.is_guest) for session in self.all())
        return own + (self.shared_spark.alive if self.shared_spark else 0)

    def _new_host(self, request: SessionRequest, lakehouse: Lakehouse) -> Session:
        home = Home(
            lakehouse, Workspaces(all=(Workspace(id=lakehouse.workspace_id, name="", lakehouses=(lakehouse,)),))
        )
        return self._new_session(request, request, lakehouse, home, "", request.name or "", self.new_id())

    def create(
        self,
        request: SessionRequest,
        lakehouse: Lakehouse,
        submitter: str,
        *,
        name_prefix: str = "livy-session-",
        session_id: str | None = None,
        located: SessionRequest | None = None,
        home: Home | None = None,
    ) -> Session:
        """Not started yet, so that its first view is the one the API documents. Raises NoCapacity or BadSetting.

        `session_id` comes from `new_id`, where the caller needed it before. `located` is the request with the addresses of
        its files on this machine, `home` what `home_of` said of it: to look through the notebook's repository takes time.
        """
        check_settings(request)  # before the capacity: a wrong request stays wrong
        is_guest = self.shared_spark is not None and fits_a_guest(located or request)
        if not is_guest:
            self._capacity.check()
        session_id = session_id or self.new_id()
        name = request.name or f"{name_prefix}{session_id}"
        faulty, fault_injector = self._with_faults(request, name, session_id)
        home = home or self.home_of(request, lakehouse)
        session = self._new_session(
            faulty, located or request, lakehouse, home, submitter, name, session_id, fault_injector, is_guest=is_guest
        )
        with self._lock:
            self._by_id[session_id] = session
        return session

    def _with_faults(
        self, request: SessionRequest, name: str, session_id: str
    ) -> tuple[SessionRequest, SessionFaultInjector | None]:
        """The request with the tags of the fault injected into its session, and that fault's injector; without a fault, unchanged."""
        injected = self._faults.inject_in_session(name, request.conf) if self._faults else None
        if injected is None:
            return request, None
        fault_injector = SessionFaultInjector(injected, lambda: self._forget(session_id))
        return replace(request, tags={**request.tags, **tags_of(injected, request.conf)}), fault_injector

    def _new_session(
        self,
        request: SessionRequest,
        located: SessionRequest,
        lakehouse: Lakehouse,
        home: Home,
        submitter: str,
        name: str,
        session_id: str,
        fault_injector: SessionFaultInjector | None = None,
        packages: Path | None = None,
        is_guest: bool = False,
    ) -> Session:
        """`packages` are those of the session that needs this one."""
        folder = self._private / session_id
        folder.mkdir(mode=0o700)
        if packages:
            SessionFolders(home.lakehouse.folder, folder).packages.symlink_to(packages, target_is_directory=True)
        shared = self.shared_spark if is_guest else None
        context = None
        if self._notebookutils:
            context = NotebookContext(home.workspaces, home.lakehouse, session_id, submitter, folder, request.conf)
        session = Session(
            session_id,
            name,
            request,
            located,
            home.lakehouse,
            home.workspaces,
            folder,
            self._groups,
            submitter,
            quirks=self._quirks,
            fault_injector=fault_injector,
            notebook_context=context,
            address=lakehouse,
            make_application=shared.application_of(home.lakehouse) if shared else Application,
            forks=self._forks,
        )
        if context:
            of_child = partial(home_of_child, home, self._workspaces_of(lakehouse), lakehouse, request.conf)
            start = partial(self._start_child, session, request, located, lakehouse, submitter)
            session.child_sessions = ChildSessions(home.lakehouse.folder, of_child, start)
        return session

    def _start_child(
        self,
        caller: Session,
        request: SessionRequest,
        located: SessionRequest,
        lakehouse: Lakehouse,
        submitter: str,
        home: Home,
    ) -> Session:
        """A session in another lakehouse for notebooks that one of the caller's runs. It is in no list."""
        packages = caller.folders.packages
        session = self._new_session(
            request,
            located,
            lakehouse,
            home,
            submitter,
            caller.name,
            self.new_id(),
            packages=packages,
            is_guest=caller.is_guest,
        )
        session.start()
        return session

    def home_of(self, request: SessionRequest, lakehouse: Lakehouse) -> Home:
        """Where a session works that is requested of `lakehouse`."""
        workspaces = self._workspaces_of(lakehouse)
        return (
            home_of_request(workspaces, lakehouse, request.conf) if self._notebookutils else Home(lakehouse, workspaces)
        )

    def _workspaces_of(self, lakehouse: Lakehouse) -> Workspaces:
        """A fresh lakehouse is the only one that its sessions know of."""
        own = self._served.now.workspace(lakehouse.workspace_id)
        if own is None or own.lakehouse(lakehouse.id) is not None:
            return self._served.now
        return Workspaces(all=(replace(own, lakehouses=(lakehouse,)),))

    def launch_only(self, request: SessionRequest, lakehouse: Lakehouse, session_id: str) -> None:
        """Livy's bug: it starts the process of some sessions that it refuses, and loses track of it. Here it ends with the server."""
        session = self._new_session(
            request, request, lakehouse, self.home_of(request, lakehouse), "", session_id, session_id
        )
        self._left_behind.append(session)
        session.launch_only()

    @property
    def ended(self) -> bool:
        return self._end.is_set()

    def get(self, session_id: str) -> Session | None:
        return self._by_id.get(session_id.lower())

    def all(self) -> list[Session]:
        """In the order of their creation."""
        with self._lock:
            return list(self._by_id.values())

    def delete(self, session_id: str) -> bool:
        """False where there is none. Returns when its processes have ended; until then it is listed as `shutting_down`."""
        session = self.get(session_id)
        if session is None:
            return False
        ended_well = session.state in ("idle", "busy")
        session.stop()
        if self._ended_jobs:
            self._ended_jobs.keep(EndedJob.of(session, session.application.id, is_batch=False))
        session.remove_files()
        if ended_well:
            build_in_background()
        with self._lock:
            return self._by_id.pop(session.id, None) is not None

    def _forget(self, session_id: str) -> None:
        """Forgets the session, then ends it."""
        with self._lock:
            session = self._by_id.pop(session_id, None)
        if session is not None:
            session.stop()
            session.remove_files()

    def stop_all(self) -> None:
        self._end.set()
        with self._lock:
            ids = list(self._by_id)
        ends = [*(partial(self.delete, one) for one in ids), *(session.stop for session in self._left_behind)]
        if ends:
            with ThreadPoolExecutor(len(ends)) as pool:
                list(pool.map(lambda end: end(), ends))
        if self.shared_spark:
            self.shared_spark.close()
        if self._forks:
            self._forks.close()

    def _end_overdue_sessions(self) -> None:
        while not self._end.wait(POLL_INTERVAL_S):
            for session in self.all():
                if session.active and (reason := self._lifetimes.reason_to_end(session)):
                    self._time_out(session, f"Session timed out: {reason}")
                elif self._lifetimes.forgets(session):
                    self.delete(session.id)

    def _time_out(self, session: Session, reason: str) -> None:
        if self._lifetimes.timed_out_stay_listed:
            session.die(reason, "LIVY_JOB_TIMED_OUT")
        else:
            session.log.write(reason)
            self.delete(session.id)
