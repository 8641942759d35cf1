"""Sessions that end, and that outlive a kernel: the subcommands of `%livy` that find, collect, cancel, restart and clear away."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fabric_livy_magic.errors import FabricLivyError, SessionError, SessionLostError, SettingsError
from fabric_livy_magic.livy.creation import OUR_NAME
from fabric_livy_magic.livy.models import SessionInfo
from fabric_livy_magic.livy.statements import ANSWER_WAIT_S, Listener, cancel_statement
from fabric_livy_magic.livy.waiting import in_background
from fabric_livy_magic.output import display
from fabric_livy_magic.running.earlier_statements import Ran, collected, ran_on
from fabric_livy_magic.running.results import Result
from fabric_livy_magic.sessions.records import RememberedKernel, RememberedSession, remembered
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.settings import read_target

Say = Callable[..., None]
WIDTH_OF_CODE = 60


# ------------------------------------------------------------------------------------------------ a kernel that died
def attach_last(runner: Runner, say: Say) -> list[Session]:
    """The sessions that this notebook's last kernel left, those that still run; each that does not is told of."""
    assert runner.memory is not None
    left = runner.memory.last()
    if not left:
        raise SessionError(
            "No session of an earlier kernel of this notebook is on record. `%livy sessions --mine` lists those of other notebooks."
        )
    found = []
    for one in left:
        runner.use(_address(one))
        try:
            session = runner.attach(one.id, one.name if one.name not in runner.sessions else one.id, ours=one.ours)
        except SessionLostError as error:
            runner.memory.drop(one.id)
            say(f"{one.name!r} is gone: {error}")
            continue
        runner.memory.drop(one.id)  # from the record of the kernel that died; it belongs to this one now
        runner.remember(session)
        found.append(session)
        end = "It ends with this notebook." if one.ours else "It goes on running when this notebook ends."
        say(f"Attached to session {one.id} as {session.name!r}. {end}")
    return found


def _address(one: RememberedSession) -> str:
    """What was typed, so that the target reads as before; the address itself where names may have come to mean another one."""
    return one.target if read_target(one.target).url else one.server


def show_statements(session: Session) -> list[Ran]:
    """What ran and runs, as a table, the latest last."""
    ran = ran_on(session)
    if ran:
        rows = [[one.info.id, one.info.state.value, one.kind, _first_line(one.text)] for one in ran]
        display.show(display.table_bundle(["statement", "state", "kind", "code"], rows))
    return ran


def collect_latest(session: Session, ran: Sequence[Ran], on_progress: Listener) -> Result | None:
    """Of the statement that was sent last: waited for where it still runs."""
    if not ran:
        return None
    if not session.remote.ready:
        session.wait_ready(on_progress=on_progress)
    return collected(session, ran[-1], on_progress)


def _first_line(code: str) -> str:
    line = next((line for line in code.splitlines() if line.strip()), "").strip()
    return line if len(line) <= WIDTH_OF_CODE and line == code.strip() else line[:WIDTH_OF_CODE] + " …"


# ------------------------------------------------------------------------------------------------ cancel, restart
def cancel(runner: Runner, statement: int | None, name: str | None) -> list[str]:
    """The one, or all that run and wait on the session, the latest first: so none of them begins meanwhile."""
    session = runner.session(name)
    background = runner.background if statement is None else ()
    waiting = [one for one in background if one.session == session.name and one.state == "waiting"]
    for one in reversed(waiting):
        one.cancel()
    until = time.monotonic() + ANSWER_WAIT_S
    told = [f"Background statement {one.number}: {one.last_word(until - time.monotonic())}" for one in waiting]
    ids = [statement] if statement is not None else [one.info.id for one in ran_on(session)[::-1] if not one.is_over]
    return [*told, *(_cancelled(session, number) for number in ids)] or ["Nothing runs on the session."]


def _cancelled(session: Session, statement_id: int) -> str:
    client = session.remote.client
    with contextlib.suppress(FabricLivyError):  # the cancel says it better
        code = client.get_statement(session.id, statement_id).code
        in_background(lambda: session.interrupt_python(statement_id, code), "cancel")
    return cancel_statement(client, session.id, statement_id).told


