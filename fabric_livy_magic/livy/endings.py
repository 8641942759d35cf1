"""Why a session or a statement ended, as an error with a reason and advice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from fabric_livy_magic.errors import HttpError, NotFoundError, SessionLostError, StatementError
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.models import Output, SessionInfo, SessionState
from fabric_livy_magic.livy.target_words import TargetWords

# Apache Livy's error for every statement after a result that was too large for it, while it still reports the session as idle.
CHANNEL_CLOSED = "RPC channel is closed"
ASK_AGAIN_S = 1.0
# Headings in Apache Livy's log, between which the driver's output stands.
MARKERS = {"stdout:", "stderr:"}


# Begins the error of a statement whose Python or R process has ended, and of every later one.
INTERPRETER_DIED = "Interpreter died:"
PROCESS_ENDED = (
    "The session's {language} process has ended: it was killed, ran out of memory, or was left by an exit. Its variables are lost, "
    "and how far this cell came is not known. Scala and SQL still run in this session; for {language} stop it (`%livy stop`) and "
    "start a new one."
)


def interpreter_died(output: Output) -> bool:
    return output.status == "error" and output.evalue.startswith(INTERPRETER_DIED)


def statement_error(output: Output, kind: str = "pyspark") -> StatementError:
    """For a statement that ran without the agent."""
    if not interpreter_died(output):
        return StatementError(output.ename or "Error", output.evalue, output.traceback, output.text)
    details = output.evalue.removeprefix(INTERPRETER_DIED).strip()
    message = PROCESS_ENDED.format(language="R" if kind == "sparkr" else "Python")
    return StatementError(
        "ProcessEnded", message + (f" It said last:\n{details}" if details else ""), output.traceback, output.text
    )


def lost_session(client: LivyClient, session_id: str, cause: HttpError) -> SessionLostError | None:
    """The error to raise if the session has ended; None if it lives, or if its state cannot be read."""
    if cause.status not in {400, 404, 410, 500}:
        return None
    log: list[str] = []
    try:
        info = _get_session(client, session_id)
    except NotFoundError:
        why = "the server does not know it any more (it was deleted, or timed out while idle)"
    except HttpError:
        return None
    else:
        if info.state.has_ended:
            return _session_ended(info, log_of(client, info), client.http.words)
        if CHANNEL_CLOSED in str(cause):
            why = "the server has lost its connection to it (a result of more than 50 MiB does that)"
        else:
            return None
    return SessionLostError(
        f"The session is gone: {why}. Its variables and temporary views are lost; tables are not. "
        "`%livy start` starts a new one. Nothing was run again." + last_log_lines(log)
    )


def _session_ended(info: SessionInfo, log: list[str], words: TargetWords) -> SessionLostError:
    ending = ending_of(info, log)
    advice = words.endings.get(ending.category, "")
    details = f" ({info.state.value}: {info.reason})" if info.reason else f" (state: {info.state.value})"
    advice = f" {advice}" if advice else ""
    shown = _lines_with_failures(log) if info.reason else log
    return SessionLostError(
        f"The session is gone: {ending.reason}{details}. Its variables and temporary views are lost; tables are not. "
        f"`%livy restart` starts it anew. Nothing was run again.{advice}" + last_log_lines(shown, info.reason)
    )


class Ending(NamedTuple):
    """`category`: memory, capacity, idle, cancelled, stopped or unknown."""

    category: str
    reason: str


MEMORY = Ending("memory", "its driver or an executor ran out of memory")
CAPACITY = Ending("capacity", "Spark had no more room for it, or took it back")
IDLE = Ending("idle", "it was idle for too long")
CANCELLED = Ending("cancelled", "somebody cancelled it, or another program did")
STOPPED = Ending("stopped", "somebody stopped it, or its code ended the Spark application")
UNKNOWN = Ending("unknown", "it ended by itself")

# The first match counts: what ran out of memory is also killed. Seen by others: dbt-fabricspark pull 158 (LIVY_JOB_TIMED_OUT) and
# issue 159 (idle), microsoft/fabric-toolbox issue 416 (TooManyRequestsForCapacity). For memory YARN's and Spark's own words: exit
# codes 137 and 143 are a process that was killed, by the kernel or by YARN, which on a node means memory.
_PATTERNS = (
    (
        MEMORY,
        r"OutOfMemoryError|out of memory|Java heap space|GC overhead limit|exceeding (?:physical )?memory|exceeds memory limits"
        r"|exit (?:code|status):? (?:137|143)|\bOOM",
    ),
    (CAPACITY, r"TooManyRequestsForCapacity|\b430\b|\bcapacity\b|CapacityLimitExceeded|preempt"),
    (
        IDLE,
        r"TIMED_OUT|idle[ _.-]?time-?out|(?:was|been|session is|for being) idle|\bidle for\b|inactiv|timed out while idle",
    ),
    (CANCELLED, r"cancel"),
)
_IN_LOGS = {MEMORY, CAPACITY}  # a log has timeouts and cancels of other things, too
_STOPPED_STATES = {SessionState.KILLED, SessionState.SHUTTING_DOWN, SessionState.SUCCESS, SessionState.DELETING}


def ending_of(info: SessionInfo, log: Sequence[str] = ()) -> Ending:
    """Why a session ended, by its state, the server's reasons, and its log."""
    in_logs = "\n".join(_lines_with_failures(list(log)))
    for ending, pattern in _PATTERNS:
        text = f"{info.reason}\n{in_logs}" if ending in _IN_LOGS else info.reason
        if re.search(pattern, text, re.IGNORECASE):
            return ending
    if info.raw.get("isJobTimedOut") is True:
        return IDLE
    if info.state in {SessionState.CANCELLED, SessionState.CANCELLING} or info.raw.get("cancellationReason"):
        return CANCELLED
    return STOPPED if info.state in _STOPPED_STATES else UNKNOWN


