"""A notebook of the repository as the statements of a REPL, for `notebook.run`.

`%run` is resolved, parameters follow the parameters cell, frozen cells are left out. A cell that cannot become a statement
is refused before anything runs.
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
from fabric_livy_magic.notebooks.run_magic import RESOURCES, RunLine, find_script, read_run_line
from fabric_livy_magic.notebooks.source_text import read_source

KINDS = ("pyspark", "spark", "sql")
# They concern the front end, or the session, which is running already.
WITHOUT_EFFECT = {"matplotlib", "load_ext", "reload_ext", "config", "autoreload"}
RUN_BY_SESSION = {"pip"}  # by `notebookutils._ipython_lines`
PIP_INSTALL = re.compile(r"\s*(?:pip3?|(?:\S*python[\d.]*|\{sys\.executable\})\s+-m\s+pip)\s+install\s[^|&;]*")
IPYTHON_LINES = "from notebookutils._ipython_lines import get_ipython"
_RUN = re.compile(r"%run[ \t]+(.*)", re.DOTALL)
_SQL_PIECE = re.compile(
    r"""--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z)|"(?:[^"\\]|\\.)*(?:"|\Z)|`(?:[^`]|``)*(?:`|\Z)|;|[^-/'"`;]+|.""",
    re.DOTALL,
)


class NotRunnable(ValueError):  # noqa: N818 - says what is wrong
    """The message says what happened and what to do."""


@dataclass(frozen=True)
class Step:
    """One statement. `where` is for messages: the cell that it comes from."""

    kind: str
    code: str
    where: str


def steps_of(
    folder: Path | None, name: str, arguments: Mapping[str, Any], caller: Path | None = None
) -> tuple[NotebookFile, list[Step]]:
    """The notebook, of several with that name the nearest to its caller's file, and what is to run. Raises NotRunnable."""
    if folder is None:
        raise NotRunnable(
            f"There is no notebook {name!r}: the session knows no folder with notebooks. Give one by the session's conf "
            "spark.fabric_livy.notebooks, or by FABRIC_LIVY_NOTEBOOKS where the server is started."
        )
    repository = Repository(folder)
    try:
        file = _find(repository, name, caller or folder)
        return file, list(_notebook_steps(repository, file, arguments, ()))
    except FabricLivyError as problem:
        raise NotRunnable(str(problem)) from problem


def _find(repository: Repository, name: str, caller: Path) -> NotebookFile:
    found = repository.find(name, caller)
    if found.file is None:
        similar = f" Is it {' or '.join(map(repr, found.similar))}?" if found.similar else ""
        raise NotRunnable(f"There is no notebook {name!r} below {repository.root}.{similar}")
    return found.file


def _notebook_steps(
    repository: Repository, file: NotebookFile, arguments: Mapping[str, Any], callers: tuple[Path, ...]
) -> Iterator[Step]:
    if file.path in callers:
        circle = " → ".join(path.parent.name if path.stem == "notebook-content" else path.stem for path in callers)
        raise NotRunnable(f"%run goes in a circle: {circle} → {file.name}")
    notebook = file.read()
    parameter_code = _assignments(arguments, file.name)
    index = notebook.parameters_index
    if parameter_code and index is None:
        yield Step("pyspark", parameter_code, f"parameters of {file.name}")
    for number, cell in enumerate(notebook.cells):
        if cell.kind == CODE and cell.source.strip() and not cell.is_skipped:
            where = f"cell {number + 1} of {file.name}"
            if run_arguments := _run_arguments(cell.source):
                run = read_run_line(run_arguments)
                if run.is_script:
                    yield from _script_steps(run, file, where)
                    continue
                other = _find(repository, run.name, file.path)
                yield from _notebook_steps(repository, other, run.parameters, (*callers, file.path))
            else:
                yield from _cell_steps(notebook, cell, where)
        if parameter_code and number == index:
            yield Step("pyspark", parameter_code, f"parameters of {file.name}")


def _script_steps(run: RunLine, file: NotebookFile, where: str) -> Iterator[Step]:
    path = find_script(run, file.path)
    if path is None:
        raise NotRunnable(f"{where}: there is no file {run.name} beside {file.path}, nor in its folder {RESOURCES}")
    text, where = read_source(path), f"{path.name}, run by {where}"
    if path.suffix == ".sql":
        yield from (Step("sql", one, where) for one in sql_statements(text))
    elif "__file__" in text:
        yield Step("pyspark", f"__file__ = {str(path)!r}", where)
        yield from _python_steps(text, where)
        yield Step("pyspark", "del __file__", where)
    else:
        yield from _python_steps(text, where)


def _run_arguments(source: str) -> str | None:
    """The arguments of `%run`, which is alone in its cell but for comments."""
    lines = [line for line in source.strip().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    match = _RUN.fullmatch("\n".join(lines).strip())
    return match[1] if match else None


def _cell_steps(notebook: Notebook, cell: Cell, where: str) -> Iterator[Step]:
    language = notebook.language_of(cell)
    magic = cell_magic(cell.source, notebook.comment)
    code = cell.source
    if magic:
        lines = code.split("\n")
        lines[magic.line] = ""
        code = "\n".join(lines)
    if language == "configure":
        return  # the session runs already; Fabric refuses it in a notebook that is run by another one
    if language not in KINDS:
        raise NotRunnable(f"{where} is {language}, and notebook.run has {', '.join(KINDS)} here")
    if language == "sql":
        yield from (Step("sql", one, where) for one in sql_statements(code))
    elif language == "pyspark":
        yield from _python_steps(code, where)
    elif code.strip():
        yield Step(language, code.strip(), where)


def _python_steps(source: str, where: str) -> Iterator[Step]:
    """Raises NotRunnable for magics that only a front end runs."""
    if not source.strip():
        return
    if _is_python(source):
        yield Step("pyspark", source, where)
        return
    from fabric_livy_magic.notebooks.ipython_syntax import as_python  # loads IPython

    code = as_python(source)
    for name, line in _ipython_calls(code):
        if name not in WITHOUT_EFFECT | RUN_BY_SESSION and not (name == "!" and PIP_INSTALL.fullmatch(line)):
            written = f"{name}{line}" if "!" in name else f"%{name} {line}".strip()
            raise NotRunnable(
                f"{where}: {written[:80]!r} cannot run in a notebook that another one runs, where only %pip and !pip install can."
            )
    yield Step("pyspark", IPYTHON_LINES, where)
    yield Step("pyspark", code, where)


def _ipython_calls(code: str) -> Iterator[tuple[str, str]]:
    """(name, line) of each magic in the code of `as_python`, ("!", command) of each command of the shell."""
    if not _is_python(code):
        return  # the session reports the error
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("get_ipython()."):
            words = [word.value if isinstance(word, ast.Constant) else "" for word in node.args[:2]]
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in {"run_line_magic", "run_cell_magic"} and len(words) == 2:
                yield str(words[0]), str(words[1])
            elif name in {"system", "getoutput"}:
                yield "!" if name == "system" else "name = !", str(words[0]) if words else ""


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def sql_statements(text: str) -> list[str]:
    """Split at each `;` that is in no string, no quoted name and no comment; without statements of comments only."""
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
    """The parameters as Python assignments; values are written as literals."""
    for key in arguments:
        if not key.isidentifier() or keyword.iskeyword(key):
            raise NotRunnable(f"{key!r} is no name of a variable, so {name!r} cannot have such a parameter")
    return "\n".join(f"{key} = {value!r}" for key, value in arguments.items())
