"""Submit one statement, follow it, cancel it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from fabric_livy_magic.errors import (
    NOT_CONFIRMED,
    AccessError,
    ConnectionFailed,
    FabricLivyError,
    HttpError,
    Interrupted,
    NotFoundError,
    NotLivyError,
    OutcomeUnknown,
    SessionLostError,
    StatementCancelled,
    ThrottledError,
    WaitTimeout,
)
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.endings import lost_session
from fabric_livy_magic.livy.models import Output, Progress, SessionState, StatementInfo, StatementState
from fabric_livy_magic.livy.monitoring import SparkMonitoring
from fabric_livy_magic.livy.retries import is_transient
from fabric_livy_magic.livy.submission import LOOKUP_PAUSES_S, KnownStatements, Submission
from fabric_livy_magic.livy.waiting import (
    NEAR_STATEMENT_PAUSES,
    Pauses,
    interruptible_sleep,
    result_within,
    run_in_background,
    wait_until,
)

Listener = Callable[[Progress], None]

# A statement was seen `available` with a null output for a moment, and a new one answered 404: Apache Livy writes the record
# field by field, and Fabric's front end lags. Both are read again for this long.
UNSETTLED_S = 5.0
SILENT_S = 20.0  # for an output that Apache Livy has at hand
CANCEL_WAIT_S = 0.7
NO_SUCH_CALL = (404, 405, 501)
CANCEL_ANSWER_WAIT_S = 3.0  # the same after a time-out, when nobody waits for the cell to end at once
ANSWER_WAIT_S = 0.9  # for the cancel and its confirmation: an interrupt should end the cell within a second
STILL_RUNNING = (
    "The session was told to stop it, but its code still runs: a Livy server stops Spark jobs, but not always Python or Scala "
    "code itself. What you run next waits for it. `%livy cancel` tells it once more, `%livy restart` ends the session and starts anew."
)
NO_CANCEL = (
    "The server has no call that cancels a statement, so its code runs on, and what you run next waits for it. `%livy restart` ends "
    "the session and starts anew."
)
NOT_KNOWN = (
    "Statement {id} had been accepted (last seen: {state}); whether it ran to its end is not known: look at what it should have "
    "done before you run it again."
)
CANCELLED_LATER = (
    "The server takes no calls for {seconds:.0f} s; the statement is cancelled then, if this process still runs."
)
CANCELLED_AGAIN = "The session is told once more to stop it, if this process still runs."
TOO_LARGE_TO_SEND = (
    "The cell has ended, but the server does not give its output: most likely that is larger than Livy can send "
    "(`livy.rsc.rpc.max.size`, 50 MiB unless it was changed). Its variables are there. Print less; or write the text to a file, and read "
    "that in parts."
)
NOT_ACCEPTED = "The statement had not been accepted yet. If the server takes it after all, it is cancelled at once."
NOT_FOUND = (
    "Whether the session has the statement is not known: {error} If it has, it is cancelled as soon as it can be found."
)


class CancelOutcome(NamedTuple):
    """What became of a cancel, in a sentence."""

    message: str
    may_run_on: bool


def run_statement(
    client: LivyClient,
    session_id: str,
    code: str,
    kind: str,
    *,
    known_statements: KnownStatements | None = None,
    timeout_s: float | None = None,
    given_s: float | None = None,
    on_progress: Listener | None = None,
    on_cancel: Callable[[int], object] | None = None,
    monitoring: SparkMonitoring | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = interruptible_sleep,
) -> StatementInfo:
    """The finished statement, its output present.

    Raises StatementCancelled if somebody cancelled it, SessionLostError if the session ended with it, OutcomeUnknown
    where it was sent and the server cannot be asked what became of it, another HttpError only where it did not run,
    Interrupted (a KeyboardInterrupt) after Ctrl-C, once the statement was cancelled, and WaitTimeout after
    `timeout_s`, once it was cancelled; it names `given_s`, of which that is the rest. An error in the user's code is no exception here: see `Output.status`.
    """
    client = client.reporting_to(on_progress, "statement")
    limited, began = client if timeout_s is None else client.within(timeout_s), clock()
    submission = Submission(limited, session_id, code, kind, known_statements or KnownStatements(), clock, sleep)
    statement = _Statement(
        client,
        session_id,
        clock,
        sleep,
        submission=submission,
        on_cancel=on_cancel,
        limited_client=limited,
        monitoring=monitoring,
    )
    try:
        statement.submitted = submission.send(statement.cancel_late_answer)
        final = statement.follow(None if timeout_s is None else began + timeout_s - clock(), on_progress)
    except KeyboardInterrupt:
        message, may_run_on = statement.cancel_within(ANSWER_WAIT_S)
        raise Interrupted(message, may_run_on=may_run_on) from None
    except WaitTimeout as error:
        outcome = statement.cancel_within(CANCEL_ANSWER_WAIT_S)
        is_over = timeout_s is not None and statement.submitted is not None and clock() - began >= timeout_s
        told = f"It took longer than the {given_s or timeout_s:g} s that it was given." if is_over else str(error)
        raise WaitTimeout(f"{told} {outcome.message}") from None
    if final.state is StatementState.CANCELLED:
        raise StatementCancelled(f"Statement {final.id} was cancelled on the session.")
    return final


def follow_statement(
    client: LivyClient,
    session_id: str,
    submitted: StatementInfo,
    *,
    on_progress: Listener | None = None,
    monitoring: SparkMonitoring | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = interruptible_sleep,
) -> StatementInfo:
    """Waits for a statement that was submitted elsewhere. An interrupt does not cancel it."""
    client = client.reporting_to(on_progress, "statement")
    statement = _Statement(client, session_id, clock, sleep, submitted=submitted, monitoring=monitoring)
    return statement.follow(None, on_progress)


@dataclass
class _Statement:
    """One statement until its end. `submitted` is its latest state, at first the POST's own answer; `submission` is None
    where it was submitted elsewhere."""

    client: LivyClient
    session_id: str
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    submission: Submission | None = None
    submitted: StatementInfo | None = None
    unsettled_since: float | None = None
    was_cancelled: bool = False
    on_cancel: Callable[[int], object] | None = None
    """Called in the background with the statement's id when it is cancelled."""
    limited_client: LivyClient | None = None
    """Has the statement's own time, which a cancel does not need to keep; None where it has no limit."""
    monitoring: SparkMonitoring | None = None

    def follow(self, timeout_s: float | None, on_progress: Listener | None) -> StatementInfo:
        assert self.submitted is not None
        furthest: float | None = None
        jobs = self.monitoring.jobs_of(self.submitted.id) if self.monitoring else None

        def report(value: StatementInfo, elapsed_s: float) -> None:
            """Livy counts the tasks of the jobs so far, so that its number falls with each new job; the reported one does not."""
            nonlocal furthest
            if value.progress is not None:
                furthest = max(value.progress, furthest or 0.0)
            if on_progress:
                on_progress(Progress("statement", value.state.value, elapsed_s, furthest, statement=jobs))

        final = wait_until(
            self._fetch,
            lambda value: value.state.is_final and not (_is_half_written(value) and self._unsettled()),
            first=self.submitted,
            timeout_s=timeout_s,
            what=f"statement {self.submitted.id}",
            pauses=NEAR_STATEMENT_PAUSES if self.client.http.is_loopback else Pauses(),
            on_wait=report,
            clock=self.clock,
            sleep=self.sleep,
        )
        if final.output is None and final.state is not StatementState.CANCELLED:
            return replace(final, output=Output(status="error" if final.state is StatementState.ERROR else "ok"))
        return final

    def _fetch(self) -> StatementInfo:
        """The statement's state. Where it cannot be read, the error says that the outcome is not known."""
        assert self.submitted is not None
        client = self.limited_client or self.client
        try:
            self.submitted = self._read(client, self.submitted.id)
        except HttpError as error:  # Apache Livy answers 400 once the session has ended
            not_known = NOT_KNOWN.format(id=self.submitted.id, state=self.submitted.state.value)
            if lost := lost_session(client, self.session_id, error):
                raise SessionLostError(f"{lost}\n{not_known}") from error
            if isinstance(error, NotFoundError | NotLivyError) and self._unsettled():
                return self.submitted
            if isinstance(error, AccessError):  # signing in helps
                raise error.and_also(not_known) from error
            raise OutcomeUnknown(f"{error} {not_known}") from error
        if not _is_half_written(self.submitted):
            self.unsettled_since = None
        return self.submitted

    def _read(self, client: LivyClient, statement_id: int) -> StatementInfo:
        """Apache Livy never answers with an output that is larger than it can send, however often it is asked. Raises OutcomeUnknown
        where it was silent once, and the session runs nothing any more."""
        if client.dialect is not Dialect.APACHE_LIVY:
            return client.get_statement(self.session_id, statement_id)
        try:
            return client.once(SILENT_S).get_statement(self.session_id, statement_id)
        except ConnectionFailed as error:
            if error.is_timeout and client.get_session(self.session_id).state is SessionState.IDLE:
                raise OutcomeUnknown(TOO_LARGE_TO_SEND) from error
        except HttpError:
            pass
        return client.get_statement(self.session_id, statement_id)  # with the usual patience

    def _unsettled(self) -> bool:
        """Whether an incomplete or missing state may still become right."""
        if self.unsettled_since is None:
            self.unsettled_since = self.clock()
        return self.clock() - self.unsettled_since <= UNSETTLED_S

    def cancel_within(self, within_s: float) -> CancelOutcome:
        """The cancel goes on in the background where it takes longer."""
        return result_within(self.cancel, within_s, CancelOutcome(NOT_CONFIRMED, may_run_on=True))

    def cancel(self) -> CancelOutcome:
        """See `cancel_statement`."""
        quick_client = self.client.with_short_timeouts()  # an interrupt does not wait for a server that hangs
        try:
            statement_id = self._find_number(quick_client)
        except HttpError as error:
            run_in_background(self._look_again, "cancel")
            return CancelOutcome(NOT_FOUND.format(error=error), may_run_on=True)
        if statement_id is None:
            if self.submission and self.submission.may_still_arrive:
                run_in_background(self._look_again, "cancel")
            return CancelOutcome(NOT_ACCEPTED, may_run_on=True)
        self._call_on_cancel(statement_id)
        return cancel_statement(
            quick_client, self.session_id, statement_id, clock=self.clock, sleep=self.sleep, patient_client=self.client
        )

    def cancel_late_answer(self, answer: StatementInfo | None) -> None:
        """For the answer to the POST that comes after an interrupt; None where the request failed."""
        if answer:
            self._cancel_unattended(answer.id)
        else:
            self._look_again()

    def _look_again(self) -> None:
        """As `Submission.send` does: a request may arrive a moment after it broke."""
        for wait_s in LOOKUP_PAUSES_S:
            self.sleep(wait_s)
            if self.was_cancelled:
                return
            with contextlib.suppress(FabricLivyError):
                if (found := self._find_number(self.client)) is not None:
                    self._cancel_unattended(found)

    def _cancel_unattended(self, statement_id: int) -> None:
        """In the background, so that a failure is reported to nobody."""
        if not self.was_cancelled:
            self._call_on_cancel(statement_id)
            with contextlib.suppress(FabricLivyError):
                self.client.cancel_statement(self.session_id, statement_id)

    def _call_on_cancel(self, statement_id: int) -> None:
        self.was_cancelled = True
        if on_cancel := self.on_cancel:
            run_in_background(lambda: on_cancel(statement_id), "cancel")

    def _find_number(self, client: LivyClient) -> int | None:
        """The statement's id, or None where it is not known."""
        return self.submission.find_to_cancel(client) if self.submission else None


