"""The file of `serve --faults FILE`: what goes wrong, for which requests and sessions, and how often.

seed = 7                         # of all random choices; by default a new one, which the start prints

[[requests]]                     # tried from top to bottom; the first that applies decides, and the others do not count it
method = "POST"                  # or a list; by default each
path = "/sessions"               # how the path ends, in either dialect; * is one part of it, ** any number of parts
after = 2                        # the first 2 that match are let through; default: 0
times = 3                        # applies so often; default: without end
share = 0.5                      # applies to this share of them, at random; default: 1, each
per = "path"                     # after and times count for each path, or "token": for each token; default: "all"
delay_s = 0.5                    # waits before the work; [0.5, 2] is anything between
stall_s = 2                      # waits before the last byte of the answer
                                 # then one of the following, or nothing: after a rule that only waits those below are tried, too
status = 429                     # 1. an answer of this status, instead of the work
after_work = true                #    the work is done, but this is the answer
error_code = "RequestBlocked"    #    of Fabric's error body, and its
message = "…"                    #    by default the usual ones of the status
retry_after_s = 5                #    or a range
retry_after = "date"             #    header with an HTTP date; "body": only the message has the time; default: "seconds"
body = "html"                    #    a gateway's page, or "empty"; default: "error", as the dialect writes errors
headers = { Location = "/" }     #    more headers
connection = "close"             # 2. no answer, also after_work; "reset": by TCP RST; "cut": half of the answer, then closed
answer = "html"                  # 3. the work's status with a page; "empty"; "half": half of its JSON;
                                 #    "null-output": a finished statement without its output; "error-state": in state Error

[[sessions]]                     # the first that applies to a new session decides, also to a high-concurrency one
name = "etl-*"                   # of the session; default: each
own_conf = true                  # only those whose conf has a key that no starter pool allows
after = 0                        # these three as above
times = 1
share = 1.0
start.seconds = 9                # before Spark starts, or a range, or inf; spread over
start.states = ["queued"]        # any of Fabric's and then of Livy's; default: queued … acquiringSession
fallback = true                  # tags with the reason why no starter pool was used
tags = { key = "value" }         # more tags
end.during = "acquiringSession"  # ends in this state of its start, or
end.after_s = 30                 # after it was idle first, or
end.after_statements = 2         # when so many are finished
end.state = "killed"             # default: dead, in Fabric's own states error; also error, success, cancelled,
                                 # and "lost": the server no longer knows the session
end.message = "…"                # of errorInfo and fabricSessionStateInfo
end.error_code = "…"             # of errorInfo, and its
end.source = "User"              # System, User, Dependency or Unknown
end.cancellation_reason = "…"
end.result = "Uncertain"         # default: follows from the rest
"""

from __future__ import annotations

import itertools
import math
import re
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.faults.rules import (
    AnswerFault,
    ConnectionFault,
    Faults,
    RequestFault,
    SessionEnd,
    SessionFault,
    Span,
    StatusFault,
    When,
    path_pattern,
)
from fabric_livy_magic.local.spark.end_reason import EndReason

ACQUIRING = ("queued", "libraryPackaging", "acquiringSession")
FABRIC_STATES = (*ACQUIRING, "cancelling", "unknown")
LIVY_STATES = ("not_submitted", "submitting", "not_started", "starting", "recovering", "running")
ACQUISITION_ENDS = ("error", "cancelled")
ENDS = ("dead", "killed", "error", "success", "lost")
SOURCES = ("System", "User", "Dependency", "Unknown")
RESULTS = ("Uncertain", "Succeeded", "Failed", "Cancelled")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
ANSWERS = ("html", "empty", "half", "null-output", "error-state")
BODILESS = (204, 304)
MESSAGES = {
    "dead": "The session died.",
    "killed": "The session was killed.",
    "error": "The session failed.",
    "cancelled": "The session was cancelled.",
}
WHEN_KEYS = ("after", "times", "share")
WAITS = ("delay_s", "stall_s")
STATUS_KEYS = ("error_code", "message", "retry_after_s", "retry_after", "body", "headers")
FRAMING = ("content-length", "transfer-encoding", "connection")
HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
HEADER_VALUE = re.compile(r"[ -~]*")


class BadFaults(ValueError):  # noqa: N818 - says what is wrong
    """The message has the position in the file."""


def read_faults(file: Path) -> Faults:
    """Raises BadFaults or OSError."""
    try:
        content = tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as problem:
        raise BadFaults(f"{file} cannot be read: {problem}") from problem
    try:
        return faults_of(content)
    except BadFaults as problem:
        raise BadFaults(f"{file}: {problem}") from problem


