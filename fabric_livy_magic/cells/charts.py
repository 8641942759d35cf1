"""The words of `--chart`: a kind, and which columns are its axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import did_you_mean

AGGREGATES = ("sum", "avg", "min", "max", "count", "count_distinct", "median")
GROUPED = frozenset({"x", "y", "by", "agg", "top"})
# Kind → (the words that it needs, the words that it takes).
KINDS = {
    "line": ({"x"}, GROUPED - {"top"}),
    "bar": ({"x"}, GROUPED),
    "area": ({"x"}, GROUPED - {"top"}),
    "scatter": ({"x", "y"}, {"x", "y", "by"}),
    "pie": ({"x"}, GROUPED - {"by"}),
    "hist": ({"x"}, {"x", "by", "bins"}),
    "box": ({"y"}, {"x", "y", "top"}),
}
NUMBERS = {"bins": (1, 500), "top": (1, 500)}
FORM = "--chart KIND x=COLUMN y=COLUMN [by=COLUMN] [agg=…]"
TOP, BINS = 30, 30


@dataclass(frozen=True)
class Chart:
    """`top` is how many values a category has at most, `bins` the number of a histogram's steps."""

    kind: str
    x: str | None = None
    y: str | None = None
    by: str | None = None
    agg: str = "count"
    top: int = TOP
    bins: int = BINS

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
    return Chart(kind, given.get("x"), given.get("y"), given.get("by"), _aggregate(given), **numbers)


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
