"""`%run`: the line is read, the notebook is found, and its cells are returned as the kernel runs them in place of the line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import FabricLivyError, NotebookError
from fabric_livy_magic.notebooks.files import CONTENT, NotebookFile
from fabric_livy_magic.notebooks.json_text import read_json
from fabric_livy_magic.notebooks.model import CODE, Notebook
from fabric_livy_magic.notebooks.repository import Repository, repository_root
from fabric_livy_magic.notebooks.source_text import read_source

RESOURCES = "builtin"
SCRIPTS = {".py", ".sql"}
_OPTION = re.compile(r"-\w+\s+")
_BARE_NAME = re.compile(r"[^{\"']*")


@dataclass(frozen=True)
class RunLine:
    """`%run name {"parameter": value}`."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    is_script: bool = False
    """It names a file of Python or SQL, mostly one of the notebook's resources."""


def read_run_line(arguments: str) -> RunLine:
    """The text after `%run`. Raises NotebookError where it names no notebook or its parameters are no JSON."""
    options, rest = _without_options(arguments.strip())
    is_quoted = rest[:1] in {'"', "'"}
    end = rest.find(rest[0], 1) if is_quoted else _BARE_NAME.match(rest).end()  # type: ignore[union-attr]
    name = rest[1:end] if is_quoted else rest[:end]
    braces = rest[end + is_quoted :].strip() if end >= 0 else "no end of the name"
    if not name.strip() or (braces and not (braces.startswith("{") and braces.endswith("}"))):
        raise NotebookError(f'%run takes a notebook and its parameters: %run name {{"a": 1}}. This is: {arguments!r}')
    try:
        parameters = read_json(braces or "{}")
    except ValueError as error:
        raise NotebookError(f"The parameters of %run {name.strip()} are no JSON: {error}") from None
    is_script = bool(options) or name.lower().endswith((".py", ".sql"))
    return RunLine(name.strip(), parameters, is_script)


def _without_options(text: str) -> tuple[str, str]:
    """(the options that it begins with, the rest)."""
    end = 0
    while match := _OPTION.match(text, end):
        end = match.end()
    return text[:end], text[end:]


@dataclass(frozen=True)
class RunNotebook:
    """The notebook or script that a `%run` names; `cells` as the kernel takes them."""

    path: Path
    cells: list[str]


WORKSPACE_PATH = "workspace:"  # the first part of the path of a notebook that is not in a file
FetchNotebook = Callable[[str], tuple[str, Notebook] | None]
"""Looks a name up in the workspace: (display name, notebook), or None. Raises NotebookError where the request fails."""


def resolve_run(
    arguments: str, callers: tuple[Path, ...], language: str, fetch: FetchNotebook | None = None
) -> RunNotebook:
    """What `%run <arguments>` runs in the notebook `callers[-1]`; the callers before it are those whose `%run` led to it.

    Raises NotebookError where there is no such notebook, or where it is one of the callers.
    """
    line = read_run_line(arguments)
    caller_file = next((path for path in reversed(callers) if path.parts[0] != WORKSPACE_PATH), callers[0])
    if line.is_script:
        script = _script(line, caller_file, language)
        _refuse_circle(line, callers, script.path)
        return script
    path, read_notebook = _find_notebook(line, caller_file, fetch)
    _refuse_circle(line, callers, path)
    return RunNotebook(path, cells_to_run(read_notebook(), line.parameters, language))


def _refuse_circle(line: RunLine, callers: tuple[Path, ...], path: Path) -> None:
    if path in callers:
        names = " → ".join(one.parent.stem if one.stem == CONTENT else one.stem for one in (*callers, path))
        raise NotebookError(f"%run goes round in a circle: {names}. Nothing of {line.name} was run.")


