"""Spark's types for the transfer as Arrow: a frame in types that Spark's Arrow writer supports, made by SQL.

Work with types is done on Spark's schema JSON and in SQL text made from it: PySpark's own classes know fewer types than Spark (before
4.0 no year-month interval, for one).
"""

from __future__ import annotations

import json
from typing import Any

from .errors import Refused
from .parameters import is_connect


def schema_of(frame: Any) -> Any:
    return json.loads(frame.schema.json() if is_connect(frame) else frame._jdf.schema().json())


def transferable_frame(frame: Any, fields: list[Any]) -> Any:
    """The frame with positional names and types that Arrow supports."""
    if not fields:
        return frame.selectExpr("true AS c0")  # without a column, Arrow does not keep the number of rows
    names = [f"c{number}" for number in range(len(fields))]
    columns = [_transferable_column(field["type"], names[number]) for number, field in enumerate(fields)]
    if columns == names and len({field["name"] for field in fields}) == len(fields):
        return frame  # renaming makes Spark copy every row: 2.7 s of 4 for a million cached rows of 10 columns
    frame = frame.toDF(*names)
    return frame if columns == names else frame.selectExpr(*[f"{sql} AS c{n}" for n, sql in enumerate(columns)])


def _transferable_column(kind: Any, value: str) -> str:
    converted = _transferable(kind, value)
    if isinstance(kind, dict) and (
        converted != value or _has_duplicate_fields(kind)
    ):  # fields of one name differ by position
        return _transferable(kind, f"CAST({value} AS {_ddl(kind)})")
    return converted


def _has_duplicate_fields(kind: Any) -> bool:
    """Whether a struct in this type has two fields of one name, which Spark's Arrow writer refuses."""
    if isinstance(kind, list):
        return any(map(_has_duplicate_fields, kind))
    if not isinstance(kind, dict):
        return False
    names = [field["name"] for field in kind.get("fields", ())]
    return len(set(names)) < len(names) or any(map(_has_duplicate_fields, kind.values()))


def _transferable(kind: Any, value: str, depth: int = 0) -> str:
    """SQL for `value` in a type that Arrow supports; the fields of its structs are f0, f1, …"""
    if isinstance(kind, dict):
        return _transferable_nested(kind, value, depth)
    if kind in ("interval year", "interval month", "interval year to month"):
        return f"CAST(CAST({value} AS INTERVAL MONTH) AS INT)"
    if kind == "interval":
        year, month, day, hour, minute, second = [
            f"extract({unit} FROM {value})" for unit in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
        ]
        months, days = f"CAST({year} * 12 + {month} AS INT)", f"CAST({day} AS INT)"
        micros = f"({hour} * 3600 + {minute} * 60) * 1000000L + CAST({second} * 1000000 AS BIGINT)"
        return f"IF({value} IS NULL, NULL, named_struct('months', {months}, 'days', {days}, 'micros', {micros}))"
    if kind == "variant":
        return f"to_json({value})"
    return f"CAST({value} AS STRING)" if kind.startswith(("char(", "varchar(")) else value


def _transferable_nested(kind: Any, value: str, depth: int) -> str:
    item = f"x{depth}"  # the variable of a lambda, one name for each depth

    def each(inner: Any, values: str) -> str:
        converted = _transferable(inner, item, depth + 1)
        return values if converted == item else f"transform({values}, {item} -> {converted})"

    if kind["type"] == "array":
        return each(kind["elementType"], value)
    if kind["type"] == "map":
        keys, values = f"map_keys({value})", f"map_values({value})"
        converted = each(kind["keyType"], keys), each(kind["valueType"], values)
        return value if converted == (keys, values) else "map_from_arrays({}, {})".format(*converted)
    if kind["type"] != "struct":
        return value  # a user-defined type: Spark sends its storage type
    names = [f"{value}.f{number}" for number in range(len(kind["fields"]))]
    fields = [_transferable(field["type"], names[number], depth) for number, field in enumerate(kind["fields"])]
    inside = ", ".join(f"'f{number}', {field}" for number, field in enumerate(fields))
    return value if fields == names else f"IF({value} IS NULL, NULL, named_struct({inside}))"


def _ddl(kind: Any) -> str:
    """A type of the schema JSON in SQL, fields of structs by position."""
    if isinstance(kind, str):
        return {"byte": "TINYINT", "short": "SMALLINT", "integer": "INT", "long": "BIGINT"}.get(kind, kind)
    if kind["type"] == "array":
        return f"ARRAY<{_ddl(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"MAP<{_ddl(kind['keyType'])}, {_ddl(kind['valueType'])}>"
    if kind["type"] == "struct":
        return "STRUCT<{}>".format(", ".join(f"f{n}: {_ddl(field['type'])}" for n, field in enumerate(kind["fields"])))
    raise Refused("A user-defined type inside a column that must be rewritten for the transfer; select it by itself.")