def faults_of(content: Mapping[str, Any]) -> Faults:
    table = _Table(content, "the file", ("seed", "requests", "sessions"))
    seed = table.whole("seed", 0) if table.has("seed") else secrets.randbelow(2**31)
    requests = [_request(one, f"requests[{position}]") for position, one in enumerate(table.tables("requests"))]
    sessions = [_session(one, f"sessions[{position}]") for position, one in enumerate(table.tables("sessions"))]
    return Faults(requests, sessions, seed)


# ------------------------------------------------------------------------------------------------ requests
def _request(content: Any, where: str) -> RequestFault:
    kinds = ("status", "connection", "answer")
    known = ("method", "path", *WHEN_KEYS, "per", *WAITS, "after_work", *kinds, *STATUS_KEYS)
    table = _Table(content, where, known)
    chosen = [kind for kind in kinds if table.has(kind)]
    if len(chosen) > 1:
        raise table.wrong(f"{chosen[0]} and {chosen[1]} are two faults; make them two rules")
    if not chosen and not any(table.has(wait) for wait in WAITS):
        raise table.wrong("status, connection, answer, delay_s or stall_s is needed: what is to happen")
    if chosen != ["status"] and (unexpected := [key for key in STATUS_KEYS if table.has(key)]):
        raise table.wrong(f"{unexpected[0]} belongs to a status, which is not there")
    after_work = table.flag("after_work")
    if after_work and chosen not in (["status"], ["connection"]):
        raise table.wrong("after_work belongs to a status or a connection")
    action: StatusFault | ConnectionFault | AnswerFault | None = None
    if chosen == ["status"]:
        action = _status(table)
    elif chosen == ["connection"]:
        action = ConnectionFault(table.one_of("connection", ("close", "reset", "cut")))
    elif chosen == ["answer"]:
        action = AnswerFault(table.one_of("answer", ANSWERS))
    path = table.text("path", "**")
    if not path.strip("/"):
        raise table.wrong("path is the end of one, such as /sessions/*")
    return RequestFault(
        rule=where,
        methods=frozenset(table.some_of("method", METHODS)),
        path=path_pattern(path),
        when=_when(table, table.one_of("per", ("all", "path", "token"), "all")),
        delay=table.span("delay_s") or Span(),
        stall=table.span("stall_s") or Span(),
        after_work=after_work or isinstance(action, AnswerFault) or action == ConnectionFault("cut"),
        action=action,
    )


def _status(table: _Table) -> StatusFault:
    status = table.whole("status", 200)
    if status > 599:
        raise table.wrong("status is a number from 200 to 599")
    body = table.one_of("body", ("error", "message", "html", "empty"), "empty" if status in BODILESS else "error")
    if status in BODILESS and body != "empty":
        raise table.wrong(f'an answer of status {status} has no body: "empty" is the only one')
    retry_after = table.span("retry_after_s")
    if table.has("retry_after") and retry_after is None:
        raise table.wrong("retry_after needs retry_after_s: how long")
    headers = table.texts("headers")
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise table.wrong(f"{name!r} with this value is no header")
        if name.lower() in FRAMING:
            raise table.wrong(f"{name} follows from the body; connection and answer are for broken ones")
    return StatusFault(
        status=status,
        error_code=table.text("error_code", ""),
        message=table.text("message", ""),
        body=body,
        retry_after=retry_after,
        retry_after_form=table.one_of("retry_after", ("seconds", "date", "body"), "seconds"),
        headers=headers,
    )


def _when(table: _Table, per: str = "all") -> When:
    share = table.number("share", 1.0)
    if share > 1:
        raise table.wrong("share is a number from 0 to 1")
    times = table.whole("times", 1) if table.has("times") else None
    return When(after=table.whole("after", 0, 0), times=times, share=share, per=per)


# ------------------------------------------------------------------------------------------------ sessions
def _session(content: Any, where: str) -> SessionFault:
    table = _Table(content, where, ("name", "own_conf", *WHEN_KEYS, "start", "fallback", "tags", "end"))
    start = _Table(table.get("start", {}), f"{where}.start", ("seconds", "states"))
    states = start.some_of("states", (*FABRIC_STATES, *LIVY_STATES)) or ACQUIRING
    if any(before in LIVY_STATES and after in FABRIC_STATES for before, after in itertools.pairwise(states)):
        raise start.wrong("states of Fabric come before those of Livy, as a session has none before it has a cluster")
    seconds = start.span("seconds", endless=True)
    end = _end(_Table(table.get("end"), f"{where}.end", END_KEYS), states) if table.has("end") else None
    fault = SessionFault(
        rule=where,
        name=table.text("name", "*"),
        own_conf=table.flag("own_conf"),
        when=_when(table),
        start=seconds or Span(),
        states=states if table.has("start") or (end and end.during) else (),
        fallback=table.flag("fallback"),
        tags=table.texts("tags"),
        end=end,
    )
    if not (fault.states or fault.fallback or fault.tags or fault.end):
        raise table.wrong("start, fallback, tags or end is needed: what is to happen")
    return fault


