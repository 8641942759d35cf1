"""The controls of a chart: each is a word of `--chart`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as ipw

from fabric_livy_magic.cells.charts import AGGREGATES, BINS, KINDS, LOG_AXES, NUMBERS, TOP, Chart, read_chart
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.output.short_texts import cut
from fabric_livy_magic.printable import printable

NONE, ROWS = "–", "(number of rows)"
MOST_OF_NAME = 60  # characters
NOTHING = 0  # no column; a value of None is shown as if nothing was ever chosen
KIND_WORDS = {"hist": "histogram", "box": "box plot"}


class ChartControls:
    """`axes`: see `Explored`. `on_change` is called once for what a person changed."""

    def __init__(self, axes: Mapping[str, str | None], on_change: Callable[[], None]) -> None:
        self._axes = {name: axis for name, axis in axes.items() if axis}
        self._on_change = on_change
        self._is_arranging = False
        columns = [(cut(printable(name), MOST_OF_NAME) or '""', name) for name in self._axes]
        kind, x = self._first_look()
        self._kind = _dropdown("chart", [(KIND_WORDS.get(one, one), one) for one in KINDS], kind)
        self._columns = {
            "x": _dropdown("x", [(NONE, NOTHING), *columns], x or NOTHING),
            "y": _dropdown("y", [(ROWS, NOTHING), *columns], NOTHING),
            "by": _dropdown("by", [(NONE, NOTHING), *columns], NOTHING),
        }
        self._agg = _dropdown("agg", [(one, one) for one in AGGREGATES], "count")
        self._numbers = {"top": _number("top", TOP), "bins": _number("bins", BINS)}
        self._logs = {axis: _checkbox(f"log {axis}") for axis in ("x", "y")}
        self._where = ipw.Text(
            description="where",
            placeholder="a condition in SQL, such as fare > 20",
            continuous_update=False,
            layout={"width": "30em"},
            style={"description_width": "4em"},
        )
        every = [self._kind, *self._columns.values(), self._agg, *self._numbers.values(), *self._logs.values()]
        for one in (*every, self._where):
            one.observe(self._changed, "value")
        self.box = ipw.Box([*every, self._where], layout={"flex_flow": "row wrap", "width": "100%"})
        self._arrange()

    @property
    def has_columns(self) -> bool:
        return bool(self._axes)

    def chart(self) -> Chart:
        """Raises SettingsError for what makes none."""
        if not self._axes:
            raise SettingsError("A chart shows numbers, dates, times, texts and booleans: this frame has none of them.")
        kind, words = self._kind.value, []
        takes = KINDS[kind][1]
        columns = {
            name: self._column(name) for name in self._columns if name in takes and self._column(name) is not None
        }
        words += [f"{name}={value}" for name, value in columns.items()]
        if "agg" in takes and "y" in columns:
            words.append(f"agg={self._agg.value}")
        words += [f"{name}={one.value}" for name, one in self._numbers.items() if self._takes_number(name)]
        if log := self._log():
            words.append(f"log={log}")
        if where := self._where.value.strip():
            words.append(f"where={where}")
        return read_chart([kind, *words])

    # ------------------------------------------------------------------------------------------- what is there
    def _first_look(self) -> tuple[str, str | None]:
        """A kind and its x: what can be drawn of any frame without knowing its values."""
        for axis, kind in (("text", "bar"), ("date", "line"), ("time", "line"), ("number", "hist")):
            for name, one in self._axes.items():
                if one == axis:
                    return kind, name
        return "bar", None

    def _changed(self, change: Mapping[str, Any]) -> None:
        if self._is_arranging:
            return
        y, agg = self._columns["y"], self._agg
        self._is_arranging = True
        try:
            if change["owner"] is self._kind and "y" in KINDS[self._kind.value][0] and self._column("y") is None:
                y.value = self._first_number() or NOTHING
            is_new = change["owner"] is y and not isinstance(change["old"], str)
            if is_new and agg.value == "count" and self._axes.get(y.value) == "number":
                agg.value = "sum"
            self._arrange()
        finally:
            self._is_arranging = False
        self._on_change()

    def _arrange(self) -> None:
        """Only what the kind takes is there."""
        kind = self._kind.value
        takes = KINDS[kind][1]
        for name, one in self._columns.items():
            _show(one, name in takes)
        _show(self._agg, "agg" in takes and self._column("y") is not None)
        for name, one in self._numbers.items():
            _show(one, self._takes_number(name))
        for axis, one in self._logs.items():
            _show(one, self._takes_log(axis))

    def _takes_number(self, name: str) -> bool:
        """`top` is of categories."""
        kind = self._kind.value
        is_category = kind in {"pie", "box"} or self._axes.get(self._columns["x"].value) == "text"
        return name in KINDS[kind][1] and (name != "top" or is_category)

    def _takes_log(self, axis: str) -> bool:
        is_number = axis == "y" or self._axes.get(self._columns["x"].value) == "number"
        return is_number and axis in LOG_AXES.get(self._kind.value, ())

    def _log(self) -> str:
        return "".join(axis for axis, one in self._logs.items() if one.value and self._takes_log(axis))

    def _column(self, role: str) -> str | None:
        value = self._columns[role].value
        return value if isinstance(value, str) else None

    def _first_number(self) -> str | None:
        x = self._column("x")
        numbers = [name for name, axis in self._axes.items() if axis == "number"]
        return next((name for name in numbers if name != x), next(iter(numbers), None))


def _dropdown(description: str, options: list[tuple[str, Any]], value: Any) -> ipw.Dropdown:
    return ipw.Dropdown(
        description=description,
        options=options,
        value=value,
        layout={"width": "15em"},
        style={"description_width": "3em"},
    )


def _number(description: str, value: int) -> ipw.BoundedIntText:
    least, most = NUMBERS[description]
    return ipw.BoundedIntText(
        value=value,
        min=least,
        max=most,
        description=description,
        layout={"width": "9em"},
        style={"description_width": "3em"},
    )


def _checkbox(description: str) -> ipw.Checkbox:
    return ipw.Checkbox(description=description, indent=False, layout={"width": "5em", "margin": "4px 2px 2px 1em"})


def _show(widget: ipw.DOMWidget, is_there: bool) -> None:
    widget.layout.display = None if is_there else "none"
