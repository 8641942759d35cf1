"""Runs a notebook of the repository for a test, by the code of `fabric-livy run`, on the test's lakehouse."""

from __future__ import annotations

import ast
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.cells.sql_text import quoted_name
from fabric_livy_magic.errors import NotebookFailed, SettingsError
from fabric_livy_magic.notebook_runs.execute import Limits, Outcome
from fabric_livy_magic.notebook_runs.prepare import NotebookRun, prepare_run
from fabric_livy_magic.notebooks.files import NotebookFile, is_git_folder, notebook_file
from fabric_livy_magic.notebooks.lakehouses import lakehouses_of
from fabric_livy_magic.notebooks.mocks import USED_VARIABLE, read_used
from fabric_livy_magic.notebooks.repository import repository_root
from fabric_livy_magic.testing.cell_results import cells_of
from fabric_livy_magic.testing.failure_text import failure_text
from fabric_livy_magic.testing.fresh_lakehouse import FreshLakehouse
from fabric_livy_magic.testing.recording import Recorder
from fabric_livy_magic.testing.results import LazyTables, NotebookResult
from fabric_livy_magic.testing.watching import Watching

if TYPE_CHECKING:
    import pandas as pd

OWN_SPARK = "fabric_spark_of_its_own"  # a property of the test, as in `plugin`
OF_KERNEL = {"FABRIC_LIVY_PROGRESS": "off"}  # it is no output of the notebook


def limits_of(cell_s: str, notebook_s: str) -> Limits:
    """From what somebody wrote; 0 is no limit. Raises SettingsError."""
    return Limits(
        _seconds("fabric_cell_timeout", cell_s),
        _seconds("fabric_notebook_timeout", notebook_s),
        "fabric_cell_timeout",
        "fabric_notebook_timeout",
    )


