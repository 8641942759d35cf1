"""`%livy statements`, `%livy wait` and `%livy log`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fabric_livy_magic import logs
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.output import display

if TYPE_CHECKING:
    from fabric_livy_magic.running.background import Background

NONE = "No background statements. `-b` on a cell makes it one."


def show_background(running: Sequence[Background]) -> None:
    if not running:
        return display.show({"text/plain": NONE})
    rows = [
        [str(one.number), one.kind, one.session, one.state, f"{one.progress:.0%}", f"{one.elapsed_s:.0f} s"]
        for one in running
    ]
    return display.show(display.table_bundle(["number", "kind", "session", "state", "progress", "time"], rows))


def chosen(running: Sequence[Background], number: int | None) -> list[Background]:
    """The one of that number, or all."""
    found = [one for one in running if number in {None, one.number}]
    if number is not None and not found:
        raise SettingsError(f"There is no background statement {number}. `%livy statements` lists them.")
    return found


def log(where: str, path: str | None) -> str:
    if (where == "file") != (path is not None):
        raise SettingsError("`%livy log` takes debug, file PATH, or off.")
    if where == "off":
        logs.stop_writing()
        return "Nothing more is logged."
    logs.write_to(Path(path).expanduser() if path else None)
    return f"Each request is logged{f' into {path}' if path else ''}: no token, no code, no data."
