"""`%livy start | status | switch | restart`, and `%%livy_configure`."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from fabric_livy_magic.cells.session_request import check_sizes, read_configuration, session_spec
from fabric_livy_magic.errors import SessionLostError, SettingsError
from fabric_livy_magic.livy.client import session_body
from fabric_livy_magic.livy.models import SessionState
from fabric_livy_magic.livy.session_sizes import capacity_unit_hours, capacity_unit_seconds, memory_text, vcore_seconds
from fabric_livy_magic.magics.notebook import LivyNotebook
from fabric_livy_magic.output.lists import ListColumn, OwnList, give
from fabric_livy_magic.output.progress import ProgressLine
from fabric_livy_magic.sessions.notebook_choices import configure as choose
from fabric_livy_magic.sessions.notebook_sessions import NotebookSessions
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.settings import SessionSpec, Target


def configure(notebook: LivyNotebook, line: str, cell: str) -> None:
    """`%%livy_configure`: what the next sessions are requested with, laid over what was requested before. -f: start anew."""
    words = set(line.split())
    if words - {"-f", "--force"}:
        raise SettingsError("%%livy_configure takes -f (start the running session anew) and a JSON body.")
    runner = notebook.runner
    sessions = runner.sessions
    session = sessions.get(sessions.current)
    requested = read_configuration(sessions.spec, cell, notebook.variable)
    spec, target = sessions.spec, runner.account.target
    lines = choose(runner.account, sessions, requested)
    if session is not None and not session.lost and not words:
        if (sessions.spec, runner.account.target) == (spec, target) and {*requested.mounts} <= {*notebook.mounts}:
            return notebook.say("The session that runs was asked for the same. It goes on.")
        sessions.spec = spec
        runner.account.choose("target", target.text)
        raise SettingsError(
            "A session runs already and keeps what it was started with. `%%livy_configure -f` starts it anew; its variables are lost."
        )
    notebook.say(*lines)
    notebook.mounts = requested.mounts or notebook.mounts
    if body := session_body(sessions.spec):
        notebook.say("The next session is asked for:", json.dumps(body, indent=2, ensure_ascii=False))
    if session is not None:
        sessions.stop(session.name)
        with notebook.progress() as progress:
            notebook.start_session("Starting the session anew", progress, session.name)
    return None


def start(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    account, sessions = notebook.runner.account, notebook.runner.sessions
    environment_id = account.environment_id(options.environment) if options.environment else ""
    spec = session_spec(options, sessions.spec, environment_id)
    if account.target.is_fabric_api:
        check_sizes(spec)
    if options.keep and account.target.is_embedded:
        raise SettingsError(
            "An embedded Fabric ends with its notebook, and its sessions with it. `fabric-livy serve` runs one that stays."
        )
    name = options.session or _name_on(sessions, account.target)
    with notebook.progress() as progress:
        if options.fresh and name in sessions:
            _stop_for_another(sessions, sessions[name])
        session = _running(notebook, name, spec, progress)
        if session is None:
            session = notebook.start_session("Starting a session", progress, name, spec)
        if options.keep:
            session.started_here = False
            sessions.record(session)
            progress.note(
                f"It goes on when this notebook ends, and costs until it is stopped. To come back: `%livy attach {session.id}`"
            )


def _name_on(sessions: NotebookSessions, target: Target) -> str:
    """Of the session that a start without a name means: the current one, or else one that runs on the target."""
    here = [name for name, session in sessions.items() if session.target == target]
    return sessions.current if sessions.current in here or not here else here[0]


def _running(notebook: LivyNotebook, name: str, spec: SessionSpec, progress: ProgressLine) -> Session | None:
    """The session of that name, made the current one, where one runs: a notebook that is run once more starts no second one."""
    sessions, target = notebook.runner.sessions, notebook.runner.account.target
    session = sessions.get(name)
    if session is None or session.lost:
        return None
    if session.target != target:
        raise SettingsError(
            f"Session {name!r} runs on {session.target.text}, not on {target.text}. `%livy start <name>` starts another one here, "
            f"`%livy start {name} --fresh` stops it and starts it here."
        )
    try:
        sessions.switch(name)
        if session.info().state.has_ended:
            raise SessionLostError(f"it is {session.remote.last_info.state.value} there.")
    except SessionLostError as error:
        session.lost = error
        progress.note(f"Session {name!r} (id {session.id}) has ended: {error}")
        return None
    if not session.remote.ready:
        sessions.finish_start(session, progress)
    kept = (
        ""
        if session.spec in (None, notebook.request(target, spec)[0])
        else " It keeps what it was started with, which was something else."
    )
    progress.note(
        f"Session {name!r} runs already (id {session.id}) and goes on.{kept} `%livy start --fresh` starts it anew."
    )
    return session


def _stop_for_another(sessions: NotebookSessions, session: Session) -> None:
    """Ends it, unless it is somebody else's."""
    if session.spec is None and not session.started_here and not session.lost:
        raise SettingsError(
            f"Session {session.name!r} was not started here. `%livy stop {session.name}` ends it, `%livy start` starts one."
        )
    sessions.stop(session.name)


