"""Statements that ran on a session without a notebook to show their results: listed, and their results fetched."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from fabric_livy_magic.agent.client import is_install, read_call, read_reply
from fabric_livy_magic.errors import Interrupted, StatementCancelled
from fabric_livy_magic.livy.endings import statement_error
from fabric_livy_magic.livy.models import Output, StatementInfo, StatementState
from fabric_livy_magic.livy.statements import Listener, follow_statement
from fabric_livy_magic.running import agent_calls, frame_roads
from fabric_livy_magic.running.live_output import as_written
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import Part, Result, parts_of_output

NEWEST = 20  # statements looked at, a call for each; a frame on its way has up to eight
KIND_OF = {"cell": "pyspark", "open_sql": "sql"}
LEFT_RUNNING = "It goes on running on the session. `%livy attach --last` waits for it again, `%livy cancel` stops it."


@dataclass(frozen=True)
class EarlierStatement:
    """A statement of a person's cell. `text` is their own code; `kind` is empty where it is not known."""

    info: StatementInfo
    kind: str
    text: str = field(repr=False)
    request: str = ""
    """The id of the agent's request; empty where it ran without the agent."""

    @property
    def is_over(self) -> bool:
        return self.info.state.is_final


def earlier_statements(repl: Repl) -> list[EarlierStatement]:
    """The latest, oldest first. Statements that only move data or install the agent are left out."""
    newest = itertools.islice(repl.remote.client.newest_statements(repl.id), NEWEST)
    found = [one for info in newest if (one := _read(info)) is not None]
    return found[::-1]


def _read(info: StatementInfo) -> EarlierStatement | None:
    call = read_call(info.code)
    if call is None:
        return None if is_install(info.code) else EarlierStatement(info, "", as_written(info.code))
    request, operation, arguments = call
    if operation not in KIND_OF:
        return None
    return EarlierStatement(info, KIND_OF[operation], str(arguments[0]), request)


def fetch_result(repl: Repl, ran: EarlierStatement, on_progress: Listener | None = None) -> Result:
    """Waits for it where it still runs. Raises as the cell would have; an interrupt leaves it running."""
    try:
        info = follow_statement(
            repl.remote.client, repl.id, ran.info, on_progress=on_progress, monitoring=repl.remote.monitoring
        )
    except KeyboardInterrupt:
        raise Interrupted(f"Statement {ran.info.id} was not cancelled. {LEFT_RUNNING}", may_run_on=True) from None
    if info.state is StatementState.CANCELLED:
        raise StatementCancelled(f"Statement {info.id} was cancelled on the session.")
    output = info.output or Output(status="ok")
    parts = _parts(repl, ran, output, on_progress)
    return Result(kind=ran.kind, session=repl.name, elapsed_s=_elapsed_s(info), parts=parts)


def _parts(repl: Repl, ran: EarlierStatement, output: Output, on_progress: Listener | None) -> tuple[Part, ...]:
    reply = read_reply(output.text, ran.request) if ran.request else None
    if reply is not None and ran.kind == "pyspark":
        return agent_calls.parts_of(reply)
    if reply is not None:
        return (frame_roads.fetch_earlier(repl, agent_calls.value_of(reply), on_progress),)
    if output.status == "error":
        raise statement_error(output, ran.kind or "pyspark")
    return parts_of_output(output)


def _elapsed_s(info: StatementInfo) -> float:
    """By the server's clock; 0 where it names no times."""
    return (info.completed_ms - info.started_ms) / 1000 if info.completed_ms and info.started_ms else 0.0
