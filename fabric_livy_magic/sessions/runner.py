"""The sessions of one notebook. Headless: it shows nothing and asks nothing."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import (
    NOT_CONFIRMED,
    ConnectionFailed,
    FabricLivyError,
    Interrupted,
    SessionError,
    SessionLostError,
    StatementError,
)
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.high_concurrency import HighConcurrencySession
from fabric_livy_magic.livy.retries import may_pass
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.statements import ANSWER_WAIT_S, Listener
from fabric_livy_magic.livy.waiting import for_a_moment, in_background
from fabric_livy_magic.running.background import Background
from fabric_livy_magic.running.results import Result, Table
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.idle import IdleWatch
from fabric_livy_magic.sessions.records import Memory, RememberedSession
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.settings import SessionSpec, Target, did_you_mean
from fabric_livy_magic.signin.tokens import Credential

ENDED_MEANWHILE = "The session was stopped before this cell's turn came. It was not sent."
MOST_KEPT = 20  # results that nobody asked for are held in memory
DEFAULT_SESSION = "main"
EMBEDDED_ENDED = (
    "The embedded Fabric that this session ran on has ended. Its variables and temporary views are lost; tables are not. "
    "`%livy start` starts a new one."
)


class Runner(Account):
    """The one object behind a notebook: its settings, its target, its named sessions."""

    def __init__(
        self,
        given: Mapping[str, Any] | None = None,
        credential: Credential | None = None,
        notebook: Path | None = None,
    ) -> None:
        super().__init__(given, credential)
        self.memory = Memory(notebook) if notebook else None
        self.idle_watch = IdleWatch(self)
        self.used_at = time.monotonic()
        """When the notebook last ran a cell, of whatever kind."""
        self.spec = SessionSpec()
        """What `%%livy_configure` asked of the next sessions."""
        self.sessions: dict[str, Session] = {}
        self.current = DEFAULT_SESSION
        self.last_error: StatementError | None = None
        self.background: list[Background] = []
        """Background cells whose results were not shown yet; of those that have ended the latest."""
        self.recent: deque[Cell] = deque(maxlen=100)
        """The latest cells: what completion knows while a session is busy."""
        self.looked_up: dict[Any, Any] = {}
        """What completion asked the server for."""

    def can_look_up(self) -> bool:
        """Whether names can be asked for without starting anything. Raises SignInError where nobody has signed in."""
        if self.settings.target and self.target.is_embedded:
            return any(not self._server_has_ended(session) for session in self.sessions.values())
        return bool(self.whoami())

    def columns(self, table: str) -> list[list[str]]:
        """Rows of (name, type, comment), asked of the session."""
        quoted = ".".join("`" + part.strip("`").replace("`", "``") + "`" for part in table.split("."))
        described = self.session().run(f"DESCRIBE TABLE {quoted}", "sql").tables[0]
        rows = described.to("arrow").to_pylist()  # where nothing is None; in pandas it may be NaN
        return [[str(one or "") for one in row.values()][:3] for row in rows]

    # ------------------------------------------------------------------------------------------- sessions
    def session(self, name: str | None = None) -> Session:
        """The session of that name, or the current one. Raises SessionError where there is none, and SessionLostError,
        each time anew, where it was lost: its variables are gone, so going on in another one is the user's decision."""
        wanted = name or self.current
        if session := self.sessions.get(wanted):
            if self._server_has_ended(session):
                session.lost = SessionLostError(EMBEDDED_ENDED)
            if session.lost:
                raise session.lost
            return session
        if not self.sessions:
            raise SessionError(
                "No session runs in this notebook. `%livy start` starts one, `%livy attach <id>` takes one that runs."
            )
        known = sorted(self.sessions)
        raise SessionError(
            f"There is no session {wanted!r} in this notebook.{did_you_mean(wanted, known)} There are: {', '.join(known)}."
        )

    def also_lost(self, name: str | None = None) -> Session:
        """Like `session`, of one that was lost too."""
        return self.sessions.get(name or self.current) or self.session(name)

    def begin(
        self,
        name: str | None = None,
        spec: SessionSpec | None = None,
        target: Target | None = None,
        on_progress: Listener | None = None,
    ) -> Session:
        """Asks for a session and makes it the current one; it need not be ready when this returns."""
        name = name or self.current
        if name in self.sessions and not self.sessions[name].lost:
            raise SessionError(
                f"Session {name!r} is there already (id {self.sessions[name].id}). `%livy stop {name}` ends it."
            )
        target, spec = target or self.target, spec or self.spec
        kind = HighConcurrencySession if spec.high_concurrency else StandardSession
        remote = kind.create(
            self._endpoints.client(target, self.settings),
            spec,
            capacity_wait_s=self.settings.capacity_wait_s,
            on_progress=on_progress,
        )
        return self._keep(Session(self, name, target, remote, ours=True, spec=spec))

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
            self._forget(session)
            raise
        except KeyboardInterrupt:
            if not session.ours:
                raise Interrupted("The session was not started here, so it goes on starting.") from None
            raise Interrupted(self._given_up(session)) from None

    def _give_up(self, session: Session, *, brief: bool = True) -> None:
        if session.ours:
            session.remote.stop(brief=brief)
            self._forget(session)

    def _given_up(self, session: Session) -> str:
        """Stays in sight unless it is known to have been stopped."""
        try:
            if not for_a_moment(lambda: session.remote.stop(brief=True) or True, ANSWER_WAIT_S, False):
                return f"The session that was starting (id {session.id}) was told to stop. {NOT_CONFIRMED}"
        except FabricLivyError as error:
            told = f"The session that was starting (id {session.id}) could not be stopped: {error}"
            if may_pass(error):
                self._leave(session)
                in_background(lambda: self._give_up(session, brief=False), "stop")
                told += " It is told to stop once more, if this process still runs."
            return told
        self._forget(session)
        return "The session that was starting was stopped."

    def _forget(self, session: Session) -> None:
        if self.memory:
            self.memory.drop(session.id)
        self._leave(session)
        self.sessions.pop(session.name, None)

    def _leave(self, session: Session) -> None:
        """Another one is the current session then, if there is one."""
        if session.name == self.current:
            others = (name for name in self.sessions if name != session.name)
            self.current = next(others, DEFAULT_SESSION)

    def attach(self, session_id: str, name: str | None = None, *, ours: bool = False) -> Session:
        """Takes a session that runs already. It is not stopped when this notebook ends, unless it is `ours`."""
        name = name or (DEFAULT_SESSION if DEFAULT_SESSION not in self.sessions else session_id)
        if name in self.sessions:
            raise SessionError(
                f"Session {name!r} is there already. Give another name: `%livy attach {session_id} --name <name>`."
            )
        remote = _found(self.client(), session_id)
        return self._keep(Session(self, name, self.target, remote, ours=ours))

    def switch(self, name: str) -> Session:
        session = self.session(name)
        self.current = name
        return session

    def stop(self, name: str | None = None) -> bool:
        """Ends the session; True if the server still had it."""
        session = self.also_lost(name)
        there = not self._server_has_ended(session) and session.remote.stop()
        self._forget(session)
        return there

    def _server_has_ended(self, session: Session) -> bool:
        return session.target.is_embedded and not self._endpoints.is_ours(session.remote.client)

    def run(self, cell: Cell, on_progress: Listener | None = None, values: Mapping[str, Any] | None = None) -> Result:
        """Runs a cell on its session, which must be there: `start` is the caller's step, since it has to be seen.

        `values` is what SQL parameters are taken from. A SQL cell whose result goes into no variable fetches no more rows
        than are shown.
        """
        session = self._ready(cell.session, on_progress)
        self.recent.append(cell)
        enough = None if cell.output or cell.wants_all else self.settings.rows_shown
        with session.turns.mine(), self._noting(session):
            result = session.run(
                cell.code,
                cell.kind,
                limit=cell.limit,
                enough=enough,
                values=values,
                plain=cell.plain,
                timeout_s=cell.timeout_s,
                on_progress=on_progress,
            )
            return self._with_whole_value(session, cell, result, on_progress) if cell.output else result

    def submit(self, cell: Cell, values: Mapping[str, Any] | None = None) -> Background:
        """Runs it as `run` does, while the notebook goes on, in its place among the session's cells."""
        session = self.session(cell.session)
        cell = dataclasses.replace(cell, session=session.name)  # also when another one is the current one by then
        turn = session.turns.take()

        def work(hear: Listener) -> Result:
            with turn:
                if self.sessions.get(session.name) is not session:
                    raise SessionLostError(ENDED_MEANWHILE)
                return self.run(cell, hear, values)

        ended = [one for one in self.background if one.done]
        for one in ended[:-MOST_KEPT]:
            self.background.remove(one)
        self.background.append(Background(work, session.name, cell.kind))
        return self.background[-1]

    def _with_whole_value(self, session: Session, cell: Cell, result: Result, on_progress: Listener | None) -> Result:
        """A DataFrame that goes into a variable is wanted as a whole, not its first rows or its name."""
        if cell.kind == "pyspark" and (first_rows := result.value_table):
            whole = session.table(None, limit=cell.limit, on_progress=on_progress)
            parts = tuple(whole if part is first_rows else part for part in result.parts)
            return dataclasses.replace(result, parts=parts)
        if cell.kind == "spark" and (table := session.scala_table(result, limit=cell.limit, on_progress=on_progress)):
            return dataclasses.replace(result, parts=(*result.parts, table))
        return result

    def get(
        self, expression: str, name: str | None, limit: int | None = None, on_progress: Listener | None = None
    ) -> Table:
        """The frame that a PySpark expression gives in the named session, or the current one."""
        session = self._ready(name, on_progress)
        with self._noting(session):
            return session.table(expression, limit=limit, on_progress=on_progress)

    def put(
        self, frame: Any, view: str, name: str | None, on_progress: Listener | None = None
    ) -> tuple[int, list[tuple[str, str]]]:
        session = self._ready(name, on_progress)
        with self._noting(session):
            return session.put(frame, view, on_progress=on_progress)

    def _ready(self, name: str | None, on_progress: Listener | None) -> Session:
        session = self.session(name)
        if not session.remote.ready:
            self.finish_start(session, on_progress)
        return session

    @contextlib.contextmanager
    def _noting(self, session: Session) -> Iterator[None]:
        """Remembers an error for `%livy error`, and that a session is lost."""
        session.used_at = self.used_at = time.monotonic()
        try:
            yield
        except StatementError as error:
            self.last_error = error
            raise
        except SessionLostError as error:
            session.lost = error
            raise
        finally:
            session.used_at = self.used_at = time.monotonic()

    def logs(self, name: str | None = None) -> list[str]:
        """The session's log as far as the server gives it; also of a session that was lost."""
        session = self.also_lost(name)
        return session.logs()

    def state_of(self, session: Session) -> tuple[str, str]:
        """(state, application id) as of now; `lost` where the server has no such session any more."""
        try:
            info = self.session(session.name).info()
        except SessionLostError:
            return "lost", ""
        return info.state.value, info.app_id or ""

    def close(self) -> list[str]:
        """Stops what was started here. Returns a line for each session that could not be stopped."""
        atexit.unregister(self.close)
        self.idle_watch.end()
        left = []
        for session in list(self.sessions.values()):
            # Sessions of the embedded Fabric end with it, faster than one by one.
            if session.ours and not session.target.is_embedded:
                try:
                    session.remote.stop(brief=True)
                except FabricLivyError as error:
                    left.append(_not_stopped(session, error))
                    continue
                if self.memory:
                    self.memory.drop(session.id)
        self.sessions.clear()
        self._endpoints.close()
        return left

    def _keep(self, session: Session) -> Session:
        self.sessions[session.name] = session
        self.current = session.name
        self.remember(session)
        self.idle_watch.begin()
        return session

    def remember(self, session: Session) -> None:
        """For the notebook's next kernel. A session of the embedded Fabric ends with this one."""
        if self.memory and not session.target.is_embedded:
            server = session.remote.client.http.base_url
            self.memory.keep(RememberedSession(session.id, session.name, session.target.text, server, session.ours))


def _found(client: LivyClient, session_id: str) -> StandardSession:
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
