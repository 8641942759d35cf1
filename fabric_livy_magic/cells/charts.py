"""The words of `--chart`: a kind, and which columns are its axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fabric_livy_magic.cells.magic_parser import quoted_word
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import did_you_mean

AGGREGATES = ("sum", "avg", "min", "max", "count", "count_distinct", "median")
GROUPED = frozenset({"x", "y", "by", "agg", "top", "log", "where"})
# Kind → (the words that it needs, the words that it takes).
KINDS = {
    "line": ({"x"}, GROUPED - {"top"}),
    "bar": ({"x"}, GROUPED),
    "area": ({"x"}, GROUPED - {"top"}),
    "scatter": ({"x", "y"}, {"x", "y", "by", "log", "where"}),
    "pie": ({"x"}, GROUPED - {"by", "log"}),
    "hist": ({"x"}, {"x", "by", "bins", "log", "where"}),
    "box": ({"y"}, {"x", "y", "top", "where"}),
}
LOG_AXES = {
    "line": ("x", "y", "xy"),
    "bar": ("x", "y", "xy"),
    "scatter": ("x", "y", "xy"),
    "area": ("x",),
    "hist": ("y",),
}
NUMBERS = {"bins": (1, 500), "top": (1, 500)}
FORM = "--chart KIND x=COLUMN y=COLUMN [by=COLUMN] [agg=…] [log=y] ['where=CONDITION']"
TOP, BINS = 30, 30


@dataclass(frozen=True)
class Chart:
    """`top` is how many values a category has at most, `bins` the number of a histogram's steps, `log` the axes that are logarithmic,
    `where` a condition in SQL on the rows."""

    kind: str
    x: str | None = None
    y: str | None = None
    by: str | None = None
    agg: str = "count"
    top: int = TOP
    bins: int = BINS
    log: str = ""
    where: str | None = None

    def for_agent(self) -> dict[str, Any]:
        return asdict(self)


def read_chart(words: Sequence[str]) -> Chart:
    """Raises SettingsError for a word that the kind does not take, and for one that it lacks."""
    kind, *rest = words
    if kind not in KINDS:
        raise SettingsError(f"There is no chart {kind!r}.{did_you_mean(kind, list(KINDS))} Kinds: {', '.join(KINDS)}.")
    needed, taken = KINDS[kind]
    given: dict[str, str] = {}
    for word in rest:
        name, equals, value = word.partition("=")
        if not equals or not value:
            raise SettingsError(f"{word!r} is no NAME=VALUE. A chart is written so: {FORM}.")
        if name not in taken:
            names = sorted(taken)
            raise SettingsError(f"--chart {kind} takes no {name}=. It takes {_words(names)}.")
        if name in given:
            raise SettingsError(f"{name}= is there twice.")
        given[name] = value
    if missing := sorted(needed - given.keys()):
        raise SettingsError(f"--chart {kind} needs {_words(missing)}: the name of a column.")
    numbers = {name: _number(name, given.pop(name)) for name in NUMBERS if name in given}
    log = _log_axes(kind, given["log"]) if "log" in given else ""
    return Chart(
        kind,
        given.get("x"),
        given.get("y"),
        given.get("by"),
        _aggregate(given),
        **numbers,
        log=log,
        where=given.get("where"),
    )


def chart_line(chart: Chart) -> str:
    """What `read_chart` reads as this chart, as it is typed behind the magic's name. Raises SettingsError for what no line holds."""
    takes = KINDS[chart.kind][1]
    values = {
        "x": chart.x,
        "y": chart.y,
        "by": chart.by,
        "agg": chart.agg if chart.agg != ("sum" if chart.y else "count") else None,
        "top": chart.top if chart.top != TOP else None,
        "bins": chart.bins if chart.bins != BINS else None,
        "log": chart.log,
        "where": chart.where,
    }
    words = [f"{name}={value}" for name, value in values.items() if value and name in takes]
    return " ".join(["--chart", chart.kind, *map(quoted_word, words)])


def _log_axes(kind: str, word: str) -> str:
    taken = LOG_AXES[kind]
    if word not in taken:
        raise SettingsError(f"--chart {kind} takes {' or '.join(f'log={one}' for one in taken)}, not log={word}.")
    return word


def _aggregate(given: dict[str, str]) -> str:
    word = given.get("agg", "sum" if "y" in given else "count")
    word = {"mean": "avg", "average": "avg", "distinct": "count_distinct"}.get(word.lower(), word.lower())
    if word not in AGGREGATES:
        raise SettingsError(
            f"There is no agg={word}.{did_you_mean(word, list(AGGREGATES))} It is one of {', '.join(AGGREGATES)}."
        )
    if word != "count" and "y" not in given:
        raise SettingsError(f"agg={word} needs y=, the column that it is of. Without y= the rows are counted.")
    return word


def _number(name: str, value: str) -> int:
    least, most = NUMBERS[name]
    if not value.isdecimal() or not least <= int(value) <= most:
        raise SettingsError(f"{name}= takes a whole number from {least} to {most}, not {value!r}.")
    return int(value)


def _words(names: Sequence[str]) -> str:
    return ", ".join(f"{name}=" for name in names)
