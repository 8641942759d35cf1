"""Why a session ended, where it was not asked to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EndReason:
    """`source` is whose fault it is: System, User, Dependency or Unknown. `result` empty follows from the rest."""

    message: str = ""
    code: str = "SESSION_FAILED"
    source: str = "System"
    cancellation_reason: str = ""
    result: str = ""
