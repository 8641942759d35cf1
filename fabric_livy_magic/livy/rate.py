"""How often one account may call one host: shared by all sessions and threads of this process.

Fabric counts the calls of an identity, not of a session, and answers all of them with 429 once there are too many.
"""

from __future__ import annotations

import threading

CALLS_PER_MINUTE = 150  # what Fabric was seen to bear (dbt-fabricspark, pull request 265)
BURST = 30
FOR_COMMANDS = 5  # of the burst: a look waits sooner than a statement or a cancel does


class Pace:
    """A token bucket, of which no minute gives more than `calls_per_minute`, behind a gate that `Retry-After` closes.

    `now_s` is the caller's monotonic clock, the same for all that share a pace.
    """

    def __init__(self, calls_per_minute: float | None = CALLS_PER_MINUTE) -> None:
        self._per_second = None if calls_per_minute is None else (calls_per_minute - BURST) / 60
        self._tokens = float(BURST)
        self._counted_at_s: float | None = None
        self._closed_until_s = float("-inf")
        self._lock = threading.Lock()
        self.proven: set[str] = set()
        """Base addresses that have answered as they should: what goes wrong there now is no wrong address."""

    def take(self, now_s: float, *, is_command: bool) -> float:
        """Seconds to wait before asking again. 0: the call may go, and was counted."""
        with self._lock:
            if now_s < self._closed_until_s:
                return self._closed_until_s - now_s
            if self._per_second is None:
                return 0.0
            passed_s = 0.0 if self._counted_at_s is None else max(0.0, now_s - self._counted_at_s)
            self._counted_at_s = now_s
            self._tokens = min(float(BURST), self._tokens + passed_s * self._per_second)
            needed = 1 if is_command else 1 + FOR_COMMANDS
            if self._tokens >= needed - 1e-6:
                self._tokens -= 1
                return 0.0
            return (needed - self._tokens) / self._per_second

    def closed_for_s(self, now_s: float) -> float:
        return max(0.0, self._closed_until_s - now_s)

    def close(self, until_s: float) -> None:
        """No call of anybody before that moment."""
        with self._lock:
            self._closed_until_s = max(self._closed_until_s, until_s)


_paces: dict[tuple[str, str], Pace] = {}
_paces_lock = threading.Lock()


def shared_pace(host: str, account: str) -> Pace:
    """The one pace of that account on that host."""
    with _paces_lock:
        return _paces.setdefault((host, account), Pace())
