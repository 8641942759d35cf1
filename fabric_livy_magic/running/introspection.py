"""Requests to a session while somebody types (completion, inspection): answered at once, or not at all."""

from __future__ import annotations

import concurrent.futures
import re
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from fabric_livy_magic.errors import FabricLivyError

if TYPE_CHECKING:
    from fabric_livy_magic.livy.sessions import StandardSession

T = TypeVar("T")
ANSWER_WITHIN_S = 1.2  # VS Code gives a completion 2 s
LATE_S = 5.0  # for an answer that is kept for the next request

KEPT_S = 30.0  # then the names may be others
_WORD = re.compile(r"\w*\Z")


class KeptCandidates:
    """The latest answer of Livy's own completion, which may come too late for its key: it is good for the next ones of the same word."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: tuple[str, str, list[str], float] = ("", "", [], -KEPT_S)

    def keep(self, before: str, kind: str, found: list[str]) -> None:
        self._kept = (before, kind, found, self._clock())

    def of(self, before: str, kind: str) -> list[str] | None:
        """None where it is of another place or too old."""
        asked, of_kind, found, at_s = self._kept
        word, asked_word = (_WORD.search(text)[0] for text in (before, asked))  # type: ignore[index]
        place = before[: len(before) - len(word)]
        is_same = kind == of_kind and word.startswith(asked_word) and place == asked[: len(asked) - len(asked_word)]
        if not is_same or self._clock() - at_s >= KEPT_S or not asked:
            return None
        return [one for one in found if one.startswith(word)]


class Introspection:
    """Of one session. One request at a time; the answer is None where a cell runs, or where it does not come in time."""

    def __init__(self, remote: StandardSession) -> None:
        self._remote = remote
        self._asking = threading.Lock()

    def ask(
        self, request: Callable[[float], T], most_s: float = ANSWER_WITHIN_S, *, beside_cells: bool = False
    ) -> T | None:
        """`request` gets the seconds that it has. It may go on for `most_s` when nobody waits for its answer any more. `beside_cells`: it
        waits for no cell."""
        until = time.monotonic() + ANSWER_WITHIN_S
        # A Tab renews no token: that may run a program, or open a browser. The next cell does.
        if (
            (self.is_busy and not beside_cells)
            or not self._remote.ready
            or not self._remote.client.http.has_sign_in
            or not self._asking.acquire(timeout=ANSWER_WITHIN_S)
        ):
            return None
        answer: concurrent.futures.Future[T | None] = concurrent.futures.Future()

        def run() -> None:
            try:
                answer.set_result(
                    None
                    if self.is_busy and not beside_cells
                    else request(max(0.1, until - time.monotonic() + most_s - ANSWER_WITHIN_S))
                )
            except (FabricLivyError, KeyboardInterrupt):  # of a statement that was cancelled at its time-out
                answer.set_result(None)
            finally:
                self._asking.release()

        threading.Thread(target=run, name="introspection", daemon=True).start()
        try:
            return answer.result(timeout=max(0.0, until - time.monotonic()))
        except concurrent.futures.TimeoutError:
            return None

    @property
    def is_busy(self) -> bool:
        return not self._remote.ready or self._remote.running_statements > 0
