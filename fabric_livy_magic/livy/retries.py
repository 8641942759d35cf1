"""How long a refused or broken call is tried again, and which one may be."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from fabric_livy_magic.errors import CapacityError, ConnectionFailed, HttpError, NotLivyError, ThrottledError

LONGEST_PAUSE_S = 10.0
CAPACITY_PAUSE_S = 15.0


@dataclass(frozen=True)
class RetryPolicy:
    """Times, not tries. `throttled_s` is how long a call bears with 429, `capacity_s` with a full capacity (430)."""

    budget_s: float = 60.0
    throttled_s: float = 600.0
    capacity_s: float = 0.0
    first_pause_s: float = 0.3

    def budget_of(self, error: HttpError) -> float:
        if isinstance(error, ThrottledError):
            return self.throttled_s
        return self.capacity_s if isinstance(error, CapacityError) else self.budget_s

    def pauses(self) -> Iterator[float]:
        """They double, and differ by chance, so that many clients do not come back together."""
        pause_s = self.first_pause_s
        while True:
            yield pause_s * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)


USUAL = RetryPolicy()
NO_RETRY = RetryPolicy(budget_s=0.0, throttled_s=0.0)


def may_repeat(error: HttpError, *, idempotent: bool, proven: bool, is_loopback: bool) -> bool:
    """`proven`: this address has answered as it should before. Otherwise a person who mistyped it should hear at once."""
    if isinstance(error, ThrottledError | CapacityError):
        return True  # the server says that it did nothing
    if isinstance(error, ConnectionFailed):
        if error.maybe_sent:
            return idempotent
        # A broken network or name server; on this machine it is a server that has ended.
        return proven and error.passes and not is_loopback
    if not idempotent:
        return False
    if isinstance(error, NotLivyError):
        return proven and (error.status is None or error.status < 300)
    if "IllegalStateException" in str(error):
        return False  # Apache Livy's word for what that session cannot do, now or in a minute
    return error.status == 408 or (error.status is not None and error.status >= 500)


def may_have_acted(error: HttpError) -> bool:
    """Whether the server may have done what was asked although no usable answer came."""
    if isinstance(error, ConnectionFailed):
        return error.maybe_sent
    return isinstance(error, NotLivyError) or error.status == 408 or (error.status is not None and error.status >= 500)
