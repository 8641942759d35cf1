"""Waiting in tests: for what comes to hold, and by a clock that only `sleep` moves."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

AT_ONCE_S = 10.0
"""A second or less; many times that where the machine has much else to do. What is not at once takes half a minute."""


def eventually(condition: Callable[[], object], within_s: float = 10) -> bool:
    """Whether it comes to hold within that time."""
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


class FakeClock:
    """A clock that only `sleep` moves."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now_s += seconds


def interrupt_after(seconds: float) -> threading.Thread:
    """Ctrl-C as a kernel gets it: SIGINT to the main thread."""

    def send() -> None:
        time.sleep(seconds)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread
