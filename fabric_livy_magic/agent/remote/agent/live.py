"""What a cell shows while it runs: lines on the standard output of the JVM, which a client reads in the log of Spark's driver.

A Livy server gives a statement's output at its end only. Each line has what is new since the one before; the reply at the end
has everything, so that a line which nobody reads is no loss.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import Any, Iterator

from .events import Seen
from .interrupts import jvm
from .replies import json_text

AFTER_S = 0.8  # a quick cell writes nothing
EVERY_S = 0.35
MOST_CHARACTERS_A_LINE = 256 * 1024  # what is larger is shown at the end
MOST_CHARACTERS = 4 * 1024 * 1024  # of one cell: the log is kept


class LiveOutput:
    """One thread for all cells: each thread that calls the JVM has its own connection, and a thread in the JVM."""

    def __init__(self) -> None:
        self._cell: Any = None  # (channel, call, standard output of the JVM)
        self._enabled = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def written(self, channel: str, call: Any) -> Iterator[None]:
        """While a cell runs. `channel` is the client's name for its lines."""
        gateway = jvm() if channel else None
        if gateway is None:
            yield
            return
        self._cell = (channel, call, gateway.java.lang.System)
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="fabric-livy-live", daemon=True)
            self._thread.start()
        self._enabled.set()
        try:
            yield
        finally:
            self._enabled.clear()
            self._cell = None

    def _write(self) -> None:
        cell: Any = None
        while True:
            self._enabled.wait()
            running = self._cell
            if running is not cell:
                cell, seen, left, number = running, Seen(), MOST_CHARACTERS, 0
                time.sleep(AFTER_S)
                continue
            if cell is not None and left > 0:
                line = self._line(cell, seen, min(left, MOST_CHARACTERS_A_LINE), number)
                left -= len(line)
                number += bool(line)
            time.sleep(EVERY_S)

    def _line(self, cell: Any, seen: Seen, most_characters: int, number: int) -> str:
        """Empty where there is nothing new. The first one says that there will be others."""
        channel, call, system = cell
        try:
            call.guard.drain()
            news = call.output.news(seen, most_characters)
            if number and not news:
                return ""
            text = json.dumps(json.loads(json_text(news)))  # as in a reply, and ASCII: the JVM may write no other
            line = f"[live fabric-livy {channel} {number}] {text}"
            system.out.println(line)
        except Exception:  # noqa: BLE001 - the JVM has ended or is ending; a line that is missing ends what the client reads
            return " "
        return line


live = LiveOutput()
