"""When the jobs of a cell's statements are asked for: from the listener of its progress, off its thread, at a gentle pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.spark_jobs import JobsOfStatement, SparkWork, together
from fabric_livy_magic.livy.waiting import Pauses, run_in_background

FIRST_LOOK_S = 2.0  # a quicker statement costs no call
# Two calls a look: 26 calls in a statement's first minute and 92 in its first ten, beside some 150 for the statement itself.
PAUSES = Pauses(first_s=3.0, share=0.1, most_s=20.0)
LAST_LOOKS_AFTER_S = (0.0, 4.0, 8.0, 16.0)  # once more only where the rate limit had no call to spare
NEAR_PAUSES = Pauses(first_s=0.5, share=0.02, most_s=5.0)

InBackground = Callable[[Callable[[], None], str], object]


class JobWatch:
    """Of one cell. `hear` and `finish` return at once."""

    def __init__(
        self,
        first_look_s: float = FIRST_LOOK_S,
        least_pause_s: float = 0.0,
        in_background: InBackground = run_in_background,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`first_look_s` and `least_pause_s`: for who looks at `work` that late and seldom."""
        self._in_background, self._sleep = in_background, sleep
        self._first_look_s = first_look_s
        self._least_pause_s = least_pause_s
        self._statement: JobsOfStatement | None = None
        self._next_look_s = first_look_s
        self._is_asking = False
        self._asked: list[JobsOfStatement] = []  # in their order
        self._works: dict[int, SparkWork] = {}  # by the place in that list
        self._lock = threading.Lock()

    @property
    def work(self) -> SparkWork:
        """Of all statements of the cell, as last seen."""
        with self._lock:
            return together(self._works[place] for place in sorted(self._works))

    def hear(self, progress: Progress) -> None:
        statement = progress.statement
        if statement is None:
            return
        if statement is not self._statement:
            self._statement, self._next_look_s = statement, self._first_look_s
        if progress.elapsed_s < self._next_look_s or self._is_asking or not statement.may_ask:
            return
        pause_s = (NEAR_PAUSES if statement.is_near else PAUSES).after(progress.elapsed_s)
        self._next_look_s = progress.elapsed_s + max(pause_s, self._least_pause_s)
        if not any(one is statement for one in self._asked):
            self._asked.append(statement)
        self._is_asking = True
        self._in_background(lambda: self._look(statement), "jobs")

    @property
    def is_postponed(self) -> bool:
        """Whether the rate limit had no call to spare, so that what Spark did is known only later."""
        return any(one.is_postponed for one in self._asked)

    def finish(self, on_answer: Callable[[SparkWork], None]) -> None:
        """After the cell: its statements that were looked at are looked at once more, and `on_answer` gets what they did, from
        another thread. Of a cell without jobs it hears nothing."""
        asked = [(place, one) for place, one in enumerate(self._asked) if place in self._works or one.is_postponed]
        if not asked:
            return

        def look() -> None:
            left = asked
            for pause_s in LAST_LOOKS_AFTER_S:
                if pause_s:
                    self._sleep(pause_s)
                for place, statement in left:
                    self._keep(place, statement.ask(is_final=True))
                left = [(place, one) for place, one in left if one.is_postponed]
                if not left:
                    break
            if (work := self.work).jobs and work.is_final:
                on_answer(work)

        self._in_background(look, "jobs")

    def _look(self, statement: JobsOfStatement) -> None:
        try:
            place = next(place for place, one in enumerate(self._asked) if one is statement)
            self._keep(place, statement.ask())
        finally:
            self._is_asking = False

    def _keep(self, place: int, work: SparkWork | None) -> None:
        with self._lock:
            known = self._works.get(place)
            if work is not None and work.jobs and not (known and known.is_final):
                self._works[place] = work
