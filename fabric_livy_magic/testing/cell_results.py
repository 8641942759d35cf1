"""The cells of a run as results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fabric_livy_magic.notebook_runs.prepare import INJECTED_TAG, NotebookRun
from fabric_livy_magic.notebooks.model import CODE
from fabric_livy_magic.printable import without_colours
from fabric_livy_magic.testing.results import FAILED, NOT_RUN, PASSED, CellError, CellResult

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
