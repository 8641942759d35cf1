"""SQL rows as JSON text, cell by cell, by the types of Spark's schema.

The forms are Livy's (SQLInterpreter.scala): dates and UTC timestamps as text, decimals as numbers, binary as signed
bytes, structs as `{"schema", "values"}`, NaN as null, infinity as text. Where Livy fails on Java 17 (timestamps without
zone, intervals) the cell has the text of Spark SQL.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

MICROS = 1_000_000
DAY_S = 86_400

Cell = Callable[[Any], str]


def table_text(schema: Mapping[str, Any], rows: Iterable[Sequence[Any]]) -> str:
    cells = [cell_writer(field["type"]) for field in schema["fields"]]
    lines = (f"[{', '.join([write(value) for write, value in zip(cells, row, strict=True)])}]" for row in rows)
    return f'{{"schema": {json.dumps(schema)}, "data": [{", ".join(lines)}]}}'


def cell_writer(kind: str | Mapping[str, Any]) -> Cell:
    """Null is `null` in every type, so that the writers need not handle it."""
    write = _writer(kind)
    return lambda value: "null" if value is None else write(value)


def _writer(kind: str | Mapping[str, Any]) -> Cell:
    if isinstance(kind, str):
        if kind.startswith("decimal"):
            return _decimal
        if kind.startswith("interval"):
            return INTERVALS.get(kind, _calendar_interval)
        return SIMPLE.get(kind, json.dumps)
    if kind["type"] == "array":
        item = cell_writer(kind["elementType"])
        return lambda values: f"[{', '.join(map(item, values))}]"
    if kind["type"] == "map":
        key, item = key_writer(kind["keyType"]), cell_writer(kind["valueType"])
        return lambda values: "{" + ", ".join(f"{key(k)}: {item(v)}" for k, v in values.items()) + "}"
    if kind["type"] == "udt":
        return _writer(kind["sqlType"])
    return _struct_writer(kind["fields"])


def key_writer(kind: str | Mapping[str, Any]) -> Cell:
    write = cell_writer(kind)

    def as_text(value: Any) -> str:
        text = write(value)
        return text if text.startswith('"') else json.dumps(text)

    return as_text


def _struct_writer(fields: Sequence[Mapping[str, Any]]) -> Cell:
    """Livy writes a nested row as the fields of Spark's own Row object; its types come out empty."""
    described = [
        {"name": f["name"], "dataType": {}, "nullable": f["nullable"], "metadata": {"map": f["metadata"]}}
        for f in fields
    ]
    head = f'{{"schema": {json.dumps(described)}, "values": ['
    cells = [cell_writer(f["type"]) for f in fields]
    return lambda row: head + ", ".join(write(value) for write, value in zip(cells, row, strict=True)) + "]}"


def _decimal(value: Decimal) -> str:
    return format(value, "f")


def _double(value: float) -> str:
    """json4s makes null of NaN only; Jackson then puts what JSON has no number for in quotes."""
    if math.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    return "null" if math.isnan(value) else repr(value)


def _binary(value: bytes) -> str:
    return json.dumps([byte - 256 if byte > 127 else byte for byte in value])


def _date(days: int) -> str:
    return f'"{date_text(days)}"'


def _timestamp(micros: int) -> str:
    days, seconds = divmod(micros // MICROS, DAY_S)
    return f'"{date_text(days)}T{clock_text(seconds)}Z"'


def _timestamp_ntz(micros: int) -> str:
    whole, fraction = divmod(micros, MICROS)
    days, seconds = divmod(whole, DAY_S)
    tail = f".{fraction:06d}".rstrip("0") if fraction else ""
    return f'"{date_text(days)}T{clock_text(seconds)}{tail}"'


def date_text(days: int) -> str:
    """ISO date of days since 1970. Spark's dates have a wider range than Python's, so it is calculated here.

    The algorithm is `civil_from_days` of Howard Hinnant's chrono notes: eras of 400 years that start in March.
    """
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    sign = "-" if year < 0 else "+" if year > 9999 else ""
    return f"{sign}{abs(year):04d}-{month:02d}-{day:02d}"


def clock_text(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _day_interval(micros: int) -> str:
    sign = "-" if micros < 0 else ""
    whole, fraction = divmod(abs(micros), MICROS)
    days, seconds = divmod(whole, DAY_S)
    tail = f".{fraction:06d}".rstrip("0") if fraction else ""
    return json.dumps(f"INTERVAL '{sign}{days} {clock_text(seconds)}{tail}' DAY TO SECOND")


def _month_interval(months: int) -> str:
    sign = "-" if months < 0 else ""
    return json.dumps(f"INTERVAL '{sign}{abs(months) // 12}-{abs(months) % 12}' YEAR TO MONTH")


def _calendar_interval(_value: Any) -> str:
    return "{}"  # as in Livy


SIMPLE: dict[str, Cell] = {
    "float": _double,
    "double": _double,
    "binary": _binary,
    "date": _date,
    "timestamp": _timestamp,
    "timestamp_ltz": _timestamp,
    "timestamp_ntz": _timestamp_ntz,
}
MONTH_INTERVALS = tuple(f"interval {unit}" for unit in ("year", "month", "year to month"))
DAY_INTERVALS = tuple(
    f"interval {unit}"
    for unit in (
        "day", "hour", "minute", "second", "day to hour", "day to minute", "day to second", "hour to minute",
        "hour to second", "minute to second",
    )
)  # fmt: skip
INTERVALS: dict[str, Cell] = {
    **dict.fromkeys(MONTH_INTERVALS, _month_interval),
    **dict.fromkeys(DAY_INTERVALS, _day_interval),
}
