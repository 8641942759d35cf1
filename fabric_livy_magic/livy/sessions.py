"""A standard Livy session: create or attach, wait until it is ready, run statements, stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fabric_livy_magic.errors import Interrupted, NotFoundError, SessionLostError, SessionStartError, WaitTimeout
from fabric_livy_magic.livy.capacity import wait_for_capacity
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.creation import NOT_CREATED, Creation, new_name
from fabric_livy_magic.livy.endings import ending_of, last_log_lines, log_of, lost_session
from fabric_livy_magic.livy.models import Progress, SessionInfo, StatementInfo
from fabric_livy_magic.livy.monitoring import Monitored, SparkMonitoring
from fabric_livy_magic.livy.statements import ANSWER_WAIT_S, CANCEL_ANSWER_WAIT_S, Listener, run_statement
from fabric_livy_magic.livy.submission import KnownStatements
from fabric_livy_magic.livy.waiting import SESSION_PAUSES, interruptible_sleep, result_within, wait_until
from fabric_livy_magic.settings import SessionSpec

# "Session not yet visible" right after its creation (dbt-fabricspark pull 158).
NEW_SESSION_404_S = 30.0


class StandardSession:
    """One Livy session, made by `create` or found by `attach`. Not ready until `wait_ready` has returned."""

    def __init__(
        self,
        client: LivyClient,
        info: SessionInfo,
        known_statements: KnownStatements | None = None,
        creation: Creation | None = None,
    ) -> None:
        self.client = client
        self.id = info.id
        self.last_info = info
        """The latest state that was read; `info` reads it from the server."""
        self.ready = False
        self._stopped = False
        self._known_statements = known_statements or KnownStatements()
        self._creation = creation
        self.running_statements = 0
        """Statements of this process that have not ended."""
        self._count_lock = threading.Lock()
        self.monitoring = SparkMonitoring(client.http, self.monitored)
        """Of its Spark jobs, where the server has that."""

    @classmethod
    def create(
        cls,
        client: LivyClient,
        spec: SessionSpec,
        *,
        capacity_wait_s: float = 0.0,
        timeout_s: float | None = None,
        own_name: str | None = None,
        on_progress: Listener | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = interruptible_sleep,
    ) -> StandardSession:
        """Requests a session and returns before it is ready. Raises HttpError: CapacityError where the capacity is full, after
        `capacity_wait_s`. WaitTimeout where it is not known after `timeout_s` whether the server made it; the wait for capacity
        does not count. `own_name` is a name of `new_name`, where none was chosen.
        """
        creation = Creation(client, spec, on_progress, sleep, timeout_s, own_name or new_name())
        try:
            created = wait_for_capacity(
                creation.request, client, wait_s=capacity_wait_s, on_progress=on_progress, clock=clock, sleep=sleep
            )
        except KeyboardInterrupt:
            raise Interrupted(result_within(creation.give_up, ANSWER_WAIT_S, NOT_CREATED)) from None
        except WaitTimeout as error:
            raise WaitTimeout(f"{error} {result_within(creation.give_up, CANCEL_ANSWER_WAIT_S, NOT_CREATED)}") from None
        return cls(client, created, KnownStatements(-1), creation)

    @classmethod
    def attach(cls, client: LivyClient, session_id: str) -> StandardSession:
        """Raises SessionLostError where there is no such session or it has ended."""
        try:
            info = client.get_session(session_id)
        except NotFoundError:
            raise SessionLostError(
                f"There is no session {session_id} on this server. `%livy sessions` lists those that there are."
            ) from None
        if info.state.has_ended:
            raise SessionLostError(
                f"Session {session_id} is {info.state.value}; nothing can run on it. `%livy start` starts a new one."
            )
        return cls(client, info)

    def info(self) -> SessionInfo:
        """Its state, read from the server. Raises SessionLostError where the server does not know the session any more."""
        try:
            self.last_info = self.client.get_session(self.id)
        except NotFoundError as error:
            raise lost_session(self.client, self.id, error) or error from None
        return self.last_info

    def monitored(self) -> Monitored:
        return Monitored(self.id, self.last_info.app_id or "")

    def _check_not_stopped(self) -> None:
        if self._stopped:
            raise SessionLostError(f"Session {self.id} was stopped. `%livy start` starts a new one.")

    def wait_ready(
        self,
        *,
        timeout_s: float,
        on_progress: Listener | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = interruptible_sleep,
    ) -> SessionInfo:
        """Waits until it is idle. If it ends instead, SessionStartError with the server's reason and log.

        After `timeout_s` WaitTimeout; the session goes on starting and can be waited for again.
        """
        self._check_not_stopped()
        began, client = clock(), self.client.reporting_to(on_progress, "session").within(timeout_s)

        def fetch() -> SessionInfo:
            try:
                return client.get_session(self.id)
            except NotFoundError:
                if clock() - began > NEW_SESSION_404_S:
                    raise
                return self.last_info

        def report(value: SessionInfo, elapsed_s: float) -> None:
            if on_progress:
                on_progress(Progress("session", value.state.value, elapsed_s, detail=value.start_detail))

        try:
            info = wait_until(
                fetch,
                lambda value: value.state.is_ready or value.state.has_ended,
                first=self.last_info,
                timeout_s=timeout_s,
                pauses=SESSION_PAUSES,
                on_wait=report,
                clock=clock,
                sleep=sleep,
            )
        except WaitTimeout:
            raise WaitTimeout(
                f"The session was not ready after {timeout_s:.0f} s and goes on starting (id {self.id}). The next cell waits "
                "for it again; `%livy config start_timeout_s <seconds>` sets how long, `%livy stop` gives it up."
            ) from None
        self.last_info = info
        if info.state.has_ended:
            raise SessionStartError(self._why_not_started(info))
        self.ready = True
        if self._creation:
            self._creation.stop_duplicates(self.id)
        return info

    def _why_not_started(self, info: SessionInfo) -> str:
        text = f"The session ended before it was ready (state: {info.state.value})."
        if info.reason:
            text += f" The server says: {info.reason}"
        log = log_of(self.client, info)
        advice = self.client.http.words.endings.get(ending_of(info, log).category, "")
        return " ".join(filter(None, [text, advice])) + last_log_lines(log, info.reason)

    def run(
        self,
        code: str,
        kind: str,
        *,
        timeout_s: float | None = None,
        given_s: float | None = None,
        on_progress: Listener | None = None,
        on_cancel: Callable[[int], object] | None = None,
    ) -> StatementInfo:
        """See `run_statement`."""
        self._check_not_stopped()
        with self._count_lock:
            self.running_statements += 1
        try:
            return run_statement(
                self.client,
                self.id,
                code,
                kind,
                known_statements=self._known_statements,
                timeout_s=timeout_s,
                given_s=given_s,
                on_progress=on_progress,
                on_cancel=on_cancel,
                monitoring=self.monitoring,
            )
        finally:
            with self._count_lock:
                self.running_statements -= 1

    def logs(self) -> list[str]:
        return self.client.session_log(self.id)

    def paths(self) -> list[str]:
        """Below the Livy address: of all that `stop` deletes."""
        return [self.client.session_path(self.id)]

    def stop(self, *, short_timeouts: bool = False) -> bool:
        """True if the session still existed. `short_timeouts`: see `LivyHttp.with_short_timeouts`."""
        client = self.client.with_short_timeouts() if short_timeouts else self.client
        existed = client.delete_session(self.id)
        self._stopped = True
        return existed
