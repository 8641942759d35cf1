"""The pytest plugin: one inner run, on two workers, of the tests in `repository`, whose reports the tests here read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.rooms import ROOT

pytestmark = pytest.mark.spark
REPOSITORY = Path(__file__).parent / "repository"


@dataclass(frozen=True)
class InnerRun:
    printed: str
    failures: dict[str, str]
    """Texts of the reports of the tests that failed, by `file::test`."""
    passed: frozenset[str]
    properties: dict[str, str]


@pytest.fixture(scope="module")
def inner(tmp_path_factory: pytest.TempPathFactory) -> InnerRun:
    folder = tmp_path_factory.mktemp("inner") / "repository"
    shutil.copytree(REPOSITORY, folder)
    (folder / ".git").mkdir()
    for name in ("good_notebooks", "bad_notebooks", "snapshots"):
        (folder / f"{name}.py").rename(folder / f"test_{name}.py")
    words = [
        "-q",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "--durations",
        "3",
        "--junit-xml",
        "report.xml",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    cases = list(ElementTree.parse(folder / "report.xml").iter("testcase"))
    texts = {_id(case): "".join(one.text or "" for one in case if one.tag in {"failure", "error"}) for case in cases}
    own = {
        _id(case): str(one.get("value"))
        for case in cases
        for one in case.iter("property")
        if one.get("name") == "fabric_spark_of_its_own"
    }
    shown = {name: text.replace(str(folder), "…") for name, text in texts.items() if text}
    return InnerRun(done.stdout, shown, frozenset(name for name, text in texts.items() if not text), own)


def _id(case: ElementTree.Element) -> str:
    return f"{str(case.get('classname')).removeprefix('test_')}::{case.get('name')}"


def test_all_else_ran_and_passed(inner: InnerRun) -> None:
    bad = {"hangs", "hangs_in_spark", "holds_on", "slow", "kills_its_python", "kills_the_jvm", "stops_spark"}
    bad |= {"unreadable", "no_such_notebook", "a_parameter_that_is_no_value"}
    expected = {f"bad_notebooks::test_{name}" for name in bad} | {"good_notebooks::test_a_broken_notebook"}
    assert set(inner.failures) == expected, inner.printed
    assert len(inner.passed) == 15


@pytest.mark.parametrize(
    ("test", "says"),
    [
        (
            "bad_notebooks::test_hangs",
            "The notebook Hangs failed in cell 2: The cell took longer than cell_timeout_s 5",
        ),
        ("bad_notebooks::test_hangs_in_spark", "The cell took longer than cell_timeout_s 2 and was interrupted"),
        ("bad_notebooks::test_holds_on", "The cell took longer than cell_timeout_s 1 and was interrupted"),
        ("bad_notebooks::test_slow", "The notebook took longer than timeout_s 1.5"),
        ("bad_notebooks::test_kills_its_python", "The session's Python process has ended"),
        ("bad_notebooks::test_kills_the_jvm", "The notebook Kills the JVM failed in cell 1"),
        ("bad_notebooks::test_stops_spark", "Spark was stopped in this session (spark.stop())"),
        ("bad_notebooks::test_unreadable", "a notebook is UTF-8, and this file is not"),
        ("bad_notebooks::test_no_such_notebook", "There is no notebook 'Writes trip' below …. Is it 'Writes trips'?"),
        ("bad_notebooks::test_a_parameter_that_is_no_value", "The parameter rows is of type object."),
    ],
)
def test_the_report_of_a_bad_notebook_says_what_happened(inner: InnerRun, test: str, says: str) -> None:
    assert says in inner.failures[test]


def test_the_report_of_a_broken_notebook_has_the_cell_the_line_the_cause_and_none_of_our_frames(
    inner: InnerRun,
) -> None:
    shown = inner.failures["good_notebooks::test_a_broken_notebook"]
    parts = (
        '>       run_notebook("Broken")',
        "The notebook Broken failed in cell 1, line 3: AssertionError: there should be two\n",
        "…/Broken.Notebook/notebook-content.py",
        ">      assert total == 2, 'there should be two'",
        "assert 1 == 2",
        "What the cell printed:",
        "total 1",
    )
    places = [shown.find(part) for part in parts]
    assert -1 not in places, shown
    assert places == sorted(places), shown
    assert "notebook_runner.py" not in shown


def test_a_notebook_with_a_session_of_its_own_is_told(inner: InnerRun) -> None:
    assert list(inner.properties) == ["good_notebooks::test_a_session_of_its_own"]
    assert re.search(r"test_a_session_of_its_own: Own session: [\d.]+ s", inner.printed)
