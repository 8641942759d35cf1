"""Faults of sessions: a slow start, an end by itself, or the loss of the session."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from fabric_livy_magic.local.faults.reading import FABRIC_STATES
from fabric_livy_magic.local.faults.rules import InjectedSessionFault, own_conf
from fabric_livy_magic.local.spark.end_reason import EndReason

POLL_INTERVAL_S = 0.02
# [FIELD] dbt-fabricspark #189
FALLBACK_REASON = "UserSparkConfigMismatch"
FALLBACK_MESSAGE = (
    "Session falling back to on-demand cluster because no compatible starter pool exists which matches the requested "
    "configurations set by user. Incompatibility reason(s): The following SparkConfs in the SparkSettings are session "
    "immutable and incompatible with the pool: {keys},"
)


class FaultySession(Protocol):
    """What a fault uses of a session."""

    @property
    def active(self) -> bool: ...
    @property
    def statements_finished(self) -> int: ...
    def set_acquisition(self, state: str) -> None: ...
    def enter(self, state: str) -> bool: ...
    def end_as(self, end_reason: EndReason, state: str) -> None: ...


class SessionFaultInjector:
    """Runs the fault of one session. `lose` removes the session from the server."""

    def __init__(self, injected: InjectedSessionFault, lose: Callable[[], None]) -> None:
        self._fault = injected.fault
        self._start_s = injected.start_s
        self._end_s = injected.end_s
        self._lose = lose

    def before_start(self, session: FaultySession) -> None:
        """Passes through the states of the fault, for as long as it says. The session may have ended when it returns."""
        states = self._fault.states
        for state in states:
            if not session.active:
                return
            if state in FABRIC_STATES:
                session.set_acquisition(state)
            else:
                session.enter(state)
            if not self._wait(session, self._start_s / len(states)):
                return
            if self._fault.end and self._fault.end.during == state:
                self._end(session)

    def when_idle(self, session: FaultySession) -> None:
        """Returns at once; a thread ends the session later."""
        if self._fault.end and self._fault.end.during is None:
            threading.Thread(target=self._end_later, args=(session,), name="session-fault", daemon=True).start()

    def _end_later(self, session: FaultySession) -> None:
        end = self._fault.end
        if end is None:
            return
        if end.after_statements is None:
            if self._wait(session, self._end_s):
                self._end(session)
            return
        while session.active and session.statements_finished < end.after_statements:
            time.sleep(POLL_INTERVAL_S)
        if session.active:
            self._end(session)

    def _end(self, session: FaultySession) -> None:
        end = self._fault.end
        assert end is not None
        if end.state == "lost":
            self._lose()
        else:
            session.end_as(end.reason, end.state)

    def _wait(self, session: FaultySession, seconds: float) -> bool:
        """False if the session was ended meanwhile."""
        until = time.monotonic() + seconds
        while session.active and time.monotonic() < until:
            time.sleep(min(POLL_INTERVAL_S, max(0.0, until - time.monotonic())))
        return session.active


def tags_of(injected: InjectedSessionFault, conf: Mapping[str, str]) -> dict[str, str]:
    """What the fault adds to a session's tags."""
    tags: dict[str, str] = {}
    if injected.fault.fallback:
        keys = ",".join(own_conf(conf)) or "spark.livy.session.idle.timeout"
        tags = {"FallbackReasons": FALLBACK_REASON, "FallbackMessages": FALLBACK_MESSAGE.format(keys=keys)}
    return {**tags, **injected.fault.tags}
