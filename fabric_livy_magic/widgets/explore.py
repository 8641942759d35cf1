"""`%livy explore`: controls, the chart or the profile beneath them, and the cell that shows the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ipywidgets as ipw
from IPython.display import display

from fabric_livy_magic.cells.charts import Chart
from fabric_livy_magic.cells.explored_cells import chart_cell, explore_line, profile_line
from fabric_livy_magic.errors import FabricLivyError, SettingsError, StatementError, short_remote_error
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.output.bundles import Bundle
from fabric_livy_magic.output.charts import METADATA, chart_bundle
from fabric_livy_magic.output.explored import cell_bundle, profile_bundle
from fabric_livy_magic.output.short_texts import cut
from fabric_livy_magic.output.tables import escaped
from fabric_livy_magic.own_imports import no_working_folder
from fabric_livy_magic.printable import printable
from fabric_livy_magic.running.exploration import Explored, chart_of, profile_of
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.widgets.chart_controls import ChartControls
from fabric_livy_magic.widgets.latest import Latest
from fabric_livy_magic.widgets.views import lasting_bundles

CHART, PROFILE = 0, 1  # places of the tabs
MOST_OF_ERROR = 2000  # characters
SAID_STYLE = "line-height:1.4;white-space:pre-wrap;overflow-wrap:anywhere;padding:2px 4px"


class ExploreView:
    """Of one frame of a session. `named_session` is the one that the person named, if they did."""

    def __init__(self, runner: Runner, explored: Explored, session: str, named_session: str | None = None) -> None:
        self._runner, self._explored, self._session, self._named_session = runner, explored, session, named_session
        self._latest = Latest()
        self._turn = 0
        """Counts what a person changed: the answer to an earlier change is not shown."""
        self._shown: dict[int, tuple[Bundle, str]] = {}
        """By tab, what it shows, and the cell of it."""
        self._controls = ChartControls(explored.axes, self._chart_changed)
        again = ipw.Button(description="Compute anew", icon="refresh")
        again.on_click(lambda _: self._profile_wanted())
        self._said = ipw.HTML()
        self._tabs = ipw.Tab([self._controls.box, again], titles=("Chart", "Profile"))
        self._tabs.selected_index = CHART if self._controls.has_columns else PROFILE
        self._tabs.observe(lambda _: self._tab_changed(), "selected_index")
        self.box = ipw.VBox([self._tabs, self._said])
        self._display: Any = None
        self._cell: Any = None

    def show(self, on_progress: Callable[[Progress], None]) -> None:
        """With its first content, whose error is the cell's."""
        tab = self._tabs.selected_index
        bundle, cell = self._shown[tab] = self._content(self._controls.chart() if tab == CHART else None, on_progress)
        name = printable(self._explored.name)
        text = f"{name}: its controls need a front end that draws Jupyter's widgets."
        line = explore_line(self._explored.name, self._named_session)
        instead = f"{name}: its controls work while their kernel runs. `{line}` shows them again."
        for shown in lasting_bundles(self.box, text, instead):
            display(shown, raw=True)
        self._display = display(bundle, raw=True, display_id=True, metadata=METADATA)
        self._cell = display(cell_bundle(cell), raw=True, display_id=True)

    # ------------------------------------------------------------------------------------------- callbacks of widgets
    def _chart_changed(self) -> None:
        if (
            self._tabs.selected_index == PROFILE
        ):  # a text that a person has typed arrives when they click on the other tab
            self._shown.pop(CHART, None)
            return None
        self._turn += 1
        try:
            chart = self._controls.chart()
        except SettingsError as error:
            return self._say_error(str(error))
        return self._ask(chart)

    def _profile_wanted(self) -> None:
        self._turn += 1
        self._ask(None)

    def _tab_changed(self) -> None:
        tab = self._tabs.selected_index
        if tab not in self._shown:
            return self._profile_wanted() if tab == PROFILE else self._chart_changed()
        self._turn += 1
        self._say("")
        return self._draw(*self._shown[tab])

    def _ask(self, wanted: Chart | None) -> None:
        """For a chart, or without one for the profile."""
        turn = self._turn
        self._say("Asking Spark …")
        self._latest.run(lambda: self._answer(wanted, turn))

    # ------------------------------------------------------------------------------------------- in a thread
    def _answer(self, wanted: Chart | None, turn: int) -> None:
        def on_progress(progress: Progress) -> None:
            if turn == self._turn:
                self._say(f"Spark works on it: {progress.elapsed_s:.0f} s")

        try:
            with no_working_folder():
                content = self._content(wanted, on_progress)
        except Exception as error:  # noqa: BLE001 - there is no cell that it could end: the view shows it, and goes on
            if turn == self._turn:
                self._say_error(_error_text(error))
            return
        if turn == self._turn:
            self._shown[PROFILE if wanted is None else CHART] = content
            self._say("")
            self._draw(*content)

    def _content(self, wanted: Chart | None, on_progress: Callable[[Progress], None]) -> tuple[Bundle, str]:
        name, began = self._explored.name, time.monotonic()
        if wanted is None:
            profile = self._runner.on_repl(lambda repl: profile_of(repl, name, on_progress), self._session)
            bundle = profile_bundle(profile, name, time.monotonic() - began)
            return bundle, profile_line(name, self._named_session)
        table = self._runner.on_repl(lambda repl: chart_of(repl, name, wanted, on_progress), self._session)
        try:
            cell = chart_cell(wanted, name, self._explored.sql, self._named_session)
        except SettingsError as error:  # of a name that no line holds
            cell = str(error)
        return chart_bundle(table, time.monotonic() - began), cell

    # ------------------------------------------------------------------------------------------- what is seen
    def _draw(self, bundle: Bundle, cell: str) -> None:
        self._display.update(bundle, raw=True, metadata=METADATA)
        self._cell.update(cell_bundle(cell), raw=True)

    def _say(self, text: str) -> None:
        self._said.value = f'<div role="status" style="{SAID_STYLE};opacity:.75">{escaped(text)}</div>' if text else ""

    def _say_error(self, text: str) -> None:
        color = "border-left:3px solid var(--jp-error-color1,var(--vscode-errorForeground,red))"
        self._said.value = f'<div role="alert" style="{SAID_STYLE};{color}">{escaped(cut(text, MOST_OF_ERROR))}</div>'


def _error_text(error: Exception) -> str:
    if isinstance(error, StatementError):
        return short_remote_error(error)
    return str(error) if isinstance(error, FabricLivyError) else f"{type(error).__name__}: {error}"
