"""PySpark cells: one call of the agent, whose reply holds all that the cell printed, displayed and gave."""

from __future__ import annotations

from fabric_livy_magic.errors import NoAgent
from fabric_livy_magic.running import agent_calls, live_output
from fabric_livy_magic.running.cell_run import CellOutput, CellRun
from fabric_livy_magic.running.kinds import plain
from fabric_livy_magic.running.results import value_table_of
from fabric_livy_magic.running.session_frames import fetch_frame


def run(run: CellRun) -> CellOutput:
    if run.is_plain:
        run.without_agent()
        return plain.run(run)
    try:
        call = run.agent_call()
        with live_output.followed(run.repl, run.on_output) as pace:
            parts = agent_calls.run_cell(
                call,
                run.cell.code,
                run.repl.settings.rows_fetched,
                interruptible=run.repl.pool is not None,
                number=run.cell.number,
                chart=run.cell.chart,
                pace=pace,
            )
    except NoAgent as missing:
        run.without_agent(missing)
        return plain.run(run)
    preview = value_table_of(parts)
    if run.cell.output and preview is not None and not run.cell.chart:
        # Into a variable goes the whole frame, not its first rows.
        whole = fetch_frame(
            run.repl,
            None,
            limit=run.cell.limit,
            via=run.cell.via,
            deadline=run.deadline,
            on_progress=run.on_progress,
        )
        parts = tuple(whole if part is preview else part for part in parts)
    return CellOutput(parts)