STATUS_COLUMNS = (
    ListColumn("is_current", "", "mark"),
    ListColumn("name", "name"),
    ListColumn("state", "state", "state"),
    ListColumn("age_s", "age", "age"),
    ListColumn("idle_s", "idle", "age"),
    ListColumn("memory", "memory"),
    ListColumn("capacity_unit_hours", "CU hours so far"),
    ListColumn("id", "id", "id"),
    ListColumn("application", "application"),
    ListColumn("target", "target", "address"),
    ListColumn("note", "note"),
)


def status(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    runner = notebook.runner
    target = runner.account.target.text if runner.settings.target else None
    records = []
    for name, session in runner.sessions.items():
        state, app_id = runner.sessions.state_of(session)
        info, age_s = session.remote.last_info, session.remote.last_info.age_s(time.time())
        used = vcore_seconds(info, age_s)
        is_resting = not session.lost and not session.remote.running_statements
        runs_on = is_resting and state == SessionState.BUSY.value
        records.append(
            {
                "is_current": name == runner.sessions.current,
                "name": name,
                "state": state,
                "age_s": age_s,
                "idle_s": round(time.monotonic() - session.used_at) if is_resting and not runs_on else None,
                "memory": memory_text(info) or None,
                "capacity_unit_hours": capacity_unit_hours(info, age_s),
                "vcore_seconds": used,
                "capacity_unit_seconds": capacity_unit_seconds(used),
                "id": session.id,
                "application": app_id or None,
                "target": session.target.text,
                "note": busy_note(session) if runs_on else idle_note(runner.sessions, session),
            }
        )
    title = (
        f"Target: {target}" if target else "No target yet: `%livy use local`, or `%livy use <Livy connection string>`."
    )
    empty = "No session runs in this notebook; the first cell starts one." if target else ""
    is_elsewhere = any(one["target"] != target for one in records)
    columns = tuple(one for one in STATUS_COLUMNS if is_elsewhere or one.key != "target")
    shown = OwnList(columns, records, empty, title=title)
    return give(shown, as_data=options.json)


def busy_note(session: Session) -> str:
    """Of one that runs what no cell waits for: a statement that was given up, or one of somebody else."""
    since = time.strftime("%H:%M:%S", time.localtime(time.time() - (time.monotonic() - session.used_at)))
    return f"busy since {since} or later with what no cell waits for; `%livy statements` lists it"


def idle_note(sessions: NotebookSessions, session: Session) -> str:
    """Which settings watch for how long no cell runs on it."""
    if session.lost:
        return ""
    settings, words = sessions.settings, []
    if settings.keep_alive_min:
        words.append(f"kept alive for {settings.keep_alive_min:g} min after a cell")
    if settings.stop_idle_min and session.started_here:
        words.append(f"stopped after {settings.stop_idle_min:g} min")
    if trouble := sessions.idle_watch.trouble.get(session.id):
        words.append(trouble)
    return ", ".join(words)


def switch(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    session = notebook.runner.sessions.switch(options.session)
    notebook.say(f"Current session: {session.name} (id {session.id} on {session.target.text})")


def restart(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    sessions = notebook.runner.sessions
    session = sessions.find_also_lost(options.session)
    _stop_for_another(sessions, session)
    with notebook.progress() as progress:
        notebook.start_session("Starting the session anew", progress, session.name, session.spec, session.target)
        progress.note("Its variables and temporary views are lost; tables are not. Nothing was run again.")
