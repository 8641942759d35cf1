"""The order of a session's cells.

Livy runs statements one after the other, but a cell may be several statements, and the value of its last line is there until
the next cell. So a cell's first statement is sent when the cell before it has ended, and cells that run in the background begin
in the order in which they were submitted, not as their threads happen to run.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from fabric_livy_magic.errors import Interrupted
from fabric_livy_magic.livy.waiting import interruptible_sleep

NOT_SENT = "It had not been sent: a cell before it still runs on the session."
LOOK_S = 0.02


class Place:
    """A place in the queue until it is left; `with` waits until it is the first. One that nobody holds any more is skipped."""

    def __init__(self, queue: CellQueue) -> None:
        self._queue = queue
        self.thread: int | None = None
        """The thread that runs the cell, once it is the first."""

    def __enter__(self) -> Place:
        try:
            while self._queue.first() is not self:
                interruptible_sleep(LOOK_S)
        except KeyboardInterrupt:
            self.leave()
            raise Interrupted(NOT_SENT) from None
        self.thread = threading.get_ident()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        self._queue.leave(self)


class CellQueue:
    """Of one session."""

    def __init__(self) -> None:
        self._places: deque[weakref.ref[Place]] = deque()
        self._lock = threading.Lock()

    def take_place(self) -> Place:
        place = Place(self)
        with self._lock:
            self._places.append(weakref.ref(place))
        return place

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Waits for a place of its own, or uses the one that this thread has already."""
        first = self.first()
        if first is not None and first.thread == threading.get_ident():
            yield
        else:
            with self.take_place():
                yield

    def first(self) -> Place | None:
        with self._lock:
            while self._places:
                if (place := self._places[0]()) is not None:
                    return place
                self._places.popleft()
        return None

    def leave(self, place: Place) -> None:
        with self._lock:
            self._places = deque(one for one in self._places if one() not in {place, None})
