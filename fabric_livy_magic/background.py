"""A cell that runs while the notebook goes on: its handle."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fabric_livy_magic.errors import Interrupted, StatementCancelled, WaitTimeout
from fabric_livy_magic.livy.models import Progress, StatementState

if TYPE_CHECKING:
    from fabric_livy_magic.livy.statements import Listener
    from fabric_livy_magic.results import Result

_NUMBERS = itertools.count(1)


class Background:
    """Runs `work` in a thread, with a listener that carries news out and a wish to cancel in."""

    def __init__(self, work: Callable[[Listener], Result], session: str, kind: str) -> None:
        self.number = next(_NUMBERS)
        self.session, self.kind = session, kind
        self._work = work
        self._latest: Progress | None = None
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._cancelling = threading.Event()
        self._done = threading.Event()
        self._began = time.monotonic()
        self._took_s: float | None = None
        threading.Thread(target=self._run, name=f"background-{self.number}", daemon=True).start()

    def _run(self) -> None:
        try:
            self._result = self._work(self._hear)
        except Interrupted as stopped:  # by `cancel`; its text says whether the session confirmed it
            self._error = StatementCancelled(str(stopped))
        except KeyboardInterrupt:
            self._error = StatementCancelled("It was cancelled before the session had it.")
        except BaseException as error:  # noqa: BLE001 - raised by `result`
            self._error = error
        self._took_s = time.monotonic() - self._began
        self._done.set()

    def _hear(self, progress: Progress) -> None:
        self._latest = progress
        if self._cancelling.is_set():
            raise KeyboardInterrupt  # as Ctrl-C in the waiting cell: the statement is cancelled on the session

    # ------------------------------------------------------------------------------------------- for its owner
    @property
    def done(self) -> bool:
        return self._done.is_set()

    @property
    def state(self) -> str:
        """In Livy's words: waiting, running, cancelling, then available, error or cancelled."""
        if self.done:
            cancelled = isinstance(self._error, StatementCancelled)
            ended = StatementState.CANCELLED if cancelled else StatementState.ERROR
            return (ended if self._error else StatementState.AVAILABLE).value
        if self._cancelling.is_set():
            return StatementState.CANCELLING.value
        if self._latest is None or self._latest.subject == "session":
            return StatementState.WAITING.value
        return self._latest.state if self._latest.subject == "statement" else StatementState.RUNNING.value

    @property
    def progress(self) -> float:
        """From 0 to 1, as far as the server tells; 1 only for a result that is there."""
        if self.done:
            return 0.0 if self._error else 1.0
        return (self._latest and self._latest.fraction) or 0.0

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began if self._took_s is None else self._took_s

    def result(self, timeout_s: float | None = None) -> Result:
        """Waits for it. Raises what the cell raised, StatementCancelled after `cancel`, and WaitTimeout after `timeout_s`:
        the statement goes on then, as it does when the waiting is interrupted."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._done.wait(0.1 if until is None else max(0.0, min(0.1, until - time.monotonic()))):
            if until is not None and time.monotonic() >= until:
                raise WaitTimeout(f"Statement {self.number} has not ended after {timeout_s:g} s. It goes on running.")
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def cancel(self) -> None:
        """Returns at once; `state` tells when it is cancelled. Of no effect on one that has ended."""
        self._cancelling.set()

    def __repr__(self) -> str:
        percent = f", {self.progress:.0%}" if not self.done and self.progress else ""
        return f"<statement {self.number} ({self.kind} on {self.session!r}): {self.state}, {self.elapsed_s:.0f} s{percent}>"
