"""Running other notebooks of the repository beside this one, and ending this one with a value."""

from __future__ import annotations

import sys
from typing import Any, Dict, List, NoReturn

from notebookutils import _child_runs, _dag, _help
from notebookutils._errors import NotebookExit, RunMultipleFailedException, refuse

DEFAULT_TIMEOUT_S = 90  # learn.microsoft.com: the default of `run`, as of a cell in `runMultiple`


def exit(value: Any = "") -> NoReturn:
    """Ends this notebook with a value, which is text. Whoever ran it gets the value."""
    raise NotebookExit("" if value is None else str(value))


def run(
    path: str,
    timeout_seconds: int = DEFAULT_TIMEOUT_S,
    arguments: Dict[str, Any] | None = None,
    workspace: str = "",
) -> str:
    """Runs a notebook by its name, in a Python of its own on the same Spark, and returns its exit value.

    No cell of it may take longer than `timeout_seconds`. `arguments` go in below its parameters cell.
    Raises NotebookRunFailed with what went wrong in it.
    """
    return _child_runs.run(path, timeout_seconds, arguments or {}, workspace)


def runMultiple(dag: Dict[str, Any] | List[str], config: Dict[str, Any] | None = None) -> Dict[str, Dict[str, Any]]:
    """Runs notebooks side by side, each after those it depends on: {name: {"exitVal": text, "exception": error or None}}.

    `dag` is a list of names, or a dict of activities. As many run at a time as the machine has cores, or as `concurrency`
    says (0: all). `config` is about how Fabric draws them. Raises RunMultipleFailedException, whose `result` has them all.
    """
    plan = _dag.read_dag(dag, DEFAULT_TIMEOUT_S)
    result = _dag.run_all(plan, _child_runs.ChildRuns())
    failed = [name for name, one in result.items() if one["exception"] is not None]
    if failed:
        first = result[failed[0]]["exception"]
        raise RunMultipleFailedException(
            f"{len(failed)} of {len(result)} notebooks failed: {', '.join(failed)}. The first: {first}", result
        )
    return result


def validateDAG(dag: Dict[str, Any] | List[str]) -> bool:
    """True, or an error that says what is wrong with it."""
    _dag.read_dag(dag, DEFAULT_TIMEOUT_S)
    return True


def list(workspaceId: str = "", maxResults: int = 1000) -> NoReturn:
    """Not here, as all below: a notebook is a file of the repository."""
    refuse("notebook.list", "it is about notebooks that are items of a workspace")


def get(name: str, workspaceId: str = "") -> NoReturn:
    """Not here."""
    refuse("notebook.get", "it is about notebooks that are items of a workspace")


def getDefinition(name: str, workspaceId: str = "", format: str = "ipynb") -> NoReturn:
    """Not here."""
    refuse("notebook.getDefinition", "it is about notebooks that are items of a workspace")


def create(name: str, *more: Any, **named: Any) -> NoReturn:
    """Not here."""
    refuse("notebook.create", "it is about notebooks that are items of a workspace")


def update(name: str, *more: Any, **named: Any) -> NoReturn:
    """Not here."""
    refuse("notebook.update", "it is about notebooks that are items of a workspace")


def updateDefinition(name: str, *more: Any, **named: Any) -> NoReturn:
    """Not here."""
    refuse("notebook.updateDefinition", "it is about notebooks that are items of a workspace")


def delete(name: str, workspaceId: str = "") -> NoReturn:
    """Not here."""
    refuse("notebook.delete", "it is about notebooks that are items of a workspace")


def help(method_name: str = "") -> None:
    """What this module can do; with the name of a function, that one."""
    _help.overview(sys.modules[__name__], method_name)
