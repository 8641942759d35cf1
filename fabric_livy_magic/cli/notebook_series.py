"""`fabric-livy run` of several notebooks, one after the other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from fabric_livy_magic.agent.client import literal
from fabric_livy_magic.cli.execute import Outcome, Write, content_of, open_kernel, run_notebook
from fabric_livy_magic.cli.notebook_runs import LANGUAGE_VARIABLE, SPEC, Run, is_fabrics, prepared
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebooks.defaults import default_target
from fabric_livy_magic.notebooks.files import NotebookFile, find_notebooks, is_git_folder, notebook_file

EXECUTED = ".executed.ipynb"


def series_of(paths: Sequence[Path]) -> list[NotebookFile]:
    """The notebooks that several paths, or a folder with any number of them, stand for; none for one notebook or script.

    Raises SettingsError for a path without any.
    """
    if len(paths) == 1 and (not paths[0].is_dir() or is_git_folder(paths[0])):
        return []
    found: dict[Path, NotebookFile] = {}
    for path in paths:
        if path.is_dir() and not is_git_folder(path):
            below = [one for one in find_notebooks(path) if not one.path.name.endswith(EXECUTED)]
        else:
            below = [notebook_file(path)]
        if not below:
            raise SettingsError(f"There is no notebook below {path}.")
        found.update({one.path: one for one in below})
    return list(found.values())


def run_series(
    notebooks: Sequence[NotebookFile], folder: Path | None, environ: Mapping[str, str], write: Write, *, shared: bool
) -> int:
    """The exit code: 1 where one of them failed; the others run all the same. Raises NotebookError and SettingsError for
    one that cannot run, before any does."""
    read = {one: one.read() for one in notebooks}
    runs = {one: prepared(one.path, notebook, ()) for one, notebook in read.items() if is_fabrics(notebook)}
    told: list[str] = []
    with _Kernels(environ, shared=shared) as kernels:
        for file in notebooks:
            began = time.monotonic()
            write(f"══ {file.name}\n")
            output = (folder or file.folder) / f"{_stem(file)}{EXECUTED}"
            output.parent.mkdir(parents=True, exist_ok=True)
            if (run := runs.get(file)) is None:
                outcome = run_notebook(file.path, output, write, environ)
            else:
                try:
                    outcome = kernels.run(file.name, run, write)
                finally:
                    run.write(output)
            told.append(f"{_verdict(outcome)} ({time.monotonic() - began:.1f} s): {file.name}")
    failed = sum(line.startswith(FAILED) for line in told)
    write("\n".join([*told, f"\n{len(told)} notebooks, {failed} failed."]))
    return 1 if failed else 0


FAILED = "failed"


def _verdict(outcome: Outcome) -> str:
    if not outcome.passed:
        return FAILED
    return "ran" if outcome.exit_value is None else f"ended with the value {outcome.exit_value!r}"


def _stem(file: NotebookFile) -> str:
    return file.path.parent.stem if is_git_folder(file.path.parent) else file.path.stem


class _Kernels:
    """Of a series. Shared, one kernel and its session serve several notebooks: as long as these choose no session of their
    own, want the same lakehouse, and leave Spark as it was."""

    def __init__(self, environ: Mapping[str, str], *, shared: bool) -> None:
        self._environ = environ
        self._shared = shared
        self._opened = contextlib.ExitStack()
        self._run: Callable[[Any, Write], Outcome] | None = None
        self._target = ""

    def __enter__(self) -> _Kernels:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._run = None
        self._opened.close()

    def run(self, name: str, run: Run, write: Write) -> Outcome:
        environ = {**self._environ, **run.environ}
        if not self._shared or run.chooses_session:
            with open_kernel(SPEC, environ) as alone:
                return alone(run.content, write)
        target = self._environ.get("FABRIC_LIVY_TARGET") or default_target(run.notebook)
        if self._run is None or target != self._target or not self._begins(name, run):
            self.close()
            self._target = target
            self._run = self._opened.enter_context(open_kernel(SPEC, environ))
        outcome = self._run(run.content, write)
        if not outcome.passed:
            self.close()  # who knows what it has left
        return outcome

    def _begins(self, name: str, run: Run) -> bool:
        """Whether the kernel and its session could be made ready for the next notebook."""
        assert self._run
        here = [f"os.environ[{key!r}] = {value!r}" for key, value in run.environ.items()]
        text = (files("fabric_livy_magic.agent") / "remote" / "begin_notebook.py").read_text(encoding="utf-8")
        cells = [
            "\n".join(["%%local", "import os", *here]),
            f"%livy config language {run.environ[LANGUAGE_VARIABLE]}",
            f"%%livy_pyspark -q\n{text}\n_fabric_livy_begin({literal(name)})",
        ]
        return self._run(content_of(cells), lambda line: None).passed
