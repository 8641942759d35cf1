"""The report of `fabric-livy test` on the screen, from reports as pytest hands them on."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabric_livy_magic.testing.collection import NOTEBOOKS, cell_lines_of, own_report, properties_of
from fabric_livy_magic.testing.screen_report import ScreenReport
from tests.testing.sample_reports import FAILING, PASSING, WITH_HOSTILE_TEXT


def report(
    node: str, outcome: str, when: str = "call", longrepr: object = None, *notebooks: object
) -> pytest.TestReport:
    made = pytest.TestReport(node, ("x", None, "x"), {}, outcome, longrepr, when)  # type: ignore[arg-type]
    if notebooks:
        setattr(made, NOTEBOOKS, [one.as_data() for one in notebooks])  # type: ignore[attr-defined]
    return made


ORDERS = "checks/Test Orders.Notebook/notebook-content.py::Test Orders"
TRIPS = "checks/Test Trips.Notebook/notebook-content.py::Test Trips"


def written(*reports: pytest.TestReport, has_colours: bool = False) -> tuple[list[str], ScreenReport]:
    lines: list[str] = []
    screen = ScreenReport(lines.append, has_colours)
    screen.root = Path("/repository")
    for one in reports:
        screen.pytest_runtest_logreport(one)
    return lines, screen


def test_a_notebook_is_one_line_and_those_of_its_fixtures_are_none() -> None:
    lines, screen = written(report(TRIPS, "passed", "call", None, FAILING, PASSING))
    assert lines == ["✓ Test Trips  1 cell  2.2 s  checks/Test Trips.Notebook"]
    assert screen.others == [FAILING]


def test_a_test_that_could_not_begin_is_told_with_its_reason() -> None:
    lines, screen = written(report(ORDERS, "failed", "setup", "LocalFabricError: no Java"))
    screen.end()
    assert lines[0].startswith("✗ Test Orders  0 cells")
    assert "LocalFabricError: no Java" in "\n".join(lines)
    assert "1 notebook test: 1 failed" in lines[-1]


def test_a_skipped_test_says_so() -> None:
    lines, screen = written(report(ORDERS, "skipped", "setup", ("conftest.py", 3, "Skipped: not here")))
    screen.end()
    assert lines[0].startswith("– Test Orders")
    assert "1 notebook test: none failed, 1 skipped" in lines[-1]


def test_a_terminal_gets_colours_and_text_of_a_notebook_none() -> None:
    node = f"{WITH_HOSTILE_TEXT.path}::x"
    lines, _ = written(report(node, "failed", "call", None, WITH_HOSTILE_TEXT), has_colours=True)
    assert lines[0].startswith("\x1b[31m✗\x1b[0m ")
    assert "\x1b[2J" not in lines[0]


def test_pytest_v_and_junit_have_the_cells_of_the_notebook_that_is_the_test() -> None:
    lines = cell_lines_of(report(ORDERS, "failed", "call", None, PASSING, FAILING))
    assert lines[1] == "    [3] failed 0.12 s  expected = 7"
    assert properties_of(FAILING)[2] == ("cell 4", "not run  SELECT 1")


def test_a_test_in_python_is_no_notebook_though_it_ran_one() -> None:
    assert own_report([PASSING], "tests/test_trips.py::test_it") is None


def test_the_mocks_that_a_notebook_used_are_told() -> None:
    after = report(TRIPS, "passed", "teardown")
    after.user_properties = [("cell 1", "passed"), ("mocks", "Mocks used:\n  secret vault/name")]
    lines, screen = written(report(TRIPS, "passed", "call", None, PASSING), after)
    screen.end()
    assert screen.reports[0].notes == ("Mocks used:\n  secret vault/name",)
    assert "\nTest Trips: Mocks used:\n  secret vault/name" in lines
