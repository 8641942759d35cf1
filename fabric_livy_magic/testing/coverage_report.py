"""Which code cells and lines of the notebooks ran in their tests, and which lines of the modules that they import."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.files import CONTENT, find_notebooks
from fabric_livy_magic.notebooks.model import CODE
from fabric_livy_magic.output.tables import text_table
from fabric_livy_magic.testing.notebook_reports import SKIPPED, CellReport, NotebookReport
from fabric_livy_magic.testing.results import FAILED, NOT_RUN, PASSED
from fabric_livy_magic.testing.watching import WhatRan


@dataclass(frozen=True)
class Covered:
    """A notebook or module. Of a module there are no cells."""

    name: str
    cells: int | None = None
    cells_ran: int = 0
    statements: frozenset[str] = field(default_factory=frozenset)
    """Lines that hold statements: `3` of a module, `cell 2:3` of a notebook."""
    ran: frozenset[str] = field(default_factory=frozenset)
    missing: str = ""

    @property
    def cells_text(self) -> str:
        return "" if self.cells is None else f"{self.cells_ran}/{self.cells}"

    @property
    def lines_text(self) -> str:
        return f"{len(self.ran)}/{len(self.statements)}" if self.statements else ""


def percent_text(one: Covered) -> str:
    """Of its lines where they are known, else of its cells. Never 100 % of what is not whole."""
    ran, of = (len(one.ran), len(one.statements)) if one.statements else (one.cells_ran, one.cells or 0)
    return f"{ran * 100 // of} %" if of else "–"


def coverage_of(reports: Iterable[NotebookReport], folder: Path) -> list[Covered]:
    """One for each notebook, whose tests count together, then one for each module. Names are relative to the folder."""
    by_path: dict[str, list[NotebookReport]] = {}
    modules: dict[str, set[int]] = {}
    reports = list(reports)
    for report in [*reports, *_included(reports, folder)]:
        by_path.setdefault(os.path.realpath(report.path), []).append(report)
        for path, lines in report.files.items():
            modules.setdefault(os.path.realpath(path), set()).update(lines)
    notebooks = [_notebook(item_of(relative(path, folder)), runs) for path, runs in sorted(by_path.items())]
    return notebooks + [one for path, ran in sorted(modules.items()) if (one := _module(Path(path), ran, folder))]


def _included(reports: Sequence[NotebookReport], folder: Path) -> Iterator[NotebookReport]:
    """The notebooks below the folder whose cells others have by `%run`, as far as these ran."""
    seen = [WhatRan(report.included) for report in reports if report.included]
    for file in find_notebooks(folder) if seen else ():
        try:
            notebook = file.read()
        except NotebookError:
            continue
        for what_ran in seen:
            cells = []
            for number, cell in enumerate(notebook.cells, start=1):
                if cell.kind == CODE and not cell.is_skipped:
                    lines = what_ran.lines_of(cell.source)
                    state = NOT_RUN if lines is None else PASSED
                    cells.append(CellReport(number, cell.source, notebook.language_of(cell), state, lines=lines))
            if any(cell.state == PASSED for cell in cells):
                yield NotebookReport(file.name, os.path.realpath(file.path), PASSED, 0.0, tuple(cells))


def relative(path: str, folder: Path) -> str:
    full, parent = Path(path), Path(os.path.realpath(folder))
    return full.relative_to(parent).as_posix() if full.is_relative_to(parent) else str(full)


def item_of(path: str) -> str:
    """Of Git's format the folder, which has the name."""
    folder, _, file = path.rpartition("/")
    return folder if file.startswith(f"{CONTENT}.") else path


def _notebook(name: str, runs: Sequence[NotebookReport]) -> Covered:
    columns = list(zip(*(run.cells for run in runs if run.cells), strict=False))
    counted = [cells for cells in columns if cells[0].state != SKIPPED]
    ran = [cells for cells in counted if any(cell.state in {PASSED, FAILED} for cell in cells)]
    statements = {f"{cell.number}:{line}" for cells in counted for cell in cells for line in _statements(cell)}
    seen = {f"{cell.number}:{line}" for cells in counted for cell in cells if cell.lines for line in cell.lines.ran}
    never = [cells[0].number for cells in counted if cells not in ran]
    return Covered(
        name,
        len(counted),
        len(ran),
        frozenset(statements),
        frozenset(seen & statements),
        _missing_of_cells(never, statements - seen),
    )


def _statements(cell: CellReport) -> Iterable[int]:
    """Also of a cell that did not run."""
    if cell.lines:
        return cell.lines.statements
    return statement_lines(cell.source) if cell.language == "pyspark" and cell.state not in {PASSED, FAILED} else ()


def _missing_of_cells(never: Sequence[int], lines: Iterable[str]) -> str:
    """`cells 4, 5; cell 2: 3-4`."""
    by_cell: dict[int, list[int]] = {}
    for one in lines:
        cell, _, line = one.partition(":")
        if int(cell) not in never:
            by_cell.setdefault(int(cell), []).append(int(line))
    texts = [f"cell{'s' if len(never) > 1 else ''} {ranges(never)}"] if never else []
    return "; ".join([*texts, *(f"cell {cell}: {ranges(by_cell[cell])}" for cell in sorted(by_cell))])


def _module(path: Path, ran: set[int], folder: Path) -> Covered | None:
    try:
        statements = set(statement_lines(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None  # it has gone, or is no text: there is nothing to say of its lines
    missing = sorted(statements - ran)
    return Covered(
        relative(str(path), folder),
        statements=frozenset(map(str, statements)),
        ran=frozenset(map(str, statements & ran)),
        missing=ranges(missing),
    )


def statement_lines(code: str) -> list[int]:
    """The lines on which a statement begins that runs: docstrings do not. Empty where it is no Python."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found: set[int] = set()
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            statements = body if isinstance(body, list) else []
            found.update(one.lineno for place, one in enumerate(statements) if place or not _is_docstring(one))
    return sorted(found)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def ranges(numbers: Iterable[int]) -> str:
    """1, 2, 3, 7 → `1-3, 7`."""
    ordered = sorted(set(numbers))
    starts = [
        one for one, before in zip(ordered, [None, *ordered], strict=False) if before is None or one != before + 1
    ]
    ends = [one for one, after in pairwise([*ordered, -1]) if after != one + 1]
    return ", ".join(str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True))


def coverage_table(covered: Sequence[Covered]) -> str:
    rows = [[one.name, one.cells_text, one.lines_text, percent_text(one), one.missing] for one in covered]
    names = ["", "cells", "lines", "covered", "lines that did not run"]
    return text_table(names, rows, [False, True, True, True])
