"""Tables as HTML and as text."""

from __future__ import annotations

import datetime
import html
import itertools
import re
from collections.abc import Sequence
from typing import Any

from fabric_livy_magic.output.bundles import STYLE, Bundle

CELL_CHARACTERS = 200
TEXT_WIDTH = 150  # of the text twin; the HTML table has all columns
_LINE_BREAK = re.compile(r"\r\n?|\n")


def table_bundle(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    types: Sequence[str] = (),
    caption: str = "",
    width: int | None = None,
) -> Bundle:
    """A table as HTML and as text, which is cut at `width` characters. `types` stand below the names."""
    kinds = [*types, *[""] * (len(names) - len(types))]
    numeric = [
        kind.startswith(("byte", "short", "int", "long", "float", "double", "decimal", "BIGINT", "DOUBLE", "DECIMAL"))
        for kind in kinds
    ]
    head = "".join(
        f"<th{_numeric(number)}>{html.escape(name)}{f'<span>{html.escape(kind)}</span>' if kind else ''}</th>"
        for name, kind, number in zip(names, kinds, numeric, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_numeric(number)}>{_html_value(value)}</td>" for value, number in zip(row, numeric, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    foot = f'<div class="flm-c">{html.escape(caption)}</div>' if caption else ""
    text = text_table(names, [[_text_value(value) for value in row] for row in rows], numeric, width)
    return {
        "text/html": f'{STYLE}<table class="flm"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}',
        "text/plain": f"{text}\n{caption}".rstrip(),
    }


def text_table(
    names: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool] = (), width: int | None = None
) -> str:
    """Aligned columns, as many as fit into `width` characters (but at least one), and how many were left out."""
    right = [*numeric, *[False] * (len(names) - len(numeric))]
    lines = [[_LINE_BREAK.sub("⏎", one) for one in row] for row in [list(names), *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    ends = itertools.accumulate(one + 2 for one in widths)
    fits = len(names) if width is None else max(1, sum(1 for end in ends if end - 2 <= width))

    def drawn(line: Sequence[str]) -> str:
        columns = zip(line[:fits], widths, right, strict=False)
        return "  ".join(one.rjust(size) if is_right else one.ljust(size) for one, size, is_right in columns).rstrip()

    left_out = len(names) - fits
    note = [f"… and {left_out} more column{'' if left_out == 1 else 's'}"] if left_out > 0 else []
    return "\n".join([drawn(lines[0]), "  ".join("─" * size for size in widths[:fits]), *map(drawn, lines[1:]), *note])


def _numeric(number: bool) -> str:
    return ' class="n"' if number else ""


def _is_null(value: Any) -> bool:
    if isinstance(value, str):
        return False
    return value is None or str(value) in {"<NA>", "NaT"} or (isinstance(value, float) and value != value)


def _text_value(value: Any) -> str:
    if _is_null(value):
        return "null"
    # pandas holds a Spark array as a numpy array, whose own text has no commas.
    text = str(value.tolist() if hasattr(value, "tolist") and hasattr(value, "__len__") else value)
    if isinstance(value, datetime.datetime):
        text = text.removesuffix("+00:00")  # as Spark shows it; sessions run in UTC
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"


def _html_value(value: Any) -> str:
    return "<i>null</i>" if _is_null(value) else html.escape(_text_value(value))
