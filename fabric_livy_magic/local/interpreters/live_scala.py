"""What a Scala cell prints while it runs, as lines on the standard output of the JVM: a client reads them in the log of Spark's driver.

A client asks for them by a comment at the end of the cell, `// [live fabric-livy CHANNEL]`. The lines are those that the agent writes for
PySpark cells (agent/remote/agent/live.py): what is new since the line before, as JSON. Livy has no such thing.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import re
import threading
from collections.abc import Iterator
from typing import Any, Protocol

from py4j.protocol import Py4JError

from fabric_livy_magic.local.interpreters.scala_magics import read_magic

ASKED = re.compile(r"\n// \[live fabric-livy ([0-9a-f]{32})\]\s*\Z")
EVERY_S = 0.35
MOST_BYTES = 1024 * 1024  # of a cell: each look takes the whole output out of the JVM
LAST_WORDS = {"stream": "stderr", "text": "\n[what else this cell shows comes at its end]\n"}


class Output(Protocol):
    """Of the cell that runs; see `ScalaInterpreter`. Called by another thread than the cell's."""

    def output_size(self) -> int: ...
    def output_bytes(self) -> bytes: ...
    def print_line(self, line: str) -> None: ...


def channel_of(code: str) -> tuple[str, str]:
    """The code without the comment, and the channel; that is empty where nobody asks, or where a magic replaces what was printed."""
    match = ASKED.search(code)
    if match is None:
        return code, ""
    code = code[: match.start()]
    return code, "" if any(map(read_magic, code.split("\n"))) else match[1]


@contextlib.contextmanager
def written(output: Output, channel: str) -> Iterator[None]:
    """While a cell runs; no line comes after its end."""
    if not channel:
        yield
        return
    ended = threading.Event()
    writer = threading.Thread(target=Writer(output, channel, ended).run, name="live-scala", daemon=True)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()


class Writer:
    def __init__(self, output: Output, channel: str, ended: threading.Event, every_s: float = EVERY_S) -> None:
        self._output, self._channel, self._ended, self._every_s = output, channel, ended, every_s
        self._read_bytes = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a look may come within a character
        self._lines = 0

    def run(self) -> None:
        while not self._ended.wait(self._every_s):
            try:
                if not self._look():
                    return
            except (Py4JError, OSError):
                return  # the JVM has ended, of which the cell itself tells

    def _look(self) -> bool:
        """False after the last words."""
        if self._output.output_size() > MOST_BYTES:
            self._write(LAST_WORDS)
            return False
        data = self._output.output_bytes()
        text = self._decoder.decode(data[self._read_bytes :])
        self._read_bytes = len(data)
        if text:
            self._write({"n": 1, "stream": "stdout", "text": text})
        return True

    def _write(self, event: dict[str, Any]) -> None:
        self._output.print_line(f"[live fabric-livy {self._channel} {self._lines}] {json.dumps([event])}")
        self._lines += 1
