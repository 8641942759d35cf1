"""Notebooks that are tests, as pytest collects them: an item for each, whose report has a line for each of its cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from fabric_livy_magic.errors import FabricLivyError, NotebookError
from fabric_livy_magic.notebooks.files import NotebookFile, display_name
from fabric_livy_magic.notebooks.git_format import SUFFIXES
from fabric_livy_magic.notebooks.ipynb import SUFFIX
from fabric_livy_magic.output.short_texts import cut
from fabric_livy_magic.printable import printable
from fabric_livy_magic.testing.notebook_reports import CellReport, NotebookReport
from fabric_livy_magic.testing.test_notebooks import is_test

NOTEBOOKS = "fabric_livy_notebooks"  # the attribute of a report of pytest that has the NotebookReports, as data
RUNS = pytest.StashKey[list[NotebookReport]]()  # those of a test, on its item
EXECUTED = ".executed.ipynb"
MOST_OF_HEADLINE = 60


def notebook_in(path: Path) -> NotebookFile | None:
    """The notebook in this file, where it is a test."""
    is_content = path.name in {f"notebook-content{suffix}" for suffix in SUFFIXES.values()}
    if not is_content and (path.suffix.lower() != SUFFIX or path.name.endswith(EXECUTED)):
        return None
    file = NotebookFile(path, display_name(path))
    return file if is_test(file) else None


class NotebookModule(pytest.Module):
    """A notebook's file. To pytest it is a module with one function, so that fixtures, marks and conftest.py count as for any other."""

    file: NotebookFile

    def _getobj(self) -> ModuleType:
        return ModuleType(self.path.stem)

    def collect(self) -> Iterator[pytest.Item]:
        path = self.file.path

        def run(run_notebook: Any) -> None:
            run_notebook(path)

        def refuse() -> None:
            self.file.read()  # it raises; no Spark is started for that

        try:
            self.file.read()
        except NotebookError:
            is_readable = False
        else:
            is_readable = True
        yield NotebookItem.from_parent(self, name=printable(self.file.name), callobj=run if is_readable else refuse)


class NotebookItem(pytest.Function):
    """One notebook."""

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from fabric_livy_magic.testing.failure_text import failure_lines

        if not isinstance(excinfo.value, FabricLivyError):
            return super().repr_failure(excinfo)
        reports: list[NotebookReport] = self.stash.get(RUNS, [])
        report = own_report(reports, self.nodeid)
        if report is None:  # the notebook could not be run
            return str(excinfo.value)
        return "\n".join(failure_lines(report, shown_path(report.path, self.config.rootpath)))


def shown_path(path: str, root: Path) -> str:
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else path


def properties_of(report: NotebookReport) -> list[tuple[str, str]]:
    """For JUnit XML: one for each cell."""
    return [(f"cell {cell.number}", cell_line(cell)) for cell in report.cells]


def cell_line(cell: CellReport) -> str:
    return printable(f"{f'{cell.state} {cell.took}'.rstrip()}  {cut(cell.headline, MOST_OF_HEADLINE)}")


def reports_of(report: pytest.TestReport) -> list[NotebookReport]:
    """Those of the notebooks that a test ran."""
    return [NotebookReport.from_data(one) for one in getattr(report, NOTEBOOKS, ())]


def own_report(reports: Sequence[NotebookReport], node_id: str) -> NotebookReport | None:
    """That of the notebook that is the test: its fixtures may have run others. None for a test in Python."""
    path = node_id.partition("::")[0]
    return next((one for one in reports if Path(one.path).as_posix().endswith(path)), None)


def cell_lines_of(report: pytest.TestReport) -> Sequence[str]:
    """For `pytest -v`: the cells below their notebook."""
    own = own_report(reports_of(report), report.nodeid)
    return [f"    [{cell.number}] {cell_line(cell)}" for cell in own.cells] if own else []
