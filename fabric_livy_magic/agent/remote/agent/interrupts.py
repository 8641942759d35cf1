"""Interrupts Python code of a running cell.

A Livy server cancels Spark jobs only. A client that has a second REPL of the same Spark application sets a flag through it, a
system property of the JVM that both share. A thread here polls for the flag of the running cell and sends the main thread the
signal of Ctrl-C.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from typing import Any, Iterator

from .debugger import leave_alone

FLAG = "fabric_livy_magic.interrupt."
POLL_S = 0.25


def jvm() -> Any:
    """None without Spark, with a stopped context, and with Spark Connect."""
    context = getattr(sys.modules.get("pyspark"), "SparkContext", None)
    return getattr(getattr(context, "_active_spark_context", None), "_jvm", None)


def interrupt(namespace: dict[str, Any], request: str) -> bool:
    """Called in another REPL than the cell of that request, which it ends. False without a JVM to set the flag in."""
    gateway = jvm()
    if gateway is None:
        return False
    gateway.java.lang.System.setProperty(FLAG + request, "1")
    return True


class InterruptWatcher:
    """One thread for all cells: each thread that calls the JVM has its own connection, and a thread in the JVM."""

    def __init__(self) -> None:
        self._request = ""
        self._system: Any = None
        self._previous_handler: Any = None
        self._signal_sent = False
        self._enabled = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self, request: str) -> Iterator[None]:
        """While a cell runs. It must run in the main thread: only there Python handles signals."""
        gateway = jvm()
        self._previous_handler = signal.getsignal(signal.SIGINT)
        if (
            gateway is None
            or self._previous_handler is None
            or threading.current_thread() is not threading.main_thread()
        ):
            yield
            return
        handler = self._on_signal
        signal.signal(signal.SIGINT, handler)
        self._system, self._request = gateway.java.lang.System, request
        if self._thread is None:
            self._thread = threading.Thread(target=self._poll, name="fabric-livy-interrupts", daemon=True)
            leave_alone(self._thread)
            self._thread.start()
        self._enabled.set()
        try:
            yield
        finally:
            self._request, self._signal_sent = "", False
            self._enabled.clear()
            if signal.getsignal(signal.SIGINT) == handler:  # unless the cell has set its own handler
                signal.signal(signal.SIGINT, self._previous_handler)

    def _poll(self) -> None:
        while True:
            self._enabled.wait()
            time.sleep(POLL_S)  # first, so that a short cell costs no call
            request, system = self._request, self._system
            try:
                is_requested = bool(request) and system.getProperty(FLAG + request) is not None
            except Exception:  # noqa: BLE001 - the JVM has ended or is ending; the cell gets an error of its own
                self._enabled.clear()
                continue
            if is_requested and request == self._request:
                self._signal_sent = True
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _on_signal(self, number: int, frame: Any) -> None:
        if not self._signal_sent:
            if callable(self._previous_handler):
                self._previous_handler(number, frame)
            return
        self._signal_sent = False
        # During a call into the JVM, an exception would leave its reply to the next call. The cancel ends the jobs of that
        # call, and the flag is polled again.
        if self._request and not is_in_jvm_call(frame):
            self._system.clearProperty(FLAG + self._request)
            raise KeyboardInterrupt


def is_in_jvm_call(frame: Any) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("py4j."):
            return True
        frame = frame.f_back
    return False


watcher = InterruptWatcher()
