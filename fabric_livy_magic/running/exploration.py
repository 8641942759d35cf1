"""What `%livy explore` shows of a frame of the session: its columns, charts of it, the profile of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fabric_livy_magic.cells.charts import Chart
from fabric_livy_magic.errors import FrameError, NoAgent
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.running import agent_calls
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import ChartTable


@dataclass(frozen=True)
class Explored:
    """A variable of the session, or with `sql`, its name in SQL, a table. `axes` is what each column is on an axis (number, date, time,
    text), in the frame's order; of what no chart shows, None."""

    name: str
    sql: str | None
    axes: Mapping[str, str | None]


@dataclass(frozen=True)
class Bars:
    """A small histogram: of equal steps, of lengths of texts in equal steps, or of the most frequent values. The counts
    of steps are approximate where there are more than 40 values."""

    of: str = ""
    counts: tuple[int, ...] = ()
    labels: tuple[str, ...] = field(default=(), repr=False)
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class ColumnProfile:
    """Values are texts as Spark writes them; None where the type has no such thing, or no value is there. `distinct` and `quartiles`
    are approximate. NaN counts neither as null nor for the numbers."""

    name: str = field(repr=False)
    type: str
    nulls: int
    distinct: int | None = None
    nan: int = 0
    empty: int = 0
    min: str | None = field(default=None, repr=False)
    quartiles: tuple[str, ...] = field(default=(), repr=False)
    max: str | None = field(default=None, repr=False)
    mean: str | None = field(default=None, repr=False)
    bars: Bars = field(default=Bars(), repr=False)


@dataclass(frozen=True)
class Profile:
    """`left_out` is how many columns it is not of."""

    columns: tuple[ColumnProfile, ...]
    rows: int
    left_out: int = 0


def open_explored(repl: Repl, name: str, on_progress: Listener | None = None) -> Explored:
    """Raises StatementError where the session has no such frame."""
    found = _answer(repl, on_progress, "explore", name)
    return Explored(name, found["sql"], {column: axis for column, _, axis in found["columns"]})


def chart_of(repl: Repl, name: str, chart: Chart, on_progress: Listener | None = None) -> ChartTable:
    header = _answer(repl, on_progress, "explore_chart", name, chart.for_agent())
    return agent_calls.chart_table(header, is_value=True)


def profile_of(repl: Repl, name: str, on_progress: Listener | None = None) -> Profile:
    return read_profile(_answer(repl, on_progress, "explore_profile", name))


def read_profile(found: Mapping[str, Any]) -> Profile:
    """As the session's `profile` gives it."""
    columns = [
        ColumnProfile(
            one["name"],
            one["type"],
            one["nulls"],
            distinct=one.get("distinct"),
            nan=one.get("nan") or 0,
            empty=one.get("empty") or 0,
            min=one.get("min"),
            quartiles=tuple(one.get("quartiles") or ()),
            max=one.get("max"),
            mean=one.get("mean"),
            bars=_bars(one["bars"]),
        )
        for one in found["columns"]
    ]
    return Profile(tuple(columns), found["rows"], found["left_out"])


def _bars(found: Mapping[str, Any]) -> Bars:
    ends = {name: found[name] for name in ("low", "high") if name in found}
    return Bars(found["of"], tuple(found["counts"]), tuple(found["labels"]), **ends)


def _answer(repl: Repl, on_progress: Listener | None, operation: str, *arguments: Any) -> Any:
    try:
        return repl.value_in_turn(operation, *arguments, needs="`%livy explore` needs", on_progress=on_progress)
    except NoAgent as missing:
        raise FrameError(f"`%livy explore` needs PySpark with PyArrow in the session: {missing}.") from missing
