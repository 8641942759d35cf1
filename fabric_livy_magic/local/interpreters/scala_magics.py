"""Livy's line magics in Scala code, `%json` and `%table`, without their calls to the JVM.

They show the value of the line above in the same cell; their argument is only for error messages. The value comes as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fabric_livy_magic.local.interpreters.outputs import Output, error, ok
from fabric_livy_magic.local.interpreters.pymagics import TABLE

MAGIC = re.compile(r"%(\w+)\W*(.*)", re.ASCII)
MAGICS = frozenset({"json", "table"})
ROWS_OF_RDD = 10


class DifferentTypes(Exception):  # noqa: N818 - says what is wrong
    pass


def read_magic(line: str) -> tuple[str, str] | None:
    """Its name and its argument, or None: any other line is Scala."""
    match = MAGIC.fullmatch(line)
    return (match[1], match[2]) if match else None


def unknown_magic(name: str) -> Output:
    return error("UnknownMagic", f"Unknown magic command {name}")


def no_value(argument: str) -> Output:
    return error("NameError", f"Value {argument} does not exist")


def no_json() -> Output:
    return error("ValueError", "Failed to convert value into a JSON value")


def magic_output(magic: str, value: Any) -> Output:
    if magic == "json":
        return ok({"application/json": value})
    try:
        return ok({TABLE: table(value)})
    except DifferentTypes:
        return error("TypeError", "table rows have different types")


def table(value: Any) -> dict[str, Any]:
    """A list is a table of its items, any other value a table of one row. Null is a type here, unlike in Python."""
    headers: dict[str, str] = {}
    data: list[list[Any]] = []
    for row in value if isinstance(value, list) else [value]:
        cells = list(_cells_of(row))
        for name, cell in cells:
            kind = type_of(cell)
            if headers.setdefault(name, kind) != kind:
                raise DifferentTypes
        data.append([cell for _, cell in cells])
    return {"headers": [{"type": headers[name], "name": name} for name in sorted(headers)], "data": data}


def _cells_of(row: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(row, Mapping):
        return sorted(row.items())
    return ((str(index), cell) for index, cell in enumerate(row if isinstance(row, list) else [row]))


def type_of(cell: Any) -> str:
    """Raises DifferentTypes for a list or map whose items differ."""
    if isinstance(cell, list):
        _require_one_type(cell)
        return "ARRAY_TYPE"
    if isinstance(cell, dict):
        _require_one_type(cell.values())
        return "MAP_TYPE"
    return TYPES[type(cell)]


def _require_one_type(items: Iterable[Any]) -> None:
    if len({type_of(item) for item in items}) > 1:
        raise DifferentTypes


TYPES = {
    type(None): "NULL_TYPE",
    bool: "BOOLEAN_TYPE",
    str: "STRING_TYPE",
    int: "BIGINT_TYPE",
    float: "DOUBLE_TYPE",
}
