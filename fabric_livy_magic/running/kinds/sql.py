"""SQL cells: one statement after the other, its parameters bound, its result as a frame by way of the agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fabric_livy_magic.cells.sql_parameters import bind
from fabric_livy_magic.cells.sql_text import parameter_names, split_statements
from fabric_livy_magic.errors import NoAgent, SettingsError, StatementError
from fabric_livy_magic.running import agent_calls
from fabric_livy_magic.running.cell_run import CellOutput, CellRun
from fabric_livy_magic.running.kinds import plain
from fabric_livy_magic.running.results import Part

LIVYS_SQL = "Livy's own SQL: at most 1,000 rows, no fractions of seconds"


def run(run: CellRun) -> CellOutput:
    """The parameters of all statements are bound before the first is sent, so that a missing one costs nothing."""
    if run.is_plain:
        if run.cell.parameters:
            raise SettingsError("-p needs the agent, which `--plain` and `%livy config rich off` leave out.")
        return plain.run(run)
    statements = split_statements(run.cell.code)
    parameters = [bind(parameter_names(one), run.values) for one in statements]
    parts: list[Part] = []
    for statement, its_parameters in zip(statements, parameters, strict=True):
        try:
            parts += _run_statement(run, statement, its_parameters)
        except StatementError as error:
            error.parts = (*parts, *error.parts)
            raise
    return CellOutput(tuple(parts))


def _run_statement(run: CellRun, statement: str, parameters: Mapping[str, Any]) -> tuple[Part, ...]:
    try:
        rows = run.rows_needed if run.cell.limit is None else run.cell.limit
        header = agent_calls.open_sql(run.agent_call(), statement, parameters, rows)
        return (agent_calls.fetch_table(run.agent_call(shows_progress=False), header, run.on_progress),)
    except NoAgent as missing:
        if parameters:
            raise SettingsError(
                f"Parameters ({', '.join(parameters)}) need the agent, which this session cannot have: {missing}."
            ) from missing
        return plain.run_code(run, statement, f"{LIVYS_SQL} ({missing})").parts
