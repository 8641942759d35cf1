"""The order of a session's cells.

Livy runs statements one after the other, but a cell may be several of them, and what the last line gave is there until the
next cell. So a cell's first statement is sent when the one before it has ended, and cells that run in the background begin in
the order in which they were asked for, not as their threads happen to come.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from fabric_livy_magic.errors import Interrupted
from fabric_livy_magic.livy.waiting import nap

NOT_SENT = "It had not been sent: a cell before it still runs on the session."
LOOK_S = 0.02


class Turn:
    """A place in the queue, from now until it is left; one that nobody holds any more does not hold up the others."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.thread: int | None = None

    def __enter__(self) -> Turn:
        try:
            while self._turns.first() is not self:
                nap(LOOK_S)
        except KeyboardInterrupt:
            self.leave()
            raise Interrupted(NOT_SENT) from None
        self.thread = threading.get_ident()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        self._turns.leave(self)


class Turns:
    """Of one session."""

    def __init__(self) -> None:
        self._queue: deque[weakref.ref[Turn]] = deque()
        self._lock = threading.Lock()

    def take(self) -> Turn:
        turn = Turn(self)
        with self._lock:
            self._queue.append(weakref.ref(turn))
        return turn

    @contextmanager
    def mine(self) -> Iterator[None]:
        """A turn of its own, or the one that this thread has already."""
        first = self.first()
        if first is not None and first.thread == threading.get_ident():
            yield
        else:
            with self.take():
                yield

    def first(self) -> Turn | None:
        with self._lock:
            while self._queue:
                if (turn := self._queue[0]()) is not None:
                    return turn
                self._queue.popleft()
        return None

    def leave(self, turn: Turn) -> None:
        with self._lock:
            self._queue = deque(one for one in self._queue if one() not in {turn, None})
