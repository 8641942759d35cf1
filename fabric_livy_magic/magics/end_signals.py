"""SIGTERM and SIGHUP end the notebook's sessions, too: VS Code closes a notebook by a signal and never asks for a shutdown."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

WITHIN_S = 2.0  # VS Code sends SIGKILL some seconds later
SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class EndSignals:
    """From `handle` to `release` they call `end` first, then do what they do anyway. Signals that somebody else handles, or that are
    ignored as below `nohup`, stay as they are."""

    def __init__(self, end: Callable[[float], None]) -> None:
        self._end = end
        self._pid = os.getpid()
        self._handled: list[signal.Signals] = []

    def handle(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # Python allows it nowhere else
        self._handled = [one for one in SIGNALS if signal.getsignal(one) is signal.SIG_DFL]
        for one in self._handled:
            signal.signal(one, self._on_signal)
        if hasattr(os, "register_at_fork"):  # not on Windows
            os.register_at_fork(after_in_child=self.release)

    def release(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for one in self._handled:
            if signal.getsignal(one) == self._on_signal:
                signal.signal(one, signal.SIG_DFL)

    def _on_signal(self, number: int, _frame: FrameType | None) -> Any:
        if os.getpid() == self._pid:  # a process that user code forked has no sessions
            # In a thread: the code that was interrupted may hold a lock that is needed.
            thread = threading.Thread(target=self._end, args=(WITHIN_S,), name="end", daemon=True)
            thread.start()
            thread.join(WITHIN_S)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
