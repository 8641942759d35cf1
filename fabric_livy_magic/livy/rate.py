"""Rate limit of one account's calls to one host, shared by all sessions and threads of this process.

Fabric counts the calls of an identity, not of a session, and answers all of them with 429 once there are too many.
"""

from __future__ import annotations

import threading

CALLS_PER_MINUTE = 150  # what Fabric was seen to accept (dbt-fabricspark, pull request 265)
BURST = 30
RESERVED_FOR_COMMANDS = 5  # tokens of the burst: a GET has to wait earlier than a statement or a cancel
KEPT_BY_SPARE_CALLS = (
    RESERVED_FOR_COMMANDS + 3
)  # tokens: a call that nobody waits for leaves them to the polls of a statement


class RateLimiter:
    """A token bucket of at most `calls_per_minute` in any minute, which `Retry-After` closes for a time.

    `now_s` is the caller's monotonic clock, the same for all that share a rate limiter.
    """

    def __init__(self, calls_per_minute: float | None = CALLS_PER_MINUTE) -> None:
        self._per_second = None if calls_per_minute is None else (calls_per_minute - BURST) / 60
        self._tokens = float(BURST)
        self._counted_at_s: float | None = None
        self._closed_until_s = float("-inf")
        self._lock = threading.Lock()
        self.verified_urls: set[str] = set()
        """Base URLs that have answered as a Livy server: a later failure there does not come from a wrong address."""

    def acquire(self, now_s: float, *, is_command: bool) -> float:
        """Seconds to wait before the next `acquire`. 0: the call may be sent, and was counted."""
        with self._lock:
            if now_s < self._closed_until_s:
                return self._closed_until_s - now_s
            if self._per_second is None:
                return 0.0
            self._refill(now_s)
            needed = 1 if is_command else 1 + RESERVED_FOR_COMMANDS
            if self._tokens >= needed - 1e-6:
                self._tokens -= 1
                return 0.0
            return (needed - self._tokens) / self._per_second

    def acquire_spare(self, now_s: float) -> bool:
        """Whether a call that nobody waits for may be sent; it was counted then."""
        with self._lock:
            if now_s < self._closed_until_s:
                return False
            if self._per_second is None:
                return True
            self._refill(now_s)
            if self._tokens < KEPT_BY_SPARE_CALLS + 1:
                return False
            self._tokens -= 1
            return True

    def _refill(self, now_s: float) -> None:
        assert self._per_second is not None
        passed_s = 0.0 if self._counted_at_s is None else max(0.0, now_s - self._counted_at_s)
        self._counted_at_s = now_s
        self._tokens = min(float(BURST), self._tokens + passed_s * self._per_second)

    def closed_for_s(self, now_s: float) -> float:
        return max(0.0, self._closed_until_s - now_s)

    def close_until(self, until_s: float) -> None:
        """No call before that time."""
        with self._lock:
            self._closed_until_s = max(self._closed_until_s, until_s)


_rate_limiters: dict[tuple[str, str], RateLimiter] = {}
_rate_limiters_lock = threading.Lock()


def shared_rate_limiter(host: str, account: str) -> RateLimiter:
    """The rate limiter of that account on that host."""
    with _rate_limiters_lock:
        return _rate_limiters.setdefault((host, account), RateLimiter())
