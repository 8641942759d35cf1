"""What a cell shows while it runs: lines on the standard output of the JVM, which a client reads in the log of Spark's driver; or
lines that a client of Apache Livy asks for beside the cell (see `beside`).

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
        self._asked: Any = None  # (channel, call, what the client has seen, how many lines that were)
        self._enabled = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def written(self, pace: Any, call: Any) -> Iterator[None]:
        """While a cell runs. `pace`: the client's name for its lines, the seconds between two of them, and how many characters all
        may have, as the log is kept; the name alone where it asks for `news`; None where no client reads."""
        if pace and len(pace) == 1:
            self._asked = [pace[0], call, Seen(), 0]
            try:
                yield
            finally:
                self._asked = None
            return
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

    def news(self, channel: str) -> str:
        """A line of what is new in the cell of that channel; empty where nothing is, or where that cell does not run."""
        asked = self._asked
        if asked is None or asked[0] != channel:
            return ""
        _, call, seen, number = asked
        line = line_of(channel, call, seen, number)
        asked[3] += bool(line)
        return line

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
        """See `line_of`. Written to the standard output of the JVM."""
        channel, _, _, call, gateway = cell
        try:
            line = line_of(channel, call, seen, number, is_last)
            if line:
                gateway.java.lang.System.out.println(line)
        except Exception:  # noqa: BLE001 - the JVM has ended or is ending; a line that is missing ends what the client reads
            return " "
        return line


def line_of(channel: str, call: Any, seen: Seen, number: int, is_last: bool = False) -> str:
    """Empty where there is nothing new. The first one says that there will be others."""
    call.guard.drain()
    news = [LAST_WORDS] if is_last else call.output.news(seen, MOST_CHARACTERS_A_LINE)
    if number and not news:
        return ""
    text = json.dumps(json.loads(json_text(news)))  # as in a reply, and ASCII: the JVM may write no other
    return f"[live fabric-livy {channel} {number}] {text}"


live = LiveOutput()
