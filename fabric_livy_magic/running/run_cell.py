"""Runs one cell on a REPL: waits for its place in the queue, hands it to its kind, and gives the result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from fabric_livy_magic.cells.cell import KINDS, Cell
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.livy.waiting import Deadline
from fabric_livy_magic.running.cell_run import CellOutput, CellRun
from fabric_livy_magic.running.kinds import plain, pyspark, scala, sql
from fabric_livy_magic.running.live_output import OnOutput
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import Result
from fabric_livy_magic.settings import did_you_mean

RUN_KIND: Mapping[str, Callable[[CellRun], CellOutput]] = {
    "sql": sql.run,
    "spark": scala.run,
    "pyspark": pyspark.run,
    "sparkr": plain.run,
}


def run_cell(
    repl: Repl,
    cell: Cell,
    *,
    values: Mapping[str, Any] | None = None,
    rows_needed: int | None = None,
    on_progress: Listener | None = None,
    on_output: OnOutput | None = None,
) -> Result:
    """Waits for its result. See `CellRun` for `values` and `rows_needed`, and `live_output` for `on_output`.

    Raises StatementError if it failed remotely, SessionLostError if the session is gone, WaitTimeout when the whole cell took
    `cell.timeout_s` (its statement is cancelled then; the wait in the queue does not count).
    """
    if cell.kind not in KINDS:
        raise SettingsError(
            f"There is no kind {cell.kind!r}.{did_you_mean(cell.kind, list(KINDS))} Kinds: {', '.join(KINDS)}."
        )
    with repl.queue.in_turn():
        began = time.monotonic()
        repl.cells_run += 1
        repl.ensure_ready(on_progress)
        run = CellRun(repl, cell, Deadline(cell.timeout_s), values or {}, rows_needed, on_progress, on_output)
        parts, output = RUN_KIND[cell.kind](run)
        elapsed_s = time.monotonic() - began
    return Result(kind=cell.kind, session=repl.name, elapsed_s=elapsed_s, parts=parts, output=output)
