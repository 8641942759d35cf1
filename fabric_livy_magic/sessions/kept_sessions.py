"""Sessions that a terminal keeps between its commands, by name: `fabric-livy start etl`, `fabric-livy sql --session etl …`.

A name is one session of this user, wherever it runs. On record is what is needed to find it again: no secrets, no code. It ends
by `fabric-livy stop`, or by its server once nothing has used it for a while. On `local` it has an embedded Fabric of its own,
which ends a moment after its last session.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from fabric_livy_magic.errors import NotFoundError, SessionLostError, SettingsError
from fabric_livy_magic.livy.client import Dialect
from fabric_livy_magic.livy.models import SessionInfo
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.livy.waiting import interruptible_sleep
from fabric_livy_magic.own_folders import user_folder, write_private
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.notebook_sessions import NotebookSessions
from fabric_livy_magic.sessions.recent_targets import note_target
from fabric_livy_magic.sessions.records import is_running, process_start
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.settings import SessionSpec, read_target

IDLE_CONF = "spark.livy.session.idle.timeout"
FABRIC_IDLE = "20 min"  # without that conf: learn.microsoft.com/fabric/data-engineering/api-livy-overview
LOOK_EVERY_S = 0.3
Say = Callable[[str], None]


@dataclass(frozen=True)
class KeptSession:
    """`target` is what was typed, `server` the Livy address, `idle` the time after which the server ends it, empty where only the
    server knows."""

    name: str
    id: str
    target: str
    server: str
    idle: str
    folder: str = ""
    """Of the lakehouse, where `target` is an embedded Fabric."""

    @property
    def cost_line(self) -> str:
        """What goes on, where, until when."""
        after = f"nothing has used it for {self.idle}" if self.idle else "its server's idle time is over"
        takes = "takes memory of this machine" if self.is_embedded else "costs"
        return (
            f"Session {self.name!r} (id {self.id} on {read_target(self.target).short_text}) goes on and {takes} until `fabric-livy stop {self.name}`, or until "
            f"{after}."
        )

    @property
    def is_embedded(self) -> bool:
        return read_target(self.target).is_embedded

    @property
    def server_has_ended(self) -> bool:
        """Of the embedded Fabric that was started for it, as far as can be seen without a call."""
        from fabric_livy_magic.local.server.discovery import find_token

        return self.is_embedded and find_token(self.server) is None


# ------------------------------------------------------------------------------------------- the records
def kept_sessions() -> list[KeptSession]:
    """By name. A file that cannot be read counts as none."""
    found = []
    for file in sorted(_folder().glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError):
            found.append(KeptSession(**json.loads(file.read_text(encoding="utf-8"))))
    return sorted(found, key=lambda one: one.name)


def find_kept(name: str) -> KeptSession | None:
    return next((one for one in kept_sessions() if one.name == name), None)


def forget_kept(one: KeptSession) -> None:
    if find_kept(one.name) == one:  # not another one that has the name by now
        _file(one.name).unlink(missing_ok=True)


def _folder() -> Path:
    return user_folder("state") / "kept"


def _file(name: str) -> Path:
    return _folder() / f"{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}.json"


@contextlib.contextmanager
def _one_at_a_time(name: str, say: Say) -> Iterator[None]:
    """Two commands at once start one session, not two. A lock whose process has ended counts as none."""
    lock, told = _file(name).with_suffix(".lock"), False
    while True:
        write_private(
            mine := lock.with_name(f"{lock.name}.{os.getpid()}"), f"{os.getpid()} {process_start(os.getpid())}"
        )
        try:
            os.link(mine, lock)
            break
        except FileExistsError:
            if not _is_held(lock):
                lock.unlink(missing_ok=True)
                continue
        except OSError:  # a file system without links
            break
        finally:
            mine.unlink()
        if not told:
            told = True
            say(f"Session {name!r} is being started by another command, which is waited for.")
        interruptible_sleep(LOOK_EVERY_S)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _is_held(lock: Path) -> bool:
    try:
        number, began = lock.read_text(encoding="utf-8").split()
        return is_running(int(number), float(began))
    except (OSError, ValueError):
        return False


# ------------------------------------------------------------------------------------------- use
@contextlib.contextmanager
def kept_session(
    name: str,
    target: str | None,
    say: Say,
    *,
    spec: Callable[[Account], SessionSpec] | None = None,
    fresh: bool = False,
    on_progress: Listener | None = None,
) -> Iterator[tuple[Session, KeptSession, bool]]:
    """The session of that name, started where none runs, ready, and left running; and whether it was started by this. `target`
    is where it has to be, None for wherever it is, or for the user's usual target. `spec` is what a new one is asked for.

    Raises SettingsError where one of that name runs elsewhere.
    """
    if not name or not name.isprintable() or name.startswith("-"):
        raise SettingsError(f"A session needs a name such as `etl`; {name!r} is none.")
    with contextlib.ExitStack() as stack:
        with _one_at_a_time(name, say):
            known = find_kept(name)
            if known and fresh:
                stop_kept(known)
                known = None
            session = _attached(known, target, stack, say) if known else None
            if known is None or session is None:
                known, session = _started(name, target, spec, stack, on_progress)
                was_started = True
            else:
                was_started = False
        session.wait_ready(on_progress=on_progress)
        yield session, known, was_started


def _attached(known: KeptSession, target: str | None, stack: contextlib.ExitStack, say: Say) -> Session | None:
    """None where it has ended."""
    if target is not None and not _is_same_place(known, target):
        raise SettingsError(
            f"Session {known.name!r} runs on {known.target}{f' ({known.folder})' if known.folder else ''}, not there. "
            f"`fabric-livy stop {known.name}` ends it; another name starts another one."
        )
    sessions = NotebookSessions(Account({"target": known.server}))
    stack.callback(sessions.close)
    try:
        if known.server_has_ended:
            raise SessionLostError("its embedded Fabric has ended")
        session = sessions.attach(known.id, known.name)
    except SessionLostError:
        forget_kept(known)
        say(f"Session {known.name!r} (id {known.id}) has ended. Its variables and temporary views are gone.")
        return None
    session.repl.expects_agent()
    return session


def _started(
    name: str,
    target: str | None,
    spec: Callable[[Account], SessionSpec] | None,
    stack: contextlib.ExitStack,
    on_progress: Listener | None,
) -> tuple[KeptSession, Session]:
    account = Account({} if target is None else {"target": target})
    typed, folder = account.target.text, ""
    if account.target.is_embedded:
        folder = str(_folder_of(account))
        account = Account({"target": _kept_fabric(account)})
    sessions = NotebookSessions(account)
    stack.callback(sessions.close)
    wanted = spec(account) if spec else SessionSpec()
    session = sessions.start(name, wanted, on_progress)
    client = session.remote.client
    idle = wanted.conf.get(IDLE_CONF) or (FABRIC_IDLE if client.dialect is Dialect.FABRIC else "")
    record = KeptSession(name, session.id, typed, client.http.base_url, idle, folder)
    write_private(_file(name), json.dumps(asdict(record), indent=1))
    session.started_here = False  # it is not stopped at the end
    sessions.tell_guard()
    note_target(typed)
    return record, session


def _folder_of(account: Account) -> Path:
    from fabric_livy_magic.local.server.launch import default_lakehouse

    named = account.settings.lakehouse
    return (Path(named) if named else default_lakehouse()).expanduser().absolute()


def _kept_fabric(account: Account) -> str:
    """The address of an embedded Fabric that goes on after this command, started where there is none for that lakehouse."""
    from fabric_livy_magic.local.server.launch import start_kept_fabric

    folder = _folder_of(account)
    for one in kept_sessions():
        if one.folder == str(folder) and not one.server_has_ended:
            return one.server
    return start_kept_fabric(folder, schemas=account.settings.lakehouse_schemas)


def _is_same_place(known: KeptSession, target: str) -> bool:
    account = Account({"target": target})
    wanted = account.target
    if wanted.is_embedded:
        return known.folder == str(_folder_of(account))
    return wanted.text == known.target or (wanted.url or account.client().http.base_url) == known.server


def stop_kept(one: KeptSession) -> bool:
    """True if the server still had it."""
    if one.server_has_ended:
        forget_kept(one)
        return False
    account = Account({"target": one.server})
    was_there = account.client().delete_session(one.id)
    forget_kept(one)
    return was_there


def state_of_kept(one: KeptSession) -> SessionInfo | None:
    """None where it has ended, or is not there any more. Raises FabricLivyError where the server cannot be asked."""
    if one.server_has_ended:
        return None
    try:
        info = Account({"target": one.server}).client().with_short_timeouts().get_session(one.id)
    except NotFoundError:
        return None
    return None if info.state.has_ended else info
