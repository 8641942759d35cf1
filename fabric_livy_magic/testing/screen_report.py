"""What `fabric-livy test` writes: one line for each notebook, then each failure with its cell, line and values, then the sum."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fabric_livy_magic.notebooks.mocks import used_text
from fabric_livy_magic.output.short_texts import counted
from fabric_livy_magic.printable import printable
from fabric_livy_magic.testing.collection import own_report, reports_of, shown_path
from fabric_livy_magic.testing.coverage_report import item_of
from fabric_livy_magic.testing.failure_text import failure_lines
from fabric_livy_magic.testing.notebook_reports import SKIPPED, NotebookReport
from fabric_livy_magic.testing.results import FAILED, PASSED

MOCKS_PROPERTY = "mocks"  # of the fixture `fabric_mocks`
MARKS = {PASSED: "✓", FAILED: "✗", SKIPPED: "–"}


class ScreenReport:
    """A plugin of pytest in the place of its terminal reporter. `reports` are those of all notebooks, in the order of their ends."""

    def __init__(self, write: Callable[[str], None], has_colours: bool = False) -> None:
        self._write = write
        self._has_colours = has_colours
        self._began = time.monotonic()
        self.root = Path()
        self.reports: list[NotebookReport] = []
        self.others: list[NotebookReport] = []
        """Of notebooks that fixtures ran; they count for coverage."""
        self.problems: list[tuple[str, str]] = []
        """Of pytest itself: what could not be collected."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        self.root = config.rootpath
        if (terminal := config.pluginmanager.get_plugin("terminalreporter")) is not None:
            config.pluginmanager.unregister(terminal)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.problems.append((report.nodeid, report.longreprtext))

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note_mocks(report)
        all_runs = reports_of(report)
        found = own_report(all_runs, report.nodeid)
        self.others += [one for one in all_runs if one is not found]
        if report.when == "call" and found is None:
            found = self._without_run(report, {"passed": PASSED, "skipped": SKIPPED}.get(report.outcome, FAILED))
        elif report.when != "call" and report.outcome != "passed":
            found = self._without_run(report, SKIPPED if report.skipped else FAILED)
        if found is not None:
            self.reports.append(found)
            self._write(self._line(found))

    def _note_mocks(self, report: pytest.TestReport) -> None:
        """Which mocks a notebook used is known at the end of its test."""
        used = dict(report.user_properties).get(MOCKS_PROPERTY) if report.when == "teardown" else None
        if used and used != used_text([]) and self.reports:
            self.reports[-1] = replace(self.reports[-1], notes=(str(used),))

    def _without_run(self, report: pytest.TestReport, state: str) -> NotebookReport:
        """It could not begin, or its lakehouse could not be removed."""
        path, _, name = report.nodeid.partition("::")
        problem = str(report.longrepr).replace(f"{self.root}{os.sep}", "")
        if isinstance(report.longrepr, tuple):  # of a skip: file, line, reason
            problem = str(report.longrepr[2])
        return NotebookReport(name, str(self.root / path), state, report.duration, problem=problem)

    def _line(self, report: NotebookReport) -> str:
        ran, of = report.cells_ran, len(report.cells)
        cells = counted(of, "cell") if ran == of else f"{ran} of {counted(of, 'cell')}"
        path = item_of(shown_path(report.path, self.root))
        text = f"{report.name}  {cells}  {report.duration_s:.1f} s  {path}"
        return f"{self._coloured(MARKS[report.state], report.state)} {printable(text)}"

    def _coloured(self, text: str, state: str) -> str:
        colour = {PASSED: 32, FAILED: 31}.get(state)
        return f"\x1b[{colour}m{text}\x1b[0m" if self._has_colours and colour else text

    def end(self) -> None:
        """Failures and the sum."""
        for report in self.reports:
            if report.state == FAILED:
                self._write(printable(f"\n══ {report.name}"))
                self._write("\n".join(failure_lines(report, shown_path(report.path, self.root))))
        for report in self.reports:
            for note in report.notes:
                self._write(printable(f"\n{report.name}: {note}"))
        for node, text in self.problems:
            self._write(printable(f"\n══ {node} could not be collected\n{text}"))
        failed = sum(report.state == FAILED for report in self.reports) + len(self.problems)
        skipped = sum(report.state == SKIPPED for report in self.reports)
        verdict = f"{failed} failed" if failed else "all passed" if not skipped else "none failed"
        more = f", {skipped} skipped" if skipped else ""
        self._write(f"\n{counted(len(self.reports), 'notebook test')}: {verdict}{more} ({self.took_s:.1f} s).")

    @property
    def took_s(self) -> float:
        return time.monotonic() - self._began
