"""A Fabric notebook from its file, run in the Fabric Livy kernel, with its own default lakehouse."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebook_runs.execute import NO_LIMITS, Limits, Outcome, Write, content_of, run_content
from fabric_livy_magic.notebooks.files import NotebookFile, notebook_file
from fabric_livy_magic.notebooks.ipynb import write_ipynb
from fabric_livy_magic.notebooks.model import CODE, Cell, Notebook
from fabric_livy_magic.notebooks.needs import Checker
from fabric_livy_magic.notebooks.run_magic import parameters_cell
from fabric_livy_magic.settings import did_you_mean

SESSION_LANGUAGES = {"pyspark", "sql", "spark", "sparkr"}
OTHER_LANGUAGES = {
    "tsql": "a T-SQL notebook, which runs on a warehouse or a SQL endpoint",
    "kql": "a KQL notebook, which runs on an eventhouse",
    "python": "a notebook of Fabric's Python kernel, which has no Spark",
}
MOST_BLOCKERS_SHOWN = 5
KERNEL_NAME = "fabric-livy"
NOTEBOOK_VARIABLE, LANGUAGE_VARIABLE = "FABRIC_LIVY_NOTEBOOK", "FABRIC_LIVY_LANGUAGE"
INJECTED_TAG = "injected-parameters"  # as papermill calls it


@dataclass(frozen=True)
class CellToRun:
    """A cell of the notebook by its index, and its text for the kernel."""

    index: int
    text: str = field(repr=False)


@dataclass(frozen=True)
class NotebookRun:
    """A notebook that can be run. A kernel executes `content`, with `environ` added to its environment."""

    path: Path
    notebook: Notebook
    planned_cells: Sequence[CellToRun]
    content: Any
    environ: Mapping[str, str]

    @property
    def chooses_session(self) -> bool:
        return any(one.text.startswith("%%configure") for one in self.planned_cells)

    def write(self, output: Path) -> None:
        """The executed notebook, up to where it ended."""
        executed = with_outputs(self.notebook, self.planned_cells, self.content.cells)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(write_ipynb(executed), encoding="utf-8")


def run_fabric_notebook(
    run: NotebookRun, output: Path, write: Write, environ: Mapping[str, str], limits: Limits = NO_LIMITS
) -> Outcome:
    """The executed notebook is written in any case."""
    try:
        return run_content(run.content, KERNEL_NAME, write, {**environ, **run.environ}, limits)
    finally:
        run.write(output)


def prepare_run(path: Path, notebook: Notebook, parameters: Mapping[str, Any] | None = None) -> NotebookRun:
    """`parameters` are values by name, as `read_parameters` gives them. Raises NotebookError and SettingsError for what cannot run."""
    language = notebook.language
    if language not in SESSION_LANGUAGES:
        raise NotebookError(
            f"{path} is {OTHER_LANGUAGES.get(language, f'a notebook of {language}')}. It cannot run here."
        )
    raise_for_blockers(notebook_file(path))
    notebook = with_parameters(notebook, parameters or {}, path)
    planned_cells = list(plan_cells(notebook))
    environ = {NOTEBOOK_VARIABLE: str(notebook_file(path).path), LANGUAGE_VARIABLE: language}
    tags = [notebook.cells[one.index].tags for one in planned_cells]
    content = content_of([one.text for one in planned_cells], tags)
    return NotebookRun(path, notebook, planned_cells, content, environ)


def raise_for_blockers(file: NotebookFile) -> None:
    """Raises NotebookError for what would fail and is known before anything runs."""
    blockers = Checker().blockers(file)
    if not blockers:
        return
    lines = []
    for one, need in blockers[:MOST_BLOCKERS_SHOWN]:
        where = "" if one == file else f"{one.name}, which it runs: "
        cell = f"cell {need.cells[0]}: " if need.cells else ""
        lines.append(f"  {where}{cell}{need.name}: {need.text}")
    more = len(blockers) - MOST_BLOCKERS_SHOWN
    lines += [f"  … and {more} more; `fabric-livy check` tells them all"] if more > 0 else []
    raise NotebookError("\n".join([f"{file.path} cannot run as it is. Nothing was run.", *lines]))


def plan_cells(notebook: Notebook) -> Iterator[CellToRun]:
    for index, cell in enumerate(notebook.cells):
        if cell.kind == CODE and not cell.is_skipped and cell.source.strip():
            yield CellToRun(index, notebook.kernel_code(cell, kernel_language=notebook.language))


def with_outputs(notebook: Notebook, planned_cells: Sequence[CellToRun], executed: Sequence[Any]) -> Notebook:
    """With the outputs of this run; cells that did not run have none."""
    executed_cells = dict(zip((one.index for one in planned_cells), executed, strict=True))
    cells = []
    for index, cell in enumerate(notebook.cells):
        if cell.kind == CODE:
            outputs = json.loads(json.dumps(executed_cells[index].outputs)) if index in executed_cells else ()
            count = executed_cells[index].execution_count if index in executed_cells else None
            cell = replace(cell, outputs=tuple(outputs), execution_count=count)
        cells.append(cell)
    return replace(notebook, cells=tuple(cells))


# ---------------------------------------------------------------------------------------------------------- parameters


def with_parameters(notebook: Notebook, parameters: Mapping[str, Any], path: Path) -> Notebook:
    """With a cell of these values below its parameters cell. Raises NotebookError for a name that the parameters cell has not."""
    if not parameters:
        return notebook
    index = notebook.parameters_index
    if index is None:
        raise NotebookError(
            f"{path} has no parameters cell, so it takes no -p. In the portal: … on a cell, Toggle parameter cell."
        )
    known = _assigned_names(notebook.cells[index].source)
    for name in parameters:
        if known and name not in known:
            raise NotebookError(
                f"{path} has no parameter {name!r}.{did_you_mean(name, known)} It has: {', '.join(known)}."
            )
    injected = Cell(source=parameters_cell(parameters), metadata={"tags": [INJECTED_TAG]})
    cells = [*notebook.cells[: index + 1], injected, *notebook.cells[index + 1 :]]
    return replace(notebook, cells=tuple(cells), original=None)


def _assigned_names(source: str) -> list[str]:
    """The names that the cell assigns; none if it is not Python."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return []
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return [target.id for target in targets if isinstance(target, ast.Name)]
