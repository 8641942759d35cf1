"""What full progress costs a cell: the time that its listener takes, and the calls that it makes.

    python benchmarks/progress.py

A statement that answers at once on a scripted Fabric of this machine runs with and without the line, then one of some seconds
whose jobs are looked at. The line is drawn into a shell that keeps what is displayed, as a kernel's publisher sends it.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.spark_jobs import SparkWork, jobs_of, stages_of
from fabric_livy_magic.output.progress import ProgressLine
from fabric_livy_magic.settings import SessionSpec
from tests.support.clients import client_of
from tests.support.fakes import FakeFabric
from tests.support.spark_json import job, stage

CELLS = 40
MOST_ADDED_S = 0.025


class _Shell(InteractiveShell):
    display_pub_class = CapturingDisplayPublisher


class _Jobs:
    """A hundred jobs and stages. Reading them from JSON is off the cell's thread."""

    may_ask = is_near = True
    is_postponed = False
    work = SparkWork(
        tuple(jobs_of([job(number, "0", 100, 50) for number in range(100)])),
        tuple(stages_of([stage(number, 100, 50, inputBytes=10**9) for number in range(100)])),
    )

    def ask(self, *, is_final: bool = False) -> SparkWork:
        return self.work


def cell_s(session: StandardSession, mode: str) -> float:
    began = time.perf_counter()
    with ProgressLine(mode) as line:
        session.run("1+1", "pyspark", on_progress=line)
        line.show({"text/html": "<b>2</b>", "text/plain": "2"})
    return time.perf_counter() - began


def drawing_s() -> list[float]:
    """Each call of the listener, four times a second for a minute, as a waiting statement makes them."""
    now, took, jobs = 0.0, [], _Jobs()
    with ProgressLine("line", clock=lambda: now) as line:
        for _ in range(240):
            now += 0.25
            began = time.perf_counter()
            line(Progress("statement", "running", now, 0.5, statement=jobs))
            took.append(time.perf_counter() - began)
        began = time.perf_counter()
        line.show({"text/html": "<b>2</b>", "text/plain": "2"})
        took.append(time.perf_counter() - began)
    return took


def main() -> int:
    _Shell.instance(colors="nocolor")
    fabric = FakeFabric()
    try:
        fabric.session_goes("idle")
        session = StandardSession.create(client_of(fabric), SessionSpec())
        cell_s(session, "line")
        times = {mode: [] for mode in ("off", "line")}
        for _ in range(CELLS):
            for mode, measured in times.items():
                measured.append(cell_s(session, mode))
        off, on = (statistics.median(times[mode]) for mode in ("off", "line"))
        print(f"a quick cell: {off * 1000:.1f} ms without progress, {on * 1000:.1f} ms with it")
        fabric.statement_goes(*["running"] * 45, "available")
        fabric.monitoring_goes(([job(0, str(2 * CELLS + 1), 100, 50)], [stage(0, 100, 50)]))
        before = len(fabric.requests)
        took = cell_s(session, "line")
        asked = len(fabric.requests) - before
        print(f"a cell of {took:.1f} s: {asked} calls, {len(fabric.monitoring_calls)} of them for its jobs")
    finally:
        fabric.stop()
    drawn = drawing_s()
    worst, middle = max(drawn), statistics.median(drawn)
    print(f"one drawing: {middle * 1000:.2f} ms, {worst * 1000:.1f} ms at most, in the cell's thread")
    added = on - off + worst
    print(f"added to a cell: {added * 1000:.1f} ms (at most {MOST_ADDED_S * 1000:.0f})")
    return int(added > MOST_ADDED_S)


if __name__ == "__main__":
    sys.exit(main())
