"""Why a session, or a statement in it, ended, in words."""

from __future__ import annotations

from fabric_livy_magic.errors import HttpError, NotFoundError, SessionLostError, StatementError
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.models import Output, SessionInfo

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
            why = f"it is {info.state.value}" + (f": {info.reason}" if info.reason else "")
            log = [] if info.reason else log_of(client, info)
        elif CHANNEL_CLOSED in str(cause):
            why = "the server has lost its connection to it (a result of more than 50 MiB does that)"
        else:
            return None
    return SessionLostError(
        f"The session is gone: {why}. Its variables and temporary views are lost; tables are not. "
        "`%livy start` starts a new one. Nothing was run again." + last_words(log)
    )


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


def last_words(log: list[str]) -> str:
    lines = telling_lines(log)
    return f"\nIts log ends:\n{lines}" if lines else ""


def telling_lines(log: tuple[str, ...] | list[str], count: int = 8) -> str:
    """A short log whole, else its lines that name a failure, else its last lines."""
    lines = [line.rstrip() for entry in log for line in str(entry).splitlines()]
    lines = [line for line in lines if line and line not in MARKERS]
    if len(lines) <= count:
        return "\n".join(lines)
    marks = ("Error", "ERROR", "Exception", "Caused by", "FATAL", "Killed")
    telling = [line for line in lines if any(mark in line for mark in marks)]
    return "\n".join((telling or lines)[-count:])
