"""Runs of Livy as the Monitoring hub lists them: sessions and batches, also those that have ended. Pure.

Field names: learn.microsoft.com/rest/api/fabric/lakehouse/livy-sessions; any may be missing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fabric_livy_magic.livy.models import BatchInfo, Json, SessionInfo
from fabric_livy_magic.livy.spark_jobs import is_amount

SESSION, BATCH = "session", "batch"
_SECONDS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0, "milliseconds": 0.001}
_ENDED = {
    "succeeded",
    "success",
    "failed",
    "cancelled",
    "dead",
    "killed",
    "error",
    "unknown",
    "shuttingdown",
    "expired",
}


@dataclass(frozen=True)
class RunInfo:
    """`id` is Livy's. `state` is in the server's words: InProgress, Succeeded, Failed, Cancelled, … `submitter` is a name where one is
    known, else an id. Times are since the epoch; `queued_s` before it ran, `ran_s` since."""

    id: str
    state: str
    name: str = ""
    kind: str = ""
    submitter: str = ""
    submitter_id: str = ""
    submitted_s: float | None = None
    ended_s: float | None = None
    queued_s: float | None = None
    ran_s: float | None = None
    reason: str = ""
    app_id: str = ""
    item: str = ""
    raw: Json = field(default_factory=dict, repr=False)

    @property
    def has_ended(self) -> bool:
        return self.ended_s is not None or self.state.lower().replace("_", "") in _ENDED

    @classmethod
    def from_json(cls, raw: Json) -> RunInfo:
        """An entry of Fabric's list."""
        submitter = _object(raw, "submitter")
        return cls(
            id=_text(raw, "livyId"),
            state=_text(raw, "state"),
            name=_text(raw, "livyName"),
            kind=BATCH if "batch" in _text(raw, "jobType").lower() else SESSION,
            submitter=_text(submitter, "displayName"),
            submitter_id=_text(submitter, "id"),
            submitted_s=moment_of(raw.get("submittedDateTime")),
            ended_s=moment_of(raw.get("endDateTime")),
            queued_s=_duration_s(raw.get("queuedDuration")),
            ran_s=_duration_s(raw.get("runningDuration")),
            reason=_text(raw, "cancellationReason"),
            app_id=_text(raw, "sparkApplicationId"),
            item=_text(raw, "itemName"),
            raw=raw,
        )

    @classmethod
    def from_livy(cls, info: SessionInfo | BatchInfo) -> RunInfo:
        """An entry of Livy's own lists. Apache Livy says no times."""
        return cls(
            id=info.id,
            state=info.state.value,
            name=info.name or "",
            kind=BATCH if isinstance(info, BatchInfo) else SESSION,
            submitter=info.owner or "",
            submitter_id=_text(info.raw, "submitterId"),
            submitted_s=moment_of(info.raw.get("submittedAt")),
            ended_s=moment_of(info.raw.get("endedAt")),
            reason=info.reason or _text(info.raw, "errorCode"),
            app_id=info.app_id or "",
            raw=info.raw,
        )


def moment_of(value: Any) -> float | None:
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(str(value or ""))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


def _duration_s(value: Any) -> float | None:
    """`{"value": 180, "timeUnit": "Seconds"}`."""
    raw = value if isinstance(value, Mapping) else {}
    number, unit = raw.get("value"), _SECONDS.get(str(raw.get("timeUnit") or "Seconds").lower())
    return float(number) * unit if unit and number is not None and is_amount(number) else None


def _object(raw: Json, key: str) -> Json:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(raw: Json, key: str) -> str:
    value = raw.get(key)
    return "" if value is None else str(value)