def _seconds(name: str, text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise SettingsError(f"{name} is a number of seconds, or 0 for no limit, not {text!r}.")
    return seconds or None


class NotebookRunner:
    """Called by a test. `beside` is the test's file: of notebooks with one name the nearest to it is meant. `note` takes the name of a
    property of the test and its value."""

    def __init__(
        self,
        lakehouse: FreshLakehouse,
        beside: Path,
        limits: Limits,
        recorder: Recorder | None = None,
        note: Callable[[str, str], None] = lambda name, value: None,
    ) -> None:
        self._lakehouse = lakehouse
        self._note = note
        self._beside = beside
        self._limits = limits
        self._recorder = recorder or Recorder(lakehouse.repository.root)

    def __call__(
        self,
        name: str | Path,
        *,
        tables: Mapping[str, Any] | None = None,
        files: Mapping[str, str | Path | bytes] | None = None,
        parameters: Mapping[str, Any] | None = None,
        timeout_s: float | None = None,
        cell_timeout_s: float | None = None,
        **more_parameters: Any,
    ) -> NotebookResult:
        """Runs the notebook of this name, or at this path, with these values for its parameters cell.

        `tables` are frames (pandas, Arrow, polars) by the names of the tables that they become before it runs, `files` paths or bytes
        by their place below `Files`; both in the notebook's default lakehouse, and a table with three parts in another one:
        `Silver.dbo.trips`. Raises NotebookFailed for a cell that failed; NotebookError and SettingsError for what cannot run.
        """
        file = self._find(name)
        notebook = file.read()
        run = prepare_run(file.path, notebook, plain_values({**(parameters or {}), **more_parameters}))
        folder, default = self._lakehouse.place_of(lakehouses_of(notebook), repository_root(file.path), file.path)
        if files and self._lakehouse.files:  # raises where there is none on this machine
            self._put_files(folder, files)
        for table, frame in (tables or {}).items():
            self._put_table(_qualified(table, default), frame)
        limits = self._limits
        if cell_timeout_s is not None:
            limits = replace(limits, cell_s=cell_timeout_s, cell_name="cell_timeout_s")
        if timeout_s is not None:
            limits = replace(limits, notebook_s=timeout_s, notebook_name="timeout_s")
        own_before = self._lakehouse.own_applications() if run.chooses_session else 0
        began = time.monotonic()
        watching = self._recorder.begin()
        outcome = self._run(run, limits, watching)
        result = NotebookResult(
            file.name,
            outcome.exit_value,
            time.monotonic() - began,
            cells_of(run),
            LazyTables(lambda table: self._read(_qualified(table, default)), lambda: self._names(default)),
            shares_spark=not (run.chooses_session and self._lakehouse.own_applications() > own_before),
            mocks=tuple(read_used(Path(os.environ[USED_VARIABLE]))) if USED_VARIABLE in os.environ else (),
        )
        report = self._recorder.keep(file, notebook, result, watching, passed=outcome.passed)
        if not result.shares_spark:
            self._note(OWN_SPARK, f"{file.name}: {result.duration_s:.1f} s")
        if not outcome.passed:
            raise NotebookFailed(failure_text(report), result)
        return result

    def _run(self, run: NotebookRun, limits: Limits, watching: Watching) -> Outcome:
        environ = {
            **os.environ,
            **run.environ,
            **OF_KERNEL,
            **watching.environ(),
            "FABRIC_LIVY_TARGET": self._lakehouse.target,
        }
        return self._lakehouse.kernels.run(run.content, environ, limits, starts_session=not run.chooses_session)

    def _find(self, name: str | Path) -> NotebookFile:
        path = Path(name)
        if isinstance(name, Path) or path.suffix.lower() == ".ipynb" or is_git_folder(path):
            for start in (self._beside.parent, self._lakehouse.repository.root):
                if (start / path).exists():
                    return notebook_file(start / path)
            raise SettingsError(
                f"There is no notebook {name} beside {self._beside.name}, nor in {self._lakehouse.repository.root}."
            )
        found = self._lakehouse.repository.find(str(name), self._beside)
        if found.file is None:
            similar = f" Is it {' or '.join(map(repr, found.similar))}?" if found.similar else ""
            raise SettingsError(f"There is no notebook {name!r} below {self._lakehouse.repository.root}.{similar}")
        return found.file

    # ------------------------------------------------------------------------------------------- files and tables
    def _put_files(self, folder: Path, files: Mapping[str, str | Path | bytes]) -> None:
        root = folder / "Files"
        for place, source in files.items():
            target = (root / place).resolve()
            if not target.is_relative_to(root.resolve()):
                raise SettingsError(f"{place!r} leads out of the lakehouse's Files.")
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, bytes):
                target.write_bytes(source)
            elif Path(source).is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, target)

    def _put_table(self, name: Sequence[str], frame: Any) -> None:
        session = self._lakehouse.session
        session.put(frame, "fabric_test_input")
        if len(name) > 1:
            session.run(f"CREATE SCHEMA IF NOT EXISTS {_sql(name[:-1])}", "sql")
        session.run(f"CREATE OR REPLACE TABLE {_sql(name)} AS SELECT * FROM fabric_test_input", "sql")  # noqa: S608 - quoted

    def _read(self, name: Sequence[str]) -> pd.DataFrame:
        return self._lakehouse.session.sql(f"SELECT * FROM {_sql(name)}")  # noqa: S608 - quoted

    def _names(self, default: str) -> list[str]:
        """Of all tables of the notebook's default lakehouse: `schema.table`."""
        session, found = self._lakehouse.session, []
        inside = f" IN {quoted_name(default)}" if default else ""
        for schema in session.sql(f"SHOW SCHEMAS{inside}").iloc[:, 0]:
            own = str(schema).rpartition(".")[2]
            parts = [default, own] if default else [own]
            shown = session.sql(f"SHOW TABLES IN {_sql(parts)}")
            found += [
                f"{own}.{table}"
                for table, hidden in zip(shown["tableName"], shown["isTemporary"], strict=True)
                if not hidden
            ]
        return sorted(found)


def _qualified(name: str, default: str) -> tuple[str, ...]:
    """The parts of a table's name, in the lakehouse `default` unless it says which."""
    parts = tuple(name.split("."))
    if not default or len(parts) > 2:
        return parts
    return (default, *parts) if len(parts) == 2 else (default, "dbo", *parts)


def _sql(parts: Sequence[str]) -> str:
    return ".".join(quoted_name(part) for part in parts)


def plain_values(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """As a parameters cell can have them: texts, numbers, lists and the like. Raises SettingsError for any other value."""
    found = {}
    for name, value in parameters.items():
        plain = value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value
        try:
            readable = ast.literal_eval(repr(plain)) == plain
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            readable = False
        if not readable:
            raise SettingsError(
                f"The parameter {name} is of type {type(value).__name__}. A parameter is a text, a number, True or False, None, or a "
                "list or dict of these; a frame goes by tables={...}, a file by files={...}."
            )
        found[name] = plain
    return found