END_KEYS = (
    *("during", "after_s", "after_statements"),
    *("state", "message", "error_code", "source", "cancellation_reason", "result"),
)


def _end(table: _Table, states: tuple[str, ...]) -> SessionEnd:
    moments = [key for key in ("during", "after_s", "after_statements") if table.has(key)]
    if len(moments) != 1:
        raise table.wrong("one of during, after_s and after_statements is needed: when it ends")
    during = table.one_of("during", states) if moments == ["during"] else None
    in_fabric = during in FABRIC_STATES
    default = "error" if in_fabric else "dead"
    state = table.one_of("state", (*ACQUISITION_ENDS, "lost") if in_fabric else ENDS, default)
    cancelled_because = table.text("cancellation_reason", "")
    message = "" if cancelled_because and not table.has("error_code") else MESSAGES.get(state, "")
    reason = EndReason(
        message=table.text("message", message),
        code=table.text("error_code", "SESSION_FAILED"),
        source=table.one_of("source", SOURCES, "System"),
        cancellation_reason=cancelled_because,
        result=table.one_of("result", RESULTS) if table.has("result") else "",
    )
    statements = table.whole("after_statements", 0) if moments == ["after_statements"] else None
    return SessionEnd(
        state=state, reason=reason, during=during, after_s=table.span("after_s"), after_statements=statements
    )


# ------------------------------------------------------------------------------------------------ one table of the file
class _Table:
    """Reads and checks the values of one table; errors start with its position in the file."""

    def __init__(self, content: Any, where: str, known: tuple[str, ...]) -> None:
        self._where = where
        if not isinstance(content, Mapping):
            raise self.wrong("a table is needed")
        if unknown := sorted(set(content) - set(known)):
            raise self.wrong(f"{unknown[0]!r} is not known, only {', '.join(sorted(known))}")
        self._content = content

    def wrong(self, message: str) -> BadFaults:
        return BadFaults(f"{self._where}: {message}")

    def has(self, key: str) -> bool:
        return key in self._content

    def get(self, key: str, default: Any = None) -> Any:
        return self._content.get(key, default)

    def text(self, key: str, default: str) -> str:
        value = self.get(key, default)
        if not isinstance(value, str):
            raise self.wrong(f"{key} is a text")
        return value

    def flag(self, key: str) -> bool:
        value = self.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(f"{key} is true or false")
        return value

    def number(self, key: str, default: float) -> float:
        return self._number(key, self.get(key, default), endless=False)

    def whole(self, key: str, least: int, default: int = 0) -> int:
        value = self.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(f"{key} is a whole number from {least} on")
        return value

    def span(self, key: str, *, endless: bool = False) -> Span | None:
        """A number, or a list of two; with `endless` also infinity."""
        if not self.has(key):
            return None
        value = self.get(key)
        if not isinstance(value, list):
            low = self._number(key, value, endless=endless)
            return Span(low, low)
        if len(value) != 2:
            raise self.wrong(f"{key} is a number of seconds, or a list of the least and the most")
        low, high = (self._number(key, one, endless=False) for one in value)
        if low > high:
            raise self.wrong(f"{key} begins with the lower number")
        return Span(low, high)

    def _number(self, key: str, value: Any, *, endless: bool) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        if not fits or (not endless and math.isinf(value)):
            raise self.wrong(f"{key} is a number that is not below 0")
        return float(value)

    def one_of(self, key: str, known: tuple[str, ...], default: str | None = None) -> str:
        value = self.get(key, default)
        if value not in known:
            raise self.wrong(f"{key} is one of {', '.join(known)}, not {value!r}")
        return str(value)

    def some_of(self, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """A list or a single value; empty where the key is missing."""
        value = self.get(key, [])
        values = value if isinstance(value, list) else [value]
        if self.has(key) and not values:
            raise self.wrong(f"{key} is empty")
        for one in values:
            if one not in known:
                raise self.wrong(f"{key} has {one!r}, which is none of {', '.join(known)}")
        return tuple(values)

    def texts(self, key: str) -> dict[str, str]:
        value = self.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
            raise self.wrong(f"{key} is a table of texts")
        return dict(value)

    def tables(self, key: str) -> list[Any]:
        value = self.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(f"{key} is a list of tables: write [[{key}]]")
        return value
