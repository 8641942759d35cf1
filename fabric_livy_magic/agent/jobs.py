"""Calls of the agent that Apache Livy runs beside a cell, as jobs: the agent's side is `remote/agent/beside.py`."""

from __future__ import annotations

import functools
import importlib
import pickle
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from fabric_livy_magic.agent.client import Reply, package_name, read_reply

PROTOCOL = 2  # of pickle: every Python reads it


class _Call:
    """Pickled as a call of `function`, which the session's Python makes when it reads the pickle."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._call


def job_of(
    run: Callable[[bytes], bytes], operation: str, arguments: Sequence[Any], package: str | None = None
) -> Reply | None:
    """Runs one operation of `beside`; None where what came back is no reply to it. `package`: of the agent, where it is another
    version's than ours."""
    request = uuid.uuid4().hex
    result = run(pickled_call(package or package_name(), request, operation, arguments))
    return read_reply(result.decode("latin-1"), request)  # ASCII among the bytes of a pickle


def pickled_call(package: str, request: str, operation: str, arguments: Sequence[Any]) -> bytes:
    """A function of one argument, of nothing but the standard library, the name of a function of the agent that is installed there, and
    JSON values: so no code travels, and a session without the agent refuses it."""
    agent = _Call(importlib.import_module, package)
    answer = _Call(getattr, agent, "answer_beside")
    call = _Call(functools.partial, answer, request, operation, list(arguments))
    return pickle.dumps(call, protocol=PROTOCOL)
