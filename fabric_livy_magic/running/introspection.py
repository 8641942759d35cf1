"""Requests to a session while somebody types (completion, inspection): answered at once, or not at all."""

from __future__ import annotations

import concurrent.futures
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
