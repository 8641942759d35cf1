"""The part of the pytest plugin for notebooks that are tests: registered where --fabric-notebooks or --fabric-coverage is used."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

from fabric_livy_magic.testing.collection import (
    NOTEBOOKS,
    RUNS,
    NotebookModule,
    cell_lines_of,
    notebook_in,
    own_report,
    properties_of,
    reports_of,
)
from fabric_livy_magic.testing.coverage_report import coverage_of, coverage_table
from fabric_livy_magic.testing.notebook_reports import NotebookReport

NO_FOLDER = "--fabric-notebooks: there is no folder or notebook {}."
NO_LINES_OF_MODULES = "Lines of modules are told where `coverage` is installed: pip install coverage"


class NotebookPlugin:
    """`folders` are those of --fabric-notebooks."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._is_worker = hasattr(config, "workerinput")
        self._covers = bool(config.getoption("fabric_coverage"))
        starts = (Path(config.invocation_params.dir), config.rootpath)
        self._folders = [_found(starts, one) for one in config.getoption("fabric_notebooks") or ()]
        self._reports: list[NotebookReport] = []
        named = [Path(os.path.abspath(one.split("::")[0])) for one in config.args]  # noqa: PTH100 - links stay
        for folder in self._folders:
            if not any(folder == one or one in folder.parents for one in named):
                config.args.append(str(folder))

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        if not any(folder == file_path or folder in file_path.parents for folder in self._folders):
            return None
        file = notebook_in(file_path)
        if file is None:
            return None
        module = NotebookModule.from_parent(parent, path=file_path)
        module.file = file
        return module

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        runs = item.stash.get(RUNS, []) if call.when == "call" else []
        if (own := own_report(runs, item.nodeid)) is not None:
            item.user_properties.extend(properties_of(own))
        report = yield
        if runs:
            setattr(report, NOTEBOOKS, [run.as_data() for run in runs])
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._is_worker:
            return
        self._reports += reports_of(report)
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and self._config.get_verbosity() > 0 and (lines := cell_lines_of(report)):
            terminal.ensure_newline()
            for line in lines:
                terminal.write_line(line)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._covers or not self._reports:
            return
        terminalreporter.section("coverage of notebooks")
        terminalreporter.write_line(coverage_table(coverage_of(self._reports, self._config.rootpath)))
        if not knows_modules():
            terminalreporter.write_line(NO_LINES_OF_MODULES)


def knows_modules() -> bool:
    from importlib.util import find_spec

    return find_spec("coverage") is not None


def _found(starts: Iterable[Path], text: str) -> Path:
    """From the working folder, else, as for one in an ini file, from the root folder. Raises UsageError where there is nothing."""
    for start in starts:
        if (path := Path(os.path.abspath(start / text))).exists():  # noqa: PTH100 - links stay
            return path
    raise pytest.UsageError(NO_FOLDER.format(text))
