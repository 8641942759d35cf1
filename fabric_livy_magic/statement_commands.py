"""`%livy statements`, `%livy wait` and `%livy log`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fabric_livy_magic import display, logs
from fabric_livy_magic.errors import SettingsError

if TYPE_CHECKING:
    from fabric_livy_magic.background import Background


class StatementCommands:
    """Of one notebook: its background statements, until their results were shown."""

    def __init__(self) -> None:
        self.running: list[Background] = []

    def statements(self, options: argparse.Namespace) -> None:
        if not self.running:
            return display.show({"text/plain": "No background statements. `-b` on a cell makes it one."})
        rows = [
            [str(one.number), one.kind, one.session, one.state, f"{one.progress:.0%}", f"{one.elapsed_s:.0f} s"]
            for one in self.running
        ]
        return display.show(display.table_bundle(["number", "kind", "session", "state", "progress", "time"], rows))

    def wait(self, options: argparse.Namespace, progress: display.ProgressLine, rows_shown: int) -> None:
        """Shows each result when it is there. An interrupt ends the waiting alone."""
        wanted = [one for one in self.running if options.number in {None, one.number}]
        if options.number is not None and not wanted:
            raise SettingsError(f"There is no background statement {options.number}. `%livy statements` lists them.")
        for one in wanted:
            try:
                result = one.result()
            finally:
                if one.done:
                    self.running.remove(one)
            display.show_parts(progress, result.parts, rows_shown, result.elapsed_s)

    def log(self, options: argparse.Namespace) -> None:
        if (options.where == "file") != (options.path is not None):
            raise SettingsError("`%livy log` takes debug, file PATH, or off.")
        if options.where == "off":
            logs.stop_writing()
            return display.show({"text/plain": "Nothing more is logged."})
        logs.write_to(Path(options.path).expanduser() if options.path else None)
        return display.show(
            {
                "text/plain": f"Each request is logged{f' into {options.path}' if options.path else ''}; no token, no code."
            }
        )
