"""`%run`: the cells of another notebook, as if they stood where it is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.files import NotebookFile
from fabric_livy_magic.notebooks.model import CODE, Notebook
from fabric_livy_magic.notebooks.run_targets import Repository, RunTarget, read_run, repository_root


@dataclass(frozen=True)
class Included:
    """Where its cells come from, and the cells as the kernel takes them."""

    path: Path
    cells: list[str]


def included(arguments: str, callers: tuple[Path, ...], language: str) -> Included:
    """What `%run <arguments>` means in the notebook `callers[-1]`, which the others have run.

    Raises NotebookError where there is no such notebook, or where it is on its way already.
    """
    target = read_run(arguments)
    if target.is_script:
        return _script(target, callers[-1].parent)
    file = _found(target, callers[-1])
    if file.path in callers:
        names = " → ".join(path.stem if path.suffix == ".ipynb" else path.parent.stem for path in (*callers, file.path))
        raise NotebookError(f"%run goes round in a circle: {names}. Nothing of {target.name} was run.")
    return Included(file.path, cells_to_run(file.read(), target.parameters, language))


def _found(target: RunTarget, caller: Path) -> NotebookFile:
    repository = Repository(repository_root(caller))
    found = repository.find(target.name, caller)
    if found.file is None:
        guess = f" Did you mean {' or '.join(found.similar)}?" if found.similar else ""
        raise NotebookError(
            f"There is no notebook {target.name!r} below {repository.root}.{guess} %run looks for its display name, in .ipynb files and "
            "in folders of Fabric's Git format."
        )
    return found.file


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
