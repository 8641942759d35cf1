"""An interrupt from outside, for Python code.

A Livy server cancels Spark jobs alone. Where a client has a second REPL of the same Spark application, it sets a flag through
it in the JVM, which both share. A thread here looks for the flag of the running cell and sends the main thread the signal that
Ctrl-C would.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from typing import Any, Iterator

FLAG = "fabric_livy_magic.interrupt."
LOOK_S = 0.25


def jvm() -> Any:
    """None where there is none: no Spark, a context that was stopped, or Spark Connect."""
    context = getattr(sys.modules.get("pyspark"), "SparkContext", None)
    return getattr(getattr(context, "_active_spark_context", None), "_jvm", None)


def interrupt(namespace: dict[str, Any], request: str) -> bool:
    """Asked of another REPL: ends the cell of that request. False where it cannot be told of it."""
    found = jvm()
    if found is None:
        return False
    found.java.lang.System.setProperty(FLAG + request, "1")
    return True


class Watcher:
    """One thread for all cells, since each that speaks to the JVM has a connection, and a thread there, of its own."""

    def __init__(self) -> None:
        self._request = ""
        self._system: Any = None
        self._before: Any = None
        self._sent = False
        self._watching = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def over(self, request: str) -> Iterator[None]:
        """A cell, which must run in the main thread: only there a signal is heard."""
        found = jvm()
        self._before = signal.getsignal(signal.SIGINT)
        if found is None or self._before is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        ours = self._on_signal
        signal.signal(signal.SIGINT, ours)
        self._system, self._request = found.java.lang.System, request
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="fabric-livy-interrupts", daemon=True)
            self._thread.start()
        self._watching.set()
        try:
            yield
        finally:
            self._request, self._sent = "", False
            self._watching.clear()
            if signal.getsignal(signal.SIGINT) == ours:  # otherwise the cell set one of its own
                signal.signal(signal.SIGINT, self._before)

    def _look(self) -> None:
        while True:
            self._watching.wait()
            time.sleep(LOOK_S)  # a short cell costs no call
            request, system = self._request, self._system
            try:
                wanted = bool(request) and system.getProperty(FLAG + request) is not None
            except Exception:  # noqa: BLE001 - the JVM is gone or goes; the cell will hear of that by itself
                self._watching.clear()
                continue
            if wanted and request == self._request:
                self._sent = True
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _on_signal(self, number: int, frame: Any) -> None:
        if not self._sent:
            if callable(self._before):
                self._before(number, frame)
            return
        self._sent = False
        # In the middle of a call into the JVM its answer would be left for the next call. The cancel ends that call's jobs,
        # and the flag is looked at again.
        if self._request and not in_a_call(frame):
            self._system.clearProperty(FLAG + self._request)
            raise KeyboardInterrupt


def in_a_call(frame: Any) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("py4j."):
            return True
        frame = frame.f_back
    return False


watcher = Watcher()
