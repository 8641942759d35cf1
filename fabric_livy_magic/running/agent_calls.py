"""Calls of the agent for cells and frames, and how its replies become parts of a result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fabric_livy_magic.agent.client import Reply
from fabric_livy_magic.cells.charts import Chart
from fabric_livy_magic.errors import Interrupted, NoAgent, StatementError
from fabric_livy_magic.frames import livy_json, transfer
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.running.results import ArrowTable, ChartTable, Part, Printed, Shown, Table, Updated

Call = Callable[..., Reply]
"""Runs one operation of the agent: `call(operation, *arguments)`."""

MIB = 1024 * 1024
NOT_FETCHED = "The transfer was stopped. The session forgets the frame; nothing was changed."
NO_ARROW = "the session has no PyArrow"
OF_SESSION = "fabric-livy-"  # before the ids of its displays: the notebook's own Python has others


def run_cell(
    call: Call,
    code: str,
    rows_fetched: int,
    *,
    interruptible: bool = False,
    number: int | None = None,
    chart: Chart | None = None,
    pace: Sequence[Any] = (),
) -> tuple[Part, ...]:
    """A PySpark cell. Raises StatementError with the parts that came before the error. `interruptible`: another REPL may
    interrupt its Python code; its agent then looks for that four times a second. `number` is in its tracebacks. `pace`: see `live_output`."""
    options: list[Any] = [interruptible, number, chart and chart.for_agent(), [*pace]]
    while options and not options[-1]:
        options.pop()  # what is not said is short in the Monitoring hub
    return parts_of(call("cell", code, rows_fetched, *options))


def open_sql(
    call: Call,
    text: str,
    parameters: Mapping[str, Any],
    limit: int | None,
    session_names: Sequence[str] = (),
    most_bytes: int | None = None,
    files: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """Runs one SQL statement; gives the header of its result, for `fetch_table`. Raises NoAgent without PyArrow.
    `session_names`: parameters that are variables of the session. `most_bytes`: for rows that are only looked at. `files`: what a
    large result may become."""
    more = [list(session_names), most_bytes, None, files and dict(files)]
    while more and not more[-1]:
        more.pop()  # what is not said is short in the Monitoring hub
    reply = call("open_sql", text, dict(parameters), limit, *more)
    return {**value_of(reply), "statement": reply.statement}


def sql_chart(
    call: Call, text: str, parameters: Mapping[str, Any], session_names: Sequence[str], chart: Chart
) -> ChartTable:
    """Runs one SQL statement and draws its rows. See `open_sql`."""
    header = value_of(call("open_sql", text, dict(parameters), None, list(session_names), None, chart.for_agent()))
    return chart_table(header, is_value=True)


def known_values(call: Call, names: Sequence[str]) -> list[str]:
    """Those of the names that are variables of the session's Python. Raises StatementError where SQL cannot take the value."""
    found: list[str] = value_of(call("known_values", list(names)))
    return found


