"""Statements of one REPL, and their states."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field

from fabric_livy_magic.local.interpreters.outputs import Output

RETAINED = 100  # Livy's `livy.rsc.retained-statements`
FINISHED = frozenset({"available", "cancelled"})


def now_ms() -> int:
    return int(time.time() * 1000)


@dataclass
class Statement:
    """Changed only by its REPL, under the REPL's lock. Times are epoch milliseconds, 0 while not yet."""

    id: int
    code: str
    kind: str
    source_id: str | None = None
    state: str = "waiting"
    output: Output | None = None
    progress: float = 0.0
    started: int = 0
    completed: int = field(default=0)

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    def finish(self, state: str, output: Output | None) -> None:
        self.output = output
        self.progress = 1.0
        self.completed = now_ms()
        self.state = state


class StatementStore:
    """The statements of a REPL: all unfinished ones, and the newest finished ones up to RETAINED.

    With `evicts_unfinished` the oldest are dropped even if they still wait or run, as in Livy.
    """

    def __init__(self, *, evicts_unfinished: bool = False) -> None:
        self._evicts_unfinished = evicts_unfinished
        self._by_id: OrderedDict[int, Statement] = OrderedDict()
        self._next_id = 0

    def add(self, code: str, kind: str, source_id: str | None) -> Statement:
        statement = Statement(self._next_id, code, kind, source_id)
        self._next_id += 1
        self._by_id[statement.id] = statement
        self._evict()
        return statement

    def get(self, statement_id: int) -> Statement | None:
        return self._by_id.get(statement_id)

    def all(self) -> list[Statement]:
        self._evict()  # what has finished since the last one came
        return list(self._by_id.values())

    def _evict(self) -> None:
        surplus = len(self._by_id) - RETAINED
        if surplus > 0:
            for old in [s.id for s in self._by_id.values() if s.finished or self._evicts_unfinished][:surplus]:
                del self._by_id[old]
