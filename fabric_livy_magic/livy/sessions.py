"""The life of a session: start or attach, be ready, run, stop."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

from fabric_livy_magic.errors import (
    ConnectionFailed,
    FabricLivyError,
    HttpError,
    Interrupted,
    NotFoundError,
    NotLivyError,
    SessionLostError,
    SessionStartError,
    WaitTimeout,
)
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.endings import ending_of, last_words, log_of, lost_session
from fabric_livy_magic.livy.models import Progress, SessionInfo, StatementInfo
from fabric_livy_magic.livy.statements import ANSWER_WAIT_S, Listener, run_statement
from fabric_livy_magic.livy.waiting import SESSION_PAUSES, for_a_moment, nap, wait_until
from fabric_livy_magic.settings import SessionSpec

OUR_NAME = "fabric-livy-magic-"  # what the names of sessions begin with for which none was chosen
NOT_MADE = "No session is known to have been made. If the server makes one after all, it is stopped at once; `%livy sessions` lists them."
# "Session not yet visible" right after its creation (dbt-fabricspark pull 158).
YOUNG_S = 30.0


class StandardSession:
    """One Livy session, made by `create` or found by `attach`. Not ready until `wait_ready` has returned."""

    def __init__(self, client: LivyClient, first: SessionInfo) -> None:
        self.client = client
        self.id = first.id
        self.last = first
        """The latest reading; asking the server is `info`."""
        self.ready = False
        self._stopped = False
        self.running = 0
        """Statements of ours that are on their way."""
        self._counted = threading.Lock()

    @classmethod
    def create(cls, client: LivyClient, spec: SessionSpec) -> StandardSession:
        """Asks for a session and returns at once. Raises HttpError (CapacityError where the capacity is full).

        The session gets a name of its own where none was chosen: if the server's answer is lost, the session is found
        by it instead of being made twice, and an interrupt in that moment leaves none behind.
        """
        ours = f"{OUR_NAME}{uuid.uuid4().hex[:12]}"
        brief = client.brief()

        def give_up(info: SessionInfo | None) -> str:
            found = info or (None if spec.name else _named(brief, ours))
            if found is None:
                return NOT_MADE
            brief.delete_session(found.id)
            return "The session that was asked for was stopped."

        try:
            return cls(client, client.create_session(replace(spec, name=spec.name or ours), _quietly(give_up)))
        except KeyboardInterrupt:
            raise Interrupted(for_a_moment(lambda: give_up(None), ANSWER_WAIT_S, NOT_MADE)) from None
        except HttpError as error:
            if not spec.name and _may_have_acted(error) and (found := _named(client, ours)):
                return cls(client, found)
            raise

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
        """A fresh reading. Raises SessionLostError where the server has forgotten the session."""
        try:
            self.last = self.client.get_session(self.id)
        except NotFoundError as error:
            raise lost_session(self.client, self.id, error) or error from None
        return self.last

    def _check_not_stopped(self) -> None:
        if self._stopped:
            raise SessionLostError(f"Session {self.id} was stopped. `%livy start` starts a new one.")

    def wait_ready(
        self,
        *,
        timeout_s: float,
        on_progress: Listener | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = nap,
    ) -> SessionInfo:
        """Waits for idle. Any end comes back at once as SessionStartError with the server's reason and log.

        After `timeout_s` WaitTimeout; the session goes on starting and can be waited for again.
        """
        self._check_not_stopped()
        began = clock()

        def fetch() -> SessionInfo:
            try:
                return self.client.get_session(self.id)
            except NotFoundError:
                if clock() - began > YOUNG_S:
                    raise
                return self.last

        def report(value: SessionInfo, elapsed_s: float) -> None:
            if on_progress:
                on_progress(Progress("session", value.state.value, elapsed_s))

        try:
            info = wait_until(
                fetch,
                lambda value: value.state.is_ready or value.state.has_ended,
                first=self.last,
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
        self.last = info
        if info.state.has_ended:
            raise SessionStartError(self._why_not_started(info))
        self.ready = True
        return info

    def _why_not_started(self, info: SessionInfo) -> str:
        text = f"The session ended before it was ready (state: {info.state.value})."
        if info.reason:
            text += f" The server says: {info.reason}"
        log = log_of(self.client, info)
        return " ".join(filter(None, [text, ending_of(info, log).advice])) + last_words(log)

    def run(
        self,
        code: str,
        kind: str,
        *,
        timeout_s: float | None = None,
        on_progress: Listener | None = None,
        on_cancel: Callable[[int], object] | None = None,
    ) -> StatementInfo:
        """See `run_statement`."""
        self._check_not_stopped()
        with self._counted:
            self.running += 1
        try:
            return run_statement(
                self.client, self.id, code, kind, timeout_s=timeout_s, on_progress=on_progress, on_cancel=on_cancel
            )
        finally:
            with self._counted:
                self.running -= 1

    def logs(self) -> list[str]:
        return self.client.session_log(self.id)

    def stop(self, *, brief: bool = False) -> bool:
        """True if the session was still there. `brief`: see `LivyHttp.brief`."""
        client = self.client.brief() if brief else self.client
        there = client.delete_session(self.id)
        self._stopped = True
        return there


def _quietly(give_up: Callable[[SessionInfo | None], str]) -> Callable[[SessionInfo | None], None]:
    """For a moment when nobody is there to hear of a failure."""

    def late(info: SessionInfo | None) -> None:
        with contextlib.suppress(FabricLivyError):
            give_up(info)

    return late


def _may_have_acted(error: HttpError) -> bool:
    """Whether the server may have made the session although no usable answer came."""
    if isinstance(error, ConnectionFailed):
        return error.maybe_sent
    return isinstance(error, NotLivyError) or (error.status is not None and error.status >= 500)


def _named(client: LivyClient, name: str) -> SessionInfo | None:
    try:
        return next((info for info in client.list_sessions() if info.name == name), None)
    except HttpError:
        return None  # the error that led here is raised; this look-up was only a try to mend it
