"""What a test of a notebook costs: the 30th of a run over its own statements, a fresh lakehouse, and a suite beside `fabric-livy run`.

    python benchmarks/notebook_tests.py [--notebooks 30] [--runs 5]

A folder gets so many small notebooks (a DataFrame, a table, a SQL query), each with a test. One run of pytest tests them all; then
`fabric-livy run` runs some of them, one process each. What a notebook's own statements take, the notebook says itself.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fabric_livy_magic.notebooks.files import write_notebook
from fabric_livy_magic.notebooks.model import Cell, Notebook
from fabric_livy_magic.testing.targets import open_target

CELLS = (
    "import time\n\nbegan = time.perf_counter()\nnumbers = spark.range({n}).selectExpr('id', 'id * 2 AS twice')\nspent = time.perf_counter() - began",
    "began = time.perf_counter()\nnumbers.write.mode('overwrite').saveAsTable('numbers')\nspent += time.perf_counter() - began",
    "began = time.perf_counter()\nassert spark.sql('SELECT count(*) FROM numbers').first()[0] == {n}\nspent += time.perf_counter() - began",
    "notebookutils.notebook.exit(str(spent))",
)
TEST = """
def test_notebook_{n:02}(run_notebook, record_property):
    record_property("own_s", float(run_notebook("Notebook {n:02}").exit_value))
"""
CONFTEST = """
import json, os

spent, own = {}, {}


def pytest_runtest_logreport(report):
    spent[report.nodeid] = spent.get(report.nodeid, 0.0) + report.duration
    own.update({report.nodeid: value for key, value in report.user_properties if key == "own_s"})


def pytest_sessionfinish():
    with open(os.environ["RESULTS"], "w") as file:
        json.dump([[spent[one], own[one]] for one in own], file)
"""
ROOT = Path(__file__).parents[1]
FRESH = 20


def make_folder(folder: Path, notebooks: int) -> None:
    (folder / ".git").mkdir(parents=True)
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    for number in range(1, notebooks + 1):
        cells = tuple(Cell(source=text.replace("{n}", str(number))) for text in CELLS)
        path = folder / f"Notebook {number:02}.Notebook"
        path.mkdir()
        metadata = {"kernel_info": {"name": "synapse_pyspark"}, "dependencies": {}}
        write_notebook(path, Notebook(cells=cells, metadata=metadata))
    tests = "".join(TEST.format(n=number) for number in range(1, notebooks + 1))
    (folder / "test_notebooks.py").write_text(tests, encoding="utf-8")


def run(words: list[str], folder: Path, **environ: str) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return time.perf_counter() - began


def fresh_lakehouses(folder: Path) -> tuple[list[float], list[float]]:
    """Seconds for one without, and one with a snapshot."""
    with open_target("local", folder, folder) as fabric:

        def seed(session: object) -> None:
            session.run("for n in range(5): spark.range(1000).write.saveAsTable(f'seed_{n}')")  # type: ignore[attr-defined]

        snapshot = fabric.snapshot(seed)
        found: dict[bool, list[float]] = {False: [], True: []}
        for has_snapshot in (False, True):
            for _ in range(FRESH):
                began = time.perf_counter()
                with fabric.fresh_lakehouse(snapshot if has_snapshot else None):
                    found[has_snapshot].append(time.perf_counter() - began)
        return found[False], found[True]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notebooks", type=int, default=30)
    parser.add_argument("--runs", type=int, default=5, help="how many of them `fabric-livy run` runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        folder, results = Path(home) / "repository", Path(home) / "results.json"
        make_folder(folder, options.notebooks)
        (Path(home) / "lake").mkdir()
        empty, seeded = fresh_lakehouses(Path(home) / "lake")
        print(f"fresh lakehouse: {statistics.median(empty) * 1000:.0f} ms; from a snapshot of five tables: "
              f"{statistics.median(seeded) * 1000:.0f} ms (median of {FRESH})", flush=True)  # fmt: skip
        suite_s = run(["pytest", "-q", "-p", "no:cacheprovider"], folder, RESULTS=str(results))
        tests = json.loads(results.read_text(encoding="utf-8"))
        over = [total - own for total, own in tests]
        last, own = tests[-1]
        print(f"test {len(tests)}: {last:.2f} s, of which its own statements {own:.2f} s: {last - own:.2f} s more")
        print(f"median of tests 2 to {len(tests)}: {statistics.median(over[1:]):.2f} s more than the statements")
        one_s = [
            run(["fabric_livy_magic", "run", f"Notebook {number:02}.Notebook", "--target", "local"], folder)
            for number in range(1, options.runs + 1)
        ]
        all_s = statistics.mean(one_s) * options.notebooks
        print(f"{options.notebooks} notebooks: pytest {suite_s:.1f} s; `fabric-livy run` one by one {all_s:.1f} s ({options.runs} were run); "
              f"ratio {suite_s / all_s:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
