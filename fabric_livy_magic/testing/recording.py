"""Keeps a report of each notebook that a test runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from fabric_livy_magic.notebooks.files import NotebookFile
from fabric_livy_magic.notebooks.model import Notebook
from fabric_livy_magic.testing.notebook_reports import NotebookReport
from fabric_livy_magic.testing.reported_runs import notebook_report
from fabric_livy_magic.testing.results import NotebookResult
from fabric_livy_magic.testing.watching import Watching


@dataclass
class Recorder:
    """Of one test. `lines_folder` is where sessions say which lines ran, None where nobody asks; `root` has the modules that count."""

    root: Path
    lines_folder: Path | None = None
    reports: list[NotebookReport] = field(default_factory=list)

    def begin(self) -> Watching:
        """Before each run."""
        if self.lines_folder is None:
            return Watching()
        return Watching(self.lines_folder / f"{len(self.reports)}.json", [str(self.root)])

    def keep(
        self, file: NotebookFile, notebook: Notebook, result: NotebookResult, watching: Watching, *, passed: bool
    ) -> NotebookReport:
        report = notebook_report(file, notebook, result, passed=passed, what_ran=watching.what_ran())
        self.reports.append(report)
        return report
