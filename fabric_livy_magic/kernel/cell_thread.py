"""Runs long work in a thread beside the event loop; an interrupt of the cell reaches it within a moment."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

from fabric_livy_magic.errors import NOT_CONFIRMED, Interrupted
from fabric_livy_magic.livy.waiting import InterruptRequest, run_in_background

T = TypeVar("T")
POLL_S = 0.1  # a signal is handled when the loop wakes; on Windows nothing else wakes it
NOTICED_WITHIN_S = 0.4  # waiting code checks for an interrupt request every 0.1 s
GRACE_S = 1.2  # how long an interrupted call may take to clean up; then the cell ends without it


async def in_thread(work: Callable[[], T]) -> T:
    """Returns or raises what `work` does. A cancel of the awaiting task raises KeyboardInterrupt in `work`.

    It polls, since a signal is handled only when the loop wakes.
    """
    interrupt_request, loop, task = InterruptRequest(), asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    interrupt_request.interrupt_cell = lambda: loop.call_soon_threadsafe(task.cancel)
    done, thread = run_in_background(work, "cell", interrupt_request)
    finished = asyncio.wrap_future(done)
    try:
        while not finished.done():
            await asyncio.wait([finished], timeout=POLL_S)
    except asyncio.CancelledError:
        with contextlib.suppress(asyncio.CancelledError):  # a second interrupt: the cell ends without clean-up
            await _interrupt(thread, interrupt_request, finished)
        if not finished.done():
            _raise_in_thread(thread, interrupt_request)
            finished.add_done_callback(lambda future: future.exception())  # nobody awaits it any more: no warning
            raise Interrupted(NOT_CONFIRMED, may_run_on=True) from None
    return finished.result()


async def _interrupt(
    thread: threading.Thread, interrupt_request: InterruptRequest, finished: asyncio.Future[T]
) -> None:
    """Requests the interrupt and gives the work time to clean up.

    Waiting code checks for the request itself. Only computing code gets an exception from outside, since that can get lost:
    Python 3.11 may raise it in a thread that `work` is just starting, and then both threads hang forever.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    interrupt_request.make()
    while not finished.done() and loop.time() < began + GRACE_S:
        await asyncio.wait([finished], timeout=POLL_S)
        if loop.time() >= began + NOTICED_WITHIN_S:
            _raise_in_thread(thread, interrupt_request)


def _raise_in_thread(thread: threading.Thread, interrupt_request: InterruptRequest) -> None:
    """Unless it has noticed the request, or will when the thread that it is starting has started."""
    if (
        thread.ident is not None
        and thread.is_alive()
        and not _is_starting_a_thread(thread.ident)
        and interrupt_request.take()
    ):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt))


def _is_starting_a_thread(thread_id: int) -> bool:
    frame = sys._current_frames().get(thread_id)
    while frame is not None and frame.f_code is not threading.Thread.start.__code__:
        frame = frame.f_back
    return frame is not None
