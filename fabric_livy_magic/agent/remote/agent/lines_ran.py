"""Which lines of a tested notebook's cells ran, and of the user's modules that they import.

Each statement of a cell has a mark before it; it says that its line ran. Of modules `coverage` says it, where it is installed in
the session. What runs in Spark's Python workers is seen by neither.
"""

from __future__ import annotations

import ast
import builtins
import json
import os
from typing import Any

NAME = "@fabric_livy_ran"  # no name of Python's, so none of the user's
BODIES = ("body", "orelse", "finalbody")


class LinesRan:
    """`ran(cell, line)` before each statement."""

    def __init__(self) -> None:
        self.enabled = False
        self._numbers: dict[str, int] = {}
        self._cells: list[dict[str, Any]] = []
        self._coverage: Any = None
        self._file = ""

    def __reduce__(self) -> Any:
        """In a Python worker of Spark it does nothing."""
        return eval, ("lambda *given: None",)

    def __call__(self, cell: int, line: int) -> None:
        self._cells[cell]["ran"].add(line)

    def enable(self, folders: list[str], file: str) -> None:
        """From the next cell on, and for modules in these folders. After each cell `file` has what ran: it is on the machine of the
        session, which is that of the client on an embedded Fabric alone. Elsewhere nothing is watched."""
        if not os.path.isdir(os.path.dirname(file)):  # noqa: PTH112, PTH120
            return
        self.enabled, self._file = True, file
        setattr(builtins, NAME, self)
        try:
            import coverage
        except ImportError:
            return
        if self._coverage is None:
            include = [f"{folder}/*" for folder in folders]
            self._coverage = coverage.Coverage(data_file=None, config_file=False, include=include)
            self._coverage.set_option(
                "run:disable_warnings", ["no-data-collected"]
            )  # the notebook may import none of them
            self._coverage.start()

    def marked(self, tree: Any, code: str) -> Any:
        """The tree of a cell, changed in place. The same cell, as of `%run`, has one place."""
        if code not in self._numbers:
            self._numbers[code] = len(self._cells)
            self._cells.append({"code": code, "lines": set(), "ran": set()})
        number = self._numbers[code]
        for node in list(ast.walk(tree)):
            for field in BODIES:
                body = getattr(node, field, None)
                if isinstance(body, list):  # of a lambda and of `a if b else c` it is an expression
                    setattr(node, field, self._with_marks(node, body, number))
        return ast.fix_missing_locations(tree)

    def _with_marks(self, parent: Any, body: list[Any], cell: int) -> list[Any]:
        marked: list[Any] = []
        for place, statement in enumerate(body):
            if place or not is_docstring(statement):
                self._cells[cell]["lines"].add(statement.lineno)
                if not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
                    name = ast.Name(NAME, ast.Load())
                    call = ast.Call(name, [ast.Constant(cell), ast.Constant(statement.lineno)], [])
                    marked.append(ast.copy_location(ast.Expr(call), statement))
                else:
                    self._cells[cell]["ran"].add(statement.lineno)
            marked.append(statement)
        return marked

    def save(self) -> None:
        """`cells`: the text of each, the lines that hold statements, those that ran; `files`: the lines that ran, by path, or null
        without `coverage`."""
        if not self.enabled:
            return
        files = None
        if self._coverage is not None:
            found = self._coverage.get_data()
            files = {path: sorted(found.lines(path) or ()) for path in found.measured_files()}
        cells = [{**cell, "lines": sorted(cell["lines"]), "ran": sorted(cell["ran"])} for cell in self._cells]
        with open(f"{self._file}.new", "w", encoding="utf-8") as written:  # noqa: PTH123
            json.dump({"cells": cells, "files": files}, written)
        os.replace(f"{self._file}.new", self._file)  # noqa: PTH105


ran = LinesRan()


def is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
