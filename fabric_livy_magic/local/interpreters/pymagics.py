"""Livy's own line magics in PySpark code: `%json name`, `%table name`, `%matplot plt`."""

from __future__ import annotations

import base64
import datetime
import decimal
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

TABLE = "application/vnd.livy.table.v1+json"


class UnknownMagic(Exception):  # noqa: N818 - the name is what the API shows as `ename`
    __module__ = "builtins"  # tracebacks show the bare name


@dataclass(frozen=True)
class Magic:
    name: str
    rest: str

    def run(self, names: dict[str, Any]) -> dict[str, Any]:
        value = names[self.rest]
        if self.name == "json":
            return {"application/json": value}
        if self.name == "table":
            return {TABLE: table(value)}
        picture = io.BytesIO()
        value.gcf().savefig(picture, format="png")
        return {"image/png": base64.b64encode(picture.getvalue()).decode("ascii"), "text/plain": ""}


def read_magic(line: str) -> Magic:
    parts = line[1:].split(" ", 1)
    name, rest = parts[0], parts[1].strip() if len(parts) > 1 else ""
    if not name:
        raise UnknownMagic("magic command not specified")
    if name not in ("json", "table", "matplot"):
        raise UnknownMagic(f"unknown magic command '{name}'")
    return Magic(name, rest)


def table(rows: Any) -> dict[str, Any]:
    """Rows may be lists, tuples, dicts, Spark Rows or single values; all values of a column but nulls have one type."""
    headers: dict[Any, dict[str, str]] = {}
    data: list[list[Any]] = []
    for row in rows if isinstance(rows, (list, tuple)) else [rows]:
        cells: list[Any] = []
        for name, value in _cells_of(row):
            cell, kind = _convert(value)
            header = headers.setdefault(name, {"name": str(name), "type": kind})
            if header["type"] == "NULL_TYPE":
                header["type"] = kind
            elif kind not in ("NULL_TYPE", header["type"]):
                raise TypeError("table rows have different types")
            cells.append(cell)
        data.append(cells)
    return {"headers": [headers[name] for name in sorted(headers)], "data": data}


def _cells_of(row: Any) -> Iterable[tuple[Any, Any]]:
    if type(row).__name__ == "Row":
        row = row.asDict()
    if isinstance(row, dict):
        return sorted(row.items())
    return enumerate(row if isinstance(row, (list, tuple)) else [row])


def _convert(value: Any) -> tuple[Any, str]:
    if value is None:
        return None, "NULL_TYPE"
    if isinstance(value, bool):
        return value, "BOOLEAN_TYPE"
    if isinstance(value, int):
        return value, "INT_TYPE"
    if isinstance(value, float):
        return value, "DOUBLE_TYPE"
    if isinstance(value, datetime.datetime):
        return str(value), "TIMESTAMP_TYPE"
    if isinstance(value, datetime.date):
        return str(value), "DATE_TYPE"
    if isinstance(value, decimal.Decimal):
        return str(value), "DECIMAL_TYPE"
    if isinstance(value, dict):
        return value, "MAP_TYPE"
    if isinstance(value, (list, tuple)):
        return list(value), "ARRAY_TYPE"
    return str(value), "STRING_TYPE"
