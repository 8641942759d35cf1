"""A notebook, or a cell, as the script of a batch: its Python as it is, its SQL as calls of Spark, one below the other.

What a batch cannot do is refused, with the number of its cell, before anything is submitted.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fabric_livy_magic.cells.cell import LANGUAGES, read_cell
from fabric_livy_magic.cells.kernel_cells import REFUSED, RUN, Step, read_kernel_cell
from fabric_livy_magic.cells.sql_text import parameter_names, split_statements
from fabric_livy_magic.errors import NotebookError, SettingsError
from fabric_livy_magic.notebooks.files import CONTENT, display_name, is_git_folder, notebook_file
from fabric_livy_magic.notebooks.ipynb import SUFFIX
from fabric_livy_magic.notebooks.ipython_syntax import as_python, split_line_magics
from fabric_livy_magic.notebooks.run_magic import cells_to_run, resolve_run

PYTHON, SQL = "pyspark", "sql"
# Magics that change nothing that a batch has.
WITHOUT_EFFECT = frozenset({"matplotlib", "autoreload", "load_ext", "livy", "config", "reload_ext"})
NO_IPYTHON = "a batch is a plain Python program, without IPython"
PACKAGES = "a batch takes its packages from an environment (--environment) or from --py-files"


@dataclass(frozen=True)
class BatchScript:
    """`conf` is what `%%configure` cells ask for; `left_out` are lines without effect in a batch."""

    text: str
    configurations: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def is_notebook(path: Path) -> bool:
    """`x.ipynb`, `x.Notebook`, or the content file of one."""
    return path.suffix.lower() == SUFFIX or path.stem == CONTENT or (path.is_dir() and is_git_folder(path))


def script_of_notebook(path: Path) -> BatchScript:
    """Raises SettingsError where there is no notebook at the path, NotebookError for what a batch cannot do."""
    file = notebook_file(path)
    notebook = file.read()
    language = notebook.language if notebook.language in LANGUAGES else PYTHON
    cells = cells_to_run(notebook, {}, language)
    return _Script(file.name, language).of(cells, (file.path,))


def script_of_cell(text: str) -> BatchScript:
    """Of Python, as in a cell of the session."""
    return _Script("the cell", PYTHON).of([text], (Path.cwd() / "cell.py",))


class _Script:
    def __init__(self, what: str, language: str) -> None:
        self._what = what
        self._language = language
        self._configurations: list[str] = []
        self._left_out: list[str] = []
        self._futures: list[str] = []

    def of(self, cells: Sequence[str], callers: tuple[Path, ...]) -> BatchScript:
        code = "\n".join(self._cells(cells, callers))
        prelude = (files("fabric_livy_magic.cells") / "batch_prelude.py").read_text(encoding="utf-8")
        features = f"from __future__ import {', '.join(dict.fromkeys(self._futures))}\n\n" if self._futures else ""
        text = f"{features}{prelude}\n{code}\n"
        return BatchScript(text, tuple(self._configurations), tuple(self._left_out))

    def _cells(self, cells: Sequence[str], callers: tuple[Path, ...], within: str = "") -> Iterator[str]:
        for number, cell in enumerate(cells, start=1):
            where = f"{within}cell {number}"
            yield f"# ---- {where}"
            for step in read_kernel_cell(cell, self._language).steps:
                try:
                    yield from self._step(step, callers, where)
                except SettingsError as error:
                    raise NotebookError(f"{self._what}, {where}: {error}") from None

    def _step(self, step: Step, callers: tuple[Path, ...], where: str) -> Iterator[str]:
        if step.magic == "livy_pyspark":
            yield self._python(step, where)
        elif step.magic == "livy_sql":
            yield from _sql(step)
        elif step.magic == "livy_configure":
            self._configurations.append(step.body or "")
            yield "# %%configure went into the request for the batch"
        elif step.magic == RUN:
            run = resolve_run(step.line, callers, self._language)
            yield from self._cells(run.cells, (*callers, run.path), f"{where}, %run {display_name(run.path)!r}, ")
        elif step.magic == REFUSED:
            raise self._refusal(where, step.line)
        elif step.magic in {"livy_spark", "livy_sparkr"}:
            language = LANGUAGES[step.magic.removeprefix("livy_")]
            raise self._refusal(where, f"it is {language}, and a batch of a script is Python; a jar may be Scala")
        else:
            yield from self._local(step, where)

    def _local(self, step: Step, where: str) -> Iterator[str]:
        """What would run in the kernel's own Python, or is a magic of that."""
        body = (step.body or "").strip()
        name = step.magic or (body.split()[0].lstrip("%") if body.startswith("%") else "")
        if not body and not name:
            return
        if name not in WITHOUT_EFFECT:
            raise self._refusal(where, f"{f'%{name}' if name else '%%local'}: {NO_IPYTHON}")
        line = f"%{name} {step.line}".strip() if step.magic else body
        self._left_out.append(line)
        yield f"# left out: {json.dumps(line)}"

    def _python(self, step: Step, where: str) -> str:
        code = []
        for piece in split_line_magics(as_python(step.body or "")):
            if piece.magic in WITHOUT_EFFECT and not piece.is_assigned:
                self._left_out.append(f"%{piece.magic} {piece.line}".strip())
                code.append(f"# left out: {json.dumps(self._left_out[-1])}\n")
            elif piece.magic:
                why = PACKAGES if piece.magic in {"pip", "conda"} else NO_IPYTHON
                raise self._refusal(where, f"%{piece.magic}: {why}")
            else:
                code.append(piece.code)
        text = "".join(code)
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError) as error:
            raise self._refusal(where, f"it is no Python that a program may have: {error}") from None
        if any(map(_asks_ipython, ast.walk(tree))):
            raise self._refusal(where, f"it runs a command or a magic within its code; {NO_IPYTHON}")
        return _shows_its_value(self._without_futures(text, tree), tree, read_output(step))

    def _without_futures(self, text: str, tree: ast.Module) -> str:
        """`from __future__` stands on top of a program."""
        lines = text.split("\n")
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                self._futures += [one.name for one in node.names]
                lines[node.lineno - 1] = "# a __future__ import stands on top"
        return "\n".join(lines)

    def _refusal(self, where: str, why: str) -> NotebookError:
        return NotebookError(f"{self._what}, {where}: {why}. Nothing was submitted.")


