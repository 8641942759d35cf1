"""The order of a session's cells, and an interrupt request that ends one wait: threads, without a server."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable

import pytest

from fabric_livy_magic.errors import (
    Interrupted,
)
from fabric_livy_magic.livy.waiting import InterruptRequest, interruptible_call, interruptible_sleep, run_in_background
from fabric_livy_magic.running.cell_queue import CellQueue
from tests.support.timing import interrupt_after


def test_cells_run_in_the_order_in_which_their_places_were_taken() -> None:
    queue, seen = CellQueue(), []

    def cell(number: int, place: object) -> Callable[[], None]:
        def work() -> None:
            with place:  # type: ignore[attr-defined]
                seen.append(number)
                time.sleep(0.005)

        return work

    cells = [cell(number, queue.take_place()) for number in range(20)]
    threads = [run_in_background(one)[0] for one in reversed(cells)]
    for thread in threads:
        thread.result(10)
    assert seen == list(range(20))


def test_a_thread_that_has_the_first_place_takes_no_second_one() -> None:
    queue = CellQueue()
    with queue.in_turn(), queue.in_turn():
        assert queue.first() is not None
    assert queue.first() is None


def test_a_place_that_nobody_holds_any_more_is_skipped() -> None:
    queue = CellQueue()
    queue.take_place()
    gc.collect()
    with queue.in_turn():
        pass


def test_an_interrupt_while_waiting_in_the_queue_leaves_it() -> None:
    queue, go_on = CellQueue(), threading.Event()

    def long() -> None:
        with queue.in_turn():
            go_on.wait(10)

    running, _ = run_in_background(long)
    while queue.first() is None:
        time.sleep(0.005)
    interrupt_after(0.05)
    with pytest.raises(Interrupted, match="not been sent"), queue.in_turn():
        pass
    go_on.set()
    running.result(10)
    with queue.in_turn():
        pass


# ------------------------------------------------------------------------------------------------ wishes
@pytest.mark.parametrize(
    "wait",
    [lambda: interruptible_sleep(30), lambda: interruptible_call(lambda: time.sleep(5))],
    ids=["nap", "a held call"],
)
def test_a_wish_ends_one_wait_of_its_thread_and_no_other(wait: Callable[[], None]) -> None:
    interrupt_request, told = InterruptRequest(), []

    def work() -> None:
        try:
            wait()
        except KeyboardInterrupt:
            told.append("ended")
        interruptible_sleep(0.01)  # what cleans up can wait

    working, _ = run_in_background(work, interrupt_request=interrupt_request)
    time.sleep(0.05)
    began = time.monotonic()
    interrupt_request.make()
    interruptible_sleep(0.01)  # not of this thread
    working.result(5)
    assert told == ["ended"]
    assert time.monotonic() - began < 4
