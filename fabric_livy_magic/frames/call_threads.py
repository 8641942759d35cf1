"""A few threads for calls to a session. They end with the process: those of `ThreadPoolExecutor` keep it until their calls have
ended, and a call to a session that does not answer may never end."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
from collections.abc import Callable
from typing import Any


class CallThreads:
    def __init__(self, most_threads: int) -> None:
        self._most_threads, self._started = most_threads, 0
        self._idle = threading.Semaphore(0)
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def submit(self, call: Callable[..., Any], *arguments: Any) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(call(*arguments))
            except BaseException as error:  # noqa: BLE001 - the caller's: it is raised there
                future.set_exception(error)

        self._waiting.put(run)
        if not self._idle.acquire(blocking=False) and self._started < self._most_threads:
            self._started += 1
            threading.Thread(target=self._run, name=f"frame-{self._started}", daemon=True).start()
        return future

    def _run(self) -> None:
        while (run := self._waiting.get()) is not None:
            run()
            self._idle.release()

    def end(self) -> None:
        """After what was submitted."""
        for _ in range(self._started):
            self._waiting.put(None)
