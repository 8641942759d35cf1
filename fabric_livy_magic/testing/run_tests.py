"""`fabric-livy test`: pytest underneath, with its own report on the screen, and files for CI."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fabric_livy_magic.errors import SettingsError

if TYPE_CHECKING:
    from fabric_livy_magic.testing.screen_report import ScreenReport

PASSED, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
NO_PYTEST = "`fabric-livy test` runs pytest, which is not installed: pip install 'fabric-livy-magic[local]'"
NO_XDIST = "-n needs pytest-xdist, which is not installed: pip install pytest-xdist"
NOTHING = (
    "There is no notebook test {where}. A notebook is a test where its name begins or ends with `test`, or it or one of its cells has "
    "the tag `test`."
)


@dataclass(frozen=True)
class TestRun:
    """What `fabric-livy test` was told. Empty texts and None are what nobody said."""

    __test__ = False  # to pytest

    paths: Sequence[Path]
    target: str = ""
    mocks: Path | None = None
    keyword: str = ""
    workers: str = ""
    junit: Path | None = None
    html: Path | None = None
    coverage: bool = False
    limits: Sequence[str] = field(default_factory=tuple)
    """Options of the pytest plugin."""

    def arguments(self) -> list[str]:
        """Of pytest. Notebooks alone: what a repository tests in Python, `pytest` runs."""
        found = ["-p", "no:cacheprovider", "-o", "python_files=", *map(str, self.paths)]
        for path in self.paths:
            found += ["--fabric-notebooks", str(path)]
        mocks = str(self.mocks.absolute()) if self.mocks else ""
        chosen = {"--fabric-target": self.target, "--fabric-mocks": mocks, "-k": self.keyword, "-n": self.workers}
        for option, value in chosen.items():
            found += [option, value] if value else []
        if self.junit:
            found += [f"--junitxml={self.junit}", "-o", "junit_suite_name=fabric-livy"]
        return [*found, *(["--fabric-coverage"] if self.coverage else []), *self.limits]


def run_tests(run: TestRun, write: Callable[[str], None], has_colours: bool = False) -> int:
    """The exit code: 0 all passed, 1 some failed, 2 wrong use or no test at all, 130 interrupted. Raises SettingsError."""
    if importlib.util.find_spec("pytest") is None:
        raise SettingsError(NO_PYTEST)
    if run.workers and importlib.util.find_spec("xdist") is None:
        raise SettingsError(NO_XDIST)
    for path in filter(None, [*run.paths, run.mocks]):
        if not path.exists():
            raise SettingsError(f"There is no folder or notebook {path}.")
    import pytest

    from fabric_livy_magic.testing.screen_report import ScreenReport

    screen = ScreenReport(write, has_colours)
    code = pytest.main(run.arguments(), plugins=[screen])
    if code == pytest.ExitCode.USAGE_ERROR:
        return WRONG_USE  # pytest has said why
    if code == pytest.ExitCode.NO_TESTS_COLLECTED and not screen.problems:
        chosen = f" that -k {run.keyword!r} chooses" if run.keyword else ""
        raise SettingsError(NOTHING.format(where=f"below {', '.join(map(str, run.paths))}{chosen}"))
    screen.end()
    _write_files(run, screen, write)
    if code == pytest.ExitCode.INTERRUPTED and not screen.problems:
        raise KeyboardInterrupt("What is above ran before.")
    return PASSED if code == pytest.ExitCode.OK else FAILED


def _write_files(run: TestRun, screen: ScreenReport, write: Callable[[str], None]) -> None:
    from fabric_livy_magic.testing.coverage_report import coverage_of, coverage_table
    from fabric_livy_magic.testing.html_report import html_report
    from fabric_livy_magic.testing.notebook_plugin import NO_LINES_OF_MODULES, knows_modules

    covered = coverage_of([*screen.reports, *screen.others], screen.root) if run.coverage else []
    if covered:
        write(f"\n{coverage_table(covered)}")
        if not knows_modules():
            write(NO_LINES_OF_MODULES)
    if run.html:
        when = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
        run.html.parent.mkdir(parents=True, exist_ok=True)
        run.html.write_text(html_report(screen.reports, screen.took_s, when, covered, screen.root), encoding="utf-8")
    for what, path in (("JUnit XML", run.junit), ("HTML", run.html)):
        if path:
            write(f"{what}: {path}")
