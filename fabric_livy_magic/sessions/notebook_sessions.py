"""The sessions of one notebook: started, found, attached, kept on record, stopped. It shows nothing and asks nothing."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from fabric_livy_magic.cells.session_request import check_request
from fabric_livy_magic.errors import (
    NOT_CONFIRMED,
    ConnectionFailed,
    FabricLivyError,
    Interrupted,
    SessionError,
    SessionLostError,
)
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.livy.batches import TERMINAL
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.creation import new_name
from fabric_livy_magic.livy.high_concurrency import HighConcurrencySession
from fabric_livy_magic.livy.retries import is_transient
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.statements import ANSWER_WAIT_S, Listener
from fabric_livy_magic.livy.waiting import result_within, run_in_background
from fabric_livy_magic.notebooks.lakehouses import NamedLakehouse
from fabric_livy_magic.notebooks.mocks import session_conf
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.batches import Batches
from fabric_livy_magic.sessions.guard import SessionGuard, must_end_with_kernel
from fabric_livy_magic.sessions.idle import IdleWatch
from fabric_livy_magic.sessions.recent_targets import note_target
from fabric_livy_magic.sessions.records import SessionRecord, SessionRecords
from fabric_livy_magic.sessions.runs import Runs
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.settings import SessionSpec, Settings, Target, did_you_mean

DEFAULT_SESSION = "main"
EMBEDDED_ENDED = (
    "The embedded Fabric that this session ran on has ended. Its variables and temporary views are lost; tables are not. "
    "`%livy start` starts a new one."
)


class NotebookSessions(Mapping[str, Session]):
    """By name; lost ones stay until they are stopped. `records` is None for a program, which has no next kernel."""

    def __init__(self, account: Account, notebook: Path | None = None) -> None:
        self._account = account
        self._sessions: dict[str, Session] = {}
        self.current = DEFAULT_SESSION
        self.spec = SessionSpec()
        """What `%%livy_configure` requests of the next sessions."""
        self.default_lakehouse: NamedLakehouse | None = None
        """What `%%livy_configure` chose for them on an embedded Fabric."""
        self.used_at = time.monotonic()
        """When the notebook last ran a cell on any of them."""
        self.records = SessionRecords(notebook) if notebook else None
        self.guard = SessionGuard(lambda: self.settings.stop_orphan_min * 60 if self.records else 0.0)
        self._beginning: set[str] = set()
        """Names of sessions that are requested right now: a cell and a panel may both start one."""
        self._beginning_lock = threading.Lock()
        self._asked_for: dict[str, LivyClient] = {}
        """Where a session of that name was asked for, until its id is known."""
        self.idle_watch = IdleWatch(self)

    def __getitem__(self, name: str) -> Session:
        return self._sessions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._sessions))  # another thread may start or stop one meanwhile

    def __len__(self) -> int:
        return len(self._sessions)

    @property
    def settings(self) -> Settings:
        return self._account.settings

    def batches(self, target: Target) -> Batches:
        """For a program, whose messages name commands of a terminal."""
        return Batches(self._account, target, TERMINAL)

    def runs(self, target: Target) -> Runs:
        """As `batches`."""
        return Runs(self._account, target, TERMINAL)

    # ------------------------------------------------------------------------------------------- find
    def find(self, name: str | None = None) -> Session:
        """The session of that name, or the current one. Raises SessionError where there is none, and SessionLostError,
        each time anew, where it was lost: its variables are gone, so going on in another one is the user's decision."""
        wanted = name or self.current
        if session := self.get(wanted):
            if self.server_has_ended(session):
                session.lost = SessionLostError(EMBEDDED_ENDED)
            if session.lost:
                raise session.lost
            return session
        if not self:
            raise SessionError(
                "No session runs in this notebook. `%livy start` starts one, `%livy attach <id>` takes one that runs."
            )
        known = sorted(self)
        raise SessionError(
            f"There is no session {wanted!r} in this notebook.{did_you_mean(wanted, known)} There are: {', '.join(known)}."
        )

    def find_also_lost(self, name: str | None = None) -> Session:
        """Like `find`, also one that was lost."""
        return self.get(name or self.current) or self.find(name)

    def lakehouse_id(self) -> str:
        """Of the lakehouse that the current session works in, where that is an embedded Fabric's: it may be the notebook's own, of
        which the target says nothing. Else empty."""
        session = self.get(self.current)
        if session is None or session.lost or session.target != self._account.target or not self._account.is_local():
            return ""
        return session.remote.last_info.artifact_id or ""

    def files_of(self, session: Session) -> OneLake:
        """Of the lakehouse that it works in, which on an embedded Fabric may be the notebook's own."""
        client = session.remote.client
        own = session.remote.last_info.artifact_id or "" if client.http.is_loopback else ""
        return self._account.onelake(lakehouse_id=own, client=client)

    def switch(self, name: str) -> Session:
        session = self.find(name)
        self.current = name
        return session

    def server_has_ended(self, session: Session) -> bool:
        """Whether it ran on an embedded Fabric of this notebook that is gone."""
        return session.target.is_embedded and not self._account.owns_server_of(session.remote.client)

    # ------------------------------------------------------------------------------------------- start
    def begin(
        self,
        name: str | None = None,
        spec: SessionSpec | None = None,
        target: Target | None = None,
        on_progress: Listener | None = None,
    ) -> Session:
        """Requests a session and makes it the current one; it need not be ready when this returns."""
        self.used_at = time.monotonic()
        name = name or self.current
        if name in self and not self[name].lost:
            raise SessionError(f"Session {name!r} is there already (id {self[name].id}). `%livy stop {name}` ends it.")
        with self._beginning_lock:
            if name in self._beginning:
                raise SessionError(f"Session {name!r} is being started already: `%livy status` shows when it is ready.")
            self._beginning.add(name)
        try:
            return self._begin(name, spec or self.spec, target or self._account.target, on_progress)
        finally:
            self._beginning.remove(name)

    def _begin(self, name: str, spec: SessionSpec, target: Target, on_progress: Listener | None) -> Session:
        kind = HighConcurrencySession if spec.high_concurrency else StandardSession
        check_request(spec, is_fabric=target.is_fabric_api)
        client = self._account.client(target)
        requested = self._with_mocks(spec, target)
        with self._asking(client, spec, target) as own_name:
            remote = kind.create(
                client,
                requested,
                capacity_wait_s=self.settings.capacity_wait_s,
                timeout_s=self.settings.start_timeout_s,
                own_name=own_name,
                on_progress=on_progress,
            )
        return self._add(Session(self, name, target, remote, started_here=True, spec=spec))

    def _with_mocks(self, spec: SessionSpec, target: Target) -> SessionSpec:
        """For an embedded Fabric only: of Fabric itself nothing is mocked, and an unknown key costs the starter pool."""
        if not self.settings.mocks or not self._account.is_local(target):
            return spec
        return replace(spec, conf={**session_conf(self.settings.mocks, self._account.folder, os.environ), **spec.conf})

    @contextlib.contextmanager
    def _asking(self, client: LivyClient, spec: SessionSpec, target: Target) -> Iterator[str]:
        """The name by which a session is found whose kernel ends before its id is known: others may have a chosen one, and no list
        has the high-concurrency ones."""
        own_name = new_name()
        try:
            if not (spec.name or spec.high_concurrency or target.is_embedded):
                client.http.sign_in()
                self._asked_for[own_name] = client
                self.tell_guard()
            yield own_name
        finally:
            self._asked_for.pop(own_name, None)  # the next word to the guard has it no more

    def start(
        self,
        name: str | None = None,
        spec: SessionSpec | None = None,
        on_progress: Listener | None = None,
        target: Target | None = None,
    ) -> Session:
        """Starts a session and waits until it is ready. An interrupt while it starts, or a failed start, leaves none."""
        session = self.begin(name, spec, target, on_progress)
        self.finish_start(session, on_progress)
        return session

    def finish_start(self, session: Session, on_progress: Listener | None = None) -> None:
        try:
            session.wait_ready(on_progress=on_progress)
        except SessionError:
            with contextlib.suppress(FabricLivyError):  # why it did not start matters more than a failed stop
                self._give_up(session)
            self._remove(session)
            raise
        except KeyboardInterrupt:
            if not session.started_here:
                raise Interrupted("The session was not started here, so it goes on starting.") from None
            raise Interrupted(self._give_up_after_interrupt(session)) from None

    def _give_up(self, session: Session, *, short_timeouts: bool = True) -> None:
        if session.started_here:
            session.remote.stop(short_timeouts=short_timeouts)
            self._remove(session)

    def _give_up_after_interrupt(self, session: Session) -> str:
        """The message. The session stays listed unless it is known to have been stopped, but no cell waits for it any more."""

        def stop() -> bool:
            self._give_up(session)
            return True

        try:
            if not result_within(stop, ANSWER_WAIT_S, False):
                self._set_aside(session)
                return f"The session that was starting (id {session.id}) was told to stop. {NOT_CONFIRMED}"
        except FabricLivyError as error:
            if self.server_has_ended(session):
                self._remove(session)
                return "The session that was starting has ended, with its embedded Fabric."
            message = f"The session that was starting (id {session.id}) could not be stopped: {error}"
            if is_transient(error):
                self._set_aside(session)
                run_in_background(lambda: self._give_up(session, short_timeouts=False), "stop")
                message += " It is told to stop once more, if this process still runs."
            return message
        return "The session that was starting was stopped."

    def _set_aside(self, session: Session) -> None:
        """It is told to stop, and listed by its id until that is known to have happened. The next cell starts another one."""
        if self._sessions.get(session.name) is session:
            session.given_up = True
            self._make_another_current(session)
            self._sessions[session.id] = self._sessions.pop(session.name)
            session.name = session.id

    # ------------------------------------------------------------------------------------------- attach, stop
    def attach(self, session_id: str, name: str | None = None, *, started_here: bool = False) -> Session:
        """Takes a session that runs already. It is not stopped when this notebook ends, unless it counts as `started_here`."""
        name = name or (DEFAULT_SESSION if DEFAULT_SESSION not in self else session_id)
        if name in self:
            raise SessionError(
                f"Session {name!r} is there already. Give another name: `%livy attach {session_id} --name <name>`."
            )
        remote = _attach_remote(self._account.client(), session_id)
        return self._add(Session(self, name, self._account.target, remote, started_here=started_here))

    def stop(self, name: str | None = None) -> bool:
        """Ends the session; True if the server still had it."""
        session = self.find_also_lost(name)
        self.used_at = time.monotonic()
        was_there = not self.server_has_ended(session) and session.remote.stop()
        self._remove(session)
        return was_there

    def close(self) -> list[str]:
        """Stops what was started here. Returns a line for each session that could not be stopped."""
        atexit.unregister(self.close)
        self.idle_watch.end()
        not_stopped = self._stop_own()
        self.tell_guard(at_once=True)
        self.guard.close()
        self._sessions.clear()
        self._account.close()
        return not_stopped

    def end(self, within_s: float) -> None:
        """For a process that was told to end: stops what it can of what was started here, the guard does the rest."""

        def stop() -> bool:
            self._stop_own()
            self.tell_guard(at_once=True)
            return True

        self.tell_guard(at_once=True)
        result_within(stop, within_s, False)

    def _stop_own(self) -> list[str]:
        """All at the same time. Sessions of the embedded Fabric end with it, faster than one by one."""
        own = [session for session in self.values() if must_end_with_kernel(session)]
        stops = [run_in_background(functools.partial(self._stopped, session), "stop")[0] for session in own]
        return [line for line in (stop.result() for stop in stops) if line]

    def _stopped(self, session: Session) -> str:
        """Why not, where it could not be stopped."""
        try:
            session.remote.stop(short_timeouts=True)
        except FabricLivyError as error:
            return _not_stopped(session, error)
        session.started_here = False  # nothing more is to be stopped
        if self.records:
            self.records.remove(session.id)
        return ""

    def tell_guard(self, *, at_once: bool = False) -> None:
        """See `SessionGuard.tell`."""
        self.guard.tell(list(self.values()), dict(self._asked_for), at_once=at_once)

    def keep_signed_in(self) -> None:
        """For the guard: the token of a kernel that sends no requests would end before the kernel does. Raises SignInError."""
        for session in list(self.values()):
            if must_end_with_kernel(session) and not session.lost:
                session.remote.client.http.keep_signed_in()

    def end_embedded(self) -> None:
        """No session needs them; the next one starts its server anew."""
        self._account.close()

    # ------------------------------------------------------------------------------------------- while they run
    @contextlib.contextmanager
    def in_use(self, session: Session) -> Iterator[None]:
        """A cell runs on it: the time counts, and a loss is remembered."""
        session.used_at = self.used_at = time.monotonic()
        try:
            yield
        except SessionLostError as error:
            session.lost = error
            raise
        finally:
            session.used_at = self.used_at = time.monotonic()

    def state_of(self, session: Session) -> tuple[str, str]:
        """(state, application id) as of now; `lost` where the server has no such session any more."""
        try:
            info = self.find(session.name).info()
        except SessionLostError:
            return "lost", ""
        return info.state.value, info.app_id or ""

    # ------------------------------------------------------------------------------------------- the list of them
    def record(self, session: Session) -> None:
        """For the notebook's next kernel. A session of the embedded Fabric ends with this one."""
        if self.records and not session.target.is_embedded:
            server = session.remote.client.http.base_url
            self.records.add(SessionRecord(session.id, session.name, session.target.text, server, session.started_here))
        self.tell_guard()

    def _add(self, session: Session) -> Session:
        self._sessions[session.name] = session
        self.current = session.name
        if self.records:
            note_target(session.target.text)
        self.record(session)
        self.idle_watch.begin()
        return session

    def _remove(self, session: Session) -> None:
        if self.records:
            self.records.remove(session.id)
        self._make_another_current(session)
        if self._sessions.get(session.name) is session:
            self._sessions.pop(session.name)
        self.tell_guard()

    def _make_another_current(self, session: Session) -> None:
        if session.name == self.current:
            others = (name for name, other in self.items() if other is not session and not other.given_up)
            self.current = next(others, DEFAULT_SESSION)


def _attach_remote(client: LivyClient, session_id: str) -> StandardSession:
    """No list has the high-concurrency ones, so what is no session may be one of them."""
    try:
        return StandardSession.attach(client, session_id)
    except SessionLostError:
        if client.dialect is Dialect.FABRIC:
            with contextlib.suppress(FabricLivyError):
                return HighConcurrencySession.attach(client, session_id)
        raise


def _not_stopped(session: Session, error: FabricLivyError) -> str:
    """Apache Livy answers a stop only when the session's code has ended, which may be longer than an exit may take."""
    if isinstance(error, ConnectionFailed) and error.maybe_sent:
        return f"Session {session.id} was told to stop, but the server has not confirmed it: {error}"
    return f"Session {session.id} could not be stopped: {error}"
