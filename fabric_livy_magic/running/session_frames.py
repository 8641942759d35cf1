"""Frames between the notebook and a session, in their place among the session's cells."""

from __future__ import annotations

from typing import Any

from fabric_livy_magic.errors import FrameError, NoAgent
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.livy.waiting import NO_DEADLINE, Deadline
from fabric_livy_magic.running import agent_calls, frame_roads
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import Table


def fetch_frame(
    repl: Repl,
    expression: str | None,
    *,
    limit: int | None = None,
    via: str | None = None,
    deadline: Deadline = NO_DEADLINE,
    on_progress: Listener | None = None,
) -> Table:
    """The frame that a PySpark expression gives; without one, that of the value that the last PySpark cell ended with. Raises
    StatementError, also where it is no frame, and FrameError where the session has no PyArrow. `via`: see `frame_roads`."""
    try:
        with repl.queue.in_turn():
            call = repl.agent_call(deadline, on_progress)
            return frame_roads.fetch(
                repl,
                lambda files: agent_calls.open_frame(call, expression, limit, files),
                via=via,
                limit=limit,
                deadline=deadline,
                on_progress=on_progress,
            )
    except NoAgent as missing:
        raise FrameError(_no_frame(missing)) from missing


def send_frame(
    repl: Repl, frame: Any, name: str, *, via: str | None = None, on_progress: Listener | None = None
) -> tuple[int, list[tuple[str, str]]]:
    """Makes a frame the temporary view `name`: (rows, [(column, Spark's type)]). Raises FrameError. `via`: see `frame_roads`."""
    try:
        with repl.queue.in_turn():
            return frame_roads.send(repl, frame, name, via=via, on_progress=on_progress)
    except NoAgent as missing:
        raise FrameError(_no_frame(missing)) from missing


def _no_frame(missing: NoAgent) -> str:
    return f"Frames need PySpark with PyArrow in the session: {missing}. `%%livy_sql` works without, up to 1,000 rows."
