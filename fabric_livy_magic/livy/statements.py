"""Submit one statement, follow it, cancel it."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from fabric_livy_magic.errors import (
    FabricLivyError,
    HttpError,
    Interrupted,
    NotFoundError,
    OutcomeUnknown,
    SessionLostError,
    StatementCancelled,
    WaitTimeout,
)
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.endings import lost_session
from fabric_livy_magic.livy.models import Output, Progress, StatementInfo, StatementState
from fabric_livy_magic.livy.retries import RetryPolicy, may_have_acted
from fabric_livy_magic.livy.waiting import Pauses, wait_until

Listener = Callable[[Progress], None]

# A statement was seen `available` with a null output for a moment, and a fresh one answered 404 (facts of the field:
# Apache Livy writes the record field by field; Fabric's front end lags). Both are read again this long.
UNSETTLED_S = 5.0
CANCEL_WAIT_S = 1.0
NEWEST = 12  # statements that a lost answer is looked for in: a frame on its way has up to eight
STILL_RUNNING = "The session was told to stop it, but its code still runs; what you run next waits for it. `%livy stop` ends the session."


# A POST that broke on its way may arrive a moment after its error, so a statement that is not there is looked for again.
LATE_S = 1.0
SEND_AGAIN_S = 120.0
MAYBE_RAN = "This statement was sent and no answer came, so it is not known whether it ran: look at what it should have done before you run it again."


class Ledger:
    """Which statements of a session are accounted for, so that one whose answer was lost is told from earlier ones of the
    same code: Apache Livy keeps no mark of ours. `newest` is None where statements of others may be there already."""

    def __init__(self, newest: int | None = None) -> None:
        self.newest = newest
        self._taken: set[int] = set()
        self._lock = threading.Lock()

    def take(self, statement_id: int) -> bool:
        """False where another thread has it."""
        with self._lock:
            if statement_id in self._taken:
                return False
            self._taken.add(statement_id)
            self.newest = max(statement_id, -1 if self.newest is None else self.newest)
            return True


def run_statement(
    client: LivyClient,
    session_id: str,
    code: str,
    kind: str,
    *,
    ledger: Ledger | None = None,
    timeout_s: float | None = None,
    on_progress: Listener | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> StatementInfo:
    """The finished statement, its output present.

    Raises StatementCancelled if somebody cancelled it, SessionLostError if the session ended with it, OutcomeUnknown
    where its answer was lost and the session cannot be asked what became of it,
    Interrupted (a KeyboardInterrupt) after Ctrl-C, once the statement was cancelled, and WaitTimeout after
    `timeout_s`, once it was cancelled. An error in the user's code is no exception here: see `Output.status`.
    """
    client = client.telling(on_progress, "statement")
    statement = _Statement(client, session_id, code, kind, clock, sleep, ledger or Ledger())
    try:
        statement.submit()
        final = statement.follow(timeout_s, on_progress)
    except KeyboardInterrupt:
        raise Interrupted(statement.cancel()) from None
    except WaitTimeout as error:
        raise WaitTimeout(f"{error} {statement.cancel()}") from None
    if final.state is StatementState.CANCELLED:
        raise StatementCancelled(f"Statement {final.id} was cancelled on the session.")
    return final


@dataclass
class _Statement:
    """One statement on its way. `submitted` is the POST's answer, once it came."""

    client: LivyClient
    session_id: str
    code: str
    kind: str
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    ledger: Ledger = field(default_factory=Ledger)
    source_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    submitted: StatementInfo | None = None
    unsettled_since: float | None = None

    def submit(self) -> None:
        """Sends it once. Only where no answer came and the session has no trace of it, it is sent again."""
        began_s, pauses = self.clock(), RetryPolicy().pauses()
        while self.submitted is None:
            after = -1
            try:
                after = self._newest_before()
                self.submitted = self.client.submit_statement(self.session_id, self.code, self.kind, self.source_id)
            except HttpError as error:
                self.submitted = self._after(error, after)
                if self.submitted is None:
                    if "IllegalStateException" in str(error) or self.clock() - began_s > SEND_AGAIN_S:
                        raise
                    self.sleep(next(pauses))
            else:
                self.ledger.take(self.submitted.id)

    def _newest_before(self) -> int:
        """The id after which an equal statement must be this one. On Fabric a statement carries its own mark."""
        if self.client.dialect is Dialect.FABRIC:
            return -1
        if self.ledger.newest is None:
            newest = next(self.client.newest_statements(self.session_id), None)
            self.ledger.newest = newest.id if newest else -1
        return self.ledger.newest

    def _after(self, error: HttpError, after: int) -> StatementInfo | None:
        """What became of a POST that ended in `error`: the statement, or None where the session has no trace of it."""
        doubt = f" {MAYBE_RAN}" if may_have_acted(error) else ""
        if lost := lost_session(self.client, self.session_id, error):
            raise SessionLostError(f"{lost}{doubt}") from error
        if not doubt:
            raise error
        try:
            found = self._look(after)
            if found is None:
                self.sleep(LATE_S)
                found = self._look(after)
        except HttpError as look_error:
            if lost := lost_session(self.client, self.session_id, look_error):
                raise SessionLostError(f"{lost}{doubt}") from error
            raise OutcomeUnknown(f"{error} The session could not be asked, either: {look_error}{doubt}") from error
        return found

    def _look(self, after: int) -> StatementInfo | None:
        is_fabric = self.client.dialect is Dialect.FABRIC
        for one in itertools.islice(self.client.newest_statements(self.session_id), NEWEST):
            if one.id <= after:
                return None
            is_this = one.source_id == self.source_id if is_fabric else one.code == self.code
            if is_this and self.ledger.take(one.id):
                return one
        return None

    def follow(self, timeout_s: float | None, on_progress: Listener | None) -> StatementInfo:
        assert self.submitted is not None

        def report(value: StatementInfo, elapsed_s: float) -> None:
            if on_progress:
                on_progress(Progress("statement", value.state.value, elapsed_s, value.progress))

        final = wait_until(
            self._fetch,
            lambda value: value.state.is_final and not self._half_written(value),
            first=self.submitted,
            timeout_s=timeout_s,
            what=f"statement {self.submitted.id}",
            on_wait=report,
            clock=self.clock,
            sleep=self.sleep,
        )
        if final.output is None and final.state is not StatementState.CANCELLED:
            return replace(final, output=Output(status="error" if final.state is StatementState.ERROR else "ok"))
        return final

    def _fetch(self) -> StatementInfo:
        assert self.submitted is not None
        try:
            return self.client.get_statement(self.session_id, self.submitted.id)
        except HttpError as error:  # Apache Livy answers 400 once the session has ended
            if lost := lost_session(self.client, self.session_id, error):
                raise lost from error
            if not isinstance(error, NotFoundError) or not self._unsettled():
                raise
            return self.submitted

    def _half_written(self, value: StatementInfo) -> bool:
        return value.state is StatementState.AVAILABLE and value.output is None and self._unsettled()

    def _unsettled(self) -> bool:
        """Whether an odd answer may still be a passing one."""
        if self.unsettled_since is None:
            self.unsettled_since = self.clock()
        return self.clock() - self.unsettled_since <= UNSETTLED_S

    def cancel(self) -> str:
        """Cancels, waits a second for the session to confirm, and says in a sentence what became of the statement."""
        self.client = self.client.brief()  # nobody waits long for a server that hangs
        statement_id = self.submitted.id if self.submitted else self._find()
        if statement_id is None:
            return "The statement had not been accepted yet."
        try:
            self.client.cancel_statement(self.session_id, statement_id)
            wait_until(
                lambda: self.client.get_statement(self.session_id, statement_id),
                lambda value: value.state.is_final,
                timeout_s=CANCEL_WAIT_S,
                pauses=Pauses(first_s=0.03, most_s=0.2),
                clock=self.clock,
                sleep=self.sleep,
            )
        except WaitTimeout:
            return STILL_RUNNING
        except FabricLivyError as error:
            return f"Whether the statement was stopped is not known: {error}"
        return f"Statement {statement_id} was cancelled on the session."

    def _find(self) -> int | None:
        """The statement of a POST whose answer never came. Fabric echoes our id; on Apache Livy it is the newest one of
        this code that has not ended."""
        is_fabric = self.client.dialect is Dialect.FABRIC
        try:
            for one in itertools.islice(self.client.newest_statements(self.session_id), NEWEST):
                if one.source_id == self.source_id if is_fabric else one.code == self.code and not one.state.is_final:
                    return one.id
        except FabricLivyError:
            return None  # the interrupt is on its way out and matters more than this look-up
        return None
