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

from .debugger import leave_alone
from .events import Seen
from .interrupts import jvm
from .replies import json_text

AFTER_S = 0.8  # a quick cell writes nothing; the client's own pause where that is shorter
MOST_CHARACTERS_A_LINE = 256 * 1024  # what is larger is shown at the end
LAST_WORDS = {"stream": "stderr", "text": "\n[what else this cell shows comes at its end]\n"}


class LiveOutput:
    """One thread for all cells: each thread that calls the JVM has its own connection, and a thread in the JVM."""

    def __init__(self) -> None:
        self._cell: Any = None  # (channel, seconds between two lines, characters of all, call, the JVM)
        self._enabled = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def written(self, pace: Any, call: Any) -> Iterator[None]:
        """While a cell runs. `pace`: the client's name for its lines, the seconds between two of them, and how many characters all
        may have, as the log is kept; None where no client reads."""
        gateway = jvm() if pace else None
        if gateway is None:
            yield
            return
        self._cell = (*pace, call, gateway)
        if self._thread is None:
            self._thread = threading.Thread(target=self._write, name="fabric-livy-live", daemon=True)
            leave_alone(self._thread)
            self._thread.start()
        self._enabled.set()
        try:
            yield
        finally:
            self._enabled.clear()
            self._cell = None

    def _write(self) -> None:
        cell: Any = None
        pause_s = AFTER_S
        while True:
            self._enabled.wait()
            running = self._cell
            if running is not cell:
                cell, pause_s, seen, number = running, min(AFTER_S, running[1]) if running else AFTER_S, Seen(), 0
                left = cell[2] if cell else 0
            elif cell is not None and left > 0:
                is_last = left < MOST_CHARACTERS_A_LINE
                line = self._line(cell, seen, number, is_last)
                left = 0 if is_last else left - len(line)
                pause_s = cell[1]
                number += bool(line)
            time.sleep(pause_s)

    def _line(self, cell: Any, seen: Seen, number: int, is_last: bool) -> str:
        """Empty where there is nothing new. The first one says that there will be others."""
        channel, _, _, call, gateway = cell
        try:
            call.guard.drain()
            news = [LAST_WORDS] if is_last else call.output.news(seen, MOST_CHARACTERS_A_LINE)
            if number and not news:
                return ""
            text = json.dumps(json.loads(json_text(news)))  # as in a reply, and ASCII: the JVM may write no other
            line = f"[live fabric-livy {channel} {number}] {text}"
            gateway.java.lang.System.out.println(line)
        except Exception:  # noqa: BLE001 - the JVM has ended or is ending; a line that is missing ends what the client reads
            return " "
        return line


live = LiveOutput()
