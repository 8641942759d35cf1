"""`%livy statements | wait | cancel | error | get | put | log`: what runs and ran on the sessions, and frames."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fabric_livy_magic import logs
from fabric_livy_magic.errors import FabricLivyError, SettingsError, StatementError, whole_remote_error
from fabric_livy_magic.livy.statements import ANSWER_WAIT_S, cancel_statement
from fabric_livy_magic.livy.waiting import run_in_background
from fabric_livy_magic.magics.cells import show_before_error
from fabric_livy_magic.magics.notebook import LivyNotebook
from fabric_livy_magic.output.bundles import show
from fabric_livy_magic.output.lists import ListColumn, OwnList, give
from fabric_livy_magic.output.progress import ProgressLine
from fabric_livy_magic.output.results import show_parts
from fabric_livy_magic.running.background import Background
from fabric_livy_magic.running.earlier_statements import EarlierStatement, earlier_statements
from fabric_livy_magic.sessions.session import Session

NONE = "No background statements. `-b` on a cell makes it one."
WIDTH_OF_CODE = 60


# ------------------------------------------------------------------------------------------- background cells
STATEMENT_COLUMNS = (
    ListColumn("number", "number", "count"),
    ListColumn("kind", "kind"),
    ListColumn("session", "session"),
    ListColumn("state", "state", "state"),
    ListColumn("progress", "progress", "percent"),
    ListColumn("elapsed_s", "time", "age"),
)


def statements(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    records = [
        {
            "number": one.number,
            "kind": one.kind,
            "session": one.session,
            "state": one.state,
            "progress": one.progress,
            "elapsed_s": round(one.elapsed_s, 1),
        }
        for one in notebook.runner.background
    ]
    return give(OwnList(STATEMENT_COLUMNS, records, NONE), as_data=options.json)


def wait(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    """Shows each result when it is there. An interrupt ends the waiting alone."""
    runner = notebook.runner
    with _progress_of_statement(notebook) as progress:
        for one in _chosen(runner.background, options.number):
            try:
                result = one.result(on_progress=progress)
            finally:
                if one.done:
                    runner.background.remove(one)
            show_parts(progress, result.parts, notebook.look(result.session), result.elapsed_s)


@contextlib.contextmanager
def _progress_of_statement(notebook: LivyNotebook) -> Iterator[ProgressLine]:
    """Shows what came before an error of the session."""
    with notebook.progress() as progress:
        try:
            yield progress
        except StatementError as error:
            show_before_error(notebook, error, progress)
            raise


def _chosen(background: Sequence[Background], number: int | None) -> list[Background]:
    """The one of that number, or all."""
    chosen = [one for one in background if number in {None, one.number}]
    if number is not None and not chosen:
        raise SettingsError(f"There is no background statement {number}. `%livy statements` lists them.")
    return chosen


# ------------------------------------------------------------------------------------------- statements of a session
EARLIER_COLUMNS = (
    ListColumn("number", "statement", "count"),
    ListColumn("state", "state", "state"),
    ListColumn("kind", "kind"),
    ListColumn("code", "code"),
)


def show_statements(session: Session) -> list[EarlierStatement]:
    """What ran and runs, as a table, the latest last."""
    earlier = earlier_statements(session.repl)
    if earlier:
        records = [
            {"number": one.info.id, "state": one.info.state.value, "kind": one.kind, "code": _first_line(one.text)}
            for one in earlier
        ]
        show(OwnList(EARLIER_COLUMNS, records).bundle)
    return earlier


def _first_line(code: str) -> str:
    line = next((line for line in code.splitlines() if line.strip()), "").strip()
    return line if len(line) <= WIDTH_OF_CODE and line == code.strip() else line[:WIDTH_OF_CODE] + " …"


def cancel(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    """The one, or all that run and wait on the session, the latest first: so none of them begins meanwhile."""
    runner, number = notebook.runner, options.statement
    if options.background is not None:
        (chosen,) = _chosen(runner.background, options.background)
        chosen.cancel()
        return notebook.say(f"Background statement {chosen.number}: {chosen.cancel_message(ANSWER_WAIT_S)}")
    session = runner.sessions.find(options.session)
    background = runner.background if number is None else ()
    waiting = [one for one in background if one.session == session.name and one.state == "waiting"]
    for one in reversed(waiting):
        one.cancel()
    until = time.monotonic() + ANSWER_WAIT_S
    lines = [f"Background statement {one.number}: {one.cancel_message(until - time.monotonic())}" for one in waiting]
    running = () if number is not None else earlier_statements(session.repl)[::-1]
    ids = [one.info.id for one in running if not one.is_over] if number is None else [number]
    notebook.say(*([*lines, *(_cancel_statement(session, one) for one in ids)] or ["Nothing runs on the session."]))
    return None


def _cancel_statement(session: Session, statement_id: int) -> str:
    client = session.remote.client
    with contextlib.suppress(FabricLivyError):  # the cancel says it better
        code = client.get_statement(session.id, statement_id).code
        run_in_background(lambda: session.repl.interrupt_python(statement_id, code), "cancel")
    return cancel_statement(client, session.id, statement_id).message


def error(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    last = notebook.runner.last_error
    if last is None:
        return notebook.say("No remote error so far.")
    return notebook.say(*whole_remote_error(last).split("\n"))


# ------------------------------------------------------------------------------------------- frames
def get(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    """A frame of the session becomes a variable here."""
    runner = notebook.runner
    with _progress_of_statement(notebook) as progress:
        notebook.start_if_none(options.session, progress)
        table = runner.get(options.expression, options.session, options.limit, progress, options.via)
        if options.output:
            notebook.variables[options.output] = table.to(options.library)
            more = f" ({table.more})" if table.more else ""
            return progress.note(
                f"{options.output}: {table.rows:,} rows × {len(table.fields)} columns{more}, {options.library}"
            )
        return show_parts(progress, [table], notebook.look(options.session))


def put(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    """A frame of this notebook becomes a view and a DataFrame of the session."""
    name = options.view or options.frame
    if not name.isidentifier():
        raise SettingsError(f"A view needs a plain name; {name!r} is none. Give one: `%livy put … --as NAME`.")
    with notebook.progress() as progress:
        notebook.start_if_none(options.session, progress)
        rows, columns = notebook.runner.put(
            notebook.evaluate(options.frame), name, options.session, progress, options.via
        )
        types = ", ".join(f"{column} {kind}" for column, kind in columns)
        progress.note(f"{name}: {rows:,} rows ({types}), as a temporary view and a DataFrame of the session")


# ------------------------------------------------------------------------------------------- the log of requests
def log(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    where, path = options.where, options.path
    if (where == "file") != (path is not None):
        raise SettingsError("`%livy log` takes debug, file PATH, or off.")
    if where == "off":
        logs.stop_writing()
        return notebook.say("Nothing more is logged.")
    logs.write_to(Path(path).expanduser() if path else None)
    return notebook.say(f"Each request is logged{f' into {path}' if path else ''}: no token, no code, no data.")
