"""Samples of tables between a session and this Python, by calls of the agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fabric_livy_magic.errors import FrameError, NoAgent
from fabric_livy_magic.frames import conversion
from fabric_livy_magic.running import agent_calls
from fabric_livy_magic.running.repl import Repl

VIEW = "_fabric_livy_sample"  # no other name is used in the session, and this one only while a table is made


def take_sample(repl: Repl, request: Mapping[str, Any]) -> tuple[Mapping[str, Any], Any]:
    """(what it is, its rows as an Arrow table). Raises StatementError."""
    try:
        with repl.queue.in_turn():
            header = agent_calls.value_of(repl.agent_call()("take_sample", dict(request)))
            return header["about"], agent_calls.fetch_table(repl.agent_call(), header).to("arrow")
    except NoAgent as missing:
        raise FrameError(_no_sample(missing)) from missing


def existing_tables(repl: Repl, tables: Sequence[str]) -> list[str]:
    try:
        with repl.queue.in_turn():
            found: list[str] = agent_calls.value_of(repl.agent_call()("existing_tables", list(tables)))
            return found
    except NoAgent as missing:
        raise FrameError(_no_sample(missing)) from missing


def load_sample(repl: Repl, rows: Any, request: Mapping[str, Any]) -> Mapping[str, bool]:
    """Makes a table of an Arrow table. Raises StatementError."""
    with repl.queue.in_turn():
        agent_calls.send(repl.agent_call(), conversion.to_arrow(rows), VIEW)
        done: Mapping[str, bool] = agent_calls.value_of(repl.agent_call()("load_sample", {**request, "view": VIEW}))
        return done


def _no_sample(missing: NoAgent) -> str:
    return f"Samples need PySpark with PyArrow in the session: {missing}."
