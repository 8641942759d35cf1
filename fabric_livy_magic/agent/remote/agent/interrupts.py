"""Interrupts Python code of a running cell: the main thread gets the signal of Ctrl-C.

A Livy server cancels Spark jobs only. There are two roads past it:
- A client that has a second REPL of the same Spark application sets a flag through it, a system property of the JVM that both
  share. A thread here polls for the flag of the running cell.
- Apache Livy runs a job in a thread of this process, beside the cell (see `beside`), which calls `InterruptWatcher.interrupt`.
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
AGAIN_S = 0.05  # after a signal that came during a call into the JVM
MOST_S = 10.0  # then the thread that asks is free again


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
        self._sending = threading.Lock()
        self._system: Any = None
        self._previous_handler: Any = None
        self._signal_sent = False
        self._asked = ""  # the request that `interrupt` is to end
        self._enabled = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self, request: str, *, polls: bool) -> Iterator[None]:
        """While a cell runs. It must run in the main thread: only there Python handles signals. `polls`: for the flag."""
        gateway = jvm() if polls else None
        self._previous_handler = signal.getsignal(signal.SIGINT)
        if self._previous_handler is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        handler = self._on_signal
        signal.signal(signal.SIGINT, handler)
        self._system, self._request = gateway and gateway.java.lang.System, request
        if gateway is not None:
            self._begin_polling()
        try:
            try:
                yield
            finally:
                self._request = ""  # from here on a signal raises nothing
        finally:
            self._request = ""  # an interrupt may have come before the other one
            with self._sending:  # so that none is sent once the handler is another
                self._enabled.clear()
            if signal.getsignal(signal.SIGINT) == handler:  # unless the cell has set its own handler
                # Python runs the handler of a signal that has come before it takes another handler.
                signal.signal(signal.SIGINT, self._previous_handler)
            self._signal_sent = False

    def interrupt(self, request: str) -> bool:
        """From another thread: raises KeyboardInterrupt in the cell of that request, once. False where that cell does not run, or not
        any more."""
        until = time.monotonic() + MOST_S
        self._asked = request
        while time.monotonic() < until and self._asked == request:
            if not self._send(request):
                return False
            time.sleep(AGAIN_S)
        return True

    def _send(self, request: str) -> bool:
        """One signal, while that cell runs. False where it does not."""
        with self._sending:
            if not request or request != self._request:
                return False
            self._signal_sent = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            return True

    def _begin_polling(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._poll, name="fabric-livy-interrupts", daemon=True)
            leave_alone(self._thread)
            self._thread.start()
        self._enabled.set()

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
            if is_requested:
                self._send(request)

    def _on_signal(self, number: int, frame: Any) -> None:
        if not self._signal_sent:
            if callable(self._previous_handler):
                self._previous_handler(number, frame)
            return
        self._signal_sent = False
        if not self._request:
            return
        # During a call into the JVM, an exception would leave its reply to the next call. The cancel ends the jobs of that call.
        caller = caller_of_jvm(frame)
        if caller is None:
            self._raise()
        elif sys.gettrace() is None:  # else a debugger traces; the signal is sent again
            caller.f_trace = self._on_return_from_jvm
            sys.settrace(lambda *called: None)

    def _on_return_from_jvm(self, frame: Any, event: str, argument: Any) -> None:
        """The next line of the code that has called into the JVM, or its end."""
        frame.f_trace = None
        sys.settrace(None)
        if self._request:
            self._raise()

    def _raise(self) -> None:
        self._asked = ""
        if self._system is not None:
            self._system.clearProperty(FLAG + self._request)
        raise KeyboardInterrupt


def caller_of_jvm(frame: Any) -> Any:
    """The frame from which the code has called into the JVM; None where it has not."""
    caller = None
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("py4j."):
            caller = frame.f_back
        frame = frame.f_back
    return caller


watcher = InterruptWatcher()
