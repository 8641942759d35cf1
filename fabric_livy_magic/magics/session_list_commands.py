"""`%livy sessions | attach | stop`: sessions of this and other notebooks, listed, taken over, ended."""

from __future__ import annotations

import argparse
import time
from typing import Any

from fabric_livy_magic.cells.cell import check_variable
from fabric_livy_magic.errors import FabricLivyError, SessionLostError, SettingsError
from fabric_livy_magic.livy.models import SessionInfo
from fabric_livy_magic.magics.notebook import LivyNotebook
from fabric_livy_magic.magics.statement_commands import show_statements
from fabric_livy_magic.output.lists import ListColumn, OwnList, give
from fabric_livy_magic.output.progress import ProgressLine
from fabric_livy_magic.output.results import show_parts
from fabric_livy_magic.running.earlier_statements import fetch_result
from fabric_livy_magic.sessions.own_sessions import attach_last, own_sessions
from fabric_livy_magic.sessions.session import Session

SESSION_COLUMNS = (
    ListColumn("id", "id", "id"),
    ListColumn("name", "name"),
    ListColumn("state", "state", "state"),
    ListColumn("age_s", "age", "age"),
)


def sessions(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    runner = notebook.runner
    if options.mine:
        return _give_own(notebook, options)
    here = {session.id: name for name, session in runner.sessions.items()}
    columns = (*SESSION_COLUMNS, ListColumn("owner", "owner"), ListColumn("name_here", "in this notebook"))
    records = [
        {**_record(info), "owner": info.owner, "name_here": here.get(info.id)}
        for info in runner.account.client().list_sessions()
    ]
    empty = f"There is no session on {runner.account.target.text}."
    return give(OwnList(columns, records, empty), as_data=options.json)


def _give_own(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    columns = (*SESSION_COLUMNS, ListColumn("belongs_to", "belongs to"))
    records = [
        {**_record(one.info), "belongs_to": one.where, "is_orphan": one.is_orphan}
        for one in own_sessions(notebook.runner)
    ]
    has_orphans = any(one["is_orphan"] for one in records)
    caption = "`%livy stop --orphans` stops those whose kernel has ended." if has_orphans else ""
    empty = f"No session of yours is on {notebook.runner.account.target.text}."
    return give(OwnList(columns, records, empty, caption=caption), as_data=options.json)


def _record(info: SessionInfo) -> dict[str, Any]:
    return {"id": info.id, "name": info.name, "state": info.state.value, "age_s": info.age_s(time.time())}


# ------------------------------------------------------------------------------------------- attach
def attach(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    if options.last:
        return _attach_last(notebook, options.output)
    if not options.id:
        raise SettingsError("Which session? `%livy attach ID`, as `%livy sessions` shows it, or `%livy attach --last`.")
    account, running = notebook.runner.account, notebook.runner.sessions
    for name, session in running.items():
        is_same = (session.id, session.target) == (options.id, account.target) and options.name in {None, name}
        if is_same and not session.lost:
            running.switch(name)
            return notebook.say(f"Session {session.id} is in this notebook already, as {name!r}.")
    session = running.attach(options.id, options.name)
    notebook.say(f"Attached to session {session.id} as {session.name!r}. It goes on running when this notebook ends.")
    return None


def _attach_last(notebook: LivyNotebook, variable: str | None) -> None:
    """Shows the result of the last statement of each session as its cell would have."""
    check_variable(variable)
    running = []
    for record, session in attach_last(notebook.runner):
        if isinstance(session, SessionLostError):
            notebook.say(f"{record.name!r} is gone: {session}")
            continue
        end = "It ends with this notebook." if record.ours else "It goes on running when this notebook ends."
        notebook.say(f"Attached to session {record.id} as {session.name!r}. {end}")
        running.append(session)
    with notebook.progress() as progress:
        for session in running:
            _show_last_result(notebook, session, variable, progress)


def _show_last_result(notebook: LivyNotebook, session: Session, variable: str | None, progress: ProgressLine) -> None:
    """Of the statement that was sent last: waited for where it still runs."""
    statements = show_statements(session)
    if not statements:
        return
    session.repl.ensure_ready(progress)
    result = fetch_result(session.repl, statements[-1], progress)
    if variable:
        notebook.variables[variable] = result.value()
    show_parts(progress, result.parts, notebook.look(session.name), result.elapsed_s)


# ------------------------------------------------------------------------------------------- stop
def stop(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    if options.all and options.session:
        raise SettingsError("`%livy stop` takes a name or --all, not both.")
    if options.orphans:
        return _stop_orphans(notebook, is_agreed=options.yes)
    running = notebook.runner.sessions
    if not running:
        return notebook.say("No session runs in this notebook.")
    for name in list(running) if options.all else [options.session or running.current]:
        was_there = running.stop(name)
        notebook.say(f"Session {name!r} is stopped." if was_there else f"Session {name!r} was gone already.")
    return None


def _stop_orphans(notebook: LivyNotebook, *, is_agreed: bool) -> None:
    orphans = [one for one in own_sessions(notebook.runner) if one.is_orphan]
    if not orphans:
        return notebook.say(
            "There is no orphan: every session of yours belongs to a notebook that runs, or was to be kept."
        )
    notebook.say(*(f"{one.info.id} ({one.info.state.value}): {one.where}" for one in orphans))
    question = f"Stop {'it' if len(orphans) == 1 else f'these {len(orphans)} sessions'}? [y/N] "
    if not is_agreed and not notebook.agrees(question, "`%livy stop --orphans --yes` stops them."):
        return notebook.say("Nothing was stopped.")
    client, records = notebook.runner.account.client(), notebook.runner.sessions.records
    for one in orphans:
        try:
            was_there = client.delete_session(one.info.id)
        except FabricLivyError as error:
            notebook.say(f"Session {one.info.id} could not be stopped: {error}")
            continue
        if records:
            records.remove(one.info.id)
        notebook.say(f"Session {one.info.id} is stopped." if was_there else f"Session {one.info.id} was gone already.")
    return None