def open_frame(
    call: Call, expression: str | None, limit: int | None, files: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """The header of the frame that a Python expression gives, or without one that the last cell's last line gave. Raises
    NoAgent without PyArrow. `files`: what a large frame may become."""
    more = [dict(files)] if files else []
    reply = (
        call("open_value", limit, *more) if expression is None else call("open_expression", expression, limit, *more)
    )
    return {**value_of(reply), "statement": reply.statement}


def fetch_table(call: Call, header: Mapping[str, Any], on_progress: Listener | None = None) -> ArrowTable:
    """The table that `header` announces; `call` is used by several threads at once."""
    try:
        arrow = transfer.fetch(lambda *one: value_of(call(*one)), header, transfer_progress(on_progress, "Fetching"))
    except KeyboardInterrupt:
        raise Interrupted(NOT_FETCHED) from None
    return table_of(header, arrow)


def table_of(header: Mapping[str, Any], arrow: Any) -> ArrowTable:
    """The table that `header` announced, once it is here."""
    return _table(arrow, header, header.get("statement"))


def _table(arrow: Any, header: Mapping[str, Any], statement: int | None, *, is_value: bool = True) -> ArrowTable:
    table = ArrowTable(arrow, header["schema"], more=bool(header["more"]), is_value=is_value)
    table.received_bytes, table.statement = header["bytes"], statement
    return table


def send(call: Call, table: Any, name: str, on_progress: Listener | None = None) -> tuple[int, list[tuple[str, str]]]:
    """Makes a table of `conversion.to_arrow` a temporary view of the session: (rows, [(column, Spark's type)])."""
    try:
        sent = transfer.send(lambda *one: value_of(call(*one)), table, name, transfer_progress(on_progress, "Sending"))
    except KeyboardInterrupt:
        raise Interrupted(not_sent(name)) from None
    return rows_and_types(sent)


def not_sent(name: str) -> str:
    return f"The transfer was stopped. Unless it was just done, the session has no new view {name!r}."


def rows_and_types(sent: Mapping[str, Any]) -> tuple[int, list[tuple[str, str]]]:
    """Of a view that the agent has made."""
    return sent["rows"], [(field["name"], livy_json.type_name(field["type"])) for field in sent["schema"]["fields"]]


def transfer_progress(on_progress: Listener | None, word: str) -> transfer.OnBytes | None:
    if on_progress is None:
        return None
    began = time.monotonic()

    def report(done_bytes: int, total_bytes: int, rows: int) -> None:
        size = (
            f"{done_bytes / MIB:.1f} MiB"
            if not total_bytes
            else f"{done_bytes / MIB:.1f} of {total_bytes / MIB:.1f} MiB"
        )
        fraction = done_bytes / total_bytes if total_bytes else None
        on_progress(Progress("frame", word, time.monotonic() - began, fraction, f"{rows:,} rows, {size}"))

    return report


# ---------------------------------------------------------------------------------------------------------- replies


def parts_of(reply: Reply) -> tuple[Part, ...]:
    """Raises StatementError where the reply says so, with the parts that came before it."""
    parts = [part_of(event, reply.statement) for event in reply.events]
    if reply.shell_output.strip():
        parts.insert(0, Printed(reply.shell_output.strip("\n") + "\n"))
    if reply.error is not None:
        raise error_of(reply.error, parts)
    return tuple(parts)


def value_of(reply: Reply) -> Any:
    """Of an operation that is no cell."""
    if reply.error is not None:
        if reply.error["ename"] == "NoArrow":
            raise NoAgent(NO_ARROW)
        raise error_of(reply.error, parts_of(Reply(reply.events)))
    return reply.value


def part_of(event: Mapping[str, Any], statement: int | None = None) -> Part:
    number, version = (one if type(one) is int else 0 for one in (event.get("n"), event.get("version")))
    if "stream" in event:
        return Printed(event["text"], event["stream"], number)
    is_update = isinstance(event.get("update"), str)
    name = event["update"] if is_update else event.get("id")
    display_id = f"{OF_SESSION}{name}" if isinstance(name, str) else ""
    part: Shown | Table
    if "frame" in event:
        part = _frame(event["frame"], statement, is_value=bool(event.get("result")))
        part.number, part.display_id, part.version = number, display_id, version
    else:
        part = Shown(event["data"], event["metadata"], bool(event.get("result")), number, display_id, version)
    return Updated(part) if is_update else part


def _frame(header: Mapping[str, Any], statement: int | None, *, is_value: bool) -> Table:
    if "chart" in header:
        return chart_table(header, is_value=is_value)
    return _table(transfer.fetch(_nothing_more, header), header, statement, is_value=is_value)


def chart_table(header: Mapping[str, Any], *, is_value: bool) -> ChartTable:
    """From the header that the session's chart_data gave: all of it is there."""
    return ChartTable(transfer.fetch(_nothing_more, header), header["schema"], header["chart"], is_value=is_value)


def _nothing_more(*operation: Any) -> Any:
    raise AssertionError("a preview is all in its header")


def error_of(error: Mapping[str, str], parts: Sequence[Part]) -> StatementError:
    printed = "".join(part.text for part in parts if isinstance(part, Printed))
    lines = error["full"].splitlines(keepends=True)
    return StatementError(
        error["ename"],
        error["evalue"],
        lines,
        printed,
        users_traceback=error["traceback"],
        parts=tuple(parts),
        suggestion=error["suggestion"],
        sql=error["sql"],
    )
