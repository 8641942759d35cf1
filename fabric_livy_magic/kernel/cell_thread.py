"""Long work beside an event loop that goes on: in a thread, which an interrupt of the cell reaches within a moment."""

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
WAKE_S = 0.1  # a signal is seen when the loop wakes: on Windows nothing else wakes it
HEARD_WITHIN_S = 0.4  # whatever waits hears of a wish four times as soon
GRACE_S = 1.2  # how long an interrupted call may take to clean up behind it before the cell ends without it


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` gives or raises. A cancel of the awaiting task raises KeyboardInterrupt in `work`.

    A bare long `await` would not do: a signal finds it only when the loop wakes.
    """
    interrupt_request = InterruptRequest()
    done, thread = run_in_background(work, "cell", interrupt_request)
    finished = asyncio.wrap_future(done)
    try:
        while not finished.done():
            await asyncio.wait([finished], timeout=WAKE_S)
    except asyncio.CancelledError:
        with contextlib.suppress(asyncio.CancelledError):  # the user interrupts once more: it ends without clean-up
            await _interrupt(thread, interrupt_request, finished)
        if not finished.done():
            _strike(thread, interrupt_request)
            finished.add_done_callback(lambda late: late.exception())  # nobody is there to hear of it
            raise Interrupted(NOT_CONFIRMED, may_run_on=True) from None
    return finished.result()


async def _interrupt(
    thread: threading.Thread, interrupt_request: InterruptRequest, finished: asyncio.Future[T]
) -> None:
    """Gives the work time to clean up behind it.

    What waits hears of the wish. Only what computes is struck from outside, since such an exception can get lost: Python 3.11
    takes a thread that is just being started for the one that starts it, raises it there, and both are stuck for good.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    interrupt_request.make()
    while not finished.done() and loop.time() < began + GRACE_S:
        await asyncio.wait([finished], timeout=WAKE_S)
        if loop.time() >= began + HEARD_WITHIN_S:
            _strike(thread, interrupt_request)


def _strike(thread: threading.Thread, interrupt_request: InterruptRequest) -> None:
    """Unless it has heard of the wish, or will."""
    if (
        thread.ident is not None
        and thread.is_alive()
        and not _starts_another(thread.ident)
        and interrupt_request.take()
    ):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt))


def _starts_another(thread_id: int) -> bool:
    frame = sys._current_frames().get(thread_id)
    while frame is not None and frame.f_code is not threading.Thread.start.__code__:
        frame = frame.f_back
    return frame is not None
