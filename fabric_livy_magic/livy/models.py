"""The API's JSON as frozen dataclasses. camelCase and missing keys are handled here; unknown states become UNKNOWN. Their
`repr` has neither code nor output.

All fields of all answers may be missing. Field names: the published swagger of the Fabric Livy API
(SessionResponse, StatementResponse) and Apache Livy's rest-api.md.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from fabric_livy_magic.livy.spark_jobs import LARGE, JobsOfStatement

Json = Mapping[str, Any]


class _State(StrEnum):
    """Servers write states in capitals, in one word, or with underscores; what is none of ours is `unknown`."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        plain = str(value).lower().replace("_", "")
        return next((state for state in cls if state.value.replace("_", "") == plain), cls("unknown"))


class SessionState(_State):
    """Livy's session states, and Fabric's own from before Livy has the session."""

    QUEUED = "queued"
    LIBRARY_PACKAGING = "library_packaging"
    ACQUIRING_SESSION = "acquiring_session"
    ACQUIRING_HIGH_CONCURRENCY_SESSION = "acquiring_high_concurrency_session"
    NOT_SUBMITTED = "not_submitted"
    SUBMITTING = "submitting"
    NOT_STARTED = "not_started"
    STARTING = "starting"
    RECOVERING = "recovering"
    RUNNING = "running"
    IDLE = "idle"
    BUSY = "busy"
    SHUTTING_DOWN = "shutting_down"
    ERROR = "error"
    DEAD = "dead"
    KILLED = "killed"
    SUCCESS = "success"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DELETING = "deleting"
    UNKNOWN = "unknown"

    @property
    def is_ready(self) -> bool:
        return self in {SessionState.IDLE, SessionState.BUSY}

    @property
    def has_ended(self) -> bool:
        return self in _ENDED


_ENDED = {
    SessionState.SHUTTING_DOWN,
    SessionState.ERROR,
    SessionState.DEAD,
    SessionState.KILLED,
    SessionState.SUCCESS,
    SessionState.CANCELLING,
    SessionState.CANCELLED,
    SessionState.FAILED,
    SessionState.DELETING,
}
# Livy has the session, but it is not ready: these states go before an `idle` that another field has too early.
_STARTING = {SessionState.NOT_STARTED, SessionState.STARTING, SessionState.SUBMITTING, SessionState.NOT_SUBMITTED}


class StatementState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    AVAILABLE = "available"
    ERROR = "error"  # in Fabric's contract; Apache Livy answers `available` with an error output
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> StatementState:
        plain = str(value).lower()
        return next((state for state in cls if state.value == plain), cls.UNKNOWN)

    @property
    def is_final(self) -> bool:
        return self in {StatementState.AVAILABLE, StatementState.ERROR, StatementState.CANCELLED}


@dataclass(frozen=True)
class SessionInfo:
    """The state of a session at one time. `id` is text: a GUID on Fabric, digits on Apache Livy."""

    id: str
    state: SessionState
    name: str | None = None
    kind: str | None = None
    app_id: str | None = None
    owner: str | None = None
    artifact_id: str | None = None
    """On Fabric, and as far as the server says it: the id of the lakehouse that the session works in."""
    log: tuple[str, ...] = field(default=(), repr=False)
    reasons: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def from_json(cls, raw: Json) -> SessionInfo:
        return cls(
            id=_text(raw, "id") or "",
            state=_session_state(raw),
            name=_text(raw, "name"),
            kind=_text(raw, "kind"),
            app_id=_text(raw, "appId") or _text(_object(raw, "livyInfo"), "appId"),
            owner=_text(raw, "submitterName") or _text(raw, "owner"),
            artifact_id=_text(raw, "artifactId"),
            log=tuple(str(line) for line in _list(raw, "log")),
            reasons=_reasons(raw, "fabricSessionStateInfo"),
            tags=_object(raw, "tags"),
            raw=raw,
        )

    def age_s(self, now_s: float) -> int | None:
        """Since it was requested, as far as the server says when that was; `now_s` as of `time.time`."""
        return _age_s(self.raw, now_s)

    @property
    def fallback(self) -> str:
        """Why Fabric could not start the session as requested, from its tags; empty where it could."""
        return str(self.tags.get("FallbackMessages") or self.tags.get("FallbackReasons") or "")

    @property
    def start_detail(self) -> str:
        """Where Fabric is with its start, in Fabric's words; empty where it does not say, or says the state once more."""
        return _start_detail(self.raw, self.state.value)

    @property
    def reason(self) -> str:
        """Why it ended, in the server's words; empty where it did not say."""
        return "; ".join(self.reasons)


