"""Reports of tested notebooks: as data, as text, as HTML, and what they say of coverage."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.agent.remote.agent.lines_ran import LinesRan
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.testing.coverage_report import (
    Covered,
    coverage_of,
    coverage_table,
    percent_text,
    ranges,
    statement_lines,
)
from fabric_livy_magic.testing.failure_text import failure_lines, failure_text
from fabric_livy_magic.testing.html_report import html_report
from fabric_livy_magic.testing.notebook_reports import PASSED, CellLines, CellReport, NotebookReport, with_outputs
from tests.support.browser import DARK, LIGHT, screenshot
from tests.support.repositories import commit_notebook
from tests.testing.sample_reports import CELLS, FAILING, HOSTILE, PASSING, WITH_HOSTILE_TEXT

ROOT = Path("/repository")


@pytest.mark.parametrize("report", [FAILING, PASSING, WITH_HOSTILE_TEXT])
def test_a_report_comes_through_json_as_it_was(report: NotebookReport) -> None:
    report = replace(report, files={"/repository/a.py": (1, 2)}, included={"x = 1": CellLines((1,), ())})
    assert NotebookReport.from_data(json.loads(json.dumps(report.as_data()))) == report


def test_a_failure_is_told_with_place_lines_and_values(golden: Callable[[str, str], None]) -> None:
    golden(
        "notebook_failure.txt",
        "\n".join(failure_lines(FAILING, "checks/Test Orders.Notebook/notebook-content.py")) + "\n",
    )


def test_the_error_of_a_test_in_python_begins_with_the_notebook_the_place_and_the_cause(
    golden: Callable[[str, str], None],
) -> None:
    golden("notebook_failed.txt", failure_text(FAILING) + "\n")


def test_a_failure_that_is_of_no_cell_is_told_by_its_problem() -> None:
    assert failure_lines(replace(PASSING, problem="The session ended.")) == ["The session ended."]
    assert failure_text(PASSING) == f"The notebook {PASSING.name} failed, and no cell says why. {PASSING.path}"


def test_text_of_a_notebook_cannot_steer_the_terminal() -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", "\n".join(failure_lines(WITH_HOSTILE_TEXT)))


def test_long_outputs_are_cut_and_pictures_kept() -> None:
    outputs: list[dict[str, Any]] = [
        {"output_type": "stream", "text": "a" * 30_000},
        {"output_type": "stream", "text": "never"},
        {"output_type": "display_data", "data": {"image/png": "QUJD\n", "text/plain": "<Figure>"}},
        {"output_type": "execute_result", "data": {"text/plain": ["1", "2"]}},
        {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["never"]},
    ]
    cell = with_outputs(CELLS[0], outputs)
    assert cell.images == ("QUJD",)
    assert cell.texts == ("a" * 20_000 + "\n[10,000 more characters are left out]",)
    assert with_outputs(CELLS[0], outputs[3:]).texts == ("12",)


# ------------------------------------------------------------------------------------------- HTML
def page() -> str:
    covered = coverage_of([FAILING, PASSING], ROOT)
    return html_report([PASSING, FAILING, WITH_HOSTILE_TEXT], 4.2, "2026-11-29 07:00", covered, ROOT)


def test_the_html_report_is_self_contained_and_nothing_of_a_notebook_is_markup() -> None:
    text = page()
    assert HOSTILE not in text
    assert "<script" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)
    assert not re.findall("""(?:src|href)=(?!"data:)|url""", text)
    assert text.index("Test Orders") < text.index("Test Trips"), "what failed stands first"
    assert "2 of 3 notebook tests failed" in text


@pytest.mark.browser
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_html_report_is_a_page_without_errors_in_light_and_dark(chromium: Any, theme: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(), encoding="utf-8")
    context = chromium.new_context(color_scheme=theme, viewport={"width": 900, "height": 700})
    try:
        shown = context.new_page()
        said: list[str] = []
        shown.on("console", lambda message: said.append(message.text))
        shown.on("pageerror", lambda error: said.append(str(error)))
        shown.goto(file.as_uri())
        assert shown.get_by_text("orders went missing").is_visible()
        assert not shown.get_by_text("with the value '7'").locator("xpath=ancestor::details[@open]").count()
        assert shown.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        screenshot(shown, f"notebook_tests_{theme}")
        assert said == []
    finally:
        context.close()


# ------------------------------------------------------------------------------------------- coverage
def test_the_coverage_of_notebooks_counts_cells_and_lines(golden: Callable[[str, str], None], tmp_path: Path) -> None:
    module = tmp_path / "own.py"
    module.write_text("'''Text.'''\nx = 1\ndef f():\n    return 2\n")
    passing = replace(PASSING, files={str(module): (2, 3), str(tmp_path / "gone.py"): (1,)})
    covered = coverage_of([FAILING, passing], ROOT)
    table = coverage_table(covered).replace(str(module), "own.py")
    golden("notebook_coverage.txt", re.sub("[─ ]{5,}\n|(?<= ) +", "", table) + "\n")


def test_two_tests_of_one_notebook_cover_it_together() -> None:
    def run(*ran: int) -> NotebookReport:
        cell = CellReport(1, "a\nb\nc", "pyspark", PASSED, lines=CellLines((1, 2, 3), ran))
        return NotebookReport("N", "/repository/n.ipynb", PASSED, 1, (cell,))

    (covered,) = coverage_of([run(1, 2), run(3)], ROOT)
    assert (covered.lines_text, covered.missing, covered.name) == ("3/3", "", "n.ipynb")


def test_a_notebook_that_others_include_is_covered_by_their_tests(tmp_path: Path) -> None:
    shared = Notebook(
        cells=(Cell(source="def f():\n    return 1\n"), Cell(source="never = 1"), Cell(source="# x", kind="markdown"))
    )
    commit_notebook(tmp_path, "Shared", shared)
    (tmp_path / "broken.ipynb").write_text("no JSON")
    tests = [replace(PASSING, included={"def f():\n    return 1": CellLines((1, 2), ran)}) for ran in ((1,), (1, 2))]
    found = {one.name: one for one in coverage_of(tests, tmp_path)}
    covered = found["Shared.Notebook"]
    assert (covered.cells_text, covered.lines_text, covered.missing) == ("1/2", "2/3", "cell 2")


def test_what_is_not_whole_is_never_a_hundred_percent() -> None:
    almost = Covered("n", statements=frozenset(map(str, range(1000))), ran=frozenset(map(str, range(999))))
    assert percent_text(almost) == "99 %"


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_exactly_the_numbers(numbers: set[int]) -> None:
    found: set[int] = set()
    for one in filter(None, ranges(numbers).split(", ")):
        first, _, last = one.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    assert found == numbers


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("*.py")), ids=lambda path: path.name)
def test_the_lines_of_a_module_are_those_that_the_session_counts(path: Path, tmp_path: Path) -> None:
    """The client counts those of cells that did not run, the agent those of the others."""
    code = path.read_text(encoding="utf-8")
    watching = LinesRan()
    watching.enable([], str(tmp_path / "lines.json"))
    watching.marked(ast.parse(code), code)
    watching.save()
    (cell,) = json.loads((tmp_path / "lines.json").read_text(encoding="utf-8"))["cells"]
    assert cell["lines"] == statement_lines(code)
