"""A notebook of the repository as the statements of a REPL, for `notebook.run`.

`%run` is followed, parameters stand below the parameters cell, frozen cells are left out. What a statement cannot carry is
refused before anything runs.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import FabricLivyError
from fabric_livy_magic.notebooks.files import NotebookFile
from fabric_livy_magic.notebooks.languages import cell_magic
from fabric_livy_magic.notebooks.model import CODE, Cell, Notebook
from fabric_livy_magic.notebooks.repository import Repository
from fabric_livy_magic.notebooks.run_magic import read_run_line

KINDS = ("pyspark", "spark", "sql")
# About the front end, or about the session, which is there already.
WITHOUT_EFFECT = ("%matplotlib", "%load_ext", "%reload_ext", "%config", "%autoreload")
_RUN = re.compile(r"%run[ \t]+(.*)", re.DOTALL)
_SQL_PIECE = re.compile(
    r"""--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z)|"(?:[^"\\]|\\.)*(?:"|\Z)|`(?:[^`]|``)*(?:`|\Z)|;|[^-/'"`;]+|.""",
    re.DOTALL,
)


class NotRunnable(ValueError):  # noqa: N818 - says what is wrong
    """What happened, what it means, what to do next."""


@dataclass(frozen=True)
class Step:
    """One statement. `where` is for messages: the cell that it comes from."""

    kind: str
    code: str
    where: str


def steps_of(folder: Path | None, name: str, arguments: Mapping[str, Any]) -> tuple[str, list[Step]]:
    """The notebook's display name and what is to run. Raises NotRunnable."""
    if folder is None:
        raise NotRunnable(
            f"There is no notebook {name!r}: the session knows no folder with notebooks. Give one by the session's conf "
            "spark.fabric_livy.notebooks, or by FABRIC_LIVY_NOTEBOOKS where the server is started."
        )
    repository = Repository(folder)
    try:
        file = _found(repository, name, folder)
        return file.name, list(_steps(repository, file, arguments, ()))
    except FabricLivyError as problem:
        raise NotRunnable(str(problem)) from problem


def _found(repository: Repository, name: str, caller: Path) -> NotebookFile:
    found = repository.find(name, caller)
    if found.file is None:
        similar = f" Is it {' or '.join(map(repr, found.similar))}?" if found.similar else ""
        raise NotRunnable(f"There is no notebook {name!r} below {repository.root}.{similar}")
    return found.file


def _steps(
    repository: Repository, file: NotebookFile, arguments: Mapping[str, Any], above: tuple[Path, ...]
) -> Iterator[Step]:
    if file.path in above:
        circle = " → ".join(path.parent.name if path.stem == "notebook-content" else path.stem for path in above)
        raise NotRunnable(f"%run goes in a circle: {circle} → {file.name}")
    notebook = file.read()
    given = _assignments(arguments, file.name)
    index = notebook.parameters_index
    if given and index is None:
        yield Step("pyspark", given, f"parameters of {file.name}")
    for number, cell in enumerate(notebook.cells):
        if cell.kind == CODE and cell.source.strip() and not cell.is_skipped:
            where = f"cell {number + 1} of {file.name}"
            if target := _run_target(cell.source):
                run = read_run_line(target)
                if run.is_script:
                    raise NotRunnable(f"{where}: %run of a file of the notebook's resources is not possible here")
                other = _found(repository, run.name, file.path)
                yield from _steps(repository, other, run.parameters, (*above, file.path))
            else:
                yield from _of_cell(notebook, cell, where)
        if given and number == index:
            yield Step("pyspark", given, f"parameters of {file.name}")


def _run_target(source: str) -> str | None:
    """What stands behind `%run`, which is alone in its cell but for comments."""
    lines = [line for line in source.strip().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    match = _RUN.fullmatch("\n".join(lines).strip())
    return match[1] if match else None


def _of_cell(notebook: Notebook, cell: Cell, where: str) -> Iterator[Step]:
    language = notebook.language_of(cell)
    magic = cell_magic(cell.source, notebook.comment)
    code = cell.source
    if magic:
        lines = code.split("\n")
        lines[magic.line] = ""
        code = "\n".join(lines)
    if language == "configure":
        return  # the session is there already; Fabric refuses it in a notebook that is run by another one
    if language not in KINDS:
        raise NotRunnable(f"{where} is {language}, and notebook.run has {', '.join(KINDS)} here")
    if language == "sql":
        yield from (Step("sql", one, where) for one in sql_statements(code))
    elif code := python_code(code, where) if language == "pyspark" else code.strip():
        yield Step(language, code, where)


def python_code(source: str, where: str) -> str:
    """Without lines that have no effect here. Raises NotRunnable for other magics and `!`: only a front end runs them."""
    if _is_python(source):
        return source if source.strip() else ""
    kept = []
    for line in source.split("\n"):
        word = line.strip().split(" ", 1)[0]
        kept.append("" if word in WITHOUT_EFFECT else line)
        if line.startswith(("%", "!")) and word not in WITHOUT_EFFECT:
            raise NotRunnable(
                f"{where}: {line.strip()[:80]!r} cannot run in a notebook that another one runs. Packages are installed in "
                "the notebook that begins, or in the environment of the server."
            )
    code = "\n".join(kept)
    return code if code.strip() else ""


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def sql_statements(text: str) -> list[str]:
    """Cut at each `;` that is in no string, no quoted name and no comment; without those that hold comments only."""
    statements: list[str] = []
    parts: list[str] = []
    has_words = False
    for piece in [*_SQL_PIECE.findall(text), ";"]:
        if piece != ";":
            parts.append(piece)
            has_words = has_words or bool(piece.strip() and not piece.startswith(("--", "/*")))
            continue
        if has_words:
            statements.append("".join(parts).strip())
        parts, has_words = [], False
    return statements


def _assignments(arguments: Mapping[str, Any], name: str) -> str:
    """Values are data: they are written as Python's own literals."""
    for key in arguments:
        if not key.isidentifier() or keyword.iskeyword(key):
            raise NotRunnable(f"{key!r} is no name of a variable, so {name!r} cannot have such a parameter")
    return "\n".join(f"{key} = {value!r}" for key, value in arguments.items())
