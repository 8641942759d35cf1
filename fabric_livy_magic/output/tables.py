"""Tables as HTML and as text."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from fabric_livy_magic.output.columns import MARKS, Column, Texts
from fabric_livy_magic.output.short_texts import cut
from fabric_livy_magic.output.values import spark_text
from fabric_livy_magic.printable import printable

CELL_CHARACTERS = 200  # as in table.js
FEWER_CHARACTERS, MANY_COLUMNS = 40, 100  # of a cell, in the static form of a table of more columns
TEXT_WIDTH = 150  # of the text twin; the HTML table has all columns
_LINE_BREAK = re.compile(r"\r\n?|\n")
UNBROKEN_CHARACTERS = 40  # a browser would break a date at its hyphens, and a map at its arrows


# ------------------------------------------------------------------------------------------- HTML
EMPTY = "<i>empty</i>"


def static_table(columns: Sequence[Column], texts: Sequence[Texts], rows: int) -> str:
    """Types stand below the names, whole ones as the title."""
    most = CELL_CHARACTERS if len(columns) <= MANY_COLUMNS else FEWER_CHARACTERS
    cells = [
        [_cell(text, column.is_number, most) for text in one[:rows]] for column, one in zip(columns, texts, strict=True)
    ]
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in zip(*cells, strict=True))
    head = "".join(map(_head_cell, columns))
    return f'<table class="flm"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def one_text(column: Column, text: str) -> str:
    """A plan, a statement or a document, with its lines: the only value of its result."""
    return f'<table class="flm"><thead><tr>{_head_cell(column)}</tr></thead><tbody><tr><td><pre>{escaped(text)}</pre></td></tr></tbody></table>'


def _head_cell(column: Column) -> str:
    """The line break is for where styles are taken out."""
    title = f' title="{escaped(column.whole_type)}"' if column.whole_type else ""
    kind = f"<br><span>{escaped(column.kind)}</span>" if column.kind else ""
    return f"<th{_class_of(column.is_number, column.name)}{title}>{escaped(column.name)}{kind}</th>"


def _cell(text: str | int, is_number: bool, most: int) -> str:
    if isinstance(text, int):
        return f"<td{_class_of(is_number)}><i>{MARKS[text]}</i></td>"
    text = cut(text, most)
    return f"<td{_class_of(is_number, text)}>{escaped(text) or EMPTY}</td>"


def _class_of(is_number: bool, text: str = "") -> str:
    return ' class="n"' if is_number else ' class="l"' if len(text) > UNBROKEN_CHARACTERS else ""


def escaped(text: str) -> str:
    return html.escape(printable(text))


def link_html(url: str, text: str) -> str:
    """Empty for what is no address of the web: a server named it."""
    if urlsplit(url).scheme not in {"http", "https"}:
        return ""
    return f'<a href="{escaped(url)}" target="_blank" rel="noopener noreferrer">{escaped(text)}</a>'


# ------------------------------------------------------------------------------------------- text
def text_twin(columns: Sequence[Column], rows: int) -> str:
    """Nested values as Spark's `show()` has them."""
    texts = [
        [cut(spark_text(one, column.spark_type), CELL_CHARACTERS) for one in column.values[:rows]] for column in columns
    ]
    names = [column.name for column in columns]
    return text_table(
        names, [list(row) for row in zip(*texts, strict=True)], [one.is_number for one in columns], TEXT_WIDTH
    )


def text_table(
    names: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool] = (), width: int | None = None
) -> str:
    """Aligned columns, as many as fit into `width` characters (but at least one), and how many were left out."""
    right = [*numeric, *[False] * (len(names) - len(numeric))]
    lines = [on_one_line(row) for row in [names, *rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    ends = itertools.accumulate(one + 2 for one in widths)
    fits = len(names) if width is None else max(1, sum(1 for end in ends if end - 2 <= width))

    def drawn(line: Sequence[str]) -> str:
        return table_line(line[:fits], widths, right)

    left_out = len(names) - fits
    note = [f"… and {left_out} more column{'' if left_out == 1 else 's'}"] if left_out > 0 else []
    return "\n".join([drawn(lines[0]), table_rule(widths[:fits]), *map(drawn, lines[1:]), *note])


def on_one_line(row: Sequence[str]) -> list[str]:
    """The texts of a row, as they can stand in a line."""
    return [printable(_LINE_BREAK.sub("⏎", one)) for one in row]


def table_line(line: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    columns = zip(line, widths, right, strict=False)
    return "  ".join(one.rjust(size) if is_right else one.ljust(size) for one, size, is_right in columns).rstrip()


def table_rule(widths: Sequence[int]) -> str:
    return "  ".join("─" * size for size in widths)
