"""Which cell started the code that runs now: a thread, a job of a thread pool or a task may go on when its cell has ended."""

from __future__ import annotations

import contextvars
import functools
import threading
from concurrent import futures
from typing import Any, Callable

ORIGINAL = "_fabric_livy_original"


class Origin:
    """One call of the agent."""

    def __init__(self) -> None:
        self.label = "an earlier cell"
        self._begins_line = True

    def marked(self, text: str) -> str:
        """Text of a cell that has ended: each line begins with its name."""
        lines, mark = text.split("\n"), f"[{self.label}] "
        marked = "\n".join(
            mark + line if (number or self._begins_line) and line else line for number, line in enumerate(lines)
        )
        self._begins_line = not lines[-1]
        return marked


UNKNOWN = Origin()  # of a thread that was not started by Python's `threading`
current: contextvars.ContextVar[Any] = contextvars.ContextVar("fabric_livy_origin", default=None)


def with_origin(function: Callable[..., Any], origin: Any) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*arguments: Any, **options: Any) -> Any:
        token = current.set(origin)
        try:
            return function(*arguments, **options)
        finally:
            current.reset(token)

    return run


def patch_threads() -> None:
    """Once, also where an agent of another version did it before."""
    start: Any = getattr(threading.Thread.start, ORIGINAL, threading.Thread.start)
    submit: Any = getattr(futures.ThreadPoolExecutor.submit, ORIGINAL, futures.ThreadPoolExecutor.submit)

    @functools.wraps(start)
    def start_from(self: Any) -> None:
        origin, run = current.get(), self.run

        def run_for() -> None:
            current.set(origin)  # to the thread's end: an error in it is told after `run`
            run()

        if origin is not None:
            self.run = run_for
        start(self)

    @functools.wraps(submit)
    def submit_from(self: Any, function: Any, *arguments: Any, **options: Any) -> Any:
        return submit(self, with_origin(function, current.get()), *arguments, **options)

    setattr(start_from, ORIGINAL, start)
    setattr(submit_from, ORIGINAL, submit)
    threading.Thread.start = start_from  # type: ignore[method-assign]
    futures.ThreadPoolExecutor.submit = submit_from  # type: ignore[assignment, method-assign]
