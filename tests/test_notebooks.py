"""The notebooks of `notebooks/`: how they are saved, and what they show, each run twice in one kernel on one embedded Fabric.

02 signs in, for which tests/signin/test_notebooks.py has an Entra. 01 runs twice there, and on `local` in tests/cli/test_quickstart.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import nbformat
import pytest

from fabric_livy_magic.cli.run_commands import quickstart
from tests.support import service
from tests.support.kernels import Executed, Kernel, kernel
from tests.support.scala_words import in_this_scala

NOTEBOOKS = quickstart().parent
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
PORTAL = "09_a_portal_notebook"
SWITCHES = {"%livy use local": "%livy use {}", 'target = "local"': 'target = "{}"', "%livy use Sales/Bronze": ""}
FAILS = "raises-exception"


def read(name: str) -> Any:
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def code_cells(name: str) -> list[Any]:
    return [cell for cell in read(name).cells if cell.cell_type == "code"]


def test_they_are_numbered_without_a_gap() -> None:
    assert [int(name[:2]) for name in NAMES] == list(range(1, 11))


@pytest.mark.parametrize("name", NAMES)
def test_each_is_saved_without_outputs_and_counts(name: str) -> None:
    nbformat.validate(read(name))
    assert [cell.source for cell in code_cells(name) if cell.outputs or cell.execution_count is not None] == []
    assert "widgets" not in read(name).metadata


@pytest.mark.parametrize("name", NAMES)
def test_each_has_one_cell_that_switches_to_fabric_and_says_so(name: str) -> None:
    assert len([cell for cell in code_cells(name) if cell.source in SWITCHES]) == 1
    first = read(name).cells[0]
    assert (first.cell_type, first.source[:2]) == ("markdown", "# ")
    assert re.search(r"\*\*(To switch to Fabric|one line)\*\*|Put the names of your workspace", first.source)


def test_the_portal_notebook_has_the_portals_metadata_and_kernel() -> None:
    notebook = read(PORTAL)
    assert notebook.metadata.kernelspec.name == "synapse_pyspark"
    assert {"kernel_info", "microsoft", "dependencies", "spark_compute", "nteract"} <= set(notebook.metadata)
    languages = {cell.metadata.microsoft.language for cell in code_cells(PORTAL)}
    assert languages == {"python", "sparksql", "scala"}


# ------------------------------------------------------------------------------------------------ what they show
@dataclass(frozen=True)
class Run:
    """One of the two runs of a notebook."""

    cells: list[tuple[str, Executed]]

    def __getitem__(self, text: str) -> Executed:
        """Of the one cell with this text."""
        (found,) = [done for source, done in self.cells if text in source]
        return found

    def shown(self, text: str) -> str:
        """As text, without colours; an error too."""
        done = self[text]
        return re.sub(r"\x1b\[[\d;]*m", "", done.text + done.traceback)


Twice = tuple[Run, Run]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Twice]]:
    """All sessions share one Spark application, those of Python notebooks also the kernel."""
    folder = tmp_path_factory.mktemp("empty")
    home = tmp_path_factory.mktemp("home")
    environ = {"FABRIC_LIVY_TOKEN": service.TOKEN, "IPYTHONDIR": str(home / "ipython"), "HOME": str(home)}
    options = ("--token", service.TOKEN, "--share-spark")
    with (
        service.serving(home / "house", options) as api,
        kernel(environ, folder) as python,
        kernel(environ, folder, spec="synapse_pyspark") as portal,
    ):

        def run(name: str) -> Run:
            return Run([run_cell(portal if name == PORTAL else python, cell, api.base) for cell in code_cells(name)])

        yield lambda name: (run(name), run(name))
    assert [path.name for path in folder.iterdir()] == []  # notebooks clear up


def run_cell(notebook: Kernel, cell: Any, target: str) -> tuple[str, Executed]:
    code = SWITCHES[cell.source].format(target) if cell.source in SWITCHES else cell.source
    done = notebook.run(code)
    expected = "error" if FAILS in cell.metadata.get("tags", ()) else "ok"
    assert done.status == expected, f"{cell.source}\n{done.printed}{done.traceback}"
    assert service.TOKEN not in done.everything
    return cell.source, done


@pytest.mark.spark
def test_03_frames_keep_their_types_and_parameters_are_values(ran: Callable[[str], Twice]) -> None:
    for run in ran("03_dataframes_and_parameters"):
        assert "orders: 6 rows" in run.shown("%livy put")
        assert "price: decimal(3,2)" in run.shown("printSchema")
        assert run.shown("-o chosen").splitlines()[2:4] == [
            "2024-03-02  rye      9   3.20   28.80",
            "2024-03-03  rye      5   3.40   17.00",
        ]
        assert run.shown("print(type(chosen") == "Decimal 45.80\n"
        assert run.shown("total = %livy_sql") == """{'poppy': 32, 'rye': 21, "it's a bun": 3}"""
        assert run.shown("%livy get") == "per_day: 3 rows × 2 columns, pandas\n"
        assert "2024-03-03         25" in run.cells[-2][1].text


@pytest.mark.spark
def test_04_draws_a_plot_charts_and_a_profile(ran: Callable[[str], Twice]) -> None:
    for run in ran("04_plots_and_charts"):
        assert "coast    2023-01-01 00:00:00     -2.9" in run.shown("display(weather")
        (figure,) = run["plt.show()"].bundles
        assert "image/png" in figure
        for text, mark in (("--chart line", "line"), ("--chart hist", "bar")):
            (chart,) = run[text].bundles
            assert mark in json.dumps(chart["application/vnd.vegalite.v5+json"])
            assert "26,280 rows" in chart["text/plain"]
        assert "station" in run.shown("means.round")
        assert "26,280 rows · 3 columns" in run.shown("--profile")


@pytest.mark.spark
def test_05_views_go_from_scala_to_sql_to_python_and_a_wrong_line_is_named(ran: Callable[[str], Twice]) -> None:
    for run in ran("05_scala_and_sql"):
        assert in_this_scala("defined class Ride") in run.shown("case class")
        assert "3 of 5 rides were late" in run.shown("val late")
        assert "S7        2         6.5" in run.shown("CREATE OR REPLACE TEMP VIEW")
        assert "worst line: S7" in run.shown("val worst")
        assert "| M10|    1|       5.0|" in run.shown('orderBy("line").show()')
        assert "0  M10         5.0" in run.shown("lines = %livy_sql")
        assert "type mismatch" in run.shown("val minutes")
        assert "Int = 14" in run.shown("rides.first.minutes")


@pytest.mark.spark
def test_06_two_sessions_share_an_application_and_run_in_the_background(ran: Callable[[str], Twice]) -> None:
    for run in ran("06_high_concurrency"):
        north, application = run.shown("print(region").split()
        assert north == "north"
        assert run.shown('print("region" in').split() == ["False", application]
        assert "(pyspark on 'north'): running" in run.shown("-o counting")
        states = run.shown("%livy statements")
        assert "pyspark  north" in states
        assert "sql      south" in states
        assert run.shown("counting.result()") == "'142858'"
        assert "4498500" in run.shown("pairs.result()")
        assert run.shown("%livy stop --all").split("\n")[:2] == [
            f"Session '{name}' is stopped." for name in ("north", "south")
        ]


@pytest.mark.spark
def test_07_a_file_becomes_a_table_and_a_batch_makes_another(ran: Callable[[str], Twice]) -> None:
    for run in ran("07_batches_and_files"):
        assert "Copied 1 file (51 B)" in run.shown("files cp")
        assert "stations.csv  file  51 B" in run.shown("files ls")
        assert run.shown("files head") == "id,name,celsius\n1,coast,9.5\n"
        assert "stations: 3 rows (id int, name string, celsius double)" in run.shown("%livy upload")
        assert "3  town      11.0" in run.shown("celsius > 8 ORDER")
        assert "has succeeded" in run.shown("%%livy_batch")
        assert run.shown("FROM warm_stations").split()[2:4] == ["coast", "town"]
        assert "2 stations are warm" in run.shown("batch logs")


@pytest.mark.spark
def test_08_a_session_survives_an_interrupt_is_attached_and_begins_anew(ran: Callable[[str], Twice]) -> None:
    for run in ran("08_recovery"):
        assert "KeyboardInterrupt: Statement" in run.shown("range(60)")
        assert "It took longer than the 2 s that it was given." in run.shown("--timeout 2")
        kept = [done.printed for source, done in run.cells if source == "%%livy_pyspark\nkept"]
        assert kept == ["'a variable of the session'\n"]
        assert "Session 'overnight' is ready" in run.shown("%livy start overnight")
        assert run.shown("-s again") == "1000\n"
        assert "Its variables and temporary views are lost" in run.shown("%livy restart")
        assert "NameError: name 'kept' is not defined" in run.shown("-s main")


@pytest.mark.spark
def test_09_cells_of_the_portal_run_as_they_are(ran: Callable[[str], Twice]) -> None:
    for run in ran(PORTAL):
        assert '"spark.sql.shuffle.partitions": "2"' in run.shown("%%configure")
        assert "partitions: 2" in run.shown("loaves.write")
        assert run.shown("%%sql").splitlines()[2:5] == ["poppy    12", "rye       7", "spelt     4"]
        assert "Scala counts 3 kinds" in run.shown("Scala counts")
        assert "poppy    12" in run.shown("display(")
        assert run.shown("notebookutils") == "baked at dawn\n"


@pytest.mark.spark
def test_10_the_tests_of_a_small_repository_pass(ran: Callable[[str], Twice]) -> None:
    for run in ran("10_tests_of_a_repository"):
        assert run.shown("def commit").endswith("['Load Bread.Notebook', 'Test Bread.Notebook']")
        assert "2 notebooks: 2 with all that is needed." in run.shown("check bakery")
        tests = run.shown("test bakery")
        assert "✓ Test Bread  2 cells" in tests
        assert "1 notebook test: all passed" in tests
        assert "1 passed" in run.shown("-m pytest")
