"""Who runs the code, and where: Synapse's names of what is in `runtime.context`."""

from __future__ import annotations

import sys

from notebookutils import _help
from notebookutils._context import session_context

NO_POOL = "local"


def getUserName() -> str:
    """The user of this machine."""
    return str(session_context().facts.get("user") or "")


def getUserId() -> str:
    """The same as the name: no directory of users is asked."""
    return getUserName()


def getJobId() -> str:
    """The session's id."""
    return str(session_context().facts["session_id"])


def getClusterId() -> str:
    """The session's id: it has the machine for itself."""
    return getJobId()


def getPoolName() -> str:
    """There is one, this machine."""
    return NO_POOL


def getWorkspaceName() -> str:
    """The name of the notebook's workspace."""
    return session_context().workspace.name


def help(method_name: str = "") -> None:
    """What this module can do; with the name of a function, that one."""
    _help.overview(sys.modules[__name__], method_name)
