"""The event loop that a notebook's cells share: `asyncio.create_task` and `get_event_loop` find it also in a cell without `await`.

There it is said to run while it does not, so that `asyncio.run` and `run_until_complete` work in a cell, too. Tasks go on while a
later cell waits, and what is due then runs before and after each cell; between two cells this process only waits for the next one.
"""

from __future__ import annotations

import asyncio
import functools
import time
from asyncio import base_events, events, runners
from contextlib import contextmanager
from typing import Any, Callable, Iterator

MOST_SETTLING_S = 0.05  # a task that never sleeps must not keep a cell from its end
ORIGINAL = "_fabric_livy_original"


class CellLoop:
    loop: asyncio.AbstractEventLoop | None = None


def cell_loop() -> asyncio.AbstractEventLoop:
    """Another one where user code has closed it."""
    if CellLoop.loop is None or CellLoop.loop.is_closed():
        CellLoop.loop = asyncio.new_event_loop()
    return CellLoop.loop


@contextmanager
def within_reach() -> Iterator[None]:
    """While a cell runs."""
    settle()
    events._set_running_loop(cell_loop())
    try:
        yield
    finally:
        events._set_running_loop(None)
        settle()


def settle() -> None:
    """Runs what is due."""
    loop: Any = cell_loop()
    if not any((asyncio.all_tasks(loop), getattr(loop, "_ready", None), getattr(loop, "_scheduled", None))):
        return
    until = time.monotonic() + MOST_SETTLING_S
    loop.run_until_complete(asyncio.sleep(0))
    while getattr(loop, "_ready", None) and time.monotonic() < until:
        loop.run_until_complete(asyncio.sleep(0))


@contextmanager
def out_of_reach() -> Iterator[None]:
    running = events._get_running_loop()
    if running is None or running is not CellLoop.loop or running.is_running():  # a loop that does run
        yield
        return
    events._set_running_loop(None)
    try:
        yield
    finally:
        events._set_running_loop(running)


def runs_a_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        with out_of_reach():
            return function(*arguments, **options)

    setattr(wrapped, ORIGINAL, function)
    return wrapped


def patch_asyncio() -> None:
    """What runs a loop refuses to where one is said to run. Once, also where an agent of another version did it before."""
    for owner, name in (
        (asyncio, "run"),
        (runners, "run"),
        (getattr(runners, "Runner", None), "run"),  # from Python 3.11 on
        (base_events.BaseEventLoop, "run_until_complete"),
        (base_events.BaseEventLoop, "run_forever"),
    ):
        if owner is not None:
            function = getattr(owner, name)
            setattr(owner, name, runs_a_loop(getattr(function, ORIGINAL, function)))
