"""The profile of a frame's columns, and the cell that shows the same, as HTML and as text."""

from __future__ import annotations

from collections.abc import Sequence

from fabric_livy_magic.output.bundles import Bundle, style
from fabric_livy_magic.output.short_texts import counted, cut
from fabric_livy_magic.output.tables import escaped, text_table
from fabric_livy_magic.output.values import NULL
from fabric_livy_magic.printable import printable
from fabric_livy_magic.running.exploration import Bars, ColumnProfile, Profile

HEAD = (
    "column",
    "type",
    "histogram",
    "nulls",
    "distinct",
    "min",
    "25 %",
    "median",
    "75 %",
    "max",
    "mean",
    "most frequent",
)
NUMBERS = frozenset({"nulls", "distinct", "25 %", "median", "75 %", "mean"})
MOST_OF_NAME, MOST_OF_VALUE, MOST_OF_FREQUENT = 60, 24, 20  # characters
FREQUENT_SHOWN = 3
BLOCKS = " ▁▂▃▄▅▆▇█"
SAME_AS = "The same as a cell:"


def profile_bundle(profile: Profile, name: str, elapsed_s: float | None = None) -> Bundle:
    """`data-live`: another output's table.js passes it over."""
    rows = [_texts(column, profile.rows) for column in profile.columns]
    caption = _caption(profile, name, elapsed_s)
    head = "".join(f"<th{_NUMBER if word in NUMBERS else ''}>{word}</th>" for word in HEAD)
    body = "".join(map(_html_row, profile.columns, rows))
    table = f'<table class="flm"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return {
        "text/html": f'<div class="flm-t" data-live="">{style()}{_scrolled(table, name)}<div class="flm-c">{escaped(caption)}</div></div>',
        "text/plain": f"{text_table(HEAD, rows, [word in NUMBERS for word in HEAD])}\n{printable(caption)}",
    }


def cell_bundle(cell: str) -> Bundle:
    """A cell to paste; a click selects all of it."""
    return {
        "text/html": f'{style()}<div class="flm-c">{SAME_AS}</div><pre class="flm-l">{escaped(cell)}</pre>',
        "text/plain": f"{SAME_AS}\n{printable(cell)}",
    }


def _texts(column: ColumnProfile, rows: int) -> list[str]:
    quartiles = column.quartiles or (None, None, None)
    ends = [_value(one) for one in (column.min, *quartiles, column.max)]
    return [
        cut(column.name, MOST_OF_NAME),
        cut(column.type, MOST_OF_VALUE),
        sparkline(column.bars.counts),
        _nulls(column, rows),
        "" if column.distinct is None else f"{column.distinct:,}",
        *ends,
        "" if column.mean is None else f"{float(column.mean):,.6g}",
        _frequent(column.bars, rows),
    ]


def _value(text: str | None, most: int = MOST_OF_VALUE) -> str:
    return "" if text is None else cut(text, most) or '""'


def sparkline(counts: Sequence[int]) -> str:
    """A block for each, as high as its share of the greatest; one that is not 0 is seen."""
    most = max(counts, default=0)
    return "".join(BLOCKS[-(-count * (len(BLOCKS) - 1) // most)] for count in counts) if most else ""


def _nulls(column: ColumnProfile, rows: int) -> str:
    parts = [f"{column.nulls:,} ({_share(column.nulls, rows)})" if column.nulls else "0"]
    parts += [f"{count:,} {what}" for count, what in ((column.nan, "NaN"), (column.empty, "empty")) if count]
    return ", ".join(parts)


def _frequent(bars: Bars, rows: int) -> str:
    shown = zip(bars.labels[:FREQUENT_SHOWN], bars.counts, strict=False)
    return ", ".join(f"{_value(label, MOST_OF_FREQUENT)} {_share(count, rows)}" for label, count in shown)


def _share(count: int, rows: int) -> str:
    percent = 100 * count / rows
    return f"{percent:.0f} %" if percent >= 1 or not count else "< 1 %"


def _caption(profile: Profile, name: str, elapsed_s: float | None) -> str:
    columns = counted(len(profile.columns), "column")
    if profile.left_out:
        columns = f"the first {len(profile.columns):,} of {len(profile.columns) + profile.left_out:,} columns"
    parts = [name, counted(profile.rows, "row"), columns, "distinct values, quartiles and histograms are approximate"]
    return " · ".join([*parts, *([] if elapsed_s is None else [f"{elapsed_s:.1f} s"])])


# ------------------------------------------------------------------------------------------------ HTML
_NUMBER = ' class="n"'


def _scrolled(table: str, name: str) -> str:
    """Keys scroll it, too."""
    return f'<div class="flm-s" tabindex="0" role="region" aria-label="Profile of {escaped(name)}">{table}</div>'


def _html_row(column: ColumnProfile, texts: Sequence[str]) -> str:
    titles = {
        "column": column.name,
        "type": column.type,
        "min": column.min,
        "max": column.max,
        "histogram": _steps(column),
    }
    cells = []
    for word, text in zip(HEAD, texts, strict=True):
        title = titles.get(word) or ""
        more = f' title="{escaped(title)}"' if title and title != text else ""
        is_number = word in NUMBERS or (word in {"min", "max"} and column.quartiles)
        kind = ' class="h"' if word == "histogram" else _NUMBER if is_number else ""
        cells.append(f"<td{kind}{more}>{escaped(text)}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _steps(column: ColumnProfile) -> str:
    """What the bars are of, for whoever points at them."""
    bars = column.bars
    most = f"at most {max(bars.counts, default=0):,} rows in one"
    if bars.of == "lengths":
        return f"the number of characters, {bars.low:g} to {bars.high:g}, in {len(bars.counts)} equal steps: {most}"
    if bars.of == "steps":
        return f"{column.min or NULL} to {column.max or NULL} in {len(bars.counts)} equal steps: {most}"
    return "\n".join(
        f"{_value(label)}: {counted(count, 'row')}" for label, count in zip(bars.labels, bars.counts, strict=True)
    )