class BatchState(_State):
    """Livy's states of a batch, and Fabric's own from before Livy has it."""

    QUEUED = "queued"
    LIBRARY_PACKAGING = "library_packaging"
    NOT_SUBMITTED = "not_submitted"
    SUBMITTING = "submitting"
    NOT_STARTED = "not_started"
    STARTING = "starting"
    RECOVERING = "recovering"
    RUNNING = "running"
    IDLE = "idle"
    BUSY = "busy"
    SHUTTING_DOWN = "shutting_down"
    CANCELLING = "cancelling"
    SUCCESS = "success"
    ERROR = "error"
    DEAD = "dead"
    FAILED = "failed"
    EXPIRED = "expired"
    KILLED = "killed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def has_ended(self) -> bool:
        return self is BatchState.SUCCESS or self in _FAILED or self.was_cancelled

    @property
    def was_cancelled(self) -> bool:
        return self in {BatchState.KILLED, BatchState.CANCELLED}


_FAILED = {BatchState.ERROR, BatchState.DEAD, BatchState.FAILED, BatchState.EXPIRED}
# What `result` says of a batch whose state does not say it.
_RESULTS = {"succeeded": BatchState.SUCCESS, "failed": BatchState.FAILED, "cancelled": BatchState.CANCELLED}


@dataclass(frozen=True)
class BatchInfo:
    """The state of a batch at one time, or a line of their list. `id` is text: a GUID on Fabric, digits on Apache Livy."""

    id: str
    state: BatchState
    name: str | None = None
    app_id: str | None = None
    owner: str | None = None
    log: tuple[str, ...] = field(default=(), repr=False)
    reasons: tuple[str, ...] = ()
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def from_json(cls, raw: Json) -> BatchInfo:
        return cls(
            id=_text(raw, "id") or "",
            state=_batch_state(raw),
            name=_text(raw, "name"),
            app_id=_text(raw, "appId") or _text(_object(raw, "livyInfo"), "appId"),
            owner=_text(raw, "submitterName") or _text(raw, "owner"),
            log=tuple(str(line) for line in _list(raw, "log")),
            reasons=_reasons(raw, "fabricBatchStateInfo"),
            raw=raw,
        )

    def age_s(self, now_s: float) -> int | None:
        """See `SessionInfo.age_s`."""
        return _age_s(self.raw, now_s)

    @property
    def start_detail(self) -> str:
        """See `SessionInfo.start_detail`; empty once it runs."""
        return "" if self.state is BatchState.RUNNING else _start_detail(self.raw, self.state.value)

    @property
    def reason(self) -> str:
        """Why it ended, in the server's words; empty where it did not say."""
        return "; ".join(self.reasons)


@dataclass(frozen=True)
class Output:
    """`data` maps MIME type to value. Fields that the server left out or set to null are empty."""

    status: str
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    execution_count: int | None = None
    ename: str = ""
    evalue: str = field(default="", repr=False)
    traceback: tuple[str, ...] = field(default=(), repr=False)
    statement: int | None = None
    """The number of the statement that gave it."""

    @classmethod
    def from_json(cls, raw: Json, statement: int | None = None) -> Output:
        traceback = raw.get("traceback")
        return cls(
            status=str(raw.get("status") or "ok").lower(),
            data=_object(raw, "data"),
            execution_count=_number(raw, "execution_count"),
            ename=str(raw.get("ename") or ""),
            evalue=str(raw.get("evalue") or ""),
            traceback=(traceback,) if isinstance(traceback, str) else tuple(map(str, _list(raw, "traceback"))),
            statement=statement,
        )

    @property
    def text(self) -> str:
        value = self.data.get("text/plain", "")
        return value if isinstance(value, str) else str(value)


@dataclass(frozen=True)
class StatementInfo:
    """The state of a statement at one time. `progress` is 0..1; `started_ms` and `completed_ms` are epoch milliseconds.

    The last three are Apache Livy's; whether Fabric sends them is not established, so each may be None.
    """

    id: int
    state: StatementState
    output: Output | None = None
    source_id: str | None = None
    code: str = field(default="", repr=False)
    progress: float | None = None
    started_ms: int | None = None
    completed_ms: int | None = None

    @classmethod
    def from_json(cls, raw: Json) -> StatementInfo:
        output, number = raw.get("output"), _number(raw, "id")
        return cls(
            id=-1 if number is None else number,
            state=StatementState(raw.get("state", "unknown")),
            output=Output.from_json(output, number) if isinstance(output, Mapping) else None,
            source_id=_text(raw, "sourceId"),
            code=str(raw.get("code") or ""),
            progress=_fraction(raw.get("progress")),
            started_ms=_number(raw, "started") or None,
            completed_ms=_number(raw, "completed") or None,
        )


