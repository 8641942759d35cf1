"""Code of any kind as one statement, as Livy itself runs it: R, and what runs without the agent."""

from __future__ import annotations

from fabric_livy_magic.running.cell_run import CellOutput, CellRun
from fabric_livy_magic.running.results import parts_of_output


def run(run: CellRun) -> CellOutput:
    return run_code(run, run.cell.code)


def run_code(run: CellRun, code: str, note: str = "") -> CellOutput:
    """`note` stands in the caption of a table."""
    output = run.statement(code, run.cell.kind)
    return CellOutput(parts_of_output(output, run.cell.limit, note), output)
