"""The face in a notebook: parse → run → show. `%livy …`, `%%livy_sql`, `%%livy_pyspark`, `%%livy_spark`, `%%livy_sparkr`."""

from __future__ import annotations

import atexit
import contextlib
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_cell_magic, line_magic, magics_class, no_var_expand

from fabric_livy_magic.completion.ipython import matcher_of
from fabric_livy_magic.errors import SettingsError, StatementError
from fabric_livy_magic.magics.end_signals import EndSignals
from fabric_livy_magic.magics.kernel_requests import KernelRequests
from fabric_livy_magic.own_imports import no_working_folder
from fabric_livy_magic.printable import printable
from fabric_livy_magic.sessions.records import notebook_path
from fabric_livy_magic.settings import Settings, resolve
from fabric_livy_magic.settings_files import read_files

if TYPE_CHECKING:
    from fabric_livy_magic.magics.cells import CellMagics
    from fabric_livy_magic.magics.notebook import LivyNotebook


@magics_class
class FabricLivyMagics(Magics):
    """One per notebook. All that they need is loaded with the first use: a kernel should start as fast without them."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._cells: CellMagics | None = None
        self._notebook: LivyNotebook | None = None
        self.is_of_session = False
        self.end_signals = EndSignals(self.end)
        self.requests = KernelRequests(self, shell)
        self.matcher = matcher_of(lambda: self.notebook.runner)

    @property
    def notebook(self) -> LivyNotebook:
        if self._notebook is None:
            from fabric_livy_magic.magics.notebook import LivyNotebook

            assert self.shell is not None
            self._notebook = LivyNotebook(self.shell, is_of_session=self.is_of_session)
        return self._notebook

    @property
    def cells(self) -> CellMagics:
        if self._cells is None:
            from fabric_livy_magic.magics.cells import CellMagics

            self._cells = CellMagics(self.notebook)
        return self._cells

    @property
    def exit_value(self) -> str | None:
        """Of `notebook.exit` in the last cell that ran."""
        return None if self._cells is None else self._cells.exit_value

    @exit_value.setter
    def exit_value(self, value: str | None) -> None:
        if self._cells is not None:
            self._cells.exit_value = value

    @property
    def language(self) -> str:
        """Of a cell without a magic in the Fabric Livy kernel. A kernel is asked for it before its first cell, so a settings
        file that is broken does not keep it from starting; the first cell says what is wrong."""
        try:
            return self._notebook.runner.settings.language if self._notebook else self.first_settings.language
        except SettingsError:
            return Settings().language

    @property
    def first_settings(self) -> Settings:
        """Before the first use. Raises SettingsError."""
        assert self.shell is not None
        with no_working_folder():
            return resolve({}, {}, files=read_files(notebook_path(self.shell.user_ns).parent))

    def close(self) -> None:
        """Stops the sessions that this notebook started."""
        if self._notebook is not None:
            with no_working_folder():
                self._notebook.close()

    def end(self, within_s: float) -> None:
        """The same as far as it goes in that time, for a process that was told to end; it shows nothing."""
        if self._notebook is not None:
            self._notebook.end(within_s)

    # ------------------------------------------------------------------------------------------- cells
    @no_var_expand
    @line_cell_magic
    def livy_sql(self, line: str, cell: str | None = None) -> Any:
        """Run Spark SQL on the session. `%livy_sql --help` shows the options."""
        return self.cells.run("sql", line, cell)

    @no_var_expand
    @line_cell_magic
    def livy_pyspark(self, line: str, cell: str | None = None) -> Any:
        """Run PySpark on the session. `%livy_pyspark --help` shows the options."""
        return self.cells.run("pyspark", line, cell)

    @no_var_expand
    @line_cell_magic
    def livy_spark(self, line: str, cell: str | None = None) -> Any:
        """Run Scala on the session. `%livy_spark --help` shows the options."""
        return self.cells.run("spark", line, cell)

    @no_var_expand
    @line_cell_magic
    def livy_sparkr(self, line: str, cell: str | None = None) -> Any:
        """Run R on the session. `%livy_sparkr --help` shows the options."""
        return self.cells.run("sparkr", line, cell)

    @no_var_expand
    @cell_magic
    def livy_batch(self, line: str, cell: str) -> Any:
        """Submit the cell as a job of its own. `%livy batch submit --help` shows the options."""
        with no_working_folder():
            from fabric_livy_magic.magics.batch_commands import batch_cell

            return batch_cell(self.notebook, line, cell)

    # ------------------------------------------------------------------------------------------- %livy
    @no_var_expand
    @line_magic
    def livy(self, line: str) -> Any:
        """Sessions and settings: `%livy help` lists the subcommands."""
        with no_working_folder():
            from fabric_livy_magic.magics.subcommands import run_subcommand

            return run_subcommand(self.notebook, line)

    @no_var_expand
    @cell_magic
    def livy_configure(self, line: str, cell: str) -> None:
        """What the next sessions are asked for, as JSON in the API's words, laid over what was asked before. -f: start anew."""
        with no_working_folder():
            from fabric_livy_magic.magics.session_commands import configure

            configure(self.notebook, line, cell)


def show_whole_error(result: Any) -> None:
    """Below the error that IPython has just shown, which a front end could not fold: it takes the text of an error as it is."""
    error = getattr(result, "error_in_exec", None)
    if isinstance(error, StatementError):
        from fabric_livy_magic.output.bundles import show
        from fabric_livy_magic.output.errors import whole_error_bundle

        if bundle := whole_error_bundle(error):
            show(bundle)


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
    shell.events.register("post_run_cell", show_whole_error)
    atexit.register(magics.close)
    magics.end_signals.handle()
    magics.requests.watch()
    with contextlib.suppress(SettingsError):  # the first cell says what is wrong
        if magics.first_settings.alias:
            from fabric_livy_magic.magics.aliases import add_aliases

            for line in add_aliases(shell):
                print(printable(line))


def unload(shell: InteractiveShell) -> None:
    from fabric_livy_magic.magics.aliases import remove_aliases

    magics = of(shell)
    atexit.unregister(magics.close)
    shell.events.unregister("post_run_cell", show_whole_error)
    magics.end_signals.release()
    magics.requests.release()
    magics.close()
    remove_aliases(shell)
    shell.Completer.custom_matchers.remove(magics.matcher)
    for kind in ("line", "cell"):
        for name in magics.magics[kind]:
            shell.magics_manager.magics[kind].pop(name, None)
