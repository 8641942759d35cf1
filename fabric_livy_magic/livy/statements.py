"""Submit one statement, follow it, cancel it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from fabric_livy_magic.errors import (
    FabricLivyError,
    HttpError,
    Interrupted,
    NotFoundError,
    SessionLostError,
    StatementCancelled,
    WaitTimeout,
)
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.models import Output, Progress, StatementInfo, StatementState
from fabric_livy_magic.livy.waiting import Pauses, wait_until

Listener = Callable[[Progress], None]

# A statement was seen `available` with a null output for a moment, and a fresh one answered 404 (facts of the field:
# Apache Livy writes the record field by field; Fabric's front end lags). Both are read again this long.
UNSETTLED_S = 5.0
CANCEL_WAIT_S = 1.0
STILL_RUNNING = "The session was told to stop it, but its code still runs; what you run next waits for it. `%livy stop` ends the session."


def run_statement(
    client: LivyClient,
    session_id: str,
    code: str,
    kind: str,
    *,
    timeout_s: float | None = None,
    on_progress: Listener | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> StatementInfo:
    """The finished statement, its output present.

    Raises StatementCancelled if somebody cancelled it, SessionLostError if the session ended with it,
    Interrupted (a KeyboardInterrupt) after Ctrl-C, once the statement was cancelled, and WaitTimeout after
    `timeout_s`, once it was cancelled. An error in the user's code is no exception here: see `Output.status`.
    """
    source_id = str(uuid.uuid4())
    statement_id: int | None = None
    try:
        submitted = _submit(client, session_id, code, kind, source_id)
        statement_id = submitted.id
        final = _follow(client, session_id, submitted, timeout_s, on_progress, clock, sleep)
    except KeyboardInterrupt:
        if statement_id is None:
            statement_id = _find(client, session_id, code, source_id)
        outcome = _cancel(client, session_id, statement_id, clock, sleep)
        raise Interrupted(outcome) from None
    except WaitTimeout as error:
        outcome = _cancel(client, session_id, statement_id, clock, sleep)
        raise WaitTimeout(f"{error} {outcome}") from None
    if final.state is StatementState.CANCELLED:
        raise StatementCancelled(f"Statement {final.id} was cancelled on the session.")
    return final


def _submit(client: LivyClient, session_id: str, code: str, kind: str, source_id: str) -> StatementInfo:
    try:
        return client.submit_statement(session_id, code, kind, source_id)
    except HttpError as error:
        if lost := lost_session(client, session_id, error):
            raise lost from error
        raise


def _follow(
    client: LivyClient,
    session_id: str,
    submitted: StatementInfo,
    timeout_s: float | None,
    on_progress: Listener | None,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> StatementInfo:
    unsettled_since: list[float] = []

    def settle(value: StatementInfo) -> StatementInfo | None:
        """None while `value` may be a half-written record."""
        if value.state is not StatementState.AVAILABLE or value.output is not None:
            return value
        unsettled_since.append(clock())
        return value if clock() - unsettled_since[0] > UNSETTLED_S else None

    def fetch() -> StatementInfo:
        try:
            return client.get_statement(session_id, submitted.id)
        except HttpError as error:  # Apache Livy answers 400 once the session has ended
            if lost := lost_session(client, session_id, error):
                raise lost from error
            if not isinstance(error, NotFoundError):
                raise
            unsettled_since.append(clock())
            if clock() - unsettled_since[0] > UNSETTLED_S:
                raise
            return submitted

    def report(value: StatementInfo, elapsed_s: float) -> None:
        if on_progress:
            on_progress(Progress("statement", value.state.value, elapsed_s, value.progress))

    final = wait_until(
        fetch,
        lambda value: value.state.is_final and settle(value) is not None,
        first=submitted,
        timeout_s=timeout_s,
        what=f"statement {submitted.id}",
        on_wait=report,
        clock=clock,
        sleep=sleep,
    )
    if final.output is None and final.state is not StatementState.CANCELLED:
        return StatementInfo(
            id=final.id,
            state=final.state,
            output=Output(status="error" if final.state is StatementState.ERROR else "ok"),
        )
    return final


def _find(client: LivyClient, session_id: str, code: str, source_id: str) -> int | None:
    """The statement of a POST whose answer never came. Fabric echoes our id; on Apache Livy it is the newest one of
    this code that has not ended."""
    try:
        found = client.list_statements(session_id)
        if client.dialect is Dialect.FABRIC:
            return next((one.id for one in found if one.source_id == source_id), None)
        return next((one.id for one in reversed(found) if one.code == code and not one.state.is_final), None)
    except FabricLivyError:
        return None  # the interrupt is on its way out and matters more than this look-up


def _cancel(
    client: LivyClient,
    session_id: str,
    statement_id: int | None,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> str:
    """Cancels, waits a second for the session to confirm, and says in a sentence what became of the statement."""
    if statement_id is None:
        return "The statement had not been accepted yet."
    try:
        client.cancel_statement(session_id, statement_id)
        wait_until(
            lambda: client.get_statement(session_id, statement_id),
            lambda value: value.state.is_final,
            timeout_s=CANCEL_WAIT_S,
            pauses=Pauses(first_s=0.03, most_s=0.2),
            clock=clock,
            sleep=sleep,
        )
    except WaitTimeout:
        return STILL_RUNNING
    except FabricLivyError as error:
        return f"Whether the statement was stopped is not known: {error}"
    return f"Statement {statement_id} was cancelled on the session."


def lost_session(client: LivyClient, session_id: str, cause: HttpError) -> SessionLostError | None:
    """The error to raise if the session has ended; None if it lives, or if that cannot be told."""
    if cause.status not in {400, 404, 410, 500}:
        return None
    try:
        info = client.get_session(session_id)
    except NotFoundError:
        why = "the server does not know it any more (it was deleted, or timed out while idle)"
    except HttpError:
        return None
    else:
        if not info.state.has_ended:
            return None
        why = f"it is {info.state.value}" + (f": {info.reason}" if info.reason else "")
        if not info.reason and info.log:
            why += ". Its log ends: " + telling_lines(info.log)
    return SessionLostError(
        f"The session is gone: {why}. Its variables and temporary views are lost; tables are not. "
        "`%livy start` starts a new one. Nothing was run again."
    )


def telling_lines(log: tuple[str, ...] | list[str], count: int = 8) -> str:
    """A short log whole, else its lines that name a failure, else its last lines."""
    lines = [line.rstrip() for entry in log for line in str(entry).splitlines() if line.strip()]
    if len(lines) <= count:
        return "\n".join(lines)
    marks = ("Error", "ERROR", "Exception", "Caused by", "FATAL", "Killed")
    telling = [line for line in lines if any(mark in line for mark in marks)]
    return "\n".join((telling or lines)[-count:])
