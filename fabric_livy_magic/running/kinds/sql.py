"""SQL cells: one statement after the other, its parameters bound, its result as a frame by way of the agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fabric_livy_magic.cells.charts import Chart
from fabric_livy_magic.cells.sql_parameters import bind
from fabric_livy_magic.cells.sql_text import parameter_names, split_statements
from fabric_livy_magic.errors import NoAgent, SettingsError, StatementError
from fabric_livy_magic.running import agent_calls, frame_roads
from fabric_livy_magic.running.cell_run import CellOutput, CellRun
from fabric_livy_magic.running.kinds import plain
from fabric_livy_magic.running.results import Part, Printed
from fabric_livy_magic.settings import INLINE

MOST_BYTES_LOOKED_AT = 2 * 1024 * 1024  # compressed; an output of a notebook has room for less
LIVYS_SQL = "Livy's own SQL: at most 1,000 rows, no fractions of seconds"


def run(run: CellRun) -> CellOutput:
    """The parameters of all statements are bound before the first is sent, so that a missing one costs nothing."""
    if run.is_plain:
        run.without_agent()
        if run.cell.parameters:
            raise SettingsError("-p needs the agent, which `--plain` and `%livy config rich off` leave out.")
        return _run_whole(run)
    statements = split_statements(run.cell.code)
    names = [parameter_names(one) for one in statements]
    of_session = _names_of_session(run, {name for some in names for name in some})
    parameters = [bind([name for name in some if name not in of_session], run.values) for some in names]
    parts: list[Part] = _notes(run, of_session)
    end = 0
    for place, (statement, its_names, its_parameters) in enumerate(zip(statements, names, parameters, strict=True), 1):
        chart = run.cell.chart if place == len(statements) else None
        begin = run.cell.code.index(statement, end)
        end = begin + len(statement)
        try:
            parts += _run_statement(
                run, statement, its_parameters, [name for name in its_names if name in of_session], chart
            )
        except StatementError as error:
            error.parts = (*parts, *error.parts)
            error.sql, error.sql_begins = statement, place_of(run.cell.code, begin)
            raise
    return CellOutput(tuple(parts))


def _run_whole(run: CellRun) -> CellOutput:
    """As Livy itself does it: the cell is one statement."""
    try:
        return plain.run(run)
    except StatementError as error:
        error.sql = run.cell.code
        raise


def place_of(text: str, position: int) -> tuple[int, int]:
    """The line, from 1, and the column, from 0."""
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1)


def _names_of_session(run: CellRun, names: set[str]) -> list[str]:
    """In the Fabric Livy kernel a variable of the session counts before one of the kernel's own Python, `-p` before both."""
    asked = sorted(names - {name for name, _ in run.cell.parameters})
    if not run.cell.session_values or not asked:
        return []
    try:
        return agent_calls.known_values(run.agent_call(shows_progress=False), asked)
    except NoAgent:
        return []


def _notes(run: CellRun, of_session: list[str]) -> list[Part]:
    return [
        Printed(
            f":{name} is the session's variable, not the one of %%local. For that one: `%%sql -p {name}={name}`.\n",
        )
        for name in of_session
        if name in run.values
    ]


def _run_statement(
    run: CellRun, statement: str, parameters: Mapping[str, Any], of_session: list[str], chart: Chart | None
) -> tuple[Part, ...]:
    try:
        if chart:
            return (agent_calls.sql_chart(run.agent_call(), statement, parameters, of_session, chart),)
        is_for_eye = run.cell.limit is None and run.rows_needed is not None
        rows = run.rows_needed if is_for_eye else run.cell.limit
        most_bytes = MOST_BYTES_LOOKED_AT if is_for_eye else None
        call = run.agent_call()
        table = frame_roads.fetch(
            run.repl,
            lambda files: agent_calls.open_sql(call, statement, parameters, rows, of_session, most_bytes, files),
            via=INLINE if is_for_eye else run.cell.via,
            limit=rows,
            deadline=run.deadline,
            on_progress=run.on_progress,
        )
        return (table,)
    except NoAgent as missing:
        run.without_agent(missing)
        if parameters or of_session:
            raise SettingsError(
                f"Parameters ({', '.join([*parameters, *of_session])}) need the agent, which this session cannot have: {missing}. "
                "A PySpark cell does it without: spark.sql(text, args={...})."
            ) from missing
        return plain.run_code(run, statement, f"{LIVYS_SQL} ({missing})").parts
