"""Long work beside an event loop that goes on: in a thread, which an interrupt of the cell reaches within a moment."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

from fabric_livy_magic.errors import NOT_CONFIRMED, Interrupted
from fabric_livy_magic.livy.waiting import in_background

T = TypeVar("T")
WAKE_S = 0.1  # a signal is seen when the loop wakes: on Windows nothing else wakes it
GRACE_S = 1.2  # how long an interrupted call may take to clean up behind it before the cell ends without it


async def in_thread(work: Callable[[], T]) -> T:
    """What `work` gives or raises. A cancel of the awaiting task raises KeyboardInterrupt in `work`.

    A bare long `await` would not do: a signal finds it only when the loop wakes.
    """
    done, thread = in_background(work, "cell")
    finished = asyncio.wrap_future(done)
    try:
        while not finished.done():
            await asyncio.wait([finished], timeout=WAKE_S)
    except asyncio.CancelledError:
        _interrupt(thread)
        await _cleaned_up(finished)
        if not finished.done():
            finished.add_done_callback(lambda late: late.exception())  # nobody is there to hear of it
            raise Interrupted(NOT_CONFIRMED, may_run_on=True) from None
    return finished.result()


async def _cleaned_up(finished: asyncio.Future[T]) -> None:
    """Ends early where the user interrupts once more."""
    loop = asyncio.get_running_loop()
    until = loop.time() + GRACE_S
    with contextlib.suppress(asyncio.CancelledError):
        while not finished.done() and loop.time() < until:
            await asyncio.wait([finished], timeout=WAKE_S)


def _interrupt(thread: threading.Thread) -> None:
    if thread.ident is not None and thread.is_alive():
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt))
