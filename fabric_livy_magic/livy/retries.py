"""How long a refused or broken call is tried again, and which one may be."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from fabric_livy_magic.errors import (
    CapacityError,
    ConnectionFailed,
    FabricLivyError,
    HttpError,
    NotLivyError,
    ThrottledError,
)

LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True)
class RetryPolicy:
    """Times, not tries: for how long a call may fail, and (`throttled_s`) be refused with 429, before that comes out."""

    budget_s: float = 60.0
    throttled_s: float = 600.0
    first_pause_s: float = 0.3

    def pauses(self) -> Iterator[float]:
        """They double, and differ by chance, so that many clients do not come back together."""
        pause_s = self.first_pause_s
        while True:
            yield pause_s * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
            pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)


USUAL = RetryPolicy()
PATIENT = RetryPolicy(budget_s=300.0)
NO_RETRY = RetryPolicy(budget_s=0.0, throttled_s=0.0)


@dataclass
class Tries:
    """What one call has used of its times, each counted from the first failure of that kind."""

    policy: RetryPolicy
    _since: dict[bool, float] = field(default_factory=dict)
    _pauses: Iterator[float] | None = None

    def pause_after(self, error: HttpError, now_s: float) -> tuple[float, bool]:
        """Seconds to wait, as the server told or growing, and whether there is time for it."""
        self._pauses = self._pauses or self.policy.pauses()
        pause_s, throttled = next(self._pauses), isinstance(error, ThrottledError)
        if error.retry_after_s is not None:
            pause_s = error.retry_after_s or pause_s
        budget_s = self.policy.throttled_s if throttled else self.policy.budget_s
        return pause_s, now_s - self._since.setdefault(throttled, now_s) + pause_s <= budget_s


def may_repeat(error: HttpError, *, idempotent: bool, proven: bool, is_loopback: bool) -> bool:
    """`proven`: this address has answered as it should before. Otherwise a person who mistyped it should hear at once."""
    if isinstance(error, ThrottledError):
        return True  # the server says that it did nothing
    if isinstance(error, ConnectionFailed):
        if error.maybe_sent:
            return idempotent
        # A broken network or name server; on this machine it is a server that has ended.
        return proven and error.passes and not is_loopback
    if not idempotent or isinstance(error, CapacityError):
        return False
    if isinstance(error, NotLivyError):
        return proven and (error.status is None or error.status < 300)
    if "IllegalStateException" in str(error):
        return False  # Apache Livy's word for what that session cannot do, now or in a minute
    return error.status == 408 or (error.status is not None and error.status >= 500)


def is_transient(error: FabricLivyError) -> bool:
    """Whether the same call may come through a little later."""
    if isinstance(error, ThrottledError | ConnectionFailed):
        return True
    return isinstance(error, HttpError) and may_have_acted(error)


def may_have_acted(error: HttpError) -> bool:
    """Whether the server may have done what was asked although no usable answer came."""
    if isinstance(error, ConnectionFailed):
        return error.maybe_sent
    return isinstance(error, NotLivyError) or error.status == 408 or (error.status is not None and error.status >= 500)