def _is_half_written(info: StatementInfo) -> bool:
    return info.state is StatementState.AVAILABLE and info.output is None


def cancel_statement(
    client: LivyClient,
    session_id: str,
    statement_id: int,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = interruptible_sleep,
    patient_client: LivyClient | None = None,
) -> CancelOutcome:
    """Cancels, and waits a moment for the session to confirm. After a transient failure it is cancelled once more in the
    background, by `patient_client`, which retries for longer."""
    try:
        client.cancel_statement(session_id, statement_id)
        wait_until(
            lambda: client.get_statement(session_id, statement_id),
            lambda value: value.state.is_final,
            timeout_s=CANCEL_WAIT_S,
            pauses=Pauses(first_s=0.05, share=0.3, most_s=0.2),
            clock=clock,
            sleep=sleep,
        )
    except WaitTimeout:
        return CancelOutcome(STILL_RUNNING, may_run_on=True)
    except FabricLivyError as error:
        if _is_missing_call(error, client, session_id, statement_id):
            return CancelOutcome(NO_CANCEL, may_run_on=True)
        message = f"Whether the statement was stopped is not known: {error}"
        if patient_client is not None and is_transient(error):
            run_in_background(lambda: patient_client.cancel_statement(session_id, statement_id), "cancel")
            message = f"{message} {CANCELLED_AGAIN}"
            if isinstance(error, ThrottledError):
                message = CANCELLED_LATER.format(seconds=error.retry_after_s or 0)
        return CancelOutcome(message, may_run_on=True)
    return CancelOutcome(f"Statement {statement_id} was cancelled on the session.", may_run_on=False)


def _is_missing_call(error: FabricLivyError, client: LivyClient, session_id: str, statement_id: int) -> bool:
    """Whether the server has the statement, and no cancel. A 404 alone may be that of a session that is gone."""
    if not isinstance(error, HttpError) or error.status not in NO_SUCH_CALL:
        return False
    with contextlib.suppress(FabricLivyError):
        client.get_statement(session_id, statement_id)
        return True
    return False
