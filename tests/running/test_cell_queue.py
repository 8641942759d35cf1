"""The order of a session's cells, a wish to end one, and work spread over REPLs: threads, without a server."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable

import pytest

from fabric_livy_magic.errors import (
    CapacityError,
    Interrupted,
    SessionLostError,
    StatementCancelled,
    StatementError,
    WaitTimeout,
)
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.statements import STILL_RUNNING
from fabric_livy_magic.livy.waiting import Wish, in_background, interruptible, nap
from fabric_livy_magic.running.background import Background
from fabric_livy_magic.running.cell_queue import NOT_SENT, CellQueue
from fabric_livy_magic.running.fan_out import FanOut
from fabric_livy_magic.running.results import Printed, Result
from tests.livy.test_statements import interrupt_after


def result(text: str) -> Result:
    return Result(kind="pyspark", session="main", elapsed_s=0.0, parts=(Printed(text),))


# ------------------------------------------------------------------------------------------------ the queue
def test_cells_run_in_the_order_in_which_their_places_were_taken() -> None:
    queue, seen = CellQueue(), []

    def cell(number: int, place: object) -> Callable[[], None]:
        def work() -> None:
            with place:  # type: ignore[attr-defined]
                seen.append(number)
                time.sleep(0.005)

        return work

    cells = [cell(number, queue.take_place()) for number in range(20)]
    threads = [in_background(one)[0] for one in reversed(cells)]
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

    running, _ = in_background(long)
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
    "wait", [lambda: nap(30), lambda: interruptible(lambda: time.sleep(1))], ids=["nap", "a held call"]
)
def test_a_wish_ends_one_wait_of_its_thread_and_no_other(wait: Callable[[], None]) -> None:
    wish, told = Wish(), []

    def work() -> None:
        try:
            wait()
        except KeyboardInterrupt:
            told.append("ended")
        nap(0.01)  # what cleans up can wait

    working, _ = in_background(work, wish=wish)
    time.sleep(0.05)
    began = time.monotonic()
    wish.make()
    nap(0.01)  # not of this thread
    working.result(5)
    assert told == ["ended"]
    assert time.monotonic() - began < 0.9


# ------------------------------------------------------------------------------------------------ handles
def test_a_handle_tells_the_latest_news() -> None:
    go_on = threading.Event()

    def work(hear: Callable[[Progress], None]) -> Result:
        hear(Progress("statement", "running", 1.0, 0.4))
        go_on.wait(10)
        return result("done")

    handle = Background(work, "main", "pyspark")
    while handle.state == "waiting":
        time.sleep(0.005)
    assert (handle.state, handle.progress) == ("running", 0.4)
    assert "running, 0 s, 40%" in str(handle)
    with pytest.raises(WaitTimeout):
        handle.result(0.01)
    go_on.set()
    assert handle.result(5).text == "done"
    assert "available" in handle._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    ("raised", "state"),
    [
        (Interrupted("Statement 3 was cancelled on the session."), "cancelled"),
        (Interrupted(NOT_SENT), "cancelled"),
        (KeyboardInterrupt(), "cancelled"),
        (Interrupted(STILL_RUNNING, may_run_on=True), "cancelling"),
        (StatementError("ValueError", "secret"), "error"),
    ],
)
def test_a_handle_claims_no_cancel_that_was_not_confirmed(raised: BaseException, state: str) -> None:
    def work(_: object) -> Result:
        raise raised

    handle = Background(work, "main", "pyspark")
    with pytest.raises(StatementError if state == "error" else StatementCancelled):
        handle.result(5)
    assert handle.state == state


# ------------------------------------------------------------------------------------------------ fan-out
def spread(codes: list[str], run: Callable[[int, str], Result], repls: int = 2, **more: bool) -> list[str]:
    found = FanOut(codes, lambda number: lambda code: run(number, code), **more).run(repls)
    return [one.text if isinstance(one, Result) else type(one).__name__ for one in found]


def test_results_are_in_the_order_of_the_codes() -> None:
    codes = [str(number) for number in range(20)]
    assert spread(codes, lambda _, code: result(code), repls=5) == codes
    assert spread([], lambda _, code: result(code)) == []


def test_repls_that_cannot_be_had_leave_their_work_to_the_others() -> None:
    def repl(number: int) -> Callable[[str], Result]:
        if number:
            raise CapacityError("full")
        return result

    assert [one.text for one in FanOut(["1", "2", "3"], repl).run(3) if isinstance(one, Result)] == ["1", "2", "3"]


def test_an_error_begins_nothing_more_and_is_raised_unless_it_is_to_be_kept() -> None:
    begun = []

    def run(_: int, code: str) -> Result:
        begun.append(code)
        if code == "bad":
            raise StatementError("ValueError", "no")
        return result(code)

    with pytest.raises(StatementError):
        spread(["bad", "1", "2"], run, repls=1)
    assert begun == ["bad"]
    assert spread(["bad", "1", "2"], run, repls=1, keeps_errors=True) == ["StatementError", "1", "2"]


def test_codes_that_no_repl_was_left_for_are_told_as_not_begun() -> None:
    def run(_: int, code: str) -> Result:
        raise SessionLostError("gone")

    found = FanOut(["1", "2", "3"], lambda number: lambda code: run(number, code), keeps_errors=True).run(2)
    assert [type(one) for one in found] == [SessionLostError] * 3
    assert sum("not begun" in str(one) for one in found) == 1


def test_an_interrupt_says_what_ended_what_was_cancelled_and_what_not() -> None:
    def run(_: int, code: str) -> Result:
        try:
            nap(0.01 if code == "quick" else 30)
        except KeyboardInterrupt:
            if code == "deaf":
                time.sleep(3)
            raise Interrupted("Statement 7 was cancelled on the session.") from None
        return result(code)

    interrupt_after(0.3)
    began = time.monotonic()
    with pytest.raises(Interrupted) as told:
        spread(["quick", "slow", "deaf", "slow", "slow"], run)
    assert time.monotonic() - began < 2.5
    assert told.value.may_run_on is True  # the deaf one
    assert str(told.value).startswith(
        "1 of 5 had ended, 2 had not begun. Statement 7 was cancelled on the session. The server"
    )