def read_output(step: Step) -> str | None:
    """The variable of `-o`."""
    return read_cell(PYTHON, step.line, step.body).output if step.line else None


def _asks_ipython(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "get_ipython"


def _shows_its_value(text: str, tree: ast.Module, output: str | None) -> str:
    """The last line of a cell, where it is an expression, is shown, or goes into the variable of `-o`."""
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr) or last.end_lineno is None or last.end_col_offset is None:
        return text
    raw = [line.encode() for line in text.split("\n")]
    after = raw[last.end_lineno - 1][last.end_col_offset :]
    if after.strip().startswith(b";"):
        return text
    before, opened = (f"{output} = (", ")") if output else ("display(", ")")
    raw[last.end_lineno - 1] = raw[last.end_lineno - 1][: last.end_col_offset] + opened.encode() + after
    raw[last.lineno - 1] = (
        raw[last.lineno - 1][: last.col_offset] + before.encode() + raw[last.lineno - 1][last.col_offset :]
    )
    return b"\n".join(raw).decode()


def _sql(step: Step) -> Iterator[str]:
    """Each statement is a literal: no text of SQL becomes code."""
    cell = read_cell(SQL, step.line, step.body)
    given = dict(cell.parameters)
    statements = split_statements(cell.code)
    for number, statement in enumerate(statements):
        values = "".join(f", {name}={given.get(name, name)}" for name in parameter_names(statement))
        call = f"run_sql({statement!r}{values})"
        is_last = number == len(statements) - 1
        if is_last and cell.output:
            yield f"{cell.output} = {call}.toPandas()"
        else:
            yield call if cell.quiet else f"display({call})"
