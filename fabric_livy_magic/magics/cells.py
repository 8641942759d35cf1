"""`%%livy_sql`, `%%livy_pyspark`, …: a cell is parsed, run and shown."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import replace
from typing import Any

from fabric_livy_magic.cells.cell import Cell, read_cell
from fabric_livy_magic.cells.magic_parser import HelpRequested
from fabric_livy_magic.cells.other_products import hint
from fabric_livy_magic.errors import StatementError
from fabric_livy_magic.magics.notebook import LivyNotebook
from fabric_livy_magic.magics.notebook_run import HEADLESS_PAUSE_S
from fabric_livy_magic.output.bundles import note_bundle, show
from fabric_livy_magic.output.live_screen import LiveScreen
from fabric_livy_magic.output.progress import ProgressLine
from fabric_livy_magic.output.results import BelowLine, exit_bundle, show_parts
from fabric_livy_magic.own_imports import no_working_folder
from fabric_livy_magic.running.results import Printed

# What `notebookutils.notebook.exit` raises, on Fabric as well.
NOTEBOOK_EXIT = "NotebookExit"
SESSION_STOPPED = "SessionStopped"  # of `notebookutils.session.stop` on the embedded Fabric


class CellMagics:
    """Of one notebook."""

    def __init__(self, notebook: LivyNotebook) -> None:
        self._notebook = notebook
        self.exit_value: str | None = None
        """What a cell gave to `notebook.exit`: nothing more of the notebook is to run."""

    def run(self, kind: str, line: str, body: str | None) -> Any:
        """Shows the result. A line magic with SQL returns its DataFrame instead, as in `df = %livy_sql SELECT 1`."""
        with no_working_folder():
            return self._run(kind, line, body)

    def _run(self, kind: str, line: str, body: str | None) -> Any:
        try:
            cell = read_cell(kind, line, body)
            cell = replace(cell, number=self._notebook.cell_number, session_values=self._notebook.is_of_session)
        except HelpRequested as text:
            return print(text)
        self._notebook.say_what_was_ignored()
        variables = self._notebook.variables
        values = ChainMap({name: self._notebook.evaluate(text) for name, text in cell.parameters}, variables)
        with self._notebook.progress() as progress:
            screen = LiveScreen(BelowLine(progress, self._notebook.look()))
            try:
                self._notebook.start_if_none(cell.session, progress)
                if cell.background:
                    return self._submit(cell, dict(values))  # as they are now: the notebook may change its names
                is_live = progress.has_person and not cell.quiet and self._notebook.runner.settings.live_output == "on"
                on_output = screen.hear if is_live else None
                result = self._notebook.runner.run(cell, progress, values, on_output)
                if cell.output:
                    variables[cell.output] = result.value(cell.library)
                if body is None and result.has_table and not cell.output:
                    return result.to(cell.library)
                if not cell.quiet:
                    parts = screen.rest(result.parts)
                    show_parts(progress, parts, self._notebook.look(result.session), result.elapsed_s)
            except StatementError as error:
                show_before_error(self._notebook, error, progress, screen)
                if error.ename == SESSION_STOPPED:
                    self.exit_value = ""
                    show(*exit_bundle("", self._notebook.stop_session(cell.session, error.evalue)))
                elif error.ename == NOTEBOOK_EXIT:
                    self.exit_value = error.evalue
                    show(*exit_bundle(error.evalue))
                else:
                    self._notebook.say(*filter(None, [hint(error.ename, error.evalue)]))
                    raise
        return None

    def show_not_run(self, value: str, number: int, *, has_person: bool) -> None:
        """Instead of a cell's output, where the cell [number] has ended the run before it. `has_person`: see `NotebookRun`."""
        said = f" with the value {value!r}" if value else ""
        how = (
            "run it once more"
            if has_person
            else f"send it {HEADLESS_PAUSE_S:.0f} s after the last one, or restart the kernel"
        )
        show(note_bundle(f"Not run: cell [{number}] ended the notebook{said}. To run this cell, {how}."))

    def _submit(self, cell: Cell, values: dict[str, Any]) -> Any:
        """The handle, as the cell's value or in its variable."""
        handle = self._notebook.runner.submit(cell, values)
        if cell.output:
            self._notebook.variables[cell.output] = handle
            if not cell.quiet:
                handle._ipython_display_()
        return None if cell.output or cell.quiet else handle


def show_before_error(
    notebook: LivyNotebook, error: StatementError, progress: ProgressLine, screen: LiveScreen | None = None
) -> None:
    """What the cell gave before it failed, as far as it is not shown already."""
    if error.parts:
        show_parts(progress, screen.rest(error.parts) if screen else error.parts, notebook.look())
    elif error.printed:
        text = error.printed if error.printed.endswith("\n") else f"{error.printed}\n"
        show_parts(progress, [Printed(text)], notebook.look())
