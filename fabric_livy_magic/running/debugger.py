"""A debugger for the session's Python: debugpy listens there (remote/agent/debugger.py), and a client of this machine attaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fabric_livy_magic.errors import NoAgent, SettingsError, StatementError
from fabric_livy_magic.livy.http import LOOPBACK
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.settings import Target

NEEDS = "A debugger of the session needs"
ELSEWHERE = (
    "A debugger attaches by a connection into the session's Python, and to this session there is none: the Livy API takes statements and "
    "gives their results, and lets nothing else through. Where its Python is of this machine there is: `%livy use local`, then "
    "`%livy debug`."
)


@dataclass(frozen=True)
class Listening:
    """`cells` are (what a cell is called, the file of its text), in the order in which they ran last."""

    host: str
    port: int
    cells: Sequence[tuple[str, str]]


def check_target(target: Target) -> None:
    """Raises SettingsError where its sessions are not on this machine, as far as that is known without one."""
    if not target.is_embedded and urlsplit(target.url).hostname not in LOOPBACK:
        raise SettingsError(ELSEWHERE)


def listen(repl: Repl, port: int, on_progress: Listener | None = None) -> Listening:
    """Port 0: any that is free. Where it listens already, it goes on as it is. Raises SettingsError."""
    if not repl.remote.client.http.is_loopback:
        raise SettingsError(ELSEWHERE)
    try:
        found = repl.value_in_turn("debug", port, needs=NEEDS, on_progress=on_progress)
    except StatementError as error:
        raise SettingsError(error.evalue) if error.ename == "NoDebugger" else error from None
    except NoAgent as error:
        raise SettingsError(f"{NEEDS} the agent, which this session cannot have: {error}") from None
    if not Path(found["folder"]).is_dir():  # a server at the other end of a tunnel
        repl.value_in_turn("stop_debugging", needs=NEEDS)
        raise SettingsError(ELSEWHERE)
    return Listening(found["host"], found["port"], [(name, path) for name, path in found["cells"]])


def stop(repl: Repl, on_progress: Listener | None = None) -> bool:
    """False where nobody listened."""
    return bool(repl.value_in_turn("stop_debugging", needs=NEEDS, on_progress=on_progress))
