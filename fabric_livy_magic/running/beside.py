"""What is asked of a session's agent while a cell runs: on Apache Livy, by jobs. Other servers have no such road."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.agent.jobs import job_of
from fabric_livy_magic.errors import AccessError, FabricLivyError, HttpError, NotFoundError
from fabric_livy_magic.livy.client import Dialect
from fabric_livy_magic.livy.jobs import JobFailed, run_job
from fabric_livy_magic.livy.waiting import interruptible_sleep
from fabric_livy_magic.running.agent_calls import value_of

if TYPE_CHECKING:
    from fabric_livy_magic.livy.sessions import StandardSession

NO_SUCH_CALL = (400, 405, 501)  # or 404, of a session that there is
NO_AGENT = "No module named 'fabric_livy_agent_"
MOST_FAILURES = 3  # in a row: then this session's Python takes no jobs
INTERRUPT_WITHIN_S = 10.0
AGAIN_S = 0.1  # a cell that was sent a moment ago may not have begun


class Beside:
    """Of one session. Safe to use from several threads."""

    def __init__(self, remote: StandardSession) -> None:
        self._remote = remote
        self._failures = 0
        self.is_missing = False
        """The server or the session has no jobs, as is known since one was refused."""

    @property
    def may_ask(self) -> bool:
        client = self._remote.client
        return client.dialect is Dialect.APACHE_LIVY and not self.is_missing and client.http.has_sign_in

    @property
    def is_near(self) -> bool:
        return self._remote.client.http.is_loopback

    def value(self, operation: str, *arguments: Any, within_s: float, package: str | None = None) -> Any:
        """The answer of one of `OPERATIONS` in the agent's `beside`; None where there is none, as where the session has no agent yet.
        Raises FabricLivyError."""
        client = self._remote.client.with_short_timeouts()
        try:
            reply = job_of(
                lambda pickled: run_job(client, self._remote.id, pickled, timeout_s=within_s),
                operation,
                arguments,
                package,
            )
        except JobFailed as error:
            if NO_AGENT in str(error):
                return None
            self._failures += 1
            self.is_missing = self._failures >= MOST_FAILURES
            raise
        except HttpError as error:
            self._note(error)
            raise
        self._failures = 0
        return value_of(reply) if reply else None

    def _note(self, error: HttpError) -> None:
        if isinstance(error, NotFoundError | AccessError):
            with contextlib.suppress(FabricLivyError):  # a session that has ended says so itself
                self.is_missing = not self._remote.info().state.has_ended
        elif error.status in NO_SUCH_CALL:
            self.is_missing = True

    def interrupt(self, statement_id: int, request: str, package: str) -> None:
        """Raises KeyboardInterrupt in the cell of that request of the agent, where it is the one that runs. Raises FabricLivyError."""
        until = time.monotonic() + INTERRUPT_WITHIN_S
        while not self.value("interrupt_cell", request, within_s=INTERRUPT_WITHIN_S, package=package):
            if time.monotonic() > until or self._has_ended(statement_id):
                return
            interruptible_sleep(AGAIN_S)

    def _has_ended(self, statement_id: int) -> bool:
        return self._remote.client.get_statement(self._remote.id, statement_id).state.is_final
