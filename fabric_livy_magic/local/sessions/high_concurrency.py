"""High-concurrency sessions: each is one REPL; those with one tag share a Livy session, up to five.

learn.microsoft.com/fabric/data-engineering/high-concurrency-livy: an acquire is never idempotent; without a tag it gets a
Livy session of its own. [FIELD] The end of the last REPL ends the Livy session (seen in dbt-fabricspark #232).
"""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path

from py4j.protocol import Py4JError, Py4JJavaError

from fabric_livy_magic.local.interpreters.python_process import WorkerDied
from fabric_livy_magic.local.lakehouse.notebook_lakehouses import Home
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse
from fabric_livy_magic.local.sessions.session import Session
from fabric_livy_magic.local.sessions.sessions import Sessions
from fabric_livy_magic.local.spark.jvm import JvmGone
from fabric_livy_magic.local.spark.session_request import SessionRequest

MAX_REPLS = 5
MAX_REPLS_CONF = "spark.highConcurrency.max"


class HighConcurrencySession:
    def __init__(self, tag: str | None, session: Session, *, is_first: bool) -> None:
        self.id = str(uuid.uuid4())
        self.repl_id = str(uuid.uuid4())
        self.tag = tag
        self.session = session
        self.created_at = datetime.now(UTC)
        self.error_message = ""
        self._is_first = is_first
        self._state = "NotStarted"

    @property
    def state(self) -> str:
        if self._state in ("Deleting", "Failed") or not self.session.ended:
            return self._state
        if not self.session.was_idle:
            return "Failed"  # it never had a REPL
        return "Killed" if self.session.state == "killed" else "Dead"

    def start(self) -> None:
        """Returns at once. The first REPL of a Livy session starts with it."""
        self._state = "AcquiringHighConcurrencySession"
        work = self._start_session if self._is_first else self._open_repl
        threading.Thread(target=work, name="high-concurrency", daemon=True).start()

    def _start_session(self) -> None:
        self.session.add_repl(self.repl_id)
        self.session.start()
        self.session.settled.wait()
        self._set_state("Idle" if self.session.was_idle else "Failed")

    def _open_repl(self) -> None:
        self.session.settled.wait()
        try:
            if self.session.active and self._state != "Deleting":
                self.session.open_repl(self.repl_id)
            self._set_state("Idle" if self.session.was_idle else "Failed")
        except Py4JJavaError as failure:
            self._fail(self.session.application.root_cause(failure))
        except (JvmGone, WorkerDied, Py4JError, OSError) as failure:
            self._fail(f"the REPL did not start: {failure}")

    def _set_state(self, state: str) -> None:
        if self._state == "AcquiringHighConcurrencySession":
            self._state = state
        elif self._state == "Deleting":  # deleted while it started
            self.session.close_repl(self.repl_id)

    def _fail(self, message: str) -> None:
        self.error_message = message
        self._set_state("Failed")

    def begin_delete(self) -> None:
        self._state = "Deleting"

    def close(self) -> None:
        self.session.close_repl(self.repl_id)


class HighConcurrencySessions:
    """`acquire` is called on the event loop's thread, so that two acquires never take the same REPL slot."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._by_id: dict[str, HighConcurrencySession] = {}
        self._lock = threading.Lock()

    def acquire(
        self,
        request: SessionRequest,
        located: SessionRequest,
        home: Home,
        tag: str | None,
        lakehouse: Lakehouse,
        submitter: str,
    ) -> HighConcurrencySession:
        """Not started yet, so that its first view is the one the API documents. Raises NoCapacity or BadSetting."""
        shared = self._session_with_free_repl(tag, lakehouse, home.lakehouse.folder) if tag else None
        session = shared or self._sessions.create(
            request, lakehouse, submitter, name_prefix=f"HC_{lakehouse.name}_", located=located, home=home
        )
        acquired = HighConcurrencySession(tag, session, is_first=shared is None)
        with self._lock:
            self._by_id[acquired.id] = acquired
        return acquired

    def get(self, lakehouse_id: str, hc_id: str) -> HighConcurrencySession | None:
        found = self._by_id.get(hc_id.lower())
        return found if found and found.session.lakehouse.id == lakehouse_id else None

    def delete(self, hc_id: str) -> None:
        """Returns when its REPL has ended, and its Livy session too if it was the last. Until then it stays listed."""
        with self._lock:
            found = self._by_id.get(hc_id.lower())
            if found is None or found.state == "Deleting":
                return
            found.begin_delete()
            is_last = not self._sharing(found.session)
        if is_last:
            self._sessions.delete(found.session.id)
        else:
            found.close()
        with self._lock:
            self._by_id.pop(found.id, None)

    def _sharing(self, session: Session) -> list[HighConcurrencySession]:
        """Those of this Livy session that are not being deleted."""
        return [one for one in self._by_id.values() if one.session is session and one.state != "Deleting"]

    def _session_with_free_repl(self, tag: str, lakehouse: Lakehouse, folder: Path) -> Session | None:
        """`folder` is that of the lakehouse that it works in: notebooks of different ones share no session."""
        with self._lock:
            for one in self._by_id.values():
                fits = one.tag == tag and one.session.lakehouse.id == lakehouse.id and one.session.active
                fits = fits and one.session.folders.lakehouse == folder
                if fits and 0 < len(self._sharing(one.session)) < _max_repls(one.session.request):
                    return one.session
        return None


def _max_repls(request: SessionRequest) -> int:
    text = request.conf.get(MAX_REPLS_CONF, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else MAX_REPLS
