"""The table of a result: a static one that can be read anywhere, with its live part, and the same as text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from fabric_livy_magic.output.bundles import Bundle, style
from fabric_livy_magic.output.columns import Column, Texts
from fabric_livy_magic.output.live_table import MOST_OF_CELL, live_part
from fabric_livy_magic.output.short_texts import bytes_text, counted
from fabric_livy_magic.output.tables import CELL_CHARACTERS, link_html, one_text, static_table, text_twin
from fabric_livy_magic.printable import printable


@dataclass(frozen=True, kw_only=True)
class Caption:
    """What stands below: `rows` are those of the result that were fetched, `more` says in words what is missing."""

    rows: int
    more: str = ""
    elapsed_s: float | None = None
    received_bytes: int | None = None
    statement: int | None = None
    link: str = ""

    def shown(self, rows: int) -> str:
        fetched = counted(self.rows, "row")
        return fetched if rows == self.rows else f"{rows:,} of {fetched} shown"

    @property
    def rest(self) -> str:
        parts = [
            "" if self.elapsed_s is None else f"{self.elapsed_s:.1f} s",
            "" if self.received_bytes is None else bytes_text(self.received_bytes),
            "" if self.statement is None else f"statement {self.statement}",
            self.more,
        ]
        return " · ".join(filter(None, parts))

    def text(self, rows: int) -> str:
        return " · ".join(filter(None, [self.shown(rows), printable(self.rest)]))

    def html(self, rows: int) -> str:
        rest = f" · {html.escape(printable(self.rest))}" if self.rest else ""
        return f'<div class="flm-c"><span class="flm-rows">{self.shown(rows)}</span>{rest}{self._link}</div>'

    @property
    def _link(self) -> str:
        link = link_html(self.link, "Monitoring hub")
        return f" · {link}" if link else ""


def result_bundle(columns: Sequence[Column], caption: Caption, rows_shown: int) -> Bundle:
    """`columns` have the values of all rows that travel with the output; `rows_shown` of them are drawn at a time."""
    texts = [column.texts(MOST_OF_CELL) for column in columns]
    if _is_one_text(columns):
        text = str(texts[0][0])
        name = printable(columns[0].name)
        plain = "\n".join([name, "─" * len(name), printable(text)])
        return _bundle(one_text(columns[0], text), plain, caption, 1, "")
    held = len(texts[0]) if texts else 0
    shown = min(held, rows_shown) if columns else min(caption.rows, rows_shown)
    live = live_part(columns, texts, rows_shown, caption.rows) if _has_more_to_show(columns, texts) else ""
    return _bundle(static_table(columns, texts, shown), text_twin(columns, shown), caption, shown, live)


def _bundle(table: str, text: str, caption: Caption, shown: int, live: str) -> Bundle:
    return {
        "text/html": f'<div class="flm-t">{style()}<div class="flm-s">{table}</div>{caption.html(shown)}{live}</div>',
        "text/plain": f"{text}\n{caption.text(shown)}",
    }


def _is_one_text(columns: Sequence[Column]) -> bool:
    """Of several lines, or longer than a cell."""
    if len(columns) != 1 or len(columns[0].values) != 1:
        return False
    value = columns[0].values[0]
    return isinstance(value, str) and ("\n" in value or len(value) > CELL_CHARACTERS)


def _has_more_to_show(columns: Sequence[Column], texts: Sequence[Texts]) -> bool:
    """Than the static table has: rows to sort, or a value that is cut there or folded."""
    if not texts or not texts[0]:
        return False
    is_cut = any(isinstance(one[0], str) and len(one[0]) > CELL_CHARACTERS for one in texts)
    return len(texts[0]) > 1 or is_cut or any(column.is_nested for column in columns)