def _find_notebook(line: RunLine, caller: Path, fetch: FetchNotebook | None) -> tuple[Path, Callable[[], Notebook]]:
    repository = Repository(repository_root(caller))
    match = repository.find(line.name, caller)
    if match.file is not None:
        return match.file.path, match.file.read
    suggestion = f" Did you mean {' or '.join(match.similar)}?" if match.similar else ""
    missing = (
        f"There is no notebook {line.name!r} below {repository.root}.{suggestion} %run looks for its display name, in .ipynb files and "
        "in folders of Fabric's Git format"
    )
    if fetch is None:
        raise NotebookError(f"{missing}.")
    try:
        workspace_notebook = fetch(line.name)
    except FabricLivyError as error:
        raise NotebookError(
            f"{missing}, and then among the notebooks of the workspace, which failed: {error}"
        ) from error
    if workspace_notebook is None:
        raise NotebookError(f"{missing}, and then among the notebooks of the workspace, which has none of this name.")
    name, notebook = workspace_notebook
    return Path(WORKSPACE_PATH, f"{name}.ipynb"), lambda: notebook


def find_script(line: RunLine, notebook: Path) -> Path | None:
    """The file that a `%run` in the notebook names: beside its cells, or one of its resources, in the folder `builtin` there."""
    places = (notebook.parent / line.name, notebook.parent / RESOURCES / line.name)
    return next((path.absolute() for path in places if path.suffix in SCRIPTS and path.is_file()), None)


def _script(line: RunLine, caller: Path, language: str) -> RunNotebook:
    """A file of Python or SQL runs in the session. One of Python that asks where it is learns it, as by IPython's `%run`."""
    path = find_script(line, caller)
    if path is None:
        raise NotebookError(
            f"There is no Python or SQL file {line.name} in {caller.parent.absolute()}, nor in its folder {RESOURCES}, where the "
            "repository of a notebook has its resources."
        )
    try:
        text = read_source(path)
    except (OSError, ValueError) as error:
        raise NotebookError(f"{path} could not be read as text: {error}") from error
    if path.suffix == ".sql":
        return RunNotebook(path, [text if language == "sql" else f"%%sql\n{text}"])
    python = "" if language == "pyspark" else "%%pyspark\n"
    cells = [text]
    if "__file__" in text:
        after = f"__file__ = {str(caller)!r}" if caller.suffix == ".py" and caller.stem != CONTENT else "del __file__"
        cells = [f"__file__ = {str(path)!r}", text, after]
    return RunNotebook(path, [python + cell for cell in cells])


def cells_to_run(notebook: Notebook, parameters: Mapping[str, Any], language: str) -> list[str]:
    """The code cells that Fabric would run, with the parameter values below the parameters cell, or first where it has none."""
    cells: list[str] = []
    values_cell = parameters_cell(parameters)
    if values_cell and notebook.parameters_index is None:
        cells.append(values_cell)
    for number, cell in enumerate(notebook.cells):
        if cell.kind == CODE and not cell.is_skipped:
            cells.append(notebook.kernel_code(cell, kernel_language=language))
        if values_cell and number == notebook.parameters_index:
            cells.append(values_cell)
    return cells


def parameters_cell(parameters: Mapping[str, Any]) -> str:
    """Assignments of the values as a PySpark cell; empty without values."""
    lines = [f"{name} = {value!r}" for name, value in parameters.items()]
    return "\n".join(["%%pyspark", *lines]) if lines else ""


def find_run_cycle(
    start: NotebookFile, runs: Callable[[NotebookFile], Iterable[NotebookFile]], acyclic: set[NotebookFile]
) -> list[NotebookFile]:
    """The first cycle of `%run` that can be reached from `start`, with its first notebook again at its end; else empty.

    `runs` gives the notebooks that one runs. `acyclic` are notebooks from which no cycle is reached; further ones are added.
    """
    path, iterators = [start], [iter(runs(start))]
    while path:
        notebook = next(iterators[-1], None)
        if notebook is None:
            acyclic.add(path.pop())
            iterators.pop()
        elif notebook in path:
            return [*path[path.index(notebook) :], notebook]
        elif notebook not in acyclic:
            path.append(notebook)
            iterators.append(iter(runs(notebook)))
    return []
