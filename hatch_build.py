"""Keeps the wheel below 1 MB: in it, comments and the docstrings of internal names are blank.

Every line keeps its number, so that a traceback fits the repository, and the code is the same: tests/release/test_wheel.py compares
both. The source archive and an editable install have all of it.
"""

from __future__ import annotations

import ast
import io
import tempfile
import tokenize
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "fabric_livy_magic"
# Where a user meets docstrings: `help`, Shift-Tab, an editor. They are whole there; docs/reference/python.md is made of them, too.
DOCUMENTED = (
    "__init__.py",
    "errors.py",
    "fabric/onelake.py",
    "frames/row_stream.py",
    "local/interpreters/session_packages/",
    "magics/magics.py",
    "running/background.py",
    "running/results.py",
    "sessions/batches.py",
    "sessions/connect.py",
    "sessions/runs.py",
    "sessions/session.py",
    "testing/",
)


class SmallSources(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        self._folder = tempfile.TemporaryDirectory()
        for file in (root / PACKAGE).rglob("*.py"):
            name = file.relative_to(root).as_posix()
            small = Path(self._folder.name) / name
            small.parent.mkdir(parents=True, exist_ok=True)
            documented = name.removeprefix(f"{PACKAGE}/").startswith(DOCUMENTED)
            small.write_text(smaller(file.read_text(encoding="utf-8"), docstrings=documented), encoding="utf-8")
            build_data["force_include"][str(small)] = name

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self._folder.cleanup()


def smaller(source: str, *, docstrings: bool) -> str:
    """The same code on the same lines, without comments, and without docstrings unless these are to stay."""
    lines = source.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip() + "\n"
    for body in () if docstrings else _documented_bodies(ast.parse(source)):
        first = body[0]
        lines[first.lineno - 1 : first.end_lineno] = ["\n"] * (first.end_lineno - first.lineno + 1)
        if len(body) == 1:
            lines[first.lineno - 1] = " " * first.col_offset + "pass\n"
    return "".join(lines)


def _documented_bodies(tree: ast.Module) -> list[list[ast.stmt]]:
    """Not those of dataclasses: `@dataclass` works out a docstring where there is none, with each import."""
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        node.body
        for node in ast.walk(tree)
        if isinstance(node, nodes) and ast.get_docstring(node) is not None and not _is_dataclass(node)
    ]


def _is_dataclass(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(one) for one in node.decorator_list)
