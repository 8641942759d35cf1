"""`%run`: the cells of another notebook, as if they stood where it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import FabricLivyError, NotebookError
from fabric_livy_magic.notebooks.model import CODE, Notebook
from fabric_livy_magic.notebooks.repository import Repository, RunTarget, read_run, repository_root


@dataclass(frozen=True)
class Included:
    """Where its cells come from, and the cells as the kernel takes them."""

    path: Path
    cells: list[str]


OF_WORKSPACE = "workspace:"  # the path of a notebook that is in no file begins so
Fetch = Callable[[str], tuple[str, Notebook] | None]
"""Of the workspace: the display name and the notebook of that name, or None. Raises NotebookError where it cannot be asked."""


def included(arguments: str, callers: tuple[Path, ...], language: str, fetch: Fetch | None = None) -> Included:
    """What `%run <arguments>` means in the notebook `callers[-1]`, which the others have run.

    Raises NotebookError where there is no such notebook, or where it is on its way already.
    """
    target = read_run(arguments)
    nearest = next((path for path in reversed(callers) if path.parts[0] != OF_WORKSPACE), callers[0])
    if target.is_script:
        return _script(target, nearest.parent)
    path, read = _found(target, nearest, fetch)
    if path in callers:
        names = " → ".join(one.stem if one.suffix == ".ipynb" else one.parent.stem for one in (*callers, path))
        raise NotebookError(f"%run goes round in a circle: {names}. Nothing of {target.name} was run.")
    return Included(path, cells_to_run(read(), target.parameters, language))


def _found(target: RunTarget, caller: Path, fetch: Fetch | None) -> tuple[Path, Callable[[], Notebook]]:
    repository = Repository(repository_root(caller))
    found = repository.find(target.name, caller)
    if found.file is not None:
        return found.file.path, found.file.read
    guess = f" Did you mean {' or '.join(found.similar)}?" if found.similar else ""
    missing = (
        f"There is no notebook {target.name!r} below {repository.root}.{guess} %run looks for its display name, in .ipynb files and "
        "in folders of Fabric's Git format"
    )
    if fetch is None:
        raise NotebookError(f"{missing}.")
    try:
        of_workspace = fetch(target.name)
    except FabricLivyError as error:
        raise NotebookError(
            f"{missing}, and then among the notebooks of the workspace, which failed: {error}"
        ) from error
    if of_workspace is None:
        raise NotebookError(f"{missing}, and then among the notebooks of the workspace, which has none of this name.")
    name, notebook = of_workspace
    return Path(OF_WORKSPACE, f"{name}.ipynb"), lambda: notebook


def _script(target: RunTarget, folder: Path) -> Included:
    """A Python file beside the notebook runs in the session."""
    path = (folder / target.name).absolute()
    if path.suffix != ".py" or not path.is_file():
        raise NotebookError(
            f"There is no Python file {path}. The resources of a notebook in Fabric are in no file of it."
        )
    return Included(path, [path.read_text(encoding="utf-8")])


def cells_to_run(notebook: Notebook, parameters: Mapping[str, Any], language: str) -> list[str]:
    """Its code cells that Fabric would run, with the given values below its parameters cell; where it has none, above all."""
    cells: list[str] = []
    given = parameters_cell(parameters)
    if given and notebook.parameters_index is None:
        cells.append(given)
    for number, cell in enumerate(notebook.cells):
        if cell.kind == CODE and not cell.is_skipped:
            cells.append(notebook.kernel_code(cell, bare=language))
        if given and number == notebook.parameters_index:
            cells.append(given)
    return cells


def parameters_cell(parameters: Mapping[str, Any]) -> str:
    """Values as a cell of PySpark; empty without any."""
    lines = [f"{name} = {value!r}" for name, value in parameters.items()]
    return "\n".join(["%%pyspark", *lines]) if lines else ""
