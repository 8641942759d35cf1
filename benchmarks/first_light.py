"""How long until the first result, and how long a warm statement takes, in a real kernel on the embedded Fabric.

    python benchmarks/first_light.py [--statements 40]

Prints seconds from `%livy use local` to the first PySpark result, then for each kind the median and 95th percentile of
a trivial statement: the whole cell as the front end sees it, and below it the same statement through the Python API.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fabric_livy_magic import connect
from tests.support.kernels import Kernel, kernel

TRIVIAL = {"pyspark": "1 + 1", "spark": "1 + 1", "sql": "SELECT 1 AS one"}
ENOUGH_S = 20.0  # of calls of one kind


def timed(call: Callable[[], object], count: int) -> list[float]:
    """Seconds, sorted, of at most so many calls; what is slow is called less often."""
    times_s: list[float] = []
    while len(times_s) < count and sum(times_s) < ENOUGH_S:
        began = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - began)
    return sorted(times_s)


def row(name: str, times_s: list[float]) -> None:
    worst = times_s[min(len(times_s) - 1, int(len(times_s) * 0.95))]
    print(f"{name:<44}{statistics.median(times_s) * 1000:8.0f} ms{worst * 1000:8.0f} ms", flush=True)


def run(notebook: Kernel, code: str) -> None:
    done = notebook.run(code)
    assert done.status == "ok", done.traceback


def in_a_kernel(folder: Path, count: int) -> None:
    with kernel({"FABRIC_LIVY_LAKEHOUSE": str(folder / "lakehouse")}, folder) as notebook:
        run(notebook, "%load_ext fabric_livy_magic")
        began = time.perf_counter()
        run(notebook, "%livy use local")
        run(notebook, "%livy_pyspark 1 + 1")
        print(f"first PySpark result after %livy use local: {time.perf_counter() - began:.1f} s")
        for kind, code in TRIVIAL.items():
            first_s = timed(lambda kind=kind, code=code: run(notebook, f"%livy_{kind} -q {code}"), 1)[0]
            print(f"first {kind} statement after that: {first_s:.1f} s")
        print(f"\n{'warm trivial statement':<44}{'median':>11}{'p95':>11}")
        row("a local cell, for comparison", timed(lambda: run(notebook, "1 + 1"), count))
        for kind, code in TRIVIAL.items():
            row(f"%%livy_{kind}", timed(lambda kind=kind, code=code: run(notebook, f"%%livy_{kind}\n{code}"), count))


def in_a_script(folder: Path, count: int) -> None:
    with connect("local", lakehouse=str(folder / "lakehouse")) as session:
        for kind, code in TRIVIAL.items():
            session.run(code, kind)
            row(f"session.run, {kind}", timed(lambda kind=kind, code=code: session.run(code, kind), count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--statements", type=int, default=40)
    count = parser.parse_args().statements
    with tempfile.TemporaryDirectory() as folder:
        in_a_kernel(Path(folder), count)
        in_a_script(Path(folder), count)


if __name__ == "__main__":
    main()
