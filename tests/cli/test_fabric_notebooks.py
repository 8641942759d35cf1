"""Notebooks in all forms that Fabric's portal saves, run by `fabric-livy run` on one embedded Fabric, some by Jupyter's tools.

Their cells assert their own results.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from fabric_livy_magic.notebooks.files import CONTENT, find_notebooks, read_notebook, write_notebook
from fabric_livy_magic.notebooks.model import Cell, Notebook
from tests.support import service
from tests.support.commands import ROOT, fabric_livy
from tests.support.kernels import install_kernels
from tests.support.service import NO_DELTA

pytestmark = pytest.mark.spark

REPOSITORY = Path(__file__).parents[1] / "fabric_repository"
BY_JUPYTER = {"Hostile Exit"}
LARGE = "Large Cell"
SCRIPTS = re.compile(r"<(style|script)[^>]*>.*?</\1>", re.DOTALL)  # of a result's table
WORKSPACES = """
[[workspaces]]
name = "Field notes"
[[workspaces.lakehouses]]
name = "House"
folder = "house"
[[workspaces.lakehouses]]
name = "Curated"
folder = "curated"
schemas = true
"""
NAMES = sorted({one.name for one in find_notebooks(REPOSITORY)} - BY_JUPYTER | {LARGE})
EXIT_VALUES = {
    "Child Installs": "alone",
    "Child Load": '{"day": "2024-01-01", "rows": 1}',
    "Delta Upkeep": "3",
    "Orchestrate": "5 times",
    "Parameters Later": json.dumps({"day": "2024-01-31", "kinds": ["rye", "it's"]}),
}


@dataclass(frozen=True)
class Environment:
    """A copy of the repository, and the embedded Fabric that its notebooks run on."""

    repository: Path
    environ: dict[str, str]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    folder = tmp_path_factory.mktemp("fabric")
    repository = folder / "repository"
    shutil.copytree(REPOSITORY, repository)
    (repository / ".git").mkdir()
    largest = "\n".join(f"value_{number} = 'größer als {number}' * 2" for number in range(1_700))
    small = (Cell(source=f"assert value_{number}.endswith('{number}')") for number in range(20))
    write_notebook(repository / f"{LARGE}.Notebook", Notebook(cells=(Cell(source=largest), *small)))
    secrets = folder / "secrets.json"
    secrets.write_text(json.dumps({"vaults": {"vault": {"name": "hidden"}}}), encoding="utf-8-sig")
    secrets.chmod(0o600)
    variables = {"FABRIC_LIVY_SECRETS": str(secrets), "FABRIC_LIVY_TOKEN_STORAGE": "a-token"}
    (folder / "workspaces.toml").write_text(WORKSPACES, encoding="utf-8-sig")  # as an editor of Windows
    variables["LC_ALL"] = "C"  # as cron and containers start it
    process, api = service.start(
        None, "--workspaces", str(folder / "workspaces.toml"), "--token", service.TOKEN, extra_env=variables
    )
    try:
        yield Environment(repository, {"FABRIC_LIVY_TARGET": api.base, "FABRIC_LIVY_TOKEN": service.TOKEN})
        not_stopped = [one for one in api.get("/sessions").json()["items"] if one["state"] != "dead"]
        assert not_stopped == []
    finally:
        api.http.close()
        assert service.close(process) == 0


@dataclass(frozen=True)
class Series:
    """`parts` are the printed texts of the notebooks, `verdicts` the lines at the end."""

    code: int
    parts: dict[str, str]
    verdicts: dict[str, str]


@pytest.fixture(scope="module")
def series(environment: Environment) -> Series:
    """All of them by one command, on one session unless they choose one."""
    paths = [
        str(one.path.parent if one.path.stem == CONTENT else one.path)
        for one in find_notebooks(environment.repository)
        if one.name in NAMES
    ]
    out = str(environment.repository.parent / "out")
    words = ("run", *paths, "--share-session", "--output", out)
    done = fabric_livy(*words, folder=environment.repository, timeout_s=1200, **environment.environ)
    assert done.stderr == "", done.stderr
    texts = done.stdout.split("══ ")[1:]
    texts[-1], end = texts[-1].rsplit(" s)\n\n", 1)
    parts = {one.partition("\n")[0].strip(): one for one in texts}
    verdicts = {line.partition(" s): ")[2].strip(): line for line in end.splitlines() if " s): " in line}
    return Series(done.returncode, parts, verdicts)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_of_fabric_runs_unchanged(series: Series, name: str) -> None:
    verdict, text = series.verdicts[name.strip()], series.parts[name.strip()]
    if verdict.startswith("failed") and any(words in text for words in NO_DELTA):
        pytest.skip("Delta's jars cannot be had here")
    expected = f"ended with the value {EXIT_VALUES[name]!r}" if name in EXIT_VALUES else "ran"
    assert verdict.startswith(f"{expected} ("), text
    assert "Traceback" not in text


def test_what_they_ran_is_written_beside_each_other(series: Series, environment: Environment) -> None:
    out = environment.repository.parent / "out"
    assert len(list(out.glob("*.executed.ipynb"))) == len(NAMES)
    shown = nbformat.read(out / "Showing Results.executed.ipynb", as_version=4)
    nbformat.validate(shown)
    kinds = [sorted(output.get("data", {"text/stream": ""})) for output in shown.cells[0].outputs]
    assert kinds.count(["text/html", "text/plain"]) == 3
    assert "hidden" not in SCRIPTS.sub("", nbformat.writes(shown))
    exported = nbformat.read(out / "Exported.executed.ipynb", as_version=4)
    assert [len(cell.outputs) for cell in exported.cells if cell.cell_type == "code"] == [0, 0, 0, 1, 0, 1]
    assert "old" not in SCRIPTS.sub("", nbformat.writes(exported)).replace("to", "")


def test_a_run_ends_with_the_cell_that_fails_and_is_written_all_the_same(environment: Environment) -> None:
    cells = (
        Cell(source="rows = 3", is_parameters=True),
        Cell(source="rows * 2"),
        Cell(source="%run Common\n"),
        Cell(source="times(1) / 0"),
        Cell(source="print('never')"),
    )
    failing = environment.repository / "Failing.Notebook"
    write_notebook(failing, Notebook(cells=cells, metadata={"kernel_info": {"name": "synapse_pyspark"}}))
    words = ("run", str(failing), "--parameter", "rows=4", "--output", "failed.ipynb")
    done = fabric_livy(*words, folder=environment.repository, **environment.environ)
    assert done.returncode == 1
    assert "A cell failed" in done.stdout
    executed = nbformat.read(environment.repository / "failed.ipynb", as_version=4)
    assert [cell.source for cell in executed.cells][:2] == ["rows = 3", "%%pyspark\nrows = 4"]
    assert [output.data["text/plain"] for output in executed.cells[2].outputs] == ["8"]
    assert executed.cells[4].outputs[0].ename == "ZeroDivisionError"
    assert executed.cells[5].outputs == []
    assert executed.metadata.kernelspec.name == "synapse_pyspark"
    assert "widgets" not in executed.metadata
    assert read_notebook(failing).cells[0].outputs == ()


# ------------------------------------------------------------------------------------------------ Jupyter's own tools
def by_jupyter(environment: Environment, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    install_kernels(folder)
    environ = {**os.environ, **environment.environ, "JUPYTER_PATH": str(folder), "IPYTHONDIR": str(folder / "ipython")}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=environment.repository / "Exported",
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_papermill_runs_one_to_its_exit_and_neither_that_nor_a_stopped_spark_harms(
    environment: Environment, tmp_path: Path
) -> None:
    target = tmp_path / "executed.ipynb"
    words = ("papermill", "Hostile Exit.ipynb", str(target), "-k", "fabric-livy", "--no-progress-bar")
    done = by_jupyter(environment, tmp_path, *words)
    executed = nbformat.read(target, as_version=4)
    cells = {cell.source: cell for cell in executed.cells if cell.cell_type == "code"}
    printed = next(cell for source, cell in cells.items() if "goes on without" in source)
    assert [output.text for output in printed.outputs] == ["Python goes on without Spark\n"], done.stderr
    (ended,) = next(cell.outputs for source, cell in cells.items() if "nothing to do" in source)
    assert (ended.ename, ended.evalue) == ("SystemExit", "nothing to do")
    assert done.returncode != 0


def test_nbclient_runs_one_that_names_no_kernel_and_runs_another(environment: Environment, tmp_path: Path) -> None:
    words = ("jupyter", "execute", "--kernel_name=fabric-livy", "--output=by_nbclient", "Nothing Named.ipynb")
    done = by_jupyter(environment, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    executed = nbformat.read(environment.repository / "Exported" / "by_nbclient.ipynb", as_version=4)
    assert executed.cells[-1].outputs[-1].text == "7 6\n"


# ------------------------------------------------------------------------------------------------ the commands of docs/run_notebooks.md
def test_the_page_s_commands_for_notebooks_do_what_it_says(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY, tmp_path / REPOSITORY.relative_to(ROOT))
    page = (ROOT / "docs" / "run_notebooks.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("fabric-livy ")]
    environ = {"FABRIC_LIVY_LAKEHOUSE": str(tmp_path / "house")}
    outputs = []
    for line in lines:
        done = fabric_livy(*shlex.split(line, comments=True)[1:], folder=tmp_path, **environ)
        assert (done.returncode, done.stderr) == (0, ""), line + done.stdout + done.stderr
        outputs.append(done.stdout)
    checked, ran, series, converted = outputs
    assert "notebook.exit" in checked
    assert 'ended with the value \'{"day": "2024-01-01", "rows": 7}\'' in ran
    assert "3 notebooks, 0 failed." in series
    assert "child.ipynb: 6 cells." in converted
