"""`fabric-livy run` of several notebooks, one after the other."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from fabric_livy_magic.agent.client import literal
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebook_runs.execute import (
    Limits,
    Outcome,
    RunContent,
    Write,
    content_of,
    open_kernel,
    run_notebook,
)
from fabric_livy_magic.notebook_runs.prepare import (
    KERNEL_NAME,
    LANGUAGE_VARIABLE,
    NOTEBOOK_VARIABLE,
    NotebookRun,
    prepare_run,
)
from fabric_livy_magic.notebooks.defaults import default_target
from fabric_livy_magic.notebooks.fabric_notebooks import is_fabric_notebook
from fabric_livy_magic.notebooks.files import NotebookFile, find_notebooks, is_git_folder, notebook_file
from fabric_livy_magic.notebooks.lakehouses import lakehouses_of, write_named
from fabric_livy_magic.notebooks.run_magic import RESOURCES
from fabric_livy_magic.printable import printable

EXECUTED = ".executed.ipynb"


def notebooks_of(paths: Sequence[Path]) -> list[NotebookFile]:
    """The notebooks of several paths, or below a folder; an empty list for one notebook or script.

    Raises SettingsError for a path without any.
    """
    if len(paths) == 1 and (not paths[0].is_dir() or is_git_folder(paths[0])):
        return []
    found: dict[Path, NotebookFile] = {}
    for path in paths:
        if path.is_dir() and not is_git_folder(path):
            notebooks = [one for one in find_notebooks(path) if not one.path.name.endswith(EXECUTED)]
        else:
            notebooks = [notebook_file(path)]
        if not notebooks:
            raise SettingsError(f"There is no notebook below {path}.")
        found.update({one.path: one for one in notebooks})
    return list(found.values())


def run_series(
    notebooks: Sequence[NotebookFile],
    folder: Path | None,
    environ: Mapping[str, str],
    write: Write,
    limits: Limits,
    *,
    shared: bool,
) -> list[Ran]:
    """One that fails does not stop the others. Raises NotebookError and SettingsError for one that cannot run, before any does."""
    read = {one: one.read() for one in notebooks}
    runs = {one: prepare_run(one.path, notebook) for one, notebook in read.items() if is_fabric_notebook(notebook)}
    ran: list[Ran] = []
    with _Kernels(environ, limits, shared=shared) as kernels:
        for file in notebooks:
            began = time.monotonic()
            write(printable(f"══ {file.name}\n"))
            output = (folder or file.folder) / f"{_stem(file)}{EXECUTED}"
            output.parent.mkdir(parents=True, exist_ok=True)
            if (run := runs.get(file)) is None:
                outcome = run_notebook(file.path, output, write, environ, limits)
            else:
                try:
                    outcome = kernels.run(file.name, run, write)
                finally:
                    run.write(output)
            ran.append(Ran(file.name, outcome, time.monotonic() - began, output))
    return ran


@dataclass(frozen=True)
class Ran:
    """A notebook that ran, and where its executed copy is."""

    name: str
    outcome: Outcome
    duration_s: float
    executed: Path

    def to_json(self) -> dict[str, Any]:
        return {
            "notebook": self.name,
            "passed": self.outcome.passed,
            "exit_value": self.outcome.exit_value,
            "duration_s": round(self.duration_s, 1),
            "executed": str(self.executed),
        }


def verdicts(ran: Sequence[Ran]) -> str:
    """A line for each, and how many failed."""
    lines = [printable(f"{_verdict(one.outcome)} ({one.duration_s:.1f} s): {one.name}") for one in ran]
    failed = sum(not one.outcome.passed for one in ran)
    return "\n".join([*lines, f"\n{len(ran)} notebooks, {failed} failed."])


_LOOPBACK = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?:[:/]|$)", re.IGNORECASE)


def _verdict(outcome: Outcome) -> str:
    if not outcome.passed:
        return "failed"
    return "ran" if outcome.exit_value is None else f"ended with the value {outcome.exit_value!r}"


def _stem(file: NotebookFile) -> str:
    return file.path.parent.stem if is_git_folder(file.path.parent) else file.path.stem


class _Kernels:
    """The kernels of a series: one for each notebook, or, if shared, one with its session for consecutive notebooks that do not
    choose a session, have the same target and default lakehouse, and do not fail or stop Spark."""

    def __init__(self, environ: Mapping[str, str], limits: Limits, *, shared: bool) -> None:
        self._environ = environ
        self._limits = limits
        self._shared = shared
        self._kernel_context = contextlib.ExitStack()
        self._run_content: RunContent | None = None
        self._target = ("", "")

    def __enter__(self) -> _Kernels:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._run_content = None
        self._kernel_context.close()

    def run(self, name: str, run: NotebookRun, write: Write) -> Outcome:
        environ = {**self._environ, **run.environ}
        if not self._shared or run.chooses_session:
            with open_kernel(KERNEL_NAME, environ) as run_content:
                return run_content(run.content, write, self._limits)
        chosen = self._environ.get("FABRIC_LIVY_TARGET")
        # Of an embedded Fabric the lakehouse is no part of the target; a chosen lakehouse of Fabric is the one for all notebooks.
        is_local = chosen == "local" or _LOOPBACK.match(chosen or "")
        lakehouses = write_named(lakehouses_of(run.notebook)) if is_local else ""
        target = (chosen or default_target(run.notebook), lakehouses)
        if self._run_content is None or target != self._target or not self._begin_notebook(name, run):
            self.close()
            self._target = target
            self._run_content = self._kernel_context.enter_context(open_kernel(KERNEL_NAME, environ))
        outcome = self._run_content(run.content, write, self._limits)
        if not outcome.passed:
            self.close()  # in an unknown state
        return outcome

    def _begin_notebook(self, name: str, run: NotebookRun) -> bool:
        """Whether the shared kernel and its session could be prepared for this notebook."""
        assert self._run_content
        variables = [f"os.environ[{key!r}] = {value!r}" for key, value in run.environ.items()]
        file = run.environ[NOTEBOOK_VARIABLE]
        resources = Path(file).parent / RESOURCES
        its_own = str(resources) if resources.is_dir() else None
        text = (files("fabric_livy_magic.agent") / "remote" / "begin_notebook.py").read_text(encoding="utf-8")
        cells = [
            "\n".join(["%%local", "import os", *variables]),
            f"%livy config language {run.environ[LANGUAGE_VARIABLE]}",
            f"%%livy_pyspark -q\n{text}\n_fabric_livy_begin({literal(name)}, {literal(file)}, {literal(its_own)})",
        ]
        return self._run_content(content_of(cells), lambda line: None, self._limits).passed