@dataclass(frozen=True)
class Progress:
    """What a listener gets during a wait. `elapsed_s` counts from the start of this wait."""

    subject: str  # "session", "batch", "statement" or "frame"
    state: str
    elapsed_s: float
    fraction: float | None = None
    detail: str = ""
    statement: JobsOfStatement | None = field(default=None, repr=False, compare=False)
    """Where the server can be asked for the Spark jobs of what is waited for."""


def _session_state(raw: Json) -> SessionState:
    """One state out of three fields (seen by dbt-fabricspark, pulls 158 and 65).

    Early on only `fabricSessionStateInfo` is there, and a refusal by the capacity is reported only there. Later `state`
    and `livyInfo.currentState` may disagree for a moment: an end in either counts, and "still starting" beats "idle".
    """
    fabric = SessionState(_object(raw, "fabricSessionStateInfo").get("state") or "unknown")
    states_named = [raw.get("state"), _object(raw, "livyInfo").get("currentState"), raw.get("livyState")]
    states = [state for value in states_named if value and (state := SessionState(value)) is not SessionState.UNKNOWN]
    if fabric.has_ended and not any(state.is_ready for state in states):
        return fabric
    for wanted in (_ENDED, _STARTING):
        if match := next((state for state in states if state in wanted), None):
            return match
    return states[0] if states else fabric


def _reasons(raw: Json, state_info: str) -> tuple[str, ...]:
    found: list[str] = [str(_object(raw, state_info).get("errorMessage") or "").strip()]
    for entry in _list(raw, "errorInfo"):
        if isinstance(entry, Mapping):
            found.append(" ".join(str(entry[key]) for key in ("errorCode", "message") if entry.get(key)))
    found.append(str(raw.get("cancellationReason") or "").strip())
    texts = dict.fromkeys(text for text in found if text)
    return tuple(text for text in texts if not any(text != other and text in other for other in texts))


def _batch_state(raw: Json) -> BatchState:
    """One state out of five fields. An end in Livy's own words counts first; then `result` and Fabric's own state, which say of
    a batch that never came to Livy why. `Uncertain` says nothing."""
    values = [raw.get("state"), _object(raw, "livyInfo").get("currentState"), raw.get("livyState")]
    states = [state for value in values if value and (state := BatchState(value)) is not BatchState.UNKNOWN]
    fabric = BatchState(_object(raw, "fabricBatchStateInfo").get("state") or "unknown")
    result = _RESULTS.get(str(raw.get("result")).lower(), BatchState.UNKNOWN)
    for state in (*states, result, fabric):
        if state.has_ended:
            # Livy's `success` is that of its process; what Fabric says of the job counts more.
            return result if state is BatchState.SUCCESS and result.has_ended else state
    if fabric is BatchState.CANCELLING:
        return fabric
    return states[0] if states else fabric


def _start_detail(raw: Json, state: str) -> str:
    for key in ("pluginInfo", "schedulerInfo"):
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _text(_object(raw, key), "currentState") or "").lower()
        if words and words not in {"ended", "unknown", state.replace("_", " ")}:
            return words[:60]
    return ""


def _age_s(raw: Json, now_s: float) -> int | None:
    with contextlib.suppress(ValueError, OverflowError):
        submitted = _text(raw, "submittedAt") or _text(_object(raw, "schedulerInfo"), "submittedAt")
        moment = datetime.fromisoformat(submitted or "")
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0, round(now_s - zoned.timestamp()))
    return None


def _object(raw: Json, key: str) -> Json:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(raw: Json, key: str) -> list[Any]:
    value = raw.get(key)
    return value if isinstance(value, list) else []


def _text(raw: Json, key: str) -> str | None:
    value = raw.get(key)
    return None if value is None else str(value)


def _number(raw: Json, key: str) -> int | None:
    value = raw.get(key)
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGE else None


def _fraction(value: object) -> float | None:
    """Compared before it is a float, which not every int can be. NaN is 0."""
    return float(min(1, max(0, value))) if isinstance(value, int | float) else None
