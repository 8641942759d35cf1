"""What a stranger types first, in a clean environment, and tests of a few rooms there."""

from __future__ import annotations

from pathlib import Path

from tests.support.environments import CleanEnvironment
from tests.support.fakes import FakeFabric
from tests.support.outputs import sql_output

FIRST_CELLS = Path(__file__).with_name("first_cells.ipy")
TEST_TOOLS = ["pytest", "pytest-xdist", "hypothesis"]
# A few rooms: what reads cells, what speaks Livy, frames, and what a person sees in IPython.
CHOSEN_TESTS = [
    "tests/cells/test_cell.py",
    "tests/cells/test_magic_parser.py",
    "tests/livy/test_client.py",
    "tests/livy/test_statements.py",
    "tests/frames/test_conversion.py",
    "tests/frames/test_livy_json.py",
    "tests/output/test_tables.py",
    "tests/magics/test_cells.py",
]
# Statements of cells, their errors, the classes they define, completion, and what they print while they run.
SCALA_TESTS = [
    "tests/local/sessions/test_scala_cells.py",
    "tests/local/spark/test_scala_classes.py",
    "tests/local/interpreters/test_completion.py",
    "tests/agent/test_live_output.py::test_what_a_scala_cell_prints_comes_while_it_runs_once_and_in_order",
]


def run_first_cells(one: CleanEnvironment, folder: Path, fabric: FakeFabric) -> None:
    fabric.session_goes("idle")
    fabric.answer("SELECT 1 AS one", sql_output([("one", "integer")], [[1]]))
    shown = one.run(
        *("ipython", "--no-banner", "--colors=NoColor", str(FIRST_CELLS)),
        folder=folder,
        FABRIC_LIVY_TARGET=fabric.url,
        FABRIC_LIVY_TOKEN=fabric.token,
        IPYTHONDIR=str(folder.parent / "ipython"),
        XDG_STATE_HOME=str(folder.parent / "state"),
    )
    assert "is ready after" in shown
    assert "frame: pandas {'one': [1]}" in shown
    assert not fabric.left_running


def run_chosen_tests(one: CleanEnvironment, tests_alone: Path) -> None:
    shown = one.run(
        "pytest",
        "-q",
        "-n0",
        "-p",
        "no:cacheprovider",
        "-m",
        "not spark",
        *CHOSEN_TESTS,
        folder=tests_alone,
        timeout_s=900,
    )
    assert " passed" in shown
    where = one.run("python", "-c", "import fabric_livy_magic; print(fabric_livy_magic.__file__)", folder=tests_alone)
    assert where.startswith(str(one.folder))
