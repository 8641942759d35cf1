"""Which failed calls are retried, and for how long."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from fabric_livy_magic.errors import (
    AnswerTooLarge,
    CapacityError,
    ConnectionFailed,
    FabricLivyError,
    HttpError,
    NotLivyError,
    ThrottledError,
)

LONGEST_PAUSE_S = 10.0
# Not the numbers of the module: a notebook that calls `random.seed` counts on their order.
JITTER = random.SystemRandom()


@dataclass(frozen=True)
class RetryPolicy:
    """Limits in seconds, not in retries: how long a call may fail, and (`throttled_s`) be refused with 429, before it raises."""

    budget_s: float = 60.0
    throttled_s: float = 600.0
    first_pause_s: float = 0.3

    def pauses(self) -> Iterator[float]:
        """Exponential, with jitter, so that many clients do not retry at the same time."""
        pause_s = self.first_pause_s
        while True:
            yield pause_s * JITTER.uniform(0.75, 1.25)
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)


USUAL = RetryPolicy()
PATIENT = RetryPolicy(budget_s=300.0)
BRIEF = RetryPolicy(budget_s=4.0, throttled_s=15.0)
NO_RETRY = RetryPolicy(budget_s=0.0, throttled_s=0.0)


@dataclass
class RetryBudget:
    """How much time for retries one call has left, counted from its first failure of each kind."""

    policy: RetryPolicy
    _first_failures_s: dict[bool, float] = field(default_factory=dict)
    _pauses: Iterator[float] | None = None

    def pause_after(self, error: HttpError, now_s: float) -> tuple[float, bool]:
        """Seconds to wait (the server's `Retry-After`, else exponential), and whether there is time for it."""
        self._pauses = self._pauses or self.policy.pauses()
        pause_s, throttled = next(self._pauses), isinstance(error, ThrottledError)
        if error.retry_after_s is not None:
            pause_s = error.retry_after_s or pause_s
        budget_s = self.policy.throttled_s if throttled else self.policy.budget_s
        return pause_s, now_s - self._first_failures_s.setdefault(throttled, now_s) + pause_s <= budget_s


def may_repeat(error: HttpError, *, idempotent: bool, is_verified: bool, is_loopback: bool) -> bool:
    """`is_verified`: this address has answered as a Livy server before. Otherwise it may be mistyped, which is reported at once."""
    if isinstance(error, ThrottledError):
        return True  # the server says that it did nothing
    if isinstance(error, ConnectionFailed):
        if error.maybe_sent:
            return idempotent
        # A network or DNS failure; on this machine it means that the server has ended.
        return is_verified and error.may_pass and not is_loopback
    if not idempotent or isinstance(error, AnswerTooLarge):
        return False
    if isinstance(error, CapacityError):
        return True  # a limit of calls is answered so, too: what was asked about goes on meanwhile
    if isinstance(error, NotLivyError):
        return is_verified and (error.status is None or error.status < 300)
    if "IllegalStateException" in str(error):
        return False  # Apache Livy: the session cannot do this, and a retry does not help
    if error.status == 501:
        return False  # not implemented: no later try is answered otherwise
    return error.status == 408 or (error.status is not None and error.status >= 500)


def is_transient(error: FabricLivyError) -> bool:
    """Whether the same call may succeed a little later."""
    if isinstance(error, ThrottledError | CapacityError | ConnectionFailed):
        return True
    return isinstance(error, HttpError) and may_have_acted(error)


def may_have_acted(error: HttpError) -> bool:
    """Whether the server may have acted although no usable answer came."""
    if isinstance(error, ConnectionFailed):
        return error.maybe_sent
    return (
        isinstance(error, NotLivyError | AnswerTooLarge)
        or error.status == 408
        or (error.status is not None and error.status >= 500)
    )
