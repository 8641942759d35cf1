"""Notebooks as the Fabric portal exports them, run whole in the Fabric Livy kernels by papermill, nbconvert and `jupyter execute`.

All three drive the kernel through nbclient.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbconvert.preprocessors import ExecutePreprocessor
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NotebookExecutionManager
from papermill.iorw import load_notebook_node

from tests.support import service
from tests.support.kernels import install_kernels, kernel_dirs
from tests.support.service import NO_DELTA
from tests.support.small_cases import LAKEHOUSE, NAMES, SMALL_CASES, surprises

pytestmark = pytest.mark.spark

NOTEBOOKS = Path(__file__).parents[1] / "kernel_notebooks"


@dataclass(frozen=True)
class Run:
    notebook: str
    tool: str
    kernel: str = "fabric-livy"  # empty: the one that the notebook's metadata names, as the portal wrote it
    options: tuple[str, ...] = ()

    def command(self, source: Path, target: Path) -> list[str]:
        python = [sys.executable, "-m"]
        if self.tool == "papermill":
            named = ["-k", self.kernel] if self.kernel else []
            return [*python, self.tool, str(source), str(target), *named, "--no-progress-bar", *self.options]
        if self.tool == "nbconvert":
            named = [f"--ExecutePreprocessor.kernel_name={self.kernel}"] if self.kernel else []
            return [*python, self.tool, "--to", "notebook", "--execute", *named, f"--output={target.name}", str(source)]
        named = [f"--kernel_name={self.kernel}"] if self.kernel else []
        return [*python, "jupyter", "execute", *named, f"--output={target.stem}", str(source)]


@dataclass(frozen=True)
class Ran:
    code: int
    log: str
    notebook: Any

    def outputs(self, text: str) -> list[Any]:
        """Of the one cell that has this text."""
        (found,) = [cell for cell in self.notebook.cells if cell.cell_type == "code" and text in cell.source]
        assert found.execution_count
        outputs: list[Any] = found.outputs
        return outputs

    def printed(self, text: str) -> str:
        return "".join(output.text for output in self.outputs(text) if output.output_type == "stream")

    def shown(self, text: str) -> list[Any]:
        """The MIME bundles."""
        return [
            output.data for output in self.outputs(text) if output.output_type in ("display_data", "execute_result")
        ]

    def value(self, text: str) -> str:
        (value,) = [
            output.data["text/plain"] for output in self.outputs(text) if output.output_type == "execute_result"
        ]
        return str(value)


PARAMETERS = (
    *("-p", "day", "2024-02-29", "-p", "limit", "5", "-p", "floor", "0.1", "-p", "strict", "True"),
    *("-y", 'kinds: ["spelt", "it\'s \\"rye\\" é"]', "-r", "label", "7"),
)
# In the order of the tests.
RUNS = (
    Run("mixed_languages", "papermill", kernel=""),
    Run("showing_results", "nbconvert", kernel=""),
    Run("python_session", "nbconvert"),
    Run("sql_first", "jupyter execute", "fabric-livy-sql"),
    Run("parameters", "papermill", kernel="", options=PARAMETERS),
    Run("fails", "papermill"),
    Run("fails_at_once", "nbconvert"),
    Run("fails_at_once", "jupyter execute"),
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[service.Api]:
    """Each notebook has a session of its own, and all of them one Spark application."""
    with service.serving(tmp_path_factory.mktemp("house"), ("--token", service.TOKEN, "--share-spark")) as served:
        yield served


@pytest.fixture(scope="module")
def ran(api: service.Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Ran]]:
    """Gives what came of a run. The next run is started meanwhile, since half of its time is waiting."""
    folder = tmp_path_factory.mktemp("jupyter")
    install_kernels(folder)
    environ = {
        **os.environ,
        "JUPYTER_PATH": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "FABRIC_LIVY_TARGET": api.base,
        "FABRIC_LIVY_TOKEN": service.TOKEN,
    }
    started: dict[Run, Future[Ran]] = {}

    def execute(number: int) -> Ran:
        run, run_folder = RUNS[number], tmp_path_factory.mktemp("run")
        source, target = run_folder / f"{run.notebook}.ipynb", run_folder / "executed.ipynb"
        shutil.copy(NOTEBOOKS / source.name, source)
        done = subprocess.run(
            run.command(source, target), cwd=run_folder, env=environ, capture_output=True, text=True, timeout=300
        )
        executed = nbformat.read(target, as_version=4) if target.exists() else None
        return Ran(done.returncode, done.stdout + done.stderr, executed)

    with ThreadPoolExecutor(2) as pool:

        def wait_for(notebook: str, tool: str = "") -> Ran:
            number = next(n for n, run in enumerate(RUNS) if run.notebook == notebook and tool in run.tool)
            for next_number in range(number, min(number + 2, len(RUNS))):
                if RUNS[next_number] not in started:
                    started[RUNS[next_number]] = pool.submit(execute, next_number)
            return started[RUNS[number]].result()

        yield wait_for


def ok(done: Ran) -> Ran:
    """Of a run without errors; nothing is in its file that must not be saved."""
    assert done.code == 0, done.log
    nbformat.validate(done.notebook)
    text = nbformat.writes(done.notebook)
    assert service.TOKEN not in text + done.log
    assert "widget" not in text
    assert all(cell.execution_count for cell in done.notebook.cells if cell.cell_type == "code")
    assert all("microsoft" in cell.metadata for cell in done.notebook.cells if "DeltaTable" in cell.source)
    return done


def test_languages_share_tables_views_and_give_their_results_to_this_python(ran: Callable[..., Ran]) -> None:
    done = ran("mixed_languages")
    if done.code and any(words in nbformat.writes(done.notebook) for words in NO_DELTA):
        pytest.skip("Delta's jars cannot be had here")
    ok(done)
    assert "shuffle partitions: 2\n" in done.printed("createDataFrame")
    assert done.value("desc(").splitlines()[2:5] == ["poppy           32", "rye              7", "spelt; whole     5"]
    updated, made, days = done.shown("UPDATE rolls")
    assert updated["text/plain"].startswith("num_affected_rows")
    assert made["text/plain"] == "Done: this statement gives no rows."
    assert days["text/html"].count("<tr>") == 3
    assert "best day: 2024-03-02 with 25 rolls\n" in done.printed("val best")
    assert done.value("DeltaTable") == "['CREATE OR REPLACE TABLE AS SELECT', 'UPDATE']"
    assert done.outputs("-o by_day -q") == []
    assert done.printed("# pandas here") == "45 poppy ['2024-03-01', '2024-03-02'] 20\n"
    assert done.value("rolls.count()") == "4"


def test_results_look_as_in_the_portal(ran: Callable[..., Ran]) -> None:
    done = ok(ran("showing_results"))
    (table,) = done.shown("display(df)")
    assert table["text/html"].count("<tr>") == 4
    assert "<i>NULL</i>" in table["text/html"]
    (summary,) = done.shown("summary=True")
    assert "stddev   1.0  NULL   0.25" in summary["text/plain"]
    assert re.search(r" rows? · \d+\.\d s · .+ · statement \d+$", done.value('df.where("id > 1")'))
    assert done.shown("displayHTML")[0]["text/html"] == "<h2>Rolls &amp; buns</h2>"
    assert ["dataframe" in bundle["text/html"] for bundle in done.shown("describe()")] == [True, True]
    assert ["image/png" in bundle for bundle in done.shown("plt.show()")] == [True]
    assert ["image/png" in bundle for bundle in done.shown("set_title")] == [False, True]
    assert [next(iter(bundle)) for bundle in done.shown("Markdown(")] == ["text/markdown", "text/html", "text/html"]
    kinds = [output.output_type for output in done.outputs("for kind in")]
    assert kinds == ["stream", "display_data", "stream", "display_data", "execute_result"]
    assert "only showing top 2 rows" in done.printed("printSchema")
    assert done.printed("sorted(") == "[1, 2]\n'text'\n"
    (note,) = done.shown("after the exit")  # a cell of this Python, behind an exit without a value
    assert "ended the notebook. To run" in note["text/plain"]


def test_python_of_the_session_and_of_this_machine_are_apart(ran: Callable[..., Ran]) -> None:
    done = ok(ran("python_session"))
    assert done.value("%pip install") == "2000"
    assert done.printed("the oven is") == "the oven is hot\n"
    assert done.value("the oven is") == "['crumbs-1.0-py3-none-any.whl']"
    assert done.printed("%%bash") == "bash: hot\n"
    assert done.value("await bake") == "'baked for 20 minutes'"
    assert "wall time" in done.printed("%time spark")
    assert (done.value("numbers = "), "Wall time" in done.printed("numbers = ")) == ("4950", True)
    assert done.outputs("%%capture") == []
    assert done.printed("find_spec") == "not shown False None\n"
    assert done.value('wheels = "made here"') == "'made here'"
    assert done.value('!= "made here"') == "True"


def test_cells_without_a_magic_are_sql_in_the_sql_kernel(ran: Callable[..., Ran]) -> None:
    done = ok(ran("sql_first"))
    assert [bundle["text/plain"].splitlines()[0] for bundle in done.shown("SET spark")] == [
        "key                           value",
        done.value("SET spark"),
    ]
    assert "Brötchen             0.45" in done.value("SELECT name, price")
    assert "2.55" in done.value("marked as SQL")
    assert done.printed("dearest") == "dearest: it's a bun; really\n"
    assert done.value("WITH dear").splitlines()[2].split() == ["2", "3"]
    assert done.outputs("-- only a comment") == []
    assert len(done.shown("SHOW TABLES")) == 2
    assert done.printed("%%local") == "3 Brötchen\n"
    assert done.notebook.metadata.language_info.name == "sql"


def test_parameters_of_papermill_are_set_in_the_session(ran: Callable[..., Ran]) -> None:
    done = ok(ran("parameters"))
    assert '"name": "nightly"' in done.printed("%%configure")
    assert done.outputs("# Parameters") == []
    assert json.loads(done.printed("json.dumps")) == {
        "day": "29.02.2024",
        "rows": 5,
        "above": [0.25, 0.75],
        "strict": True,
        "kinds": ['it\'s "rye" é', "spelt"],
        "label": "7",
        "zone": "UTC",
    }
    assert "ExitValue: nothing new today" in [bundle["text/plain"] for bundle in done.shown("nothing new today")]
    for text in ("after the exit", "after_the_exit"):
        (note,) = done.shown(text)
        assert note["text/plain"].startswith("Not run: cell [")
        assert "ended the notebook with the value 'nothing new today'" in note["text/plain"]


def test_a_cell_that_fails_in_the_session_ends_the_run_with_an_exit_code(ran: Callable[..., Ran]) -> None:
    done = ran("fails")
    assert done.code != 0
    assert "AssertionError" in done.log
    assert "there are no buns" in done.log
    assert done.printed("loaves = ").endswith("['loaf']\n")  # papermill writes as far as it came
    assert "never reached" not in str([cell.get("outputs") for cell in done.notebook.cells])
    assert service.TOKEN not in nbformat.writes(done.notebook) + done.log


@pytest.mark.parametrize("tool", ["nbconvert", "jupyter execute"])
def test_a_cell_that_fails_here_ends_the_run_with_an_exit_code(ran: Callable[..., Ran], tool: str) -> None:
    done = ran("fails_at_once", tool)
    assert (done.code, done.notebook) == (1, None)
    assert "SettingsError" in done.log
    assert "'driverMemory' is a text, not 28" in done.log
    assert service.TOKEN not in done.log


def test_no_session_is_left_behind(ran: Callable[..., Ran], api: service.Api) -> None:
    for run in RUNS:
        ran(run.notebook, run.tool)
    assert [one["id"] for one in api.get("/sessions").json()["items"] if one["state"] != "dead"] == []


# ------------------------------------------------------------------------------------------------ the small cases
@pytest.fixture(scope="module")
def cases_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, AsyncKernelManager]]:
    """A copy of the small cases, and one kernel with one session for all of them, on an embedded Fabric without a locale."""
    folder = tmp_path_factory.mktemp("cases")
    shutil.copytree(SMALL_CASES, folder / "repository")
    (folder / "repository" / ".git").mkdir()
    specs = KernelSpecManager(kernel_dirs=kernel_dirs(), ensure_native_kernel=True)
    manager = AsyncKernelManager(kernel_name="fabric-livy", kernel_spec_manager=specs)
    environ = {
        **os.environ,
        "FABRIC_LIVY_TARGET": "local",  # which knows the lakehouses of the notebook's repository
        "FABRIC_LIVY_LAKEHOUSE": str(folder / "house"),
        "FABRIC_LIVY_NOTEBOOK": str(folder / "repository" / f"{LAKEHOUSE}.ipynb"),
        "IPYTHONDIR": str(folder / "ipython"),
        "LC_ALL": "C",
    }
    run_sync(manager.start_kernel)(env=environ, cwd=str(folder / "repository"))
    try:
        yield folder / "repository", manager
    finally:
        run_sync(manager.shutdown_kernel)()


def by_nbconvert(source: Path, manager: AsyncKernelManager) -> Any:
    notebook = nbformat.read(source, as_version=4)
    client = ExecutePreprocessor(timeout=120)
    client.preprocess(notebook, {"metadata": {"path": str(source.parent)}}, km=manager)
    client.kc.stop_channels()
    return notebook


def by_papermill(source: Path, manager: AsyncKernelManager) -> Any:
    """Without its last step, which knows no cells that may fail."""
    run = NotebookExecutionManager(load_notebook_node(str(source)), progress_bar=False)
    run.notebook_start()
    client = PapermillNotebookClient(run, km=manager)
    client.execute()
    client.kc.stop_channels()
    return run.nb


@pytest.mark.parametrize("name", NAMES)
def test_each_small_case_is_the_same_in_the_kernel_by_nbconvert_or_papermill(
    cases_kernel: tuple[Path, AsyncKernelManager], name: str
) -> None:
    repository, manager = cases_kernel
    client = manager.blocking_client()
    client.start_channels()
    client.execute("get_ipython().kernel.begin_run()", silent=True, reply=True, timeout=60)
    client.stop_channels()
    tool = by_papermill if NAMES.index(name) % 2 else by_nbconvert
    executed = tool(repository / f"{name}.ipynb", manager)
    if any(words in nbformat.writes(executed) for words in NO_DELTA):
        pytest.skip("Delta's jars cannot be had here")
    assert not (found := surprises(name, executed)), "\n\n".join(found)
