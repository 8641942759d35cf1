"""The cells of a run as results, and what a person reads of a run that failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fabric_livy_magic.notebook_runs.execute import Outcome
from fabric_livy_magic.notebook_runs.prepare import INJECTED_TAG, NotebookRun
from fabric_livy_magic.notebooks.files import NotebookFile
from fabric_livy_magic.notebooks.model import CODE
from fabric_livy_magic.printable import printable, printable_output, without_colours
from fabric_livy_magic.testing.results import (
    FAILED,
    LINES_SHOWN,
    NOT_RUN,
    OUTPUT_LINES_SHOWN,
    PASSED,
    CellError,
    CellResult,
    NotebookResult,
)

_LINE_OF_CELL = re.compile(r"(?:Cell|<cell>|<stdin>|File \"<[^\"]*>\"|<ipython-input[^>]*>)[^\n]*?line (\d+)")


def cells_of(run: NotebookRun) -> tuple[CellResult, ...]:
    """All code cells of the file, also those that did not run. The cell with the values of parameters is in none."""
    executed = dict(zip((one.index for one in run.planned_cells), run.content.cells, strict=True))
    of_file = [(index, cell) for index, cell in enumerate(run.notebook.cells) if INJECTED_TAG not in cell.tags]
    return tuple(
        _cell_result(number, cell.source, executed.get(index))
        for number, (index, cell) in enumerate(of_file, 1)
        if cell.kind == CODE
    )


def _cell_result(number: int, source: str, executed: Any | None) -> CellResult:
    outputs: Sequence[Mapping[str, Any]] = tuple(executed.outputs) if executed is not None else ()
    ran = executed is not None and "execution" in executed.metadata
    error = next((_error_of(one) for one in reversed(outputs) if one["output_type"] == "error"), None)
    state = FAILED if error else PASSED if ran else NOT_RUN
    return CellResult(number, source, state, tuple(outputs), _seconds(executed) if ran else 0.0, error)


def _error_of(output: Mapping[str, Any]) -> CellError:
    traceback = tuple(without_colours(str(one)) for one in output.get("traceback", ()))
    lines = _LINE_OF_CELL.findall("\n".join(traceback))
    return CellError(str(output["ename"]), str(output["evalue"]), traceback, int(lines[-1]) if lines else None)


def _seconds(executed: Any) -> float:
    """By the times of the kernel's messages."""
    times = executed.metadata.get("execution", {})
    began, ended = (times.get(key) for key in ("iopub.execute_input", "shell.execute_reply"))
    if not began or not ended:
        return 0.0
    return max(0.0, (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds())


def failure_text(file: NotebookFile, result: NotebookResult, outcome: Outcome) -> str:
    """Where it failed, the cell with its line, and why."""
    failed = next((cell for cell in reversed(result.cells) if cell.state == FAILED), None)
    if failed is None or failed.error is None:
        return printable(f"The notebook {file.name} failed, and no cell says why. {file.path}")
    error = failed.error
    place = f"cell {failed.number}" + (f", line {error.line}" if error.line else "")
    first = error.value.partition("\n")[0]
    lines = [f"The notebook {file.name} failed in {place}: {error.name}: {first}", f"  {file.path}", ""]
    lines += [f"  {line}" for line in _source_lines(failed.source, error.line)]
    if printed := failed.text.rstrip():
        shown = printed.splitlines()
        cut = [f"… {len(shown) - OUTPUT_LINES_SHOWN} lines before"] if len(shown) > OUTPUT_LINES_SHOWN else []
        lines += ["", "  What the cell printed:", *(f"    {one}" for one in [*cut, *shown[-OUTPUT_LINES_SHOWN:]])]
    if error.traceback:
        lines += ["", *(f"  {line}" for one in error.traceback for line in one.splitlines())]
    return printable_output("\n".join(lines))


def _source_lines(source: str, line: int | None) -> list[str]:
    lines = source.splitlines()
    first = 0 if line is None else max(0, min(line - LINES_SHOWN // 2, len(lines) - LINES_SHOWN))
    shown = lines[first : first + LINES_SHOWN]
    marked = [f"{'>' if number == line else ' '} {number:>3}  {text}" for number, text in enumerate(shown, first + 1)]
    return [*marked, *(["       …"] if first + len(shown) < len(lines) else [])]
