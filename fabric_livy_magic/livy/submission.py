"""A statement reaches its session once: one POST, and where its answer is lost, a look at what the session has."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from fabric_livy_magic.errors import HttpError, NotFoundError, NotLivyError, OutcomeUnknown, SessionLostError
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.endings import lost_session
from fabric_livy_magic.livy.models import StatementInfo
from fabric_livy_magic.livy.retries import RetryPolicy, may_have_acted
from fabric_livy_magic.livy.waiting import WAKE_S, check_interrupted, interruptible_sleep

NEWEST = 12  # statements among which one is looked for in a hurry: a frame on its way has up to eight
# A POST that broke on its way may arrive a moment after its error, so what is not there is looked for again. The last
# two are for looks that fail.
LOOKS_S = (0.0, 1.0, 3.0, 3.0, 3.0)
ENOUGH_LOOKS = 3
SEND_AGAIN_S = 120.0
YOUNG_S = 5.0  # a session that has just become ready was seen to answer 404
MAYBE_RAN = "This statement was sent and no answer came, so it is not known whether it ran: look at what it should have done before you run it again."
DROPPED = "The session lists only its newest statements, and this one may be older than those."
NEVER_RAN = "The session has no trace of this statement: it did not run."


def _in_doubt(lost: SessionLostError) -> SessionLostError:
    """What is not known is said before the log."""
    first_line, line_end, log = str(lost).partition("\n")
    return SessionLostError(f"{first_line} {MAYBE_RAN}{line_end}{log}")


class Ledger:
    """Which statements of a session are accounted for, so that one whose answer was lost is told from earlier ones of the
    same code: Apache Livy keeps no mark of ours. `newest` is None where statements of others may be there already."""

    def __init__(self, newest: int | None = None) -> None:
        self.newest = newest
        self._taken: set[int] = set()
        self._on_their_way: set[str] = set()
        self._changed = threading.Condition()

    def take(self, statement_id: int) -> bool:
        """False where another thread has it."""
        with self._changed:
            if statement_id in self._taken:
                return False
            self._taken.add(statement_id)
            self.newest = max(statement_id, -1 if self.newest is None else self.newest)
            return True

    def is_unclaimed(self, statement_id: int, code: str) -> bool:
        """False where a thread has it, or may just be about to: of those that sent the same code, any."""
        with self._changed:
            return statement_id not in self._taken and code not in self._on_their_way

    def accounts_for(self, statement_ids: Iterable[int]) -> bool:
        with self._changed:
            return self._taken.issuperset(statement_ids)

    @contextmanager
    def sending(self, code: str) -> Iterator[None]:
        """Of the same code one at a time, so that nobody takes the statement of another thread, still unanswered, for the
        one that was lost."""
        with self._changed:
            while code in self._on_their_way:
                check_interrupted()
                self._changed.wait(WAKE_S)  # in short turns, so that an interrupt gets through
            self._on_their_way.add(code)
        try:
            yield
        finally:
            with self._changed:
                self._on_their_way.discard(code)
                self._changed.notify_all()


@dataclass
class Submission:
    """One statement until the session has it."""

    client: LivyClient
    session_id: str
    code: str
    kind: str
    ledger: Ledger = field(default_factory=Ledger)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = interruptible_sleep
    source_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    after: int | None = None
    """Its number is greater; None while it was not sent."""
    number: int | None = None
    in_doubt: bool = False
    """A request of it broke on its way, and may arrive yet."""

    @property
    def _has_mark(self) -> bool:
        """Fabric echoes our id; on Apache Livy a statement is known by its code alone."""
        return self.client.dialect is Dialect.FABRIC

    def send(self, late: Callable[[StatementInfo | None], None]) -> StatementInfo:
        """Only where no answer came and the session has no trace of it, it is sent again. `late`: see `LivyHttp.post`.

        Raises SessionLostError, OutcomeUnknown, or the HttpError of a statement that did not run.
        """
        if self._has_mark:
            self.after = -1 if self.ledger.newest is None else self.ledger.newest
            return self._send(late)
        with self.ledger.sending(self.code):
            self.after = self._newest_before()
            return self._send(late)

    def _send(self, late: Callable[[StatementInfo | None], None]) -> StatementInfo:
        pauses, failing_since = RetryPolicy().pauses(), dict[type[HttpError], float]()
        while True:
            try:
                sent = self.client.submit_statement(self.session_id, self.code, self.kind, self.source_id, late)
            except HttpError as error:
                found = self._after(error)
                if found is not None:
                    return found
                since_s = failing_since.setdefault(type(error), self.clock())
                if self._is_final(error, self.clock() - since_s):
                    raise error.and_also(NEVER_RAN) from error
                self.client.http.wait(next(pauses), str(error), self.sleep)
            else:
                self.number = sent.id
                self.ledger.take(sent.id)
                return sent

    def _is_final(self, error: HttpError, passed_s: float) -> bool:
        if isinstance(error, NotFoundError):
            return passed_s > YOUNG_S
        return "IllegalStateException" in str(error) or passed_s > SEND_AGAIN_S

    def _newest_before(self) -> int:
        """The id after which an equal statement must be this one."""
        if self.ledger.newest is None:
            try:
                newest = next(self.client.newest_statements(self.session_id), None)
            except HttpError as error:
                if lost := lost_session(self.client, self.session_id, error):
                    raise lost from error
                raise
            self.ledger.newest = newest.id if newest else -1
        return self.ledger.newest

    def _after(self, error: HttpError) -> StatementInfo | None:
        """What became of a POST that ended in `error`: the statement, or None where the session has no trace of it."""
        doubt = may_have_acted(error)
        if lost := lost_session(self.client, self.session_id, error):
            raise (_in_doubt(lost) if doubt else lost) from error
        if isinstance(error, NotFoundError):
            return None  # of a session that lives: it is young
        if not doubt:
            raise error
        self.in_doubt = True
        return self._looked_for(error)

    def _looked_for(self, error: HttpError) -> StatementInfo | None:
        trouble: HttpError | None = None
        for number, wait_s in enumerate(LOOKS_S, 1):
            if wait_s:
                self.client.http.wait(wait_s, f"{error} Looking whether it arrived", self.sleep)
            try:
                found, trouble = self._find(error), None
            except HttpError as look_error:
                if lost := lost_session(self.client, self.session_id, look_error):
                    raise _in_doubt(lost) from error
                found, trouble = None, look_error
            if found:
                return found
            is_transient = isinstance(trouble, NotFoundError | NotLivyError)
            if (trouble and not is_transient) or (not trouble and number >= ENOUGH_LOOKS):
                break
        if trouble:
            raise OutcomeUnknown(f"{error} The session could not be asked, either: {trouble} {MAYBE_RAN}") from error
        return None

    def _is_this(self, one: StatementInfo) -> bool:
        return one.source_id == self.source_id if self._has_mark else one.code == self.code

    def _find(self, error: HttpError) -> StatementInfo | None:
        """The statement of a POST that ended in `error`, and that nobody else has found. Ids only grow, by one; other
        threads may have sent any number meanwhile, so many that the session has dropped this one from its list."""
        assert self.after is not None
        oldest = self.after + 1
        for one in self.client.newest_statements(self.session_id):
            if one.id <= self.after:
                return None
            if self._is_this(one) and self.ledger.take(one.id):
                self.number = one.id
                return one
            oldest = one.id
        if not self.ledger.accounts_for(range(self.after + 1, oldest)):
            raise OutcomeUnknown(f"{error} {DROPPED} {MAYBE_RAN}") from error
        return None

    def find_to_cancel(self, client: LivyClient) -> int | None:
        """Its number, looked for in a hurry if need be. Raises HttpError."""
        if self.number is not None or self.after is None:
            return self.number
        for one in itertools.islice(client.newest_statements(self.session_id), NEWEST):
            if one.id > self.after and self._is_this(one) and (self._has_mark or self._is_no_others(one)):
                return one.id
        return None

    def _is_no_others(self, one: StatementInfo) -> bool:
        """Of those with this code: the user may have run the same cell again meanwhile."""
        return not one.state.is_final and self.ledger.is_unclaimed(one.id, self.code)
