"""Why a session or a batch ended without a request to stop it: Fabric's `errorInfo`, `cancellationReason` and `result`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EndReason:
    """`source` is System, User, Dependency or Unknown. An empty `result` is derived from the other fields."""

    message: str = ""
    code: str = "SESSION_FAILED"
    source: str = "System"
    cancellation_reason: str = ""
    result: str = ""
