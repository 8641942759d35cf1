"""Sessions without magics: `from fabric_livy_magic import connect`."""

from __future__ import annotations

import atexit
import warnings
from collections.abc import Mapping
from typing import Any

from fabric_livy_magic.cells.session_request import livy_request
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.sessions.account import Account
from fabric_livy_magic.sessions.notebook_sessions import NotebookSessions
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.settings import SessionSpec
from fabric_livy_magic.signin.tokens import Credential, RequestsAuth


def connect(
    target: str | None = None,
    *,
    credential: Credential | RequestsAuth | None = None,
    name: str | None = None,
    conf: Mapping[str, str] | None = None,
    livy: Mapping[str, Any] | None = None,
    high_concurrency: bool = False,
    tag: str | None = None,
    on_progress: Listener | None = None,
    **choices: Any,
) -> Session:
    """Starts a session and waits until it is ready: `with connect("local") as session: session.run("1 + 1").text`.

    `target` is what `%livy use` takes; without it the environment's FABRIC_LIVY_TARGET. `name` and `conf` go to the
    session, `choices` are settings by name. `livy` has what only Apache Livy's request takes (`jars`, `queue`, `proxyUser`, …).
    `credential` is a sign-in for Fabric, or for an Apache Livy server any auth object of `requests`, such as Kerberos's. `high_concurrency` gives one REPL of a shared Spark application, `tag` says which.
    The session, and an embedded Fabric started for it, end with the `with`
    block, and at the latest with this process.
    """
    arguments = {**choices, **({"target": target} if target is not None else {})}
    account = Account(arguments, credential)
    if notice := account.ignored_notice():
        warnings.warn(notice, stacklevel=2)
    sessions = NotebookSessions(account)
    atexit.register(sessions.close)
    try:
        spec = SessionSpec(
            name=name,
            conf=conf or {},
            high_concurrency=high_concurrency,
            session_tag=tag,
            livy=livy_request(livy or {}),
        )
        return sessions.start(spec=spec, on_progress=on_progress)
    except BaseException:
        sessions.close()
        raise
