"""Cells and frames of a notebook: parse → run → show."""

from __future__ import annotations

import argparse
from collections import ChainMap
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.cells.cell import read_cell
from fabric_livy_magic.cells.options import HelpWanted
from fabric_livy_magic.cells.subcommands import read_command
from fabric_livy_magic.errors import Interrupted, SettingsError, StatementError
from fabric_livy_magic.magics.statement_commands import chosen
from fabric_livy_magic.magics.subcommands import LivyCommands
from fabric_livy_magic.output import display

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# What `notebookutils.notebook.exit` raises, on Fabric as well.
NOTEBOOK_EXIT = "NotebookExit"


class CellRuns:
    """Of one notebook."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.commands = LivyCommands(shell)
        self._variables = shell.user_ns
        self.exit_value: str | None = None
        """What a cell gave to `notebook.exit`: nothing more of the notebook is to run."""

    def run_command(self, line: str) -> None:
        """`%livy <line>`."""
        try:
            command = read_command(line)
        except HelpWanted as text:
            return print(text)
        try:
            if command.name in {"get", "put", "wait"}:  # they take the notebook's names, and show results as cells do
                return {"get": self._get, "put": self._put, "wait": self._wait}[command.name](command.options)
            return self.commands.do(command)
        except Interrupted:
            raise
        except KeyboardInterrupt:
            raise Interrupted(
                f"`%livy {command.name}` was interrupted. `%livy status` shows the sessions of this notebook."
            ) from None

    def run_cell(self, kind: str, line: str, body: str | None) -> Any:
        """Shows the result. A line magic with SQL returns its DataFrame instead, as in `df = %livy_sql SELECT 1`."""
        try:
            cell = read_cell(kind, line, body)
        except HelpWanted as text:
            return print(text)
        values = ChainMap({name: self._evaluated(text) for name, text in cell.parameters}, self._variables)
        progress = self.commands.progress()
        try:
            self.commands.start_if_none(cell.session, progress)
            if cell.background:
                handle = self.commands.runner.submit(cell, dict(values))  # of now: the notebook may change its names
                if cell.output:
                    self._variables[cell.output] = handle
                    if not cell.quiet:
                        handle._ipython_display_()
                return None if cell.output or cell.quiet else handle
            result = self.commands.runner.run(cell, progress, values)
            if cell.output:
                self._variables[cell.output] = result.value(cell.library)
            if body is None and result.has_table and not cell.output:
                return result.to(cell.library)
            if not cell.quiet:
                display.show_parts(progress, result.parts, self.commands.runner.settings.rows_shown, result.elapsed_s)
        except StatementError as error:
            self._show_before_error(error, progress)
            if error.ename != NOTEBOOK_EXIT:
                raise
            self.exit_value = error.evalue
            display.show(*display.exit_bundle(error.evalue))
        finally:
            progress.erase()
        return None

    def _wait(self, options: argparse.Namespace) -> None:
        """`%livy wait`: shows each result when it is there. An interrupt ends the waiting alone."""
        runner, progress = self.commands.runner, self.commands.progress()
        try:
            for one in chosen(runner.background, options.number):
                try:
                    result = one.result(on_progress=progress)
                finally:
                    if one.done:
                        runner.background.remove(one)
                display.show_parts(progress, result.parts, runner.settings.rows_shown, result.elapsed_s)
        except StatementError as error:
            self._show_before_error(error, progress)
            raise
        finally:
            progress.erase()

    def _show_before_error(self, error: StatementError, progress: display.ProgressLine) -> None:
        if error.parts:
            display.show_parts(progress, error.parts, self.commands.runner.settings.rows_shown)
        elif error.printed:
            progress.show({"text/plain": error.printed})

    def _get(self, options: argparse.Namespace) -> None:
        """`%livy get EXPR -o NAME`: a frame of the session becomes a variable here."""
        progress = self.commands.progress()
        try:
            self.commands.start_if_none(options.session, progress)
            table = self.commands.runner.get(options.expression, options.session, options.limit, progress)
            if options.output:
                self._variables[options.output] = table.to(options.library)
                more = f" ({table.more})" if table.more else ""
                return progress.note(
                    f"{options.output}: {table.rows:,} rows × {len(table.fields)} columns{more}, {options.library}"
                )
            return display.show_parts(progress, [table], self.commands.runner.settings.rows_shown)
        except StatementError as error:
            self._show_before_error(error, progress)
            raise
        finally:
            progress.erase()

    def _put(self, options: argparse.Namespace) -> None:
        """`%livy put FRAME --as VIEW`: a frame of this notebook becomes a view and a DataFrame of the session."""
        name = options.view or options.frame
        if not name.isidentifier():
            raise SettingsError(f"A view needs a plain name; {name!r} is none. Give one: `%livy put … --as NAME`.")
        progress = self.commands.progress()
        try:
            self.commands.start_if_none(options.session, progress)
            rows, columns = self.commands.runner.put(self._evaluated(options.frame), name, options.session, progress)
            types = ", ".join(f"{column} {kind}" for column, kind in columns)
            progress.note(f"{name}: {rows:,} rows ({types}), as a temporary view and a DataFrame of the session")
        finally:
            progress.erase()

    def _evaluated(self, expression: str) -> Any:
        """The user's own expression, among their own names."""
        assert self.shell is not None
        return self.shell.ev(expression)
