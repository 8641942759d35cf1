"""A chart as text: bars of block characters, a grid of points, or the numbers of boxes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fabric_livy_magic.output.short_texts import cut
from fabric_livy_magic.output.values import NULL

Rows = Sequence[Mapping[str, Any]]
MOST_LINES = 30
BAR_WIDTH = 40
GRID_WIDTH, GRID_HEIGHT = 60, 12
_MOMENT = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)")
EIGHTHS = " ▏▎▍▌▋▊▉"
LABEL_WIDTH = 30


def chart_text(kind: str, rows: Rows, titles: Mapping[str, str], title: str, caption: str) -> str:
    draw = {"scatter": _points, "box": _boxes}.get(kind, _bars)
    if kind in {"line", "area"} and len(rows) > MOST_LINES:
        rows, draw = [row for row in rows if row["y"] is not None], _points
    lines = draw(rows, titles) if rows else ["(no rows)"]
    return "\n".join([title, *lines, caption])


def _bars(rows: Rows, titles: Mapping[str, str]) -> list[str]:
    shown = rows[:MOST_LINES]
    labels = [_label(row) for row in shown]
    width = max(map(len, labels))
    numbers = [_number(row["y"]) for row in shown]
    number_width = max(map(len, numbers))
    most = max((abs(row["y"] or 0) for row in shown), default=0)
    lines = [
        f"{label:<{width}}  {number:>{number_width}}  {_bar(row['y'] or 0, most)}".rstrip()
        for row, label, number in zip(shown, labels, numbers, strict=True)
    ]
    return [*lines, *_more(len(rows))]


def _label(row: Mapping[str, Any]) -> str:
    parts = [cut(_word(row["x"]), LABEL_WIDTH)]
    if "end" in row:
        parts = [f"{_word(row['x'])} to {_word(row['end'])}"]
    return " · ".join([*parts, *([cut(_word(row["by"]), LABEL_WIDTH)] if "by" in row else [])])


def _bar(value: float, most: float) -> str:
    """A negative value has a bar as long as its amount, behind a minus sign."""
    eighths = round(abs(value) / most * BAR_WIDTH * 8) if most else 0
    return ("-" if value < 0 else "") + "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _points(rows: Rows, titles: Mapping[str, str]) -> list[str]:
    """A grid of how many points there are; a category on the x axis is placed by its order."""
    places = list(dict.fromkeys(row["x"] for row in rows))
    is_number = all(isinstance(one, int | float) for one in places)
    order = sorted(places) if not is_number else places
    xs = [float(row["x"]) if is_number else float(order.index(row["x"])) for row in rows]
    ys = [float(row["y"]) for row in rows]
    counts = [[0] * GRID_WIDTH for _ in range(GRID_HEIGHT)]
    for x, y in zip(xs, ys, strict=True):
        counts[GRID_HEIGHT - 1 - _place(y, ys, GRID_HEIGHT)][_place(x, xs, GRID_WIDTH)] += 1
    most = max(map(max, counts))
    lines = [
        "│" + "".join(" ·•●"[0 if not one else 1 + min(2, one * 3 // (most + 1))] for one in line) for line in counts
    ]
    first, last = (min(xs), max(xs)) if is_number else (order[0], order[-1])
    axis = f"{titles['x']}: {_word(first)} to {_word(last)}; {titles['y']}: {_word(min(ys))} to {_word(max(ys))}"
    return [*[line.rstrip() for line in lines], "└" + "─" * GRID_WIDTH, axis]


def _place(value: float, values: Sequence[float], cells: int) -> int:
    low, high = min(values), max(values)
    return 0 if low == high else min(cells - 1, int((value / 2 - low / 2) / (high / 2 - low / 2) * cells))


def _boxes(rows: Rows, titles: Mapping[str, str]) -> list[str]:
    roles = ("x", "min", "q1", "median", "q3", "max", "count")
    table = [
        [titles["x"], *roles[1:]],
        *[[cut(_word(row[role]), LABEL_WIDTH) if titles[role] else "" for role in roles] for row in rows[:MOST_LINES]],
    ]
    widths = [max(len(line[place]) for line in table) for place in range(len(roles))]
    lines = [
        "  ".join(
            word.ljust(width) if not place else word.rjust(width)
            for place, (word, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in table
    ]
    return [*[line.rstrip() for line in lines], *_more(len(rows))]


def _more(rows: int) -> list[str]:
    return [f"… and {rows - MOST_LINES:,} more"] if rows > MOST_LINES else []


def _word(value: Any) -> str:
    """A time as the charts' data have it, without its T."""
    if not isinstance(value, str):
        return _number(value)
    return _MOMENT.sub(r"\1 \2", value).removesuffix(" 00:00:00") or '""'


def _number(value: Any) -> str:
    """Six digits, or as many as a whole number has."""
    if value is None:
        return NULL
    if isinstance(value, int) or 1e6 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.6g}"
