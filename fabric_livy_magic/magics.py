"""The face in a notebook: parse → run → show. `%livy …`, `%%livy_sql`, `%%livy_pyspark`, `%%livy_spark`, `%%livy_sparkr`."""

from __future__ import annotations

import argparse
import atexit
from collections import ChainMap
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_cell_magic, line_magic, magics_class, no_var_expand

from fabric_livy_magic import display
from fabric_livy_magic.cells import read_cell
from fabric_livy_magic.commands import read_command
from fabric_livy_magic.completion.ipython import matcher_of
from fabric_livy_magic.errors import SettingsError, StatementError
from fabric_livy_magic.livy_commands import LivyCommands
from fabric_livy_magic.options import HelpWanted

if TYPE_CHECKING:
    from fabric_livy_magic.runner import Runner


# What `notebookutils.notebook.exit` raises, on Fabric as well.
NOTEBOOK_EXIT = "NotebookExit"


@magics_class
class FabricLivyMagics(Magics):
    """One per notebook. The runner, and with it the HTTP library, is loaded with the first use."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._variables = shell.user_ns
        self.commands = LivyCommands(shell)
        self.exit_value: str | None = None
        """What a cell gave to `notebook.exit`: nothing more of the notebook is to run."""
        self.matcher = matcher_of(lambda: self.runner)

    @property
    def runner(self) -> Runner:
        return self.commands.runner

    @property
    def language(self) -> str:
        return self.commands.language

    def close(self) -> None:
        """Stops the sessions that this notebook started."""
        self.commands.close()

    # ------------------------------------------------------------------------------------------- cells
    @no_var_expand
    @line_cell_magic
    def livy_sql(self, line: str, cell: str | None = None) -> Any:
        """Run Spark SQL on the session. `%livy_sql --help` shows the options."""
        return self._run_cell("sql", line, cell)

    @no_var_expand
    @line_cell_magic
    def livy_pyspark(self, line: str, cell: str | None = None) -> Any:
        """Run PySpark on the session. `%livy_pyspark --help` shows the options."""
        return self._run_cell("pyspark", line, cell)

    @no_var_expand
    @line_cell_magic
    def livy_spark(self, line: str, cell: str | None = None) -> Any:
        """Run Scala on the session. `%livy_spark --help` shows the options."""
        return self._run_cell("spark", line, cell)

    @no_var_expand
    @line_cell_magic
    def livy_sparkr(self, line: str, cell: str | None = None) -> Any:
        """Run R on the session. `%livy_sparkr --help` shows the options."""
        return self._run_cell("sparkr", line, cell)

    def _run_cell(self, kind: str, line: str, body: str | None) -> Any:
        """Shows the result. A line magic with SQL returns its DataFrame instead, as in `df = %livy_sql SELECT 1`."""
        try:
            cell = read_cell(kind, line, body)
        except HelpWanted as text:
            return print(text)
        values = ChainMap({name: self._evaluated(text) for name, text in cell.parameters}, self._variables)
        progress = self.commands.progress()
        try:
            self.commands.start_if_none(cell.session, progress)
            result = self.runner.run(cell, progress, values)
            if cell.output:
                self._variables[cell.output] = result.value(cell.library)
            if body is None and result.has_table and not cell.output:
                return result.to(cell.library)
            if not cell.quiet:
                display.show_parts(progress, result.parts, self.runner.settings.rows_shown, result.elapsed_s)
        except StatementError as error:
            self._show_before_error(error, progress)
            if error.ename != NOTEBOOK_EXIT:
                raise
            self.exit_value = error.evalue
            display.show(*display.exit_bundle(error.evalue))
        finally:
            progress.erase()
        return None

    def _show_before_error(self, error: StatementError, progress: display.ProgressLine) -> None:
        if error.parts:
            display.show_parts(progress, error.parts, self.runner.settings.rows_shown)
        elif error.printed:
            progress.show({"text/plain": error.printed})

    def _get(self, options: argparse.Namespace) -> None:
        """`%livy get EXPR -o NAME`: a frame of the session becomes a variable here."""
        progress = self.commands.progress()
        try:
            self.commands.start_if_none(options.session, progress)
            table = self.runner.get(options.expression, options.session, options.limit, progress)
            if options.output:
                self._variables[options.output] = table.to(options.library)
                more = f" ({table.more})" if table.more else ""
                return progress.note(
                    f"{options.output}: {table.rows:,} rows × {len(table.fields)} columns{more}, {options.library}"
                )
            return display.show_parts(progress, [table], self.runner.settings.rows_shown)
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
            rows, columns = self.runner.put(self._evaluated(options.frame), name, options.session, progress)
            types = ", ".join(f"{column} {kind}" for column, kind in columns)
            progress.note(f"{name}: {rows:,} rows ({types}), as a temporary view and a DataFrame of the session")
        finally:
            progress.erase()

    def _evaluated(self, expression: str) -> Any:
        """The user's own expression, among their own names."""
        assert self.shell is not None
        return self.shell.ev(expression)

    # ------------------------------------------------------------------------------------------- %livy
    @no_var_expand
    @line_magic
    def livy(self, line: str) -> None:
        """Sessions and settings: `%livy help` lists the subcommands."""
        try:
            command = read_command(line)
        except HelpWanted as text:
            return print(text)
        if command.name in {"get", "put"}:  # they need the notebook's names
            return {"get": self._get, "put": self._put}[command.name](command.options)
        return self.commands.do(command)

    @no_var_expand
    @cell_magic
    def livy_configure(self, line: str, cell: str) -> None:
        """What the next sessions are asked for, as JSON in the API's words, laid over what was asked before. -f: start anew."""
        self.commands.configure(line, cell)


MAGICS_ATTRIBUTE = "_fabric_livy_magics"


def of(shell: InteractiveShell) -> FabricLivyMagics:
    """Those that `load` registered."""
    magics: FabricLivyMagics = getattr(shell, MAGICS_ATTRIBUTE)
    return magics


def load(shell: InteractiveShell) -> None:
    magics = FabricLivyMagics(shell)
    shell.register_magics(magics)
    setattr(shell, MAGICS_ATTRIBUTE, magics)
    shell.Completer.custom_matchers.append(magics.matcher)
    atexit.register(magics.close)


def unload(shell: InteractiveShell) -> None:
    magics = of(shell)
    atexit.unregister(magics.close)
    magics.close()
    shell.Completer.custom_matchers.remove(magics.matcher)
    for kind in ("line", "cell"):
        for name in magics.magics[kind]:
            shell.magics_manager.magics[kind].pop(name, None)