def _get_session(client: LivyClient, session_id: str) -> SessionInfo:
    try:
        return client.get_session(session_id)
    except NotFoundError:
        if client.dialect is not Dialect.FABRIC:
            raise
        # Fabric's front end was seen to answer 404 for a live session for a moment (dbt-fabricspark waits 80 s for it).
        client.http.wait(ASK_AGAIN_S, "The server does not know the session; asking once more")
        return client.get_session(session_id)


def log_of(client: LivyClient, info: SessionInfo) -> list[str]:
    """As much of the log as the server gives. On Apache Livy the session itself has only the last 10 lines, which after
    a failure are the end of a Java stack."""
    if client.dialect is Dialect.FABRIC:
        return list(info.log)
    try:
        return client.session_log(info.id)
    except HttpError:
        return list(info.log)  # the session's end is being reported; a missing log must not replace that error


def last_log_lines(log: list[str], told: str = "") -> str:
    """Without the lines that `told` has in it already: what the server says of an end is often out of this very log."""
    lines = failure_lines([line for line in _log_lines(log) if not _is_in(line, told)])
    return f"\nIts log ends:\n{lines}" if lines else ""


def failure_lines(log: tuple[str, ...] | list[str], count: int = 8) -> str:
    """All of a short log, else its lines near the end that name a failure, else its last lines but for Java's frames."""
    lines = _log_lines(log)
    if len(lines) > count:
        telling = [line for line in lines if not _JAVA_FRAME.match(line)] or lines
        lines = (_lines_with_failures(telling[-NEAR_THE_END:]) or telling)[-count:]
    return "\n".join(lines)


def _log_lines(log: Sequence[str]) -> list[str]:
    lines = [line.rstrip() for entry in log for line in str(entry).splitlines()]
    return [line for line in lines if line and line not in MARKERS]


NEAR_THE_END = 40  # lines: what failed while it started did not end it
_JAVA_FRAME = re.compile(r"\s*(at [\w.$/<>]+\(|\.\.\. \d+ )")
_FAILURE_MARKS = ("Error", "ERROR", "Exception", "Caused by", "FATAL", "Killed", "exit code", "exitCode")


def _lines_with_failures(log: Sequence[str]) -> list[str]:
    return [line for line in _log_lines(log) if any(mark in line for mark in _FAILURE_MARKS)]


_WHEN_AND_WHO = re.compile(r"^(\d\d/\d\d/\d\d \d\d:\d\d:\d\d )?(fabric-livy )?(session ended: )?")


def _is_in(line: str, told: str) -> bool:
    """Apart from its time, its writer, and how it is broken."""
    words = " ".join(_WHEN_AND_WHO.sub("", line.strip()).split())
    return bool(told) and words in " ".join(told.split())
