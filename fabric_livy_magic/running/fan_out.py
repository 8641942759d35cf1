"""Many codes run side by side on a few REPLs of one high-concurrency session."""

from __future__ import annotations

import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Sequence

from fabric_livy_magic.errors import (
    NOT_CONFIRMED,
    FabricLivyError,
    FrameError,
    Interrupted,
    SessionError,
    SessionLostError,
    SettingsError,
    StatementCancelled,
    StatementError,
    WaitTimeout,
)
from fabric_livy_magic.livy.waiting import INTERRUPT_CHECK_S, InterruptRequest, check_interrupted, run_in_background
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import Result

Run = Callable[[str], Result]
GOES_ON = (StatementError, StatementCancelled, WaitTimeout, FrameError)  # after these a REPL takes the next code
NO_REPL_LEFT = "It was not begun: none of the REPLs is left."
CLEAN_UP_S = 1.2  # for the cancels of an interrupt, which a person waits for
_LOG = logging.getLogger(__name__)


NO_HIGH_CONCURRENCY = (
    "`map` needs a high-concurrency session: `connect(…, high_concurrency=True)`, or `%livy start --high-concurrency`."
)


def on_repl(first: Repl, number: int, run: Callable[[Repl, str], Result]) -> Run:
    """Runs codes on the REPL of that number, `first` being 0; the others are acquired. One that ended is released."""
    if first.pool is None:
        raise SettingsError(NO_HIGH_CONCURRENCY)
    pool = first.pool
    first.ensure_ready()  # it begins the Spark application that the others join
    repl = pool.get(number, first.settings.start_timeout_s) if number else first

    def run_there(code: str) -> Result:
        try:
            return run(repl, code)
        except SessionError:  # it has ended, or its replies cannot be trusted
            pool.release(repl)
            raise

    return run_there


class FanOut:
    """`repl(0)` must be there; the others join as they are acquired, and where one cannot be had the rest run its codes."""

    def __init__(self, codes: Sequence[str], repl: Callable[[int], Run], *, keeps_errors: bool = False) -> None:
        self._codes, self._repl, self._keeps_errors = codes, repl, keeps_errors
        self._waiting = iter(range(len(codes)))
        self._taking = threading.Lock()
        self._ending = False
        self._running: set[int] = set()
        self._ended: dict[int, Result | BaseException] = {}
        self._interrupt_requests: list[InterruptRequest] = []

    def run(self, repls: int) -> list[Result | BaseException]:
        """In the order of the codes. An error ends the whole, once what runs has ended; with `keeps_errors` it stands in
        its place among the results and the rest goes on."""
        work = [self._begin(number) for number in range(min(repls, len(self._codes)))]
        try:
            while not all(one.done() for one in work):
                check_interrupted()
                concurrent.futures.wait(work, timeout=INTERRUPT_CHECK_S)
        except KeyboardInterrupt:
            raise self._cancelled(work) from None
        for one in work:
            one.result()  # raises an error of this class itself
        errors = {index: one for index, one in self._ended.items() if isinstance(one, BaseException)}
        fatal = [index for index, error in errors.items() if not self._keeps_errors or not _is_an_answer(error)]
        if fatal:
            raise errors[min(fatal)]
        return [self._ended.get(index, SessionLostError(NO_REPL_LEFT)) for index in range(len(self._codes))]

    def _begin(self, number: int) -> concurrent.futures.Future[None]:
        interrupt_request = InterruptRequest()
        self._interrupt_requests.append(interrupt_request)
        return run_in_background(lambda: self._work(number), f"fan-out-{number}", interrupt_request)[0]

    def _cancelled(self, work: Sequence[concurrent.futures.Future[None]]) -> Interrupted:
        """What became of each."""
        before = {index for index, one in self._ended.items() if not isinstance(one, BaseException)}
        self._ending = True
        for interrupt_request in self._interrupt_requests:
            interrupt_request.make()
        until = time.monotonic() + CLEAN_UP_S
        concurrent.futures.wait(work, timeout=max(0.0, until - time.monotonic()))
        stopped = [one for _, one in sorted(self._ended.items()) if isinstance(one, Interrupted)]
        stopped += [Interrupted(NOT_CONFIRMED, may_run_on=True)] if self._running else []
        not_begun = len(self._codes) - len(self._ended) - len(self._running)
        counts = f"{len(before)} of {len(self._codes)} had ended, {not_begun} had not begun."
        message = " ".join([counts, *dict.fromkeys(map(str, stopped))])
        return Interrupted(message, may_run_on=any(one.may_run_on for one in stopped))

    def _work(self, number: int) -> None:
        try:
            run = self._repl(number)
        except FabricLivyError as error:  # such as a full capacity
            if number == 0:
                raise
            _LOG.info("REPL %d could not be had (%s); the others do its work", number, type(error).__name__)
            return
        except KeyboardInterrupt:  # nothing was begun on it
            return
        while (index := self._next()) is not None:
            try:
                self._ended[index] = run(self._codes[index])
            except BaseException as error:  # noqa: BLE001 - raised by `run` above, or given as an answer
                self._ended[index] = error
                if not self._keeps_errors:
                    self._ending = True
                if not isinstance(error, GOES_ON):
                    return
            finally:
                self._running.discard(index)

    def _next(self) -> int | None:
        with self._taking:
            index = None if self._ending else next(self._waiting, None)
            if index is not None:
                self._running.add(index)
            return index


def _is_an_answer(error: BaseException) -> bool:
    return isinstance(error, FabricLivyError)
