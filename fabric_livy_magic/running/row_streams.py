"""The rows of SQL as a stream, for results of any size: see `frames.row_stream`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fabric_livy_magic.cells.sql_parameters import bind
from fabric_livy_magic.cells.sql_text import parameter_names, split_statements
from fabric_livy_magic.errors import NoAgent, SettingsError, StatementError
from fabric_livy_magic.frames.row_stream import RowStream, batches_of
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.livy.waiting import Deadline
from fabric_livy_magic.running import agent_calls
from fabric_livy_magic.running.kinds.sql import place_of
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import Table


class TableRows:
    """The rows of a table that is here already, of a session without the agent, in the form of a `RowStream`. `more` says in
    words what is missing."""

    def __init__(self, table: Table | None) -> None:
        self._table = table
        self.more = table.more if table else ""
        self.received_bytes = table.received_bytes if table else None

    @property
    def columns(self) -> list[tuple[str, str, Any]]:
        if self._table is None:
            return []
        types = self._table.spark_types or [""] * len(self._table.fields)
        return [(name, kind, of) for (name, kind), of in zip(self._table.fields, types, strict=True)]

    def __iter__(self) -> Iterator[Any]:
        if self._table is not None and self.columns:
            yield from batches_of(self._table.to("arrow"))


def open_rows(
    repl: Repl,
    code: str,
    *,
    values: Mapping[str, Any],
    limit: int | None = None,
    timeout_s: float | None = None,
    on_progress: Listener | None = None,
) -> RowStream:
    """Runs the statements one after the other; the stream is that of the last one. The parameters of all are bound before the first is
    sent. Raises NoAgent, before anything ran, where the session cannot have it."""
    if repl.settings.rich == "off":
        raise NoAgent("the setting `rich` is off")
    statements = split_statements(code)
    if not statements:
        raise SettingsError("There is no SQL statement to run.")
    bound = [bind(parameter_names(one), values) for one in statements]
    deadline, end = Deadline(timeout_s), 0
    with repl.queue.in_turn():
        repl.cells_run += 1
        repl.ensure_ready(on_progress)
        call = repl.agent_call(deadline, on_progress)
        for place, (statement, parameters) in enumerate(zip(statements, bound, strict=True), 1):
            begin = code.index(statement, end)
            end = begin + len(statement)
            try:
                if place == len(statements):
                    header = agent_calls.value_of(call("open_stream", statement, parameters, limit))
                else:
                    agent_calls.open_sql(call, statement, parameters, 0)
            except StatementError as error:
                error.sql, error.sql_begins = statement, place_of(code, begin)
                raise
    quiet = repl.agent_call(deadline)
    return RowStream(
        lambda *one: agent_calls.value_of(quiet(*one)), header, agent_calls.transfer_progress(on_progress, "Fetching")
    )
