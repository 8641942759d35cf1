"""Frames between the notebook and a session, in their place among the session's cells."""

from __future__ import annotations

from typing import Any

from fabric_livy_magic.errors import FrameError, NoAgent
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.running import agent_calls
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import Table


def fetch_frame(
    repl: Repl, expression: str | None, *, limit: int | None = None, on_progress: Listener | None = None
) -> Table:
    """The frame that a PySpark expression gives; without one, that of the value that the last PySpark cell ended with. Raises
    StatementError, also where it is no frame, and FrameError where the session has no PyArrow."""
    try:
        with repl.queue.in_turn():
            header = agent_calls.open_frame(repl.agent_call(on_progress=on_progress), expression, limit)
            return agent_calls.fetch_table(repl.agent_call(), header, on_progress)
    except NoAgent as missing:
        raise FrameError(_no_frame(missing)) from missing


def send_frame(
    repl: Repl, frame: Any, name: str, *, on_progress: Listener | None = None
) -> tuple[int, list[tuple[str, str]]]:
    """Makes a frame the temporary view `name`: (rows, [(column, Spark's type)]). Raises FrameError."""
    try:
        with repl.queue.in_turn():
            return agent_calls.send(repl.agent_call(), frame, name, on_progress)
    except NoAgent as missing:
        raise FrameError(_no_frame(missing)) from missing


def _no_frame(missing: NoAgent) -> str:
    return f"Frames need PySpark with PyArrow in the session: {missing}. `%%livy_sql` works without, up to 1,000 rows."
