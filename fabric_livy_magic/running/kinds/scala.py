"""Scala cells: one statement, its lines joined where Livy's line-by-line shell would break them."""

from __future__ import annotations

import contextlib
import re
import uuid
from dataclasses import replace

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.cells.scala_lines import join_scala_lines
from fabric_livy_magic.errors import StatementError, WaitTimeout
from fabric_livy_magic.livy.waiting import Deadline
from fabric_livy_magic.running import live_output
from fabric_livy_magic.running.cell_run import CellOutput, CellRun
from fabric_livy_magic.running.kinds import scala_displays, sql
from fabric_livy_magic.running.results import Part, Printed, Table, parts_of_output
from fabric_livy_magic.running.scala_errors import placed

DROP_WITHIN_S = 10.0  # also where the cell's own time is over
# What the Scala shell says of a value: `res0: org.apache.spark.sql.DataFrame = [id: bigint]`.
_DATAFRAME = re.compile(r"(?:val |var )?(\w+): org\.apache\.spark\.sql\.(?:DataFrame|Dataset\[.*?\]) = ")


def run(run: CellRun) -> CellOutput:
    scala_displays.define_displays(run)
    sent = join_scala_lines(run.cell.code)
    try:
        with live_output.followed(run.repl, scala_displays.before_marks(run), near_alone=True) as pace:
            output = run.statement(live_output.asking(sent, pace[0]) if pace else sent, "spark")
    except StatementError as failed:
        error = placed(failed, run.cell.code, sent)
        if scala_displays.has_marks(run, error.printed):
            error.parts, error.printed = _numbered(scala_displays.parts_of_text(run, error.printed)), ""
        elif run.on_output is not None and error.printed:
            error.parts = _numbered((Printed(f"{error.printed}\n"),))
        raise error from None
    parts = _numbered(parts_of_output(output, run.cell.limit))
    if scala_displays.has_marks(run, output.text):
        parts = _numbered(scala_displays.parts_of_text(run, output.text))
        output = scala_displays.without_marks(run, output)
    if run.cell.output and (found := _DATAFRAME.match(output.text.rstrip().rsplit("\n", 1)[-1])):
        parts = (*parts, *_frame_of(run, found[1]))
    return CellOutput(parts, output)


def _numbered(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Text at the beginning is what was shown while the cell ran, or begins with it (local/interpreters/live_scala.py)."""
    if parts and isinstance(parts[0], Printed):
        return (replace(parts[0], number=1), *parts[1:])
    return parts


def _frame_of(run: CellRun, variable: str) -> tuple[Part, ...]:
    """The DataFrame of a Scala variable, by way of a temporary view that is dropped again."""
    view = f"fabric_livy_{uuid.uuid4().hex}"
    query = Cell(kind="sql", code=f"SELECT * FROM {view}", limit=run.cell.limit, via=run.cell.via)  # noqa: S608 - a name of ours
    fetching = replace(run, cell=query, rows_needed=None)
    fetching.statement(f'{variable}.createOrReplaceTempView("{view}")', "spark")
    try:
        return tuple(part for part in sql.run(fetching).parts if isinstance(part, Table))
    finally:
        dropping = replace(fetching, deadline=Deadline(DROP_WITHIN_S))
        with contextlib.suppress(WaitTimeout):  # a view more; what became of the frame matters
            dropping.statement(f'spark.catalog.dropTempView("{view}")', "spark")
