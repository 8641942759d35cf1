"""Why a session, or a statement in it, ended, in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from fabric_livy_magic.errors import HttpError, NotFoundError, SessionLostError, StatementError
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.models import Output, SessionInfo, SessionState

# Apache Livy stays so for good once a result was too large for it, and goes on calling the session idle.
CHANNEL_CLOSED = "RPC channel is closed"
LOST_SIGHT_S = 1.0
# Between them Apache Livy's log has what the driver wrote.
MARKERS = {"stdout:", "stderr:"}


# What Livy says of a statement whose Python or R process has ended, and from then on of each further one.
DIED = "Interpreter died:"
PROCESS_ENDED = (
    "The session's {language} process has ended: it was killed, ran out of memory, or was left by an exit. Its variables are lost, "
    "and how far this cell came is not known. Scala and SQL still run in this session; for {language} stop it (`%livy stop`) and "
    "start a new one."
)


def has_died(output: Output) -> bool:
    return output.status == "error" and output.evalue.startswith(DIED)


def statement_error(output: Output, kind: str = "pyspark") -> StatementError:
    """Of a statement that ran without the agent, or around it."""
    if not has_died(output):
        return StatementError(output.ename or "Error", output.evalue, output.traceback, output.text)
    said = output.evalue.removeprefix(DIED).strip()
    message = PROCESS_ENDED.format(language="R" if kind == "sparkr" else "Python")
    return StatementError(
        "ProcessEnded", message + (f" It said last:\n{said}" if said else ""), output.traceback, output.text
    )


def lost_session(client: LivyClient, session_id: str, cause: HttpError) -> SessionLostError | None:
    """The error to raise if the session has ended; None if it lives, or if that cannot be told."""
    if cause.status not in {400, 404, 410, 500}:
        return None
    log: list[str] = []
    try:
        info = _reading(client, session_id)
    except NotFoundError:
        why = "the server does not know it any more (it was deleted, or timed out while idle)"
    except HttpError:
        return None
    else:
        if info.state.has_ended:
            return _ended(info, log_of(client, info))
        if CHANNEL_CLOSED in str(cause):
            why = "the server has lost its connection to it (a result of more than 50 MiB does that)"
        else:
            return None
    return SessionLostError(
        f"The session is gone: {why}. Its variables and temporary views are lost; tables are not. "
        "`%livy start` starts a new one. Nothing was run again." + last_log_lines(log)
    )


def _ended(info: SessionInfo, log: list[str]) -> SessionLostError:
    ending = ending_of(info, log)
    said = f" ({info.state.value}: {info.reason})" if info.reason else f" (state: {info.state.value})"
    advice = f" {ending.advice}" if ending.advice else ""
    shown = _failures(log, info.reason) if info.reason else log
    return SessionLostError(
        f"The session is gone: {ending.words}{said}. Its variables and temporary views are lost; tables are not. "
        f"`%livy restart` starts it anew. Nothing was run again.{advice}" + last_log_lines(shown)
    )


class Ending(NamedTuple):
    """`category`: memory, capacity, idle, cancelled, stopped or unknown."""

    category: str
    words: str
    advice: str = ""


MEMORY = Ending(
    "memory",
    "its driver or an executor ran out of memory",
    "Collect fewer rows, or give it more: `%livy start --driver-memory 56g --driver-cores 8`.",
)
CAPACITY = Ending(
    "capacity",
    "the Spark capacity was full, or took it back",
    "`%livy sessions` lists what holds the capacity; a smaller session may fit (`%livy start --help`).",
)
IDLE = Ending(
    "idle",
    "it was idle for too long",
    "`%livy config keep_alive_min 60` keeps sessions alive for an hour after a cell.",
)
CANCELLED = Ending("cancelled", "somebody cancelled it: in the Monitoring hub, or by another program")
STOPPED = Ending("stopped", "somebody stopped it, or its code ended the Spark application")
UNKNOWN = Ending("unknown", "it ended by itself")

# In this order: what is out of memory is also killed. Seen in the field: dbt-fabricspark pull 158 (LIVY_JOB_TIMED_OUT), its
# issue 159 (idle); microsoft/fabric-toolbox issue 416 (TooManyRequestsForCapacity). YARN's and Spark's own words for the
# first: exit codes 137 and 143 are a process that was killed, by the kernel or by YARN, which on a node means memory.
_WORDS = (
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
_IN_LOGS = {MEMORY, CAPACITY}  # a log speaks of timeouts and cancels that ended something else
_STOPPED = {SessionState.KILLED, SessionState.SHUTTING_DOWN, SessionState.SUCCESS, SessionState.DELETING}


def ending_of(info: SessionInfo, log: Sequence[str] = ()) -> Ending:
    """Why a session ended, by its state, the server's reasons, and its log."""
    in_logs = "\n".join(_failures(list(log)))
    for ending, words in _WORDS:
        text = f"{info.reason}\n{in_logs}" if ending in _IN_LOGS else info.reason
        if re.search(words, text, re.IGNORECASE):
            return ending
    if info.raw.get("isJobTimedOut") is True:
        return IDLE
    if info.state in {SessionState.CANCELLED, SessionState.CANCELLING} or info.raw.get("cancellationReason"):
        return CANCELLED
    return STOPPED if info.state in _STOPPED else UNKNOWN


def _reading(client: LivyClient, session_id: str) -> SessionInfo:
    try:
        return client.get_session(session_id)
    except NotFoundError:
        if client.dialect is not Dialect.FABRIC:
            raise
        # Fabric's front end was seen to lose sight of a session for a moment (dbt-fabricspark waits 80 s for it).
        client.http.wait(LOST_SIGHT_S, "The server does not know the session; asking once more")
        return client.get_session(session_id)


def log_of(client: LivyClient, info: SessionInfo) -> list[str]:
    """As much of the log as the server gives. On Apache Livy the session itself has only the last 10 lines, which after
    a failure are the end of a Java stack."""
    if client.dialect is Dialect.FABRIC:
        return list(info.log)
    try:
        return client.session_log(info.id)
    except HttpError:
        return list(info.log)  # why the session ended is on its way to the user; a missing log must not replace it


def last_log_lines(log: list[str]) -> str:
    lines = failure_lines(log)
    return f"\nIts log ends:\n{lines}" if lines else ""


def failure_lines(log: tuple[str, ...] | list[str], count: int = 8) -> str:
    """A short log whole, else its lines that name a failure, else its last lines."""
    lines = _lines(log)
    return "\n".join(lines if len(lines) <= count else (_failures(lines) or lines)[-count:])


def _lines(log: Sequence[str]) -> list[str]:
    lines = [line.rstrip() for entry in log for line in str(entry).splitlines()]
    return [line for line in lines if line and line not in MARKERS]


_MARKS = ("Error", "ERROR", "Exception", "Caused by", "FATAL", "Killed", "exit code", "exitCode")


def _failures(log: Sequence[str], but: str = "") -> list[str]:
    """The lines that name a failure and are not in the text `but` already."""
    return [line for line in _lines(log) if any(mark in line for mark in _MARKS) and line.strip() not in but]
