"""The only sleep in the client, and waiting that an interrupt ends.

An interrupt reaches a thread between two steps of its Python code only: a cell's own thread that is held in a system call
(a server that does not answer, a long sleep) would not hear of it. So calls run in threads of their own, and are waited for
in short naps.
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
_interrupt_request: contextvars.ContextVar[InterruptRequest | None] = contextvars.ContextVar("wish", default=None)
TICK_S = 0.5  # a listener hears of the elapsed time this often, also during a long pause
WAKE_S = 0.1  # an interrupt is heard this soon


class InterruptRequest:
    """An interrupt for a thread that no signal reaches (see `in_background`). As with Ctrl-C one `make` ends one wait, so
    that what then cleans up can wait as well."""

    def __init__(self) -> None:
        self.was_made = False
        """Also when it was heard already."""
        self._unheard: collections.deque[None] = collections.deque(maxlen=1)

    def make(self) -> None:
        self.was_made = True
        self._unheard.append(None)

    def take(self) -> bool:
        try:
            self._unheard.pop()
        except IndexError:
            return False
        return True


def check_interrupted() -> None:
    """Raises KeyboardInterrupt where somebody wished this thread's work to end."""
    interrupt_request = _interrupt_request.get()
    if interrupt_request is not None and interrupt_request.take():
        raise KeyboardInterrupt


def interruptible_sleep(seconds: float) -> None:
    """Sleeps so that an interrupt gets through."""
    until = time.monotonic() + seconds
    while (left_s := until - time.monotonic()) > 0:
        check_interrupted()
        time.sleep(min(left_s, WAKE_S))


def run_in_background(
    work: Callable[[], T], name: str = "call", interrupt_request: InterruptRequest | None = None
) -> tuple[concurrent.futures.Future[T], threading.Thread]:
    """Runs `work` in a thread of its own, which no exit of the process waits for, and which hears of `wish` alone."""
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    return future, _start_thread(work, future, name, interrupt_request)


def _start_thread(
    work: Callable[[], T],
    future: concurrent.futures.Future[T],
    name: str = "call",
    interrupt_request: InterruptRequest | None = None,
) -> threading.Thread:
    context = contextvars.copy_context()  # output belongs to the cell that the context names
    context.run(
        _interrupt_request.set, interrupt_request
    )  # but not its wish, which is for its own thread and would be used up here

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


def interruptible_call(call: Callable[[], T], late: Callable[[T | None], None] | None = None) -> T:
    """What `call` gives. After an interrupt the call goes on by itself, and `late` gets what it gave: None if it failed."""
    check_interrupted()
    future: concurrent.futures.Future[T] = concurrent.futures.Future()
    try:
        _start_thread(call, future)
        while not future.done():
            check_interrupted()
            with contextlib.suppress(TimeoutError):
                future.exception(timeout=WAKE_S)
        return future.result()
    except KeyboardInterrupt:  # of a signal, it may come between any two of these lines
        if late is not None:
            # In a thread of its own: the call may have ended already, and `late` may take its time.
            future.add_done_callback(
                lambda done: run_in_background(lambda: late(None if done.exception() else done.result()), "late")
            )
        raise


def result_within(work: Callable[[], T], within_s: float, otherwise: T) -> T:
    """What `work` gives within that time, else `otherwise`; it goes on by itself then."""
    future, _ = run_in_background(work)
    try:
        return future.result(timeout=within_s)
    except TimeoutError:
        if future.done():
            raise
        return otherwise


@dataclass(frozen=True)
class Pauses:
    """Pause before the next look, in seconds: a share of the time already waited.

    A short cell feels instant, since a pause of 8 % adds 4 % on average. A 10-minute statement takes 143 looks: Fabric
    allows an identity some 150 calls a minute for everything it does.
    """

    first_s: float = 0.015
    share: float = 0.08
    most_s: float = 10.0

    def after(self, waited_s: float) -> float:
        return min(self.most_s, max(self.first_s, self.share * waited_s))


# A session takes seconds to minutes; a finer start than this would only cost calls.
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
    """`fetch()` again and again until `done` holds. `first` is a value already at hand (the POST's own answer).

    `on_wait(value, elapsed_s)` is called at least every half second. Raises WaitTimeout after `timeout_s`.
    """
    began = clock()
    # The moment itself: what is left of a time that was waited in parts can be too small to move a clock.
    until = None if timeout_s is None else began + timeout_s
    value = fetch() if first is None else first
    while not done(value):
        now = clock()
        waited_s = now - began
        if until is not None and now >= until:
            raise WaitTimeout(f"Gave up waiting for {what} after {waited_s:.0f} s.")
        left_s = pauses.after(waited_s)
        if until is not None:
            left_s = min(left_s, until - now)
        pause(left_s, sleep, (lambda seen=value: on_wait(seen, clock() - began)) if on_wait else None)  # type: ignore[misc]
        value = fetch()
    return value


def pause(seconds: float, sleep: Callable[[float], None], report: Callable[[], None] | None = None) -> None:
    """`report` is called at least every half second."""
    while seconds > 0:
        if report:
            report()
        nap_s = min(seconds, TICK_S) if report else seconds
        sleep(nap_s)
        seconds -= nap_s
