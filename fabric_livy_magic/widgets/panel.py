"""The panel of `%livy ui`. It opens with what is known here; what a server knows comes from a thread, so that nothing waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from fabric_livy_magic.livy.waiting import InterruptRequest, run_in_background
from fabric_livy_magic.output.bundles import Bundle
from fabric_livy_magic.output.tables import escaped
from fabric_livy_magic.printable import printable
from fabric_livy_magic.widgets.panel_outputs import Host, Outputs, fill, run_line
from fabric_livy_magic.widgets.panel_parts import INTERRUPT, Action, Record, Row, Section
from fabric_livy_magic.widgets.panel_sections import RECENT, SECTIONS, STATEMENTS
from fabric_livy_magic.widgets.views import lasting_bundles

TICK_S = 1.0  # between two looks at what runs, which cost no call
# ipywidgets gives all tabs one width, which cuts the longest title in a narrow notebook. Its own rule names four classes.
WIDE_TITLES = "<style>.flm-tabs.flm-tabs.flm-tabs .lm-TabBar-tab.lm-TabBar-tab{flex:0 0 auto}</style>"
SCROLLED = {"max_height": "32em", "overflow": "auto"}


class Panel:
    """Of one notebook. One line runs at a time, in a thread; the one that runs can be cancelled."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._running: InterruptRequest | None = None
        self._runs_line = False
        self._next: Callable[[], None] | None = None
        """A line whose button was clicked while a list was read anew; a second click runs nothing twice."""
        self._is_ticking = False
        self._lock = threading.Lock()
        self._views = [SectionView(section, self._press) for section in SECTIONS]
        self._tab = widgets.Tab([view.box for view in self._views], titles=[one.title for one in SECTIONS])
        self._tab.observe(lambda change: self._begin(self._load_shown), names="selected_index")
        self._refresh = _button("Refresh", lambda: self._begin(self._refresh_shown))
        self._cancel = _button("Cancel", self._interrupt_line)
        self._cancel.layout.display = "none"
        self._line = widgets.HTML()
        self._said = widgets.HTML(layout=widgets.Layout(**SCROLLED))
        top = widgets.HBox([self._refresh, self._cancel, self._line], layout=widgets.Layout(align_items="center"))
        self._tab.add_class("flm-tabs")
        self.box = widgets.VBox([self._tab, top, self._said, widgets.HTML(WIDE_TITLES)])
        _take_messages_where_they_come(self.box)

    @property
    def bundles(self) -> tuple[Bundle, Bundle]:
        """Itself, and what says so where it is gone."""
        lines = "\n".join(f"{section.title}: {', '.join(section.lines)}" for section in SECTIONS)
        text = "A panel of the notebook's sessions: it needs a front end that draws Jupyter's widgets."
        instead = f"The panel works while its kernel runs: `%livy ui` opens it again. The same as text:\n{lines}"
        return lasting_bundles(self.box, text, instead)

    def open(self) -> None:
        self._begin(self._load_shown)

    # ------------------------------------------------------------------------------------------- in a thread
    def _begin(self, work: Callable[[], None], *, is_line: bool = False) -> None:
        """Returns at once: this is called by the loop that takes the front end's messages."""
        with self._lock:
            if self._running is not None:
                if is_line and not self._runs_line and self._next is None:
                    self._next = work
                return
            self._running, self._runs_line = InterruptRequest(), is_line
        self._set_busy(True)

        def run() -> None:
            try:
                work()
                self._load_shown()  # another one, chosen meanwhile
            finally:
                with self._lock:
                    following, self._next, self._running = self._next, None, None
                self._set_busy(False)
            if following:
                self._begin(following, is_line=True)
            self.watch()

        run_in_background(run, "panel", self._running)

    def _set_busy(self, is_busy: bool) -> None:
        for view in self._views:
            view.set_busy(is_busy and self._runs_line)
        self._refresh.disabled = is_busy
        self._cancel.layout.display = "" if is_busy else "none"

    def _interrupt_line(self) -> None:
        if (running := self._running) is not None:
            running.make()

    # ------------------------------------------------------------------------------------------- lines
    def _press(self, view: SectionView, line: str) -> None:
        if line == INTERRUPT:
            self._host.interrupt_cell()
            return

        def run() -> None:
            self._line.value = _code(line)
            outputs = Outputs(lambda changed: setattr(self._said, "value", changed.html))
            self._said.value = ""
            if line not in view.lines:  # else it is the list that is shown anew
                view.feed(line, run_line(self._host, line, outputs))
            self._load(view)

        self._begin(run, is_line=True)

    @property
    def _shown(self) -> SectionView:
        return self._views[self._tab.selected_index or 0]

    def _load_shown(self) -> None:
        if not self._shown.is_loaded:
            self._load(self._shown)

    def _refresh_shown(self) -> None:
        for view in self._views:
            view.is_loaded = False
        self._load(self._shown)

    def _load(self, view: SectionView) -> None:
        outputs = Outputs()
        for line, records in fill(self._host, view.section, outputs, view.picked).items():
            view.feed(line, records)
        view.feed(RECENT, [{"name": one} for one in self._host.recent_targets()])
        view.show(outputs.html)
        view.is_loaded = True

    # ------------------------------------------------------------------------------------------- what runs
    def watch(self) -> None:
        """Keeps the statements up to date until none runs; a cell that begins calls it."""
        with self._lock:
            if self._is_ticking:
                return
            self._is_ticking = True
        run_in_background(self._tick, "panel-clock")

    def _tick(self) -> None:
        """Of a cell that ends before the first look nothing is seen, and it costs nothing."""
        view = next(view for view in self._views if view.section is STATEMENTS)
        has_seen = False
        try:
            time.sleep(TICK_S)
            while self._host.running_cells() or any(one["state"] in {"waiting", "running"} for one in view.records):
                self._load(view)
                has_seen = True
                time.sleep(TICK_S)
            if has_seen:
                self._load(view)
        finally:
            self._is_ticking = False


