"""The outputs of a PySpark cell while it runs, from lines of the agent (remote/agent/live.py): in the driver's log, or on Apache Livy
asked for beside the cell.

They are for the eye: the reply at the cell's end has them all, and says by their numbers which of them are known already.
"""

from __future__ import annotations

import contextlib
import math
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

from fabric_livy_magic.agent.client import is_event
from fabric_livy_magic.errors import FabricLivyError, ThrottledError
from fabric_livy_magic.livy.client import LIVE_LINE
from fabric_livy_magic.livy.driver_log import DriverLog
from fabric_livy_magic.livy.json_answers import read_json
from fabric_livy_magic.livy.waiting import run_in_background
from fabric_livy_magic.running.agent_calls import part_of
from fabric_livy_magic.running.beside import Beside
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import Cleared, Part

News: TypeAlias = Part | Cleared
OnOutput: TypeAlias = Callable[[Sequence[News]], None]

FIRST_LOOK_S = 2.5  # a quicker cell costs no call
PAUSE_S = 2.0  # while something comes; doubled each time that nothing does
LONGEST_PAUSE_S = 15.0
NEAR_PAUSE_S = 0.4  # a server on this machine has calls to spare
NEAR_FIRST_PAUSE_S = 0.2  # until something has come: the first line is what a person waits for
LINES = (PAUSE_S, 16 * 1024 * 1024)  # seconds between two, characters of all of a cell
NEAR_LINES = (0.35, 128 * 1024 * 1024)
ANSWER_WITHIN_S = 5.0  # for lines beside a cell
LOOKS_WITHOUT_A_SIGN = 4  # then this server's log is not that of our lines, or comes too late
LINE = re.compile(re.escape(LIVE_LINE).encode() + rb"([0-9a-f]{32}) ([0-9]{1,9})\] (.*)")


SCALA_REQUEST = re.compile(r"\n// \[live fabric-livy [0-9a-f]{32}\]\s*\Z")


def asking(scala: str, channel: str) -> str:
    """The code of a Scala cell with the comment by which an embedded Fabric writes the lines (local/interpreters/live_scala.py)."""
    return f"{scala}\n// {LIVE_LINE}{channel}]"


def as_written(scala: str) -> str:
    """Without that comment."""
    return SCALA_REQUEST.sub("", scala)


@contextlib.contextmanager
def followed(repl: Repl, on_output: OnOutput | None, *, near_alone: bool = False) -> Iterator[Sequence[Any]]:
    """While a cell runs. Gives what its agent is to know: see `written` in remote/agent/live.py; empty where nobody looks, or where
    there is no such log. `near_alone`: only on an embedded Fabric, whose server writes the lines itself."""
    log = DriverLog(repl.remote.monitoring)
    if on_output is not None and repl.beside.may_ask and not near_alone:
        channel = uuid.uuid4().hex
        reader = Reader(CellLines(repl.beside, channel), on_output, channel=channel, most_empty=math.inf)
        pace: Sequence[Any] = (channel,)
    elif on_output is None or not log.may_ask or (near_alone and not log.is_near):
        yield ()
        return
    else:
        reader = Reader(log, on_output)
        pace = (reader.channel, *(NEAR_LINES if log.is_near else LINES))
    run_in_background(reader.read, "live")
    try:
        yield pace
    finally:
        reader.stop()


class Log(Protocol):
    """See `DriverLog`."""

    @property
    def is_near(self) -> bool: ...
    def read(self) -> list[bytes]: ...
    def is_missing(self) -> None: ...


class CellLines:
    """The lines of one cell, asked for beside it. None of them are there while it waits for its turn."""

    def __init__(self, beside: Beside, channel: str) -> None:
        self._beside, self._channel = beside, channel

    @property
    def is_near(self) -> bool:
        return self._beside.is_near

    def is_missing(self) -> None:
        """A server that has no jobs says so itself."""

    def read(self) -> list[bytes]:
        line = self._beside.value("news", self._channel, within_s=ANSWER_WITHIN_S)
        return [line.encode()] if isinstance(line, str) else []


class Reader:
    """`on_output` is called by another thread, and not once `stop` has returned. `most_empty`: so many looks before the first line."""

    def __init__(
        self,
        log: Log,
        on_output: OnOutput,
        wait: Callable[[float], bool] | None = None,
        *,
        channel: str | None = None,
        most_empty: float = LOOKS_WITHOUT_A_SIGN,
    ) -> None:
        self.channel = channel or uuid.uuid4().hex
        self._most_empty = most_empty
        self._log, self._on_output = log, on_output
        self._lines = 0
        self._stopped = threading.Event()
        self._wait = wait or self._stopped.wait
        self._lock = threading.Lock()

    def stop(self) -> None:
        self._stopped.set()
        with self._lock:
            pass

    def read(self) -> None:
        pause_s = NEAR_FIRST_PAUSE_S if self._log.is_near else FIRST_LOOK_S
        looks = 0
        while not self._wait(pause_s):
            news: list[News] = []
            try:
                news = [one for line in self._log.read() for one in self._news(line)]
            except ThrottledError:
                pass  # the next look is later
            except (_OutOfStep, FabricLivyError):
                return
            with self._lock:
                if self._stopped.is_set():
                    return
                if news:
                    self._on_output(news)
            looks += 1
            if self._log.is_near:
                pause_s = NEAR_PAUSE_S if self._lines else NEAR_FIRST_PAUSE_S
                continue
            if not self._lines and looks >= self._most_empty:
                self._log.is_missing()
                return
            pause_s = PAUSE_S if news else min(2 * pause_s, LONGEST_PAUSE_S)

    def _news(self, line: bytes) -> list[News]:
        """Raises _OutOfStep where a line before it is missing."""
        match = LINE.search(line)
        if match is None or match[1].decode() != self.channel:
            return []
        if int(match[2]) != self._lines:
            raise _OutOfStep
        self._lines += 1
        try:
            events = read_json(match[3], float)
        except ValueError:
            raise _OutOfStep from None
        if not isinstance(events, list):
            raise _OutOfStep
        return [Cleared() if event == {"clear": True} else part_of(event) for event in events if _is_known(event)]


class _OutOfStep(Exception):  # noqa: N818 - the cell's end tells the rest
    pass


def _is_known(event: object) -> bool:
    return event == {"clear": True} or is_event(event)
