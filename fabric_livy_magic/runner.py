"""The sessions of one notebook. Headless: it shows nothing and asks nothing."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import fnmatch
import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from fabric_livy_magic import settings as _settings
from fabric_livy_magic.auth import NOT_KEPT, Identity, Person, is_kept
from fabric_livy_magic.cells import Cell
from fabric_livy_magic.endpoints import Endpoints
from fabric_livy_magic.errors import (
    ConnectionFailed,
    FabricLivyError,
    Interrupted,
    SessionError,
    SessionLostError,
    SettingsError,
    SignInError,
    StatementError,
)
from fabric_livy_magic.fabric_api import FabricApi, ids_in
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.results import Result, Table
from fabric_livy_magic.session import Session
from fabric_livy_magic.settings import SessionSpec, Settings, Target, did_you_mean, read_target
from fabric_livy_magic.tokens import Credential

DEFAULT_SESSION = "main"
EMBEDDED_ENDED = (
    "The embedded Fabric that this session ran on has ended. Its variables and temporary views are lost; tables are not. "
    "`%livy start` starts a new one."
)


class Runner:
    """The one object behind a notebook: its settings, its target, its named sessions."""

    def __init__(self, given: Mapping[str, Any] | None = None, credential: Credential | None = None) -> None:
        self._endpoints = Endpoints(credential)
        self._given = dict(given or {})
        self._chosen: dict[str, Any] = {}
        self._profile = ""
        self._noticed = False
        self._target_before: str | None = None
        self._files: _settings.Files | None = None
        self.spec = SessionSpec()
        """What `%%livy_configure` asked of the next sessions."""
        self.sessions: dict[str, Session] = {}
        self.current = DEFAULT_SESSION
        self.last_error: StatementError | None = None
        self.recent: deque[Cell] = deque(maxlen=100)
        """The latest cells: what completion knows while a session is busy."""
        self.looked_up: dict[Any, Any] = {}
        """What completion asked the server for."""

    # ------------------------------------------------------------------------------------------- choices
    @property
    def settings(self) -> Settings:
        return _settings.resolve(self._given, self._chosen, files=self._read_files(), profile=self._profile)

    def _read_files(self) -> _settings.Files:
        if self._files is None:
            self._files = _settings.read_files()
        return self._files

    def choose(self, name: str, value: Any) -> Settings:
        """Sets a setting for this notebook. Raises SettingsError and changes nothing where it does not fit."""
        checked = _settings.read_value(name, value, "notebook")
        if name == "target":
            read_target(checked)
        self._chosen[name] = checked
        return self.settings

    def use(self, text: str) -> Target:
        """Chooses where the next session runs: a target, or a profile with all that it sets. Sessions that run stay."""
        self._files = None  # a profile that was just written should be found
        if text in self._read_files().profiles:
            self._profile = text
            self._chosen.pop("target", None)
            return self.target
        target = read_target(text)
        self._target_before = self._chosen.get("target")
        self._chosen["target"] = target.text
        return target

    @property
    def target(self) -> Target:
        return read_target(self.settings.target)

    # ------------------------------------------------------------------------------------------- sign-in
    def login(self, person: Person, **choices: Any) -> Identity:
        """Signs in and keeps the choices for this notebook. Raises SignInError; nothing is kept then."""
        before = dict(self._chosen)
        try:
            for name, value in choices.items():
                self.choose(name, value)
            return self._endpoints.login(self.settings, person)
        except BaseException:
            self._chosen = before
            raise

    def login_notice(self) -> str:
        """What to say of where the sign-in is kept; empty where it is kept as usual, and after it was said once."""
        if self._noticed or self.settings.method not in {"auto", "browser", "device"} or is_kept(self.settings):
            return ""
        self._noticed = True
        return NOT_KEPT

    def whoami(self) -> Identity:
        return self._endpoints.whoami(self.settings)

    def logout(self) -> None:
        self._endpoints.logout(self.settings)

    def next_step(self) -> str:
        """What to do after a target was chosen: sign in first, where that is missing."""
        if not self.target.is_embedded and self.target.is_fabric_api:
            try:
                self.whoami()
                self.client()  # finds a wrong name now, not with the first cell
            except SignInError as error:
                return str(error)
            except SettingsError:
                self._choose_again(self._target_before)
                raise
        return "The first cell starts a session; `%livy start` does it now."

    def _choose_again(self, target: str | None) -> None:
        self._chosen.pop("target", None)
        if target is not None:
            self._chosen["target"] = target

    # ------------------------------------------------------------------------------------------- look-ups
    def profiles(self) -> list[str]:
        return sorted(self._read_files().profiles)

    def can_look_up(self) -> bool:
        """Whether names can be asked for without starting anything. Raises SignInError where nobody has signed in."""
        if self.settings.target and self.target.is_embedded:
            return any(not self._server_has_ended(session) for session in self.sessions.values())
        return bool(self.whoami())

    def api(self) -> FabricApi:
        """The Fabric API that the target belongs to."""
        if self.settings.target and not self.target.path:
            return self._endpoints.api_of(self.client(), self.settings)
        return self._endpoints.api(self.settings)

    def workspace(self, name: str | None = None) -> tuple[FabricApi, str]:
        """The API, and the id of the named workspace or of the target's."""
        api = self.api()
        return api, api.find_workspace(name).id if name else ids_in(self.client().http.base_url)[0]

    def environment_id(self, name: str) -> str:
        api, workspace_id = self.workspace()
        return api.find_environment(workspace_id, name).id

    def environment_name(self, details: str) -> str:
        """Of the environment that the conf `spark.fabric.environmentDetails` names. Raises SettingsError for a broken one."""
        try:
            environment_id = str(json.loads(details)["id"])
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"spark.fabric.environmentDetails is JSON with an id, not {details!r}.") from error
        api, workspace_id = self.workspace()
        return api.find_environment(workspace_id, environment_id).name

    def tables(self, pattern: str | None = None) -> list[list[str]]:
        """Rows of (name, format, kind) of the target's lakehouse; `pattern` with * and ?, in any case."""
        workspace_id, lakehouse_id = ids_in(self.client().http.base_url)
        found = self.api().tables(workspace_id, lakehouse_id)
        wanted = (pattern or "*").lower()
        rows = [[f"{one.schema}.{one.name}" if one.schema else one.name, one.format, one.kind] for one in found]
        return sorted(row for row in rows if fnmatch.fnmatchcase(row[0].lower(), wanted))

    def columns(self, table: str) -> list[list[str]]:
        """Rows of (name, type, comment), asked of the session."""
        quoted = ".".join("`" + part.strip("`").replace("`", "``") + "`" for part in table.split("."))
        described = self.session().run(f"DESCRIBE TABLE {quoted}", "sql").tables[0]
        rows = described.to("arrow").to_pylist()  # where nothing is None; in pandas it may be NaN
        return [[str(one or "") for one in row.values()][:3] for row in rows]

    # ------------------------------------------------------------------------------------------- sessions
    def client(self) -> LivyClient:
        """A client of the target; starts the embedded Fabric if that is the target and it does not run yet."""
        return self._endpoints.client(self.target, self.settings)

    def is_local(self) -> bool:
        """Whether sessions run on an embedded Fabric of this machine."""
        return self._endpoints.is_local(self.client())

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

    def begin(self, name: str | None = None, spec: SessionSpec | None = None) -> Session:
        """Asks for a session and makes it the current one; it need not be ready when this returns."""
        name = name or self.current
        if name in self.sessions and not self.sessions[name].lost:
            raise SessionError(
                f"Session {name!r} is there already (id {self.sessions[name].id}). `%livy stop {name}` ends it."
            )
        remote = StandardSession.create(self.client(), spec or self.spec)
        return self._keep(Session(self, name, self.target, remote, ours=True))

    def start(
        self, name: str | None = None, spec: SessionSpec | None = None, on_progress: Listener | None = None
    ) -> Session:
        """Starts a session and waits until it is ready. An interrupt while it starts, or a failed start, leaves none."""
        session = self.begin(name, spec)
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
            try:
                self._give_up(session)
            except FabricLivyError as error:
                raise Interrupted(
                    f"The session that was starting (id {session.id}) could not be stopped: {error}"
                ) from None
            raise Interrupted("The session that was starting was stopped.") from None

    def _give_up(self, session: Session) -> None:
        if session.ours:
            session.remote.stop(brief=True)
            self._forget(session)

    def _forget(self, session: Session) -> None:
        self.sessions.pop(session.name, None)
        if session.name == self.current:
            self.current = next(iter(self.sessions), DEFAULT_SESSION)

    def attach(self, session_id: str, name: str | None = None) -> Session:
        """Takes a session that runs already. It is not stopped when this notebook ends."""
        name = name or (DEFAULT_SESSION if DEFAULT_SESSION not in self.sessions else session_id)
        if name in self.sessions:
            raise SessionError(
                f"Session {name!r} is there already. Give another name: `%livy attach {session_id} --name <name>`."
            )
        remote = StandardSession.attach(self.client(), session_id)
        return self._keep(Session(self, name, self.target, remote, ours=False))

    def switch(self, name: str) -> Session:
        session = self.session(name)
        self.current = name
        return session

    def stop(self, name: str | None = None) -> bool:
        """Ends the session; True if the server still had it."""
        session = self.sessions.get(name or self.current) or self.session(name)
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
        with self._noting(session):
            result = session.run(
                cell.code,
                cell.kind,
                limit=cell.limit,
                enough=enough,
                values=values,
                plain=cell.plain,
                on_progress=on_progress,
            )
            return self._with_whole_value(session, cell, result, on_progress) if cell.output else result

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
        try:
            yield
        except StatementError as error:
            self.last_error = error
            raise
        except SessionLostError as error:
            session.lost = error
            raise

    def logs(self, name: str | None = None) -> list[str]:
        """The session's log as far as the server gives it; also of a session that was lost."""
        session = self.sessions.get(name or self.current) or self.session(name)
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
        left = []
        for session in list(self.sessions.values()):
            # Sessions of the embedded Fabric end with it, faster than one by one.
            if session.ours and not session.target.is_embedded:
                try:
                    session.remote.stop(brief=True)
                except FabricLivyError as error:
                    left.append(_not_stopped(session, error))
        self.sessions.clear()
        self._endpoints.close()
        return left

    def _keep(self, session: Session) -> Session:
        self.sessions[session.name] = session
        self.current = session.name
        return session


def _not_stopped(session: Session, error: FabricLivyError) -> str:
    """Apache Livy answers a stop only when the session's code has ended, which may be longer than an exit may take."""
    if isinstance(error, ConnectionFailed) and error.maybe_sent:
        return f"Session {session.id} was told to stop, but the server has not confirmed it: {error}"
    return f"Session {session.id} could not be stopped: {error}"
