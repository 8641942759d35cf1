"""The report of a notebook's run, from its file, its results and what its session said."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fabric_livy_magic.notebooks.files import NotebookFile
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.printable import without_colours
from fabric_livy_magic.testing.notebook_reports import SKIPPED, CellReport, NotebookReport, with_outputs
from fabric_livy_magic.testing.results import FAILED, PASSED, CellResult, NotebookResult
from fabric_livy_magic.testing.test_notebooks import cell_lines
from fabric_livy_magic.testing.watching import WhatRan

_FRAME = re.compile(r'^  File "<cell [^"]*>", line (\d+)', re.MULTILINE)


def notebook_report(
    file: NotebookFile,
    notebook: Notebook,
    result: NotebookResult,
    *,
    passed: bool,
    what_ran: WhatRan,
    problem: str = "",
) -> NotebookReport:
    """`notebook` is the one in the file, without parameters of a run."""
    results = results_by_cell(notebook, result)
    lines = cell_lines(file.path, notebook)
    cells = tuple(
        _cell_report(notebook, notebook.cells[index], index + 1, lines[index], one, what_ran)
        for index, one in sorted(results.items())
    )
    return NotebookReport(
        name=file.name,
        path=str(file.path),
        state=PASSED if passed else FAILED,
        duration_s=result.duration_s,
        cells=cells,
        exit_value=result.exit_value,
        problem=problem,
        files=what_ran.files or {},
        included=what_ran.without(cell.source for cell in notebook.cells),
    )


def results_by_cell(notebook: Notebook, result: NotebookResult) -> Mapping[int, CellResult]:
    """By the index in the notebook: the cell with a run's parameters is in the results, and in no file."""
    found: dict[int, CellResult] = {}
    index = 0
    for one in result.cells:
        while index < len(notebook.cells) and not _is_same(notebook.cells[index], one):
            index += 1
        if index == len(
            notebook.cells
        ):  # it is that of the parameters: the search goes on behind the last one that was found
            index = max(found, default=-1) + 1
            continue
        found[index] = one
        index += 1
    return found


def _is_same(cell: Cell, result: CellResult) -> bool:
    return cell.kind == "code" and cell.source == result.source


def _cell_report(
    notebook: Notebook, cell: Cell, number: int, line: int, result: CellResult, what_ran: WhatRan
) -> CellReport:
    error = result.error
    report = CellReport(
        number=number,
        source=cell.source,
        language=notebook.language_of(cell),
        state=SKIPPED if cell.is_skipped else result.state,
        duration_s=result.seconds,
        line=line,
        failed_line=_failed_line(cell, result) if error and notebook.language_of(cell) == "pyspark" else 0,
        error=_error_text(result) if error else "",
        lines=what_ran.lines_of(cell.source),
    )
    return with_outputs(report, result.outputs)


def _error_text(result: CellResult) -> str:
    """The cause first. Where one frame alone is in the traceback, it is the line that is marked in the cell."""
    assert result.error
    text = without_colours("\n".join(result.error.traceback)) or f"{result.error.name}: {result.error.value}"
    cause, head, frames = text.partition("\nTraceback (most recent call last):\n")
    return (
        cause
        if len(_FRAME.findall(frames)) == 1 and "\n  File" not in frames.lstrip().partition("\n")[2]
        else cause + head + frames
    )


def _failed_line(cell: Cell, result: CellResult) -> int:
    """The deepest frame of this cell; of a function in another cell the line that called it."""
    assert result.error
    frames = _FRAME.findall("\n".join(result.error.traceback))
    line = int(frames[0]) if frames else result.error.line or 0
    magic_lines = 1 if cell.source.lstrip().startswith("%%") else 0
    return line + magic_lines if 0 < line + magic_lines <= len(cell.source.splitlines()) else 0
