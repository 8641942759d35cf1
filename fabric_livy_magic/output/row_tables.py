"""A table of any number of rows as text, written as they come: the first thousand say how wide its columns are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fabric_livy_magic.output.columns import Column
from fabric_livy_magic.output.short_texts import cut
from fabric_livy_magic.output.tables import CELL_CHARACTERS, on_one_line, table_line, table_rule
from fabric_livy_magic.output.values import spark_text

MEASURED_ROWS = 1000


class RowTable:
    """A value that is longer than its column's width moves the rest of its row to the right; one of more than 200 characters is cut."""

    def __init__(self, write: Callable[[str], Any], columns: Sequence[tuple[str, str, Any]]) -> None:
        """`columns`: name, type in a word, and Spark's type."""
        self._write = write
        self._types = [spark_type for _, _, spark_type in columns]
        self._is_number = [Column(name, [], kind, of).is_number for name, kind, of in columns]
        self._names = on_one_line([name for name, _, _ in columns])
        self._held: list[list[str]] = []
        self._widths: list[int] | None = None

    def add(self, columns: Sequence[Sequence[Any]]) -> None:
        """The values of each column, of the next rows."""
        texts = [
            [cut(spark_text(one, of), CELL_CHARACTERS) for one in values]
            for values, of in zip(columns, self._types, strict=True)
        ]
        rows = [on_one_line(row) for row in zip(*texts, strict=True)]
        if self._widths is None:
            self._held += rows
            if len(self._held) >= MEASURED_ROWS:
                self._begin()
        else:
            self._draw(rows, self._widths)

    def finish(self) -> None:
        if self._widths is None:
            self._begin()

    def _begin(self) -> None:
        held, self._held = self._held, []
        measured = [self._names, *held[:MEASURED_ROWS]]
        self._widths = [max(len(row[number]) for row in measured) for number in range(len(self._names))]
        self._write(f"{table_line(self._names, self._widths, self._is_number)}\n{table_rule(self._widths)}\n")
        self._draw(held, self._widths)

    def _draw(self, rows: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
        if rows:
            self._write("\n".join([table_line(row, widths, self._is_number) for row in rows]) + "\n")