class SectionView:
    def __init__(self, section: Section, press: Callable[[SectionView, str], None]) -> None:
        self.section = section
        self.is_loaded = False
        self.records: Sequence[Record] = ()
        self._list = widgets.HTML("…", layout=widgets.Layout(**SCROLLED))
        self._rows = [
            RowView(row, lambda: self.picked, lambda line: press(self, line), self._fill) for row in section.rows
        ]
        self.box: Any = widgets.VBox([self._list, *(row.box for row in self._rows)])
        self._when_picked()
        for row in self._rows:
            row.when_picked(self._when_picked)

    @property
    def picked(self) -> dict[str, str]:
        return {name: value for row in self._rows for name, value in row.picked.items()}

    @property
    def lines(self) -> tuple[str, ...]:
        return self.section.lines_for(self.picked)

    def _fill(self, texts: Mapping[str, str]) -> None:
        for row in self._rows:
            row.fill(texts)

    def _when_picked(self) -> None:
        for row in self._rows:
            row.say_lines()

    def feed(self, line: str, records: Sequence[Record]) -> None:
        if line in self.lines:
            self.records = records
        for row in self._rows:
            if row.row.fed_by and (line == row.row.fed_by or line.startswith(f"{row.row.fed_by} ")):
                row.choose_from(records)

    def show(self, html: str) -> None:
        if self._list.value != html:
            self._list.value = html

    def set_busy(self, is_busy: bool) -> None:
        for row in self._rows:
            row.set_busy(is_busy)


class Choice(widgets.Dropdown):  # type: ignore[misc]  # ipywidgets has no types
    """Its options change in a thread, perhaps while a person chooses: what is drawn would be another than what a button takes."""

    options: Any
    value: Any

    def __init__(self, label: str) -> None:
        self._changing = threading.RLock()
        super().__init__(options=[], description=label)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """From the front end."""
        with self._changing:
            super().set_state(sync_data)

    def choose_from(self, options: Sequence[tuple[str, str]]) -> None:
        """(label, value) of each. What was chosen stays, where it is still there."""
        options = [(printable(label), value) for label, value in options]
        with self._changing:
            if list(self.options) == options:
                return
            before, values = self.value, [value for _, value in options]
            self.options = options
            self.value = before if before in values else next(iter(values), None)
            self.send_state("index")


