"""When sessions time out and are forgotten: the rules of the two dialects, as data."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from fabric_livy_magic.local.sessions.session import Session
from fabric_livy_magic.local.spark.session_request import SessionRequest

FABRIC_IDLE_S = 20 * 60.0
FABRIC_IDLE_CONF = "spark.livy.session.idle.timeout"
LIVY_IDLE_S = 3600.0  # `livy.server.session.timeout`
LIVY_KEEP_ENDED_S = 600.0  # `livy.server.session.state-retain.sec`
UNITS_S = {"us": 1e-6, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


class BadTime(ValueError):  # noqa: N818 - says what is wrong, in Livy's words
    pass


@dataclass(frozen=True)
class Lifetimes:
    """Times in seconds, `inf` for none. All but `idle_s` count whatever the session does."""

    idle_s: Callable[[SessionRequest], float]
    idle_timeout_ends_busy: bool = False
    ttl_s: Callable[[SessionRequest], float] = lambda _request: inf
    heartbeat_timeout_s: Callable[[SessionRequest], float] = lambda _request: inf
    timed_out_stay_listed: bool = True  # as dead, with the reason
    keep_ended_s: float = inf

    def reason_to_end(self, session: Session) -> str | None:
        idle_states = ("idle", "error", "busy") if self.idle_timeout_ends_busy else ("idle", "error")
        if session.state in idle_states and session.idle_s > self.idle_s(session.request):
            return f"no statement for {session.idle_s:.0f} s"
        if session.age_s > self.ttl_s(session.request):
            return f"its ttl of {session.request.ttl} is over"
        if session.since_heartbeat_s > self.heartbeat_timeout_s(session.request):
            return f"no request for it in {session.since_heartbeat_s:.0f} s, and it asked for a heartbeat"
        return None

    def forgets(self, session: Session) -> bool:
        return session.ended and session.ended_s > self.keep_ended_s


def fabric_lifetimes() -> Lifetimes:
    return Lifetimes(idle_s=_fabric_idle_s)


def livy_lifetimes(*, quirks: bool = False) -> Lifetimes:
    """Livy honours `ttl` only where its administrator allows it; here each request's `ttl` counts.

    Livy's idle timeout ends a session in the middle of a long statement, too: here with quirks only.
    """
    return Lifetimes(
        idle_s=lambda request: _livy_s(request.idle_timeout, LIVY_IDLE_S),
        idle_timeout_ends_busy=quirks,
        ttl_s=lambda request: _livy_s(request.ttl, inf),
        heartbeat_timeout_s=lambda request: request.heartbeat_timeout_s if request.heartbeat_timeout_s > 0 else inf,
        timed_out_stay_listed=False,
        keep_ended_s=LIVY_KEEP_ENDED_S,
    )


def _fabric_idle_s(request: SessionRequest) -> float:
    """From the session's conf; an unreadable value is ignored, as Fabric does."""
    try:
        return time_s(request.conf[FABRIC_IDLE_CONF])
    except (KeyError, BadTime):
        return FABRIC_IDLE_S


def _livy_s(text: str | None, default: float) -> float:
    return default if text is None else time_s(text)


def time_s(text: str) -> float:
    """Livy's grammar: a whole number and a unit, milliseconds without one. Raises BadTime."""
    match = re.fullmatch(r"(\d{1,15})\s*([a-z]*)", text.strip().lower(), re.ASCII)
    if not match:
        raise BadTime(f"Invalid time string: {text}")
    if match[2] and match[2] not in UNITS_S:
        raise BadTime(f'Invalid suffix: "{match[2]}"')
    return int(match[1]) * UNITS_S[match[2] or "ms"]
