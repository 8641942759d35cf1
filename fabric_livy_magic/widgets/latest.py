"""The latest of what the controls of a view ask for."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future

from fabric_livy_magic.livy.waiting import InterruptRequest, run_in_background

Work = Callable[[], None]


class Latest:
    """Runs in a thread the latest work that it was given. What runs when there is newer work is interrupted, which cancels its
    statement; what still waits then is dropped.

    A callback of a widget runs on the kernel's main thread, where it may not wait. Output is that of the cell which made this object.
    """

    def __init__(self) -> None:
        self._context = contextvars.copy_context()
        self._lock = threading.RLock()
        self._running: InterruptRequest | None = None
        self._waiting: Work | None = None

    def run(self, work: Work) -> None:
        """`work` raises nothing but KeyboardInterrupt."""
        with self._lock:
            if self._running is None:
                self._start(work)
            else:
                self._waiting = work
                self._running.make()

    def _start(self, work: Work) -> None:
        self._running = InterruptRequest()
        future, _ = self._context.copy().run(run_in_background, work, "view", self._running)
        future.add_done_callback(self._ended)

    def _ended(self, done: Future[None]) -> None:
        with self._lock:
            self._running = None
            if self._waiting is not None:
                work, self._waiting = self._waiting, None
                self._start(work)