class RowView:
    def __init__(
        self,
        row: Row,
        picked: Callable[[], dict[str, str]],
        press: Callable[[str], None],
        fill: Callable[[Mapping[str, str]], None],
    ) -> None:
        self.row = row
        self._all_picked, self._fill = picked, fill
        self._choice = Choice(row.choice)
        self._text = widgets.Text(row.filled, description=row.text)  # the line below follows what is typed
        self._question = Question(press) if any(one.asks for one in row.actions) else None
        self._buttons = [_button(one.label, lambda one=one: self._press(one, press)) for one in row.actions]  # type: ignore[misc]
        self._lines = widgets.HTML()
        fields = [*([self._choice] if row.choice else ()), *([self._text] if row.text else ())]
        line = widgets.HBox([*fields, *self._buttons], layout=widgets.Layout(flex_flow="row wrap"))
        self.box = widgets.VBox([line, self._lines, *([self._question.box] if self._question else ())])
        self._is_busy = False

    @property
    def picked(self) -> dict[str, str]:
        choice = {self.row.choice: self._choice.value or ""} if self.row.choice else {}
        return {**choice, **({self.row.text: self._text.value.strip()} if self.row.text else {})}

    def when_picked(self, call: Callable[[], None]) -> None:
        for field in (self._choice, self._text):
            field.observe(lambda change: call(), names="value")

    def fill(self, texts: Mapping[str, str]) -> None:
        if self.row.text in texts:
            self._text.value = texts[self.row.text]

    def _press(self, action: Action, press: Callable[[str], None]) -> None:
        picked = self._all_picked()
        if not (line := action.line_for(picked)):
            return
        if self._question:
            self._question.withdraw()
        if self._question and action.asks:
            self._question.ask(action.asks, line)
        else:
            self._fill(action.sets(picked))
            press(line)

    def choose_from(self, records: Sequence[Record]) -> None:
        self._choice.choose_from(list(filter(None, map(self.row.option, records))))
        self.say_lines()

    def say_lines(self) -> None:
        """Below the buttons: what does the same."""
        lines = [action.line_for(self._all_picked()) for action in self.row.actions]
        for button, line in zip(self._buttons, lines, strict=True):
            button.disabled = (self._is_busy and line != INTERRUPT) or not line
            button.tooltip = printable(line)
        shown = " · ".join(_code(line) for line in lines if line)
        self._lines.value = f'<div style="line-height:1.4">{shown}</div>' if shown else ""

    def set_busy(self, is_busy: bool) -> None:
        self._is_busy = is_busy
        self.say_lines()


class Question:
    """Whether a line is to be run; the line is that of the moment when it was asked."""

    def __init__(self, press: Callable[[str], None]) -> None:
        self._press, self._line = press, ""
        self._text = widgets.HTML()
        buttons = [_button("Yes", self._agree), _button("No", self.withdraw)]
        self.box = widgets.HBox([self._text, *buttons], layout=widgets.Layout(display="none", align_items="center"))

    def ask(self, text: str, line: str) -> None:
        self._line = line
        self._text.value = f"{escaped(text)} {_code(line)}"
        self.box.layout.display = ""

    def withdraw(self) -> None:
        self._line = ""
        self.box.layout.display = "none"

    def _agree(self) -> None:
        if line := self._line:
            self.withdraw()
            self._press(line)


def _button(label: str, press: Callable[[], None]) -> widgets.Button:
    button = widgets.Button(description=label, layout=widgets.Layout(width="auto", min_width="5em"))
    button.on_click(lambda _: press())
    return button


def _take_messages_where_they_come(widget: Any) -> None:
    """ipykernel 7.4 takes a widget's messages where its last one was sent, which is the thread that a cell of a plain kernel holds,
    although the front end has sent them by a subshell so that they need not wait."""
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda data, subshell_id: subshell_id
    for child in getattr(widget, "children", ()):
        _take_messages_where_they_come(child)


def _code(line: str) -> str:
    return f'<code style="font-size:11px;opacity:.75">{escaped(line).replace(chr(10), " ⏎ ")}</code>' if line else ""