def stop_for_restart(runner: Runner, name: str | None) -> Session:
    """The session that is to be started anew, ended as far as it still lives."""
    session = runner.also_lost(name)
    if session.spec is None and not session.ours and not session.lost:
        raise SettingsError(
            f"Session {session.name!r} was not started here. `%livy stop {session.name}` ends it, `%livy start` starts one."
        )
    runner.stop(session.name)
    return session


# ------------------------------------------------------------------------------------------------ all of mine
@dataclass(frozen=True)
class Mine:
    """A session of this user. `where`: the notebook that it belongs to, in words."""

    info: SessionInfo
    where: str
    is_orphan: bool = False


def mine(runner: Runner) -> list[Mine]:
    """Those on the target that this user's notebooks have on record, and further ones that this package named."""
    here = {session.id: name for name, session in runner.sessions.items()}
    record = {one.id: (kernel, one) for kernel in remembered() for one in kernel.sessions}
    found = []
    for info in runner.client().list_sessions():
        if info.state.has_ended:
            continue
        if info.id in here:
            found.append(Mine(info, f"this notebook: {here[info.id]}"))
        elif info.id in record:
            found.append(_on_record(info, *record[info.id]))
        elif (info.name or "").startswith(OUR_NAME):
            found.append(Mine(info, "not started on this machine"))
    return found


def _on_record(info: SessionInfo, kernel: RememberedKernel, one: RememberedSession) -> Mine:
    if kernel.is_alive:
        return Mine(info, f"{kernel.notebook}, which runs")
    if not one.ours:
        return Mine(info, f"{kernel.notebook}, kept")
    return Mine(info, f"{kernel.notebook}, whose kernel has ended: an orphan", is_orphan=True)


def show_mine(runner: Runner, say: Say) -> None:
    found = mine(runner)
    if not found:
        return say(f"No session of yours is on {runner.target.text}.")
    rows = [[one.info.id, one.info.name or "", one.info.state.value, one.where] for one in found]
    display.show(display.table_bundle(["id", "name", "state", "belongs to"], rows))
    if any(one.is_orphan for one in found):
        say("`%livy stop --orphans` stops those whose kernel has ended.")
    return None


def stop_orphans(runner: Runner, say: Say, is_agreed: Callable[[str], bool]) -> None:
    """Those alone that a kernel of this user and machine started and could not stop any more."""
    orphans = [one for one in mine(runner) if one.is_orphan]
    if not orphans:
        return say("There is no orphan: every session of yours belongs to a notebook that runs, or was to be kept.")
    say(*(f"{one.info.id} ({one.info.state.value}): {one.where}" for one in orphans))
    if not is_agreed(f"Stop {'it' if len(orphans) == 1 else f'these {len(orphans)} sessions'}? [y/N] "):
        return say("Nothing was stopped.")
    client = runner.client()
    for one in orphans:
        try:
            there = client.delete_session(one.info.id)
        except FabricLivyError as error:
            say(f"Session {one.info.id} could not be stopped: {error}")
            continue
        if runner.memory:
            runner.memory.drop(one.info.id)
        say(f"Session {one.info.id} is stopped." if there else f"Session {one.info.id} was gone already.")
    return None


# ------------------------------------------------------------------------------------------------ status
def rest_of(runner: Runner, session: Session) -> str:
    """How long no cell ran on it, and what watches that."""
    if session.lost:
        return ""
    if session.remote.running:
        return "a cell runs"
    settings, minutes = runner.settings, (time.monotonic() - session.used_at) / 60
    told = [f"idle {minutes:.0f} min"]
    if settings.keep_alive_min:
        told.append(f"kept alive for {settings.keep_alive_min:g} min after a cell")
    if settings.stop_idle_min and session.ours:
        told.append(f"stopped after {settings.stop_idle_min:g} min")
    if trouble := runner.idle_watch.trouble.get(session.id):
        told.append(trouble)
    return ", ".join(told)
