"""Tables as HTML and as text."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Sequence
from typing import Any

from fabric_livy_magic.output.bundles import STYLE, Bundle
from fabric_livy_magic.output.values import is_null, spark_text
from fabric_livy_magic.printable import printable

CELL_CHARACTERS = 200
TEXT_WIDTH = 150  # of the text twin; the HTML table has all columns
_LINE_BREAK = re.compile(r"\r\n?|\n")


_NUMBERS = ("byte", "short", "int", "long", "float", "double", "decimal", "BIGINT", "DOUBLE", "DECIMAL")
UNBROKEN_CHARACTERS = 40  # a browser would break a date at its hyphens, and a map at its arrows


def table_bundle(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    types: Sequence[str] = (),
    caption: str = "",
    width: int | None = None,
    spark_types: Sequence[Any] = (),
) -> Bundle:
    """A table as HTML and as text, which is cut at `width` characters. `types` stand below the names; `spark_types`, in the form
    of Spark's schema JSON, tell how values are written."""
    kinds = [*types, *[""] * (len(names) - len(types))]
    value_types = [*spark_types, *[""] * (len(names) - len(spark_types))]
    numeric = [kind.startswith(_NUMBERS) and not kind.startswith("interval") for kind in kinds]
    head = "".join(
        f"<th{_class_of(number, name)}>{_escaped(name)}{f'<span>{_escaped(kind)}</span>' if kind else ''}</th>"
        for name, kind, number in zip(names, kinds, numeric, strict=True)
    )
    texts = [[_cell_text(value, of) for value, of in zip(row, value_types, strict=True)] for row in rows]
    body = "".join(
        f"<tr>{''.join(map(_html_cell, row, value_types, cells, numeric))}</tr>"
        for row, cells in zip(rows, texts, strict=True)
    )
    caption = printable(caption)
    foot = f'<div class="flm-c">{html.escape(caption)}</div>' if caption else ""
    return {
        "text/html": f'{STYLE}<table class="flm"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}',
        "text/plain": f"{text_table(names, texts, numeric, width)}\n{caption}".rstrip(),
    }


def text_table(
    names: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool] = (), width: int | None = None
) -> str:
    """Aligned columns, as many as fit into `width` characters (but at least one), and how many were left out."""
    right = [*numeric, *[False] * (len(names) - len(numeric))]
    lines = [[printable(_LINE_BREAK.sub("⏎", one)) for one in row] for row in [list(names), *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    ends = itertools.accumulate(one + 2 for one in widths)
    fits = len(names) if width is None else max(1, sum(1 for end in ends if end - 2 <= width))

    def drawn(line: Sequence[str]) -> str:
        columns = zip(line[:fits], widths, right, strict=False)
        return "  ".join(one.rjust(size) if is_right else one.ljust(size) for one, size, is_right in columns).rstrip()

    left_out = len(names) - fits
    note = [f"… and {left_out} more column{'' if left_out == 1 else 's'}"] if left_out > 0 else []
    return "\n".join([drawn(lines[0]), "  ".join("─" * size for size in widths[:fits]), *map(drawn, lines[1:]), *note])


def _html_cell(value: Any, spark_type: Any, text: str, is_number: bool) -> str:
    shown = f"<i>{text}</i>" if is_null(value, spark_type) else _escaped(text)
    return f"<td{_class_of(is_number, text)}>{shown}</td>"


def _class_of(is_number: bool, text: str) -> str:
    return ' class="n"' if is_number else ' class="l"' if len(text) > UNBROKEN_CHARACTERS else ""


def _escaped(text: str) -> str:
    return html.escape(printable(text))


def _cell_text(value: Any, spark_type: Any) -> str:
    text = spark_text(value, spark_type)
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"
