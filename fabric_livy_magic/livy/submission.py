"""Submits a statement exactly once: one POST; where its answer is lost, the statements of the session are searched."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from fabric_livy_magic.errors import (
    ConnectionFailed,
    HttpError,
    NotFoundError,
    NotLivyError,
    OutcomeUnknown,
    SessionLostError,
    TakenWithoutId,
    WaitTimeout,
)
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.endings import lost_session
from fabric_livy_magic.livy.models import SessionState, StatementInfo
from fabric_livy_magic.livy.retries import RetryPolicy, may_have_acted
from fabric_livy_magic.livy.waiting import INTERRUPT_CHECK_S, check_interrupted, interruptible_sleep

QUICK_LOOKUP_STATEMENTS = (
    12  # the newest statements, searched after an interrupt: a frame that is sent has up to eight on their way
)
# A POST whose connection broke may arrive a moment after its error, so a statement that is not listed is searched again. The
# last two pauses are for lookups that fail.
LOOKUP_PAUSES_S = (0.0, 1.0, 3.0, 3.0, 3.0)
ENOUGH_LOOKUPS = 3
LOOKUP_WITHIN_S = 600.0  # all of them together: as long as one call may be refused with 429
SEND_AGAIN_S = 120.0
UNLISTED_PAUSE_S = 2.0
NEW_SESSION_404_S = 5.0  # a session that has just become ready was seen to answer 404
MAYBE_RAN = "This statement was sent and no answer came, so it is not known whether it ran: look at what it should have done before you run it again."
DROPPED = "The session lists only its newest statements, and this one may be older than those."
NEVER_RAN = "The session has no trace of this statement: it did not run."


def _with_unknown_outcome(lost: SessionLostError) -> SessionLostError:
    """Adds that the outcome is not known, before the log."""
    first_line, line_end, log = str(lost).partition("\n")
    return SessionLostError(f"{first_line} {MAYBE_RAN}{line_end}{log}")


class KnownStatements:
    """Ids of the session's statements that a thread of this process has claimed, to tell a statement whose answer was lost
    from earlier ones of the same code: Apache Livy stores no id of ours. `newest_id` is None where the session may already
    have statements of others."""

    def __init__(self, newest_id: int | None = None) -> None:
        self.newest_id = newest_id
        self._claimed: set[int] = set()
        self._being_sent: set[str] = set()
        self._changed = threading.Condition()

    def claim(self, statement_id: int) -> bool:
        """False where another thread has claimed it."""
        with self._changed:
            if statement_id in self._claimed:
                return False
            self._claimed.add(statement_id)
            self.newest_id = max(statement_id, -1 if self.newest_id is None else self.newest_id)
            return True

    def is_unclaimed(self, statement_id: int, code: str) -> bool:
        """False where a thread has claimed it, or may do so at any moment: any thread that sends the same code."""
        with self._changed:
            return statement_id not in self._claimed and code not in self._being_sent

    def has_claimed(self, statement_ids: Iterable[int]) -> bool:
        with self._changed:
            return all(number in self._claimed for number in statement_ids)  # a server may name an id of any size

    @contextmanager
    def sending(self, code: str, check_time: Callable[[], None] = lambda: None) -> Iterator[None]:
        """One submission at a time of the same code, so that no thread takes another's statement, still unanswered, for
        the one that it lost. `check_time` raises where the wait for the others takes too long."""
        with self._changed:
            while code in self._being_sent:
                check_interrupted()
                check_time()
                self._changed.wait(INTERRUPT_CHECK_S)  # short waits, so that an interrupt gets through
            self._being_sent.add(code)
        try:
            yield
        finally:
            with self._changed:
                self._being_sent.discard(code)
                self._changed.notify_all()


@dataclass
class Submission:
    """One statement until the session has it."""

    client: LivyClient
    session_id: str
    code: str
    kind: str
    known_statements: KnownStatements = field(default_factory=KnownStatements)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = interruptible_sleep
    source_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    after_id: int | None = None
    """The id of the statement is greater than this; None before it is sent."""
    number: int | None = None
    may_still_arrive: bool = False
    """The connection of a request broke; the request may still arrive."""

    @property
    def _has_source_id(self) -> bool:
        """Fabric returns our `sourceId`; on Apache Livy a statement is recognised by its code alone."""
        return self.client.dialect is Dialect.FABRIC

    def send(self, on_late_answer: Callable[[StatementInfo | None], None]) -> StatementInfo:
        """Sends again only where no answer came and the session does not list the statement. `on_late_answer`: see `LivyHttp.post`.

        Raises SessionLostError, OutcomeUnknown, or the HttpError of a statement that did not run.
        """
        if self._has_source_id:
            self.after_id = -1 if self.known_statements.newest_id is None else self.known_statements.newest_id
            return self._send(on_late_answer)
        with self.known_statements.sending(self.code, self.client.http.check_time):
            self.after_id = self._newest_before()
            return self._send(on_late_answer)

    def _send(self, on_late_answer: Callable[[StatementInfo | None], None]) -> StatementInfo:
        pauses, failing_since = RetryPolicy().pauses(), dict[type[HttpError], float]()
        while True:
            try:
                sent = self.client.submit_statement(
                    self.session_id, self.code, self.kind, self.source_id, on_late_answer
                )
            except HttpError as error:
                found = self._recover(error)
                if found is not None:
                    return found
                if isinstance(error, TakenWithoutId):  # so it is not sent again, whatever the list says
                    raise OutcomeUnknown(f"{error} The session does not list it. {MAYBE_RAN}") from error
                since_s = failing_since.setdefault(type(error), self.clock())
                if self._is_final(error, self.clock() - since_s):
                    raise error.and_also(NEVER_RAN) from error
                self.client.http.wait(next(pauses), str(error), self.sleep)
            else:
                self.number = sent.id
                self.known_statements.claim(sent.id)
                return sent

    def _is_final(self, error: HttpError, passed_s: float) -> bool:
        if isinstance(error, NotFoundError):
            return passed_s > NEW_SESSION_404_S
        return "IllegalStateException" in str(error) or passed_s > SEND_AGAIN_S

    def _newest_before(self) -> int:
        """The newest id before the POST: a later statement of the same code is this one."""
        if self.known_statements.newest_id is None:
            try:
                newest = next(self.client.newest_statements(self.session_id), None)
            except HttpError as error:
                if lost := lost_session(self.client, self.session_id, error):
                    raise lost from error
                raise
            self.known_statements.newest_id = newest.id if newest else -1
        return self.known_statements.newest_id

    def _recover(self, error: HttpError) -> StatementInfo | None:
        """What became of a POST that ended in `error`: the statement, or None where the session does not list it."""
        may_have_run = may_have_acted(error)
        if lost := lost_session(self.client, self.session_id, error):
            raise (_with_unknown_outcome(lost) if may_have_run else lost) from error
        if isinstance(error, NotFoundError):
            return None  # the session lives, and is not visible yet
        if not may_have_run:
            raise error
        self.may_still_arrive = True
        return self._look_up(error)

    def _look_up(self, error: HttpError) -> StatementInfo | None:
        client, began_s = self.client, self.clock()
        self.client = client.within(LOOKUP_WITHIN_S)
        try:
            found = self._find_repeatedly(error)
            while found is None and self._may_run_unlisted(error):
                self.client.http.wait(
                    UNLISTED_PAUSE_S, f"{error} The session runs something that it does not list", self.sleep
                )
                found = self._find_repeatedly(error)
            return found
        except WaitTimeout as gave_up:
            if self.clock() - began_s < LOOKUP_WITHIN_S:  # the statement's own time is over
                raise
            raise OutcomeUnknown(f"{error} The session could not be asked, either: {gave_up} {MAYBE_RAN}") from error
        finally:
            self.client = client

    def _may_run_unlisted(self, error: HttpError) -> bool:
        """Some servers answer, and list a statement, when it has ended: sent again, it would run twice."""
        if not (isinstance(error, ConnectionFailed) and error.is_timeout):
            return False
        with contextlib.suppress(HttpError):
            return self.client.get_session(self.session_id).state is SessionState.BUSY
        return False

    def _find_repeatedly(self, error: HttpError) -> StatementInfo | None:
        lookup_error: HttpError | None = None
        for number, wait_s in enumerate(LOOKUP_PAUSES_S, 1):
            if wait_s:
                self.client.http.wait(wait_s, f"{error} Looking whether it arrived", self.sleep)
            try:
                found, lookup_error = self._find(error), None
            except HttpError as failed_lookup:
                if lost := lost_session(self.client, self.session_id, failed_lookup):
                    raise _with_unknown_outcome(lost) from error
                found, lookup_error = None, failed_lookup
            if found:
                return found
            is_transient = isinstance(lookup_error, NotFoundError | NotLivyError)
            if (lookup_error and not is_transient) or (not lookup_error and number >= ENOUGH_LOOKUPS):
                break
        if lookup_error:
            raise OutcomeUnknown(
                f"{error} The session could not be asked, either: {lookup_error} {MAYBE_RAN}"
            ) from error
        return None

    def _matches(self, one: StatementInfo) -> bool:
        return one.source_id == self.source_id if self._has_source_id else one.code == self.code

    def _find(self, error: HttpError) -> StatementInfo | None:
        """The statement of a POST that ended in `error`, if no other thread has claimed it. Ids grow by one; other threads may
        have sent so many statements meanwhile that the session has dropped this one from its list."""
        assert self.after_id is not None
        oldest = self.after_id + 1
        for one in self.client.newest_statements(self.session_id):
            if one.id <= self.after_id:
                return None
            if self._matches(one) and self.known_statements.claim(one.id):
                self.number = one.id
                return one
            oldest = one.id
        if not self.known_statements.has_claimed(range(self.after_id + 1, oldest)):
            raise OutcomeUnknown(f"{error} {DROPPED} {MAYBE_RAN}") from error
        return None

    def find_to_cancel(self, client: LivyClient) -> int | None:
        """Its id, searched among the newest statements where it is not known. Raises HttpError."""
        if self.number is not None or self.after_id is None:
            return self.number
        for one in itertools.islice(client.newest_statements(self.session_id), QUICK_LOOKUP_STATEMENTS):
            if one.id > self.after_id and self._matches(one) and (self._has_source_id or self._is_unclaimed(one)):
                return one.id
        return None

    def _is_unclaimed(self, one: StatementInfo) -> bool:
        """Whether a statement of this code is not another run of the same cell."""
        return not one.state.is_final and self.known_statements.is_unclaimed(one.id, self.code)
