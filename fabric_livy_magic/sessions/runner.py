"""Runs the cells of one notebook on its sessions, in the foreground and in the background. It shows nothing and asks nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import fnmatch
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.cells.sql_text import quoted_name
from fabric_livy_magic.errors import SessionLostError, StatementError
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.running.background import Background
from fabric_livy_magic.running.live_output import OnOutput
from fabric_livy_magic.running.new_tables import NewTable
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import Result, Table
from fabric_livy_magic.running.run_cell import run_cell
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.notebook_sessions import NotebookSessions
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.settings import Settings
from fabric_livy_magic.signin.tokens import Credential

T = TypeVar("T")
ENDED_MEANWHILE = "The session was stopped before this cell's turn came. It was not sent."
MOST_KEPT = 20  # results of background cells that nobody has fetched are held in memory


class Runner:
    """The one object behind a notebook: what it chose (`account`), its `sessions`, and the cells that it runs on them."""

    def __init__(
        self,
        arguments: Mapping[str, Any] | None = None,
        credential: Credential | None = None,
        notebook: Path | None = None,
    ) -> None:
        """`arguments` are settings by name. `notebook` is the file whose sessions are kept on record for its next kernel."""
        self.account = Account(arguments, credential, notebook.parent if notebook else None)
        self.sessions = NotebookSessions(self.account, notebook)
        self.last_error: StatementError | None = None
        self.background: list[Background] = []
        """Background cells whose results were not shown yet; of those that have ended the latest."""
        self.recent: deque[Cell] = deque(maxlen=100)
        """The latest cells: what completion knows while a session is busy."""
        self.looked_up: dict[Any, Any] = {}
        """Answers of the server that completion keeps."""

    @property
    def settings(self) -> Settings:
        return self.account.settings

    def close(self) -> list[str]:
        """See `NotebookSessions.close`."""
        return self.sessions.close()

    # ------------------------------------------------------------------------------------------- cells
    def run(
        self,
        cell: Cell,
        on_progress: Listener | None = None,
        values: Mapping[str, Any] | None = None,
        on_output: OnOutput | None = None,
    ) -> Result:
        """Runs a cell on its session, which must be there: starting one is the caller's step, since it has to be seen.

        `values` is what SQL parameters are taken from. A SQL cell whose result goes into no variable fetches no more rows
        than can be looked at. `on_output` gets outputs while the cell runs: see `live_output`.
        """
        session = self._ready(cell.session, on_progress)
        self.recent.append(cell)
        rows_needed = (
            None if cell.output or cell.whole_table else max(self.settings.rows_fetched, self.settings.rows_shown)
        )
        with session.repl.queue.in_turn(), self._in_use(session):
            return run_cell(
                session.repl,
                cell,
                values=values,
                rows_needed=rows_needed,
                on_progress=on_progress,
                on_output=on_output,
            )

    def submit(self, cell: Cell, values: Mapping[str, Any] | None = None) -> Background:
        """Runs it as `run` does, while the notebook goes on, in its place among the session's cells."""
        session = self.sessions.find(cell.session)
        cell = dataclasses.replace(cell, session=session.name)  # also when another one is the current one by then
        place = session.repl.queue.take_place()

        def work(on_progress: Listener) -> Result:
            with place:
                if self.sessions.get(session.name) is not session:
                    raise SessionLostError(ENDED_MEANWHILE)
                return self.run(cell, on_progress, values)

        ended = [one for one in self.background if one.done]
        for one in ended[:-MOST_KEPT]:
            self.background.remove(one)
        self.background.append(Background(work, session.name, cell.kind))
        return self.background[-1]

    # ------------------------------------------------------------------------------------------- frames
    def get(
        self,
        expression: str,
        name: str | None,
        limit: int | None = None,
        on_progress: Listener | None = None,
        via: str | None = None,
    ) -> Table:
        """The frame that a PySpark expression gives in the named session, or the current one."""
        session = self._ready(name, on_progress)
        with self._in_use(session):
            return session.table(expression, limit=limit, via=via, on_progress=on_progress)

    def put(
        self, frame: Any, view: str, name: str | None, on_progress: Listener | None = None, via: str | None = None
    ) -> tuple[int, list[tuple[str, str]]]:
        session = self._ready(name, on_progress)
        with self._in_use(session):
            return session.put(frame, view, via=via, on_progress=on_progress)

    def upload_table(self, source: Any, table: str, name: str | None, **options: Any) -> NewTable:
        """See `Session.upload_table`."""
        session = self._ready(name, options.get("on_progress"))
        with self._in_use(session):
            return session.upload_table(source, table, **options)

    def on_repl(self, work: Callable[[Repl], T], name: str | None, on_progress: Listener | None = None) -> T:
        """What `work` gives on the REPL of the named session, or the current one."""
        session = self._ready(name, on_progress)
        with self._in_use(session):
            return work(session.repl)

    def tables(self, pattern: str | None = None) -> list[list[str]]:
        """Rows of (name, format, kind): of the lakehouse, or on Apache Livy of the session's current schema, by SHOW TABLES."""
        if self.account.target.is_fabric_api:
            return self.account.tables(pattern, self.sessions.lakehouse_id())
        shown = self.sessions.find().run("SHOW TABLES", "sql").tables[0].to("arrow").to_pylist()
        rows = [[str(row["tableName"]), "", "view" if row["isTemporary"] else "table"] for row in shown]
        return sorted(row for row in rows if fnmatch.fnmatchcase(row[0].lower(), (pattern or "*").lower()))

    def columns(self, table: str) -> list[list[str]]:
        """Rows of (name, type, comment), by DESCRIBE TABLE on the session."""
        quoted = ".".join(quoted_name(part.strip("`")) for part in table.split("."))
        described = self.sessions.find().run(f"DESCRIBE TABLE {quoted}", "sql").tables[0]
        rows = described.to("arrow").to_pylist()  # where nothing is None; in pandas it may be NaN
        return [[str(one or "") for one in row.values()][:3] for row in rows]

    # ------------------------------------------------------------------------------------------- the session of a cell
    def _ready(self, name: str | None, on_progress: Listener | None) -> Session:
        session = self.sessions.find(name)
        if not session.remote.ready:
            self.sessions.finish_start(session, on_progress)
        return session

    @contextlib.contextmanager
    def _in_use(self, session: Session) -> Iterator[None]:
        """Remembers an error for `%livy error`."""
        with self.sessions.in_use(session):
            try:
                yield
            except StatementError as error:
                self.last_error = error
                raise
