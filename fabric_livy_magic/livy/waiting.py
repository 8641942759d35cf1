"""The only sleep in the client, and waits that an interrupt ends.

An interrupt reaches a thread only between two steps of its Python code, not in a system call such as a long sleep or a
request without an answer. So a request runs in a thread of its own, and its caller waits in short sleeps.
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fabric_livy_magic.errors import WaitTimeout

T = TypeVar("T")
_interrupt_request: contextvars.ContextVar[InterruptRequest | None] = contextvars.ContextVar(
    "interrupt_request", default=None
)
REPORT_INTERVAL_S = 0.5  # a listener gets the elapsed time this often, also during a long pause
INTERRUPT_CHECK_S = 0.1  # an interrupt takes effect within this time


class InterruptRequest:
    """An interrupt for a thread that no signal reaches (see `run_in_background`). As with Ctrl-C one `make` ends one wait, so
    that the clean-up after it can wait as well."""

    def __init__(self) -> None:
        self.was_made = False
        """Stays True after the interrupt took effect."""
        self.interrupt_cell: Callable[[], object] = self.make
        """Does what the front end's interrupt does, which may be more: see the kernel's `in_thread`. From any thread."""
        self._pending: collections.deque[None] = collections.deque(maxlen=1)

    def make(self) -> None:
        self.was_made = True
        self._pending.append(None)

    def take(self) -> bool:
        try:
            self._pending.pop()
        except IndexError:
            return False
        return True


def interrupt_request_of_thread() -> InterruptRequest | None:
    """None in a thread that a signal interrupts."""
    return _interrupt_request.get()


def check_interrupted() -> None:
    """Raises KeyboardInterrupt where an interrupt of this thread was requested."""
    interrupt_request = _interrupt_request.get()
    if interrupt_request is not None and interrupt_request.take():
        raise KeyboardInterrupt


def interruptible_sleep(seconds: float) -> None:
    """Sleeps so that an interrupt gets through."""
    until = time.monotonic() + seconds
    while (pause_s := until - time.monotonic()) > 0:
        check_interrupted()
        time.sleep(min(pause_s, INTERRUPT_CHECK_S))


def run_in_background(
    work: Callable[[], T], name: str = "call", interrupt_request: InterruptRequest | None = None
) -> tuple[concurrent.futures.Future[T], threading.Thread]:
    """Runs `work` in a daemon thread that only `interrupt_request` interrupts."""
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    return future, _start_thread(work, future, name, interrupt_request)


def _start_thread(
    work: Callable[[], T],
    future: concurrent.futures.Future[T],
    name: str = "call",
    interrupt_request: InterruptRequest | None = None,
) -> threading.Thread:
    context = contextvars.copy_context()  # output belongs to the cell that the context names
    # The caller's own interrupt request is not for this thread, which would consume it.
    context.run(_interrupt_request.set, interrupt_request)

    def run() -> None:
        try:
            future.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 - the caller's: it is raised there
            future.set_exception(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError:  # while Python ends there are no new threads
        run()
    return thread


class Overdue(Exception):  # noqa: N818 - what has become of a call
    """Nobody waits for it any more."""


def interruptible_call(
    call: Callable[[], T],
    on_late_answer: Callable[[T | None], None] | None = None,
    is_overdue: Callable[[], bool] = lambda: False,
) -> T:
    """Returns what `call` returns. After an interrupt, and where it `is_overdue` (Overdue), the call goes on, and `on_late_answer`
    gets its result: None if it failed."""
    check_interrupted()
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    try:
        _start_thread(call, future)
        while not future.done():
            check_interrupted()
            with contextlib.suppress(TimeoutError):
                future.exception(timeout=INTERRUPT_CHECK_S)
            if is_overdue() and not future.done():
                raise Overdue
        return future.result()
    except (KeyboardInterrupt, Overdue):  # that of a signal may come between any two of these lines
        if on_late_answer is not None:
            # In a thread of its own: the call may have ended already, and the callback may take long.
            future.add_done_callback(
                lambda done: run_in_background(
                    lambda: on_late_answer(None if done.exception() else done.result()), "late"
                )
            )
        raise


def result_within(work: Callable[[], T], within_s: float, otherwise: T) -> T:
    """Returns what `work` returns within that time, else `otherwise`, while `work` goes on in the background."""
    future, _ = run_in_background(work)
    try:
        return future.result(timeout=within_s)
    except TimeoutError:
        if future.done():
            raise
        return otherwise


class Deadline:
    """The time that a cell has: what it was given, and what is left of it for its next statement. None: no limit."""

    def __init__(self, timeout_s: float | None) -> None:
        self.given_s = timeout_s
        self._until = None if timeout_s is None else time.monotonic() + timeout_s

    @property
    def left_s(self) -> float | None:
        return None if self._until is None else max(0.0, self._until - time.monotonic())


NO_DEADLINE = Deadline(None)


@dataclass(frozen=True)
class Pauses:
    """Pause before the next poll, in seconds: a share of the time already waited.

    A pause of 8 % adds 4 % to a wait on average. A 10-minute statement takes 143 polls; Fabric allows an identity some
    150 calls a minute for everything it does.
    """

    first_s: float = 0.015
    share: float = 0.08
    most_s: float = 10.0

    def after(self, waited_s: float) -> float:
        return min(self.most_s, max(self.first_s, self.share * waited_s))


NEAR_STATEMENT_PAUSES = Pauses(first_s=0.003)  # on this machine a call takes as long, and nobody counts it
# A session takes seconds to minutes, so that shorter pauses would only cost calls.
SESSION_PAUSES = Pauses(first_s=0.1, share=0.08, most_s=5.0)


def wait_until(
    fetch: Callable[[], T],
    done: Callable[[T], bool],
    *,
    first: T | None = None,
    timeout_s: float | None = None,
    what: str = "the answer",
    pauses: Pauses = Pauses(),
    on_wait: Callable[[T, float], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = interruptible_sleep,
) -> T:
    """Polls `fetch()` until `done` holds. `first` is a value already at hand (the POST's own answer).

    `on_wait(value, elapsed_s)` is called at least every half second. Raises WaitTimeout after `timeout_s`.
    """
    began = clock()
    # A point in time, as the rest of a time-out that was waited in parts can be too small to move a clock.
    until = None if timeout_s is None else began + timeout_s
    value = fetch() if first is None else first
    while not done(value):
        now = clock()
        waited_s = now - began
        if until is not None and now >= until:
            raise WaitTimeout(f"Gave up waiting for {what} after {waited_s:.0f} s.")
        pause_s = pauses.after(waited_s)
        if until is not None:
            pause_s = min(pause_s, until - now)
        pause(pause_s, sleep, (lambda seen=value: on_wait(seen, clock() - began)) if on_wait else None)  # type: ignore[misc]
        value = fetch()
    return value


def pause(seconds: float, sleep: Callable[[float], None], report: Callable[[], None] | None = None) -> None:
    """`report` is called at least every half second."""
    while seconds > 0:
        if report:
            report()
        part_s = min(seconds, REPORT_INTERVAL_S) if report else seconds
        sleep(part_s)
        seconds -= part_s
