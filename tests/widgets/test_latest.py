"""Of the works that a view asks for, the latest wins, and none piles up."""

from __future__ import annotations

import threading
import time
from contextvars import ContextVar

from fabric_livy_magic.livy.waiting import interruptible_sleep
from fabric_livy_magic.widgets.latest import Latest

WITHIN_S = 10.0
cell: ContextVar[str] = ContextVar("cell", default="")


def test_newer_work_interrupts_what_runs_and_takes_the_place_of_what_waits() -> None:
    latest, ran, ended = Latest(), [], threading.Event()
    began = threading.Event()

    def slow() -> None:
        ran.append("slow begins")
        began.set()
        try:
            interruptible_sleep(60)
        except KeyboardInterrupt:
            time.sleep(0.2)  # as a statement that is being cancelled
            ran.append("slow was interrupted")
            raise

    latest.run(slow)
    assert began.wait(WITHIN_S)
    for number in range(5):
        latest.run(lambda number=number: (ran.append(f"work {number}"), ended.set()))  # type: ignore[misc]
    assert ended.wait(WITHIN_S)
    assert ran == ["slow begins", "slow was interrupted", "work 4"]


def test_works_one_after_the_other_run_each_in_the_context_of_the_cell() -> None:
    cell.set("the cell's")
    latest = Latest()
    cell.set("a later message's")
    found = []
    for _ in range(3):
        done = threading.Event()
        latest.run(lambda done=done: (found.append(cell.get()), done.set()))  # type: ignore[misc]
        assert done.wait(WITHIN_S)
        time.sleep(0.02)
    assert found == ["the cell's"] * 3
