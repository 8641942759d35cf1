"""Which cells are of one run of the notebook, so that `notebook.exit` ends that run, and no later one. Pure.

No front end says so. JupyterLab sends all cells of Run All at once; VS Code, and nbclient below nbconvert, `jupyter execute` and papermill,
send each when the one before was replied to, VS Code and nbclient within a moment, papermill when it has saved the notebook. A person
who has read how the notebook ended takes longer, or runs a cell again, which a run does not do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

PERSONS_PAUSE_S = 2.0  # VS Code sends the next cell within some 0.3 s, on a slow connection too
HEADLESS_PAUSE_S = 60.0  # papermill saves in between, perhaps to a far storage


@dataclass(frozen=True)
class Ended:
    """`notebook.exit` was called, with `value`, in the cell that front ends show as `[number]`."""

    value: str
    number: int


class NotebookRun:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cells: set[str] = set()
        self._replied_at = -HEADLESS_PAUSE_S
        self._ended: Ended | None = None

    def begin(self) -> None:
        """What comes now is of a new run."""
        self._cells.clear()
        self._ended = None

    def end_before(self, cell: str, *, has_person: bool) -> Ended | None:
        """How the run has ended of which this cell would be; None where the cell is to run. `cell` is its id, else its text.
        `has_person`: the front end takes input."""
        pause = PERSONS_PAUSE_S if has_person else HEADLESS_PAUSE_S
        if self._clock() - self._replied_at > pause or (has_person and cell in self._cells):
            self.begin()
        self._cells.add(cell)
        return self._ended

    def replied(self, ended: Ended | None = None) -> None:
        """To a cell of the run; `ended` where it was the one that ended it."""
        self._replied_at = self._clock()
        self._ended = ended or self._ended
