"""Why a session ended, in words."""

from __future__ import annotations

from fabric_livy_magic.errors import HttpError, NotFoundError, SessionLostError
from fabric_livy_magic.livy.client import LivyClient


def lost_session(client: LivyClient, session_id: str, cause: HttpError) -> SessionLostError | None:
    """The error to raise if the session has ended; None if it lives, or if that cannot be told."""
    if cause.status not in {400, 404, 410, 500}:
        return None
    try:
        info = client.get_session(session_id)
    except NotFoundError:
        why = "the server does not know it any more (it was deleted, or timed out while idle)"
    except HttpError:
        return None
    else:
        if not info.state.has_ended:
            return None
        why = f"it is {info.state.value}" + (f": {info.reason}" if info.reason else "")
        if not info.reason and info.log:
            why += ". Its log ends: " + telling_lines(info.log)
    return SessionLostError(
        f"The session is gone: {why}. Its variables and temporary views are lost; tables are not. "
        "`%livy start` starts a new one. Nothing was run again."
    )


def telling_lines(log: tuple[str, ...] | list[str], count: int = 8) -> str:
    """A short log whole, else its lines that name a failure, else its last lines."""
    lines = [line.rstrip() for entry in log for line in str(entry).splitlines() if line.strip()]
    if len(lines) <= count:
        return "\n".join(lines)
    marks = ("Error", "ERROR", "Exception", "Caused by", "FATAL", "Killed")
    telling = [line for line in lines if any(mark in line for mark in marks)]
    return "\n".join((telling or lines)[-count:])
