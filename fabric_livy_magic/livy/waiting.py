"""The only sleep in the client."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fabric_livy_magic.errors import WaitTimeout

T = TypeVar("T")
TICK_S = 0.5  # a listener hears of the elapsed time this often, also during a long pause


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
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """`fetch()` again and again until `done` holds. `first` is a value already at hand (the POST's own answer).

    `on_wait(value, elapsed_s)` is called at least every half second. Raises WaitTimeout after `timeout_s`.
    """
    began = clock()
    value = fetch() if first is None else first
    while not done(value):
        waited_s = clock() - began
        if timeout_s is not None and waited_s >= timeout_s:
            raise WaitTimeout(f"Gave up waiting for {what} after {waited_s:.0f} s.")
        left_s = pauses.after(waited_s)
        if timeout_s is not None:
            left_s = min(left_s, timeout_s - waited_s)
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
