"""Work in a thread beside the event loop, and how an interrupt of the cell ends it."""

from __future__ import annotations

import asyncio
import contextvars
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from fabric_livy_magic.errors import Interrupted
from fabric_livy_magic.kernel.cell_thread import GRACE_S, in_thread
from fabric_livy_magic.livy.waiting import interruptible_call, interruptible_sleep, run_in_background
from tests.support.commands import ROOT
from tests.support.timing import AT_ONCE_S


def test_the_result_of_the_work_is_returned_at_once() -> None:
    began = time.monotonic()
    assert asyncio.run(in_thread(lambda: 6 * 7)) == 42
    assert time.monotonic() - began < AT_ONCE_S


def test_what_the_work_raises_is_raised() -> None:
    def work() -> None:
        raise LookupError("of the work")

    with pytest.raises(LookupError, match="of the work"):
        asyncio.run(in_thread(work))


def test_the_loop_goes_on_meanwhile() -> None:
    async def both() -> int:
        waiting = asyncio.ensure_future(in_thread(lambda: time.sleep(0.3)))
        ticks = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    assert asyncio.run(both()) > 5


def test_the_work_has_the_context_of_its_cell() -> None:
    cell = contextvars.ContextVar("cell", default="none")
    cell.set("this one")
    assert asyncio.run(in_thread(cell.get)) == "this one"


async def cancelled(work: Callable[[], object], after_s: float = 0.2) -> object:
    waiting = asyncio.ensure_future(in_thread(work))
    await asyncio.sleep(after_s)
    waiting.cancel()
    return await waiting


async def cancelled_twice(work: Callable[[], object]) -> None:
    waiting = asyncio.ensure_future(in_thread(work))
    for _ in range(2):
        await asyncio.sleep(0.2)
        waiting.cancel()
    await waiting


def test_an_interrupt_is_a_keyboard_interrupt_in_the_work_which_may_clean_up() -> None:
    steps = []

    def work() -> None:
        try:
            while True:
                time.sleep(0.02)
        except KeyboardInterrupt:
            steps.append("cleaned up")
            raise Interrupted("It was stopped.") from None

    with pytest.raises(Interrupted, match="It was stopped"):
        asyncio.run(cancelled(work))
    assert steps == ["cleaned up"]


def test_an_interrupt_reaches_work_that_starts_threads_all_the_time() -> None:
    ended = []

    def work() -> None:
        try:
            while True:
                interruptible_call(lambda: None)
        except KeyboardInterrupt:
            ended.append(True)
            raise Interrupted("It was stopped.") from None

    for number in range(40):
        with pytest.raises(Interrupted, match="It was stopped"):
            asyncio.run(cancelled(work, after_s=0.01 + number / 10_000))
    assert len(ended) == 40


def test_an_interrupt_ends_work_that_computes() -> None:
    def work() -> None:
        while True:
            pass

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(cancelled(work, after_s=0.05))
    assert time.monotonic() - began < GRACE_S


def test_work_that_waits_for_a_thread_to_start_gets_no_exception_meanwhile() -> None:
    class SlowToStart(threading.Thread):
        def _bootstrap(self) -> None:
            time.sleep(0.7)
            super()._bootstrap()  # type: ignore[misc]  # private to Python, and what runs before a thread counts as started

    steps = []

    def work() -> None:
        SlowToStart(daemon=True).start()
        steps.append("started")
        interruptible_sleep(30)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(cancelled(work, after_s=0.05))
    assert steps == ["started"]


def test_threads_that_the_work_has_started_do_not_use_up_its_interrupt() -> None:
    started = []

    def work() -> None:
        started.extend(run_in_background(lambda: interruptible_sleep(0.5))[0] for _ in range(5))
        interruptible_sleep(30)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(cancelled(work))
    assert [one.exception(5) for one in started] == [None] * 5


def outcome_of_blocked_work(cancel: str) -> tuple[str, float]:
    """The error and how many seconds it took, in a process of its own: the work goes on, beside threads that other tests have left."""
    code = f"""
import asyncio, json, threading, time
from tests.kernel.test_cell_thread import cancelled, cancelled_twice
began = time.monotonic()
try:
    asyncio.run({cancel}(lambda: threading.Event().wait(30)))
except BaseException as error:
    print(json.dumps([f"{{type(error).__name__}}: {{error}}", time.monotonic() - began]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    error, took_s = json.loads(done.stdout)
    return str(error), float(took_s)


def test_work_that_cannot_be_interrupted_is_left_running_and_the_error_says_so() -> None:
    error, took_s = outcome_of_blocked_work("cancelled")
    assert error.startswith("Interrupted: ")
    assert "The server has not answered yet" in error
    assert took_s < AT_ONCE_S


def test_a_second_interrupt_does_not_wait() -> None:
    error, took_s = outcome_of_blocked_work("cancelled_twice")
    assert error.startswith("Interrupted: ")
    assert took_s < AT_ONCE_S


def test_a_second_interrupt_ends_work_that_computes_too() -> None:
    ended = threading.Event()

    def work() -> None:
        try:
            while True:
                pass
        finally:
            ended.set()

    with pytest.raises(Interrupted):
        asyncio.run(cancelled_twice(work))
    assert ended.wait(5)
