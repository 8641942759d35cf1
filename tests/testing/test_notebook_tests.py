"""Notebooks that are tests, run on real Spark: by `fabric-livy test`, and beside tests in Python by pytest. One Spark start each."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

TESTS = Path(__file__).parents[1]
FAILING, EXAMPLE = TESTS / "failing_repository", TESTS / "example_repository"
LIMIT_S = "12"  # of a cell; the session is there before the first one


@dataclass(frozen=True)
class Run:
    code: int
    text: str
    folder: Path


def copied(repository: Path, parent: Path) -> Path:
    """As a checkout of its own."""
    folder = parent / repository.name
    shutil.copytree(repository, folder)
    (folder / ".git").mkdir()
    return folder


def environ() -> dict[str, str]:
    """Options of the run that this is are none of the runs within it."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}


def fabric_livy_test(folder: Path, *options: str, timeout_s: float = 60) -> Run:
    command = [str(Path(sys.executable).parent / "fabric-livy"), "test", *options]
    done = subprocess.run(
        command, cwd=folder, env=environ(), capture_output=True, text=True, encoding="utf-8", timeout=timeout_s
    )
    return Run(done.returncode, done.stdout + done.stderr, folder)


def steady(text: str) -> str:
    """Without times, and columns that are as wide as what is in them."""
    text = re.sub(r"\d+\.\d+ ?s\b", "T s", text)
    text = re.sub(r"^ +(?=cells +lines)|^[─ ]{6,}\n", "", text, flags=re.MULTILINE)
    return "\n".join(line if line[:1] in " E>" else re.sub(" {2,}", "  ", line) for line in text.split("\n"))


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`-n 1`: reports come through pytest-xdist."""
    folder = copied(FAILING, tmp_path_factory.mktemp("failing"))
    options = [
        "--cell-timeout",
        LIMIT_S,
        "--timeout",
        "60",
        "-n",
        "1",
        "--target",
        "local",
        "--coverage",
        "--mocks",
        "mocks",
    ]
    files = ["--junit", "out/junit.xml", "--html", "out/report.html"]
    return fabric_livy_test(folder, *options, *files, timeout_s=240)


@pytest.mark.spark
def test_broken_hanging_and_unreadable_notebooks_are_told_and_the_others_run(
    failing: Run, golden: Callable[[str, str], None]
) -> None:
    golden("notebook_tests.txt", steady(failing.text))
    assert failing.code == 1


@pytest.mark.spark
def test_the_cells_are_in_the_junit_file(failing: Run) -> None:
    suite = ElementTree.parse(failing.folder / "out" / "junit.xml").getroot()[0]
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    assert (suite.attrib["tests"], suite.attrib["failures"], len(cases)) == ("6", "5", 6)
    found = {one.attrib["name"]: one.attrib["value"] for one in cases["Test Broken Assertion"].iter("property")}
    assert list(found) == ["cell 2", "cell 3", "cell 4", "mocks"]
    assert re.fullmatch(r"failed \d+\.\d\d s  expected = 7", found["cell 3"])
    assert found["cell 4"] == "not run  print('never')"
    failure = cases["Test Broken Assertion"].find("failure")
    assert failure is not None
    assert "where 2 = orders.count()" in str(failure.text)


@pytest.mark.spark
def test_the_html_file_has_the_cells_their_outputs_and_the_values(failing: Run) -> None:
    page = (failing.folder / "out" / "report.html").read_text(encoding="utf-8")
    for text in (
        "5 of 6 notebook tests failed",
        "orders are there",
        "where 2 = orders.count()",
        "ZeroDivisionError",
        "not run",
    ):
        assert text in page
    assert "<h2>Coverage</h2>" in page


@pytest.mark.spark
def test_the_suite_of_the_example_repository_passes_with_its_notebooks(tmp_path: Path) -> None:
    """Three lakehouses, a medallion, `%run`, parameters and data quality: by its own pytest suite, as its team runs it."""
    folder = copied(EXAMPLE, tmp_path)
    command = [sys.executable, "-m", "pytest", "-v", "--fabric-coverage", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        command, cwd=folder, env=environ(), capture_output=True, text=True, encoding="utf-8", timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Trip Quality.*PASSED.*\n +\[2\] passed \d+\.\d\d s  revenue = spark\.table", done.stdout)
    assert re.search(r"shared/Trip Rules\.Notebook +1/1 +7/7 +100 %", done.stdout)
    assert re.search(r"Clean Trips\.Notebook +4/4 +10/10 +100 %", done.stdout)
    assert re.search(r"Trip Quality\.Notebook/builtin/limits\.py +\d/\d +\d\d %", done.stdout), done.stdout


# ------------------------------------------------------------------------------------------- without Spark
def test_nothing_to_test_is_wrong_use_and_says_what_a_test_is(tmp_path: Path) -> None:
    run = fabric_livy_test(tmp_path)
    assert run.code == 2
    assert run.text.startswith("fabric-livy: There is no notebook test below .. A notebook is a test where its name")


def test_words_that_choose_nothing_are_named(tmp_path: Path) -> None:
    run = fabric_livy_test(copied(FAILING, tmp_path), "-k", "other")
    assert run.code == 2
    assert "below . that -k 'other' chooses" in run.text
    assert fabric_livy_test(run.folder, "--keyword", "other").code == 2


def test_a_path_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    run = fabric_livy_test(tmp_path, "nowhere")
    assert (run.code, run.text) == (2, "fabric-livy: There is no folder or notebook nowhere.\n")


def test_an_unreadable_notebook_is_told_without_starting_spark(tmp_path: Path) -> None:
    (tmp_path / "Test It.ipynb").write_text("no JSON")
    run = fabric_livy_test(tmp_path, "-k", "nothing or It", "--workers", "1")
    assert run.code == 1
    assert "✗ Test It  0 cells" in run.text
    assert "Test It.ipynb: " in run.text


def collected(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        *options,
    ]
    return subprocess.run(
        command, cwd=folder, env=environ(), capture_output=True, text=True, encoding="utf-8", timeout=60
    )


def test_pytest_collects_the_notebooks_below_the_folder_and_no_others(tmp_path: Path) -> None:
    """That of an ini file counts from its place, wherever pytest is called."""
    folder = copied(EXAMPLE, tmp_path)
    for start in (folder, folder / "tests"):
        notebooks = [line for line in collected(start).stdout.splitlines() if ".Notebook" in line]
        assert [line.rpartition("checks/")[2] for line in notebooks] == [
            "Test Trip Rules.Notebook/notebook-content.py::Test Trip Rules",
            "Trip Quality.Notebook/notebook-content.py::Trip Quality",
        ]


def test_pytest_says_that_a_folder_of_notebooks_is_not_there(tmp_path: Path) -> None:
    done = collected(tmp_path, "--fabric-notebooks", "nowhere")
    assert done.returncode == 4
    assert "--fabric-notebooks: there is no folder or notebook nowhere." in done.stderr


@pytest.mark.parametrize(
    ("missing", "options", "message"),
    [
        ("pytest", [], "which is not installed: pip install 'fabric-livy-magic[local]'"),
        ("xdist", ["-n", "2"], "which is not installed: pip install pytest-xdist"),
    ],
)
def test_what_is_not_installed_is_told_with_the_line_that_installs_it(
    missing: str, options: list[str], message: str, tmp_path: Path
) -> None:
    code = (
        "import sys\nsys.modules[sys.argv[1]] = None\nfrom fabric_livy_magic.cli.main import main\n"
        "sys.exit(main(['test', *sys.argv[2:]]))"
    )
    command = [sys.executable, "-c", code, missing, *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert message in done.stderr


def test_an_interrupt_ends_the_run_with_130_and_says_what_ran_before(tmp_path: Path) -> None:
    folder = copied(FAILING, tmp_path)
    stop = "import os, pytest, signal\n@pytest.fixture(autouse=True, scope='session')\ndef stop():\n    os.kill(os.getpid(), signal.SIGINT)\n"
    (folder / "conftest.py").write_text(stop)
    run = fabric_livy_test(folder, "-k", "Passing")
    assert run.code == 130
    assert "Interrupted. What is above ran before." in run.text
