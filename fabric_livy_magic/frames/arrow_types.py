"""Spark's types and Arrow's: the schema JSON that Spark tells, and tables that come as the agent can carry them.

What Arrow cannot carry from Spark comes rewritten (see `remote/agent/frames.py`) and is put back here: intervals of
months and of months, days and microseconds become Arrow's month-day-nano interval, a variant is its JSON text, and
fields get their names back, doubles too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import FrameError

if TYPE_CHECKING:
    import pyarrow as pa

_DECIMAL = re.compile(r"decimal\((\d+),\s*(-?\d+)\)")
_MONTHS = frozenset({"interval year", "interval month", "interval year to month"})
MOST_MICROS = (2**63 - 1) // 1000  # of Arrow's interval, which counts nanoseconds


def decimal_of(kind: Any) -> tuple[int, int] | None:
    """Precision and scale of a decimal type."""
    match = _DECIMAL.fullmatch(str(kind))
    return (int(match[1]), int(match[2])) if match else None


def arrow_type(kind: Any, zone: str = "UTC", other: Callable[[str], Any] | None = None) -> pa.DataType:
    """The Arrow type for a type in Spark's schema JSON; `other` answers for what has no plain counterpart."""
    import pyarrow as pa

    if isinstance(kind, Mapping):
        name = kind.get("type")
        if name == "array":
            return pa.list_(arrow_type(kind["elementType"], zone, other))
        if name == "map":
            return pa.map_(arrow_type(kind["keyType"], zone, other), arrow_type(kind["valueType"], zone, other))
        if name == "struct":
            return pa.struct([pa.field(f["name"], arrow_type(f["type"], zone, other)) for f in kind["fields"]])
        if name == "udt" and "sqlType" in kind and other is None:
            return arrow_type(kind["sqlType"], zone, other)
        return pa.string()
    if sizes := decimal_of(kind):
        return pa.decimal128(*sizes)
    simple = {
        "boolean": pa.bool_(),
        "byte": pa.int8(),
        "short": pa.int16(),
        "integer": pa.int32(),
        "long": pa.int64(),
        "float": pa.float32(),
        "double": pa.float64(),
        "string": pa.string(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz=zone),
        "timestamp_ntz": pa.timestamp("us"),
        "binary": pa.binary(),
        "void": pa.null(),
    }
    return simple.get(str(kind)) or (other or _interval)(str(kind))


def _interval(kind: str) -> pa.DataType:
    import pyarrow as pa

    if kind == "interval" or kind in _MONTHS:
        return pa.month_day_nano_interval()
    if kind.startswith("interval"):
        return pa.duration("us")
    return pa.time64("ns") if kind.startswith("time(") else pa.string()


# ------------------------------------------------------------------------------------------------ down
def restored(batch: pa.RecordBatch, schema: Mapping[str, Any]) -> pa.RecordBatch:
    """A batch from the agent with Spark's own names and types. Nothing is copied where nothing was rewritten."""
    import pyarrow as pa

    fields = schema["fields"]
    columns = [_restored(batch.column(number), field["type"]) for number, field in enumerate(fields)]
    names = [pa.field(field["name"], column.type) for field, column in zip(fields, columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(names))


def empty(schema: Mapping[str, Any], zone: str) -> pa.Table:
    import pyarrow as pa

    return pa.schema([pa.field(f["name"], arrow_type(f["type"], zone)) for f in schema["fields"]]).empty_table()


def _restored(array: Any, kind: Any) -> Any:
    """An array as read from a stream (so its offset is 0) with the type that Spark named."""
    import pyarrow as pa

    if kind == "interval":
        return _calendar_interval(array.field(0), array.field(1), array.field(2), array)
    if isinstance(kind, str):
        return _calendar_interval(array, None, None, array) if kind in _MONTHS else array
    name = kind.get("type")
    if name == "struct":
        children = [_restored(array.field(number), f["type"]) for number, f in enumerate(kind["fields"])]
        parts = [pa.field(f["name"], child.type) for f, child in zip(kind["fields"], children, strict=True)]
        return _rebuilt(array, pa.struct(parts), 1, children)
    if name == "array":
        values = _restored(array.values, kind["elementType"])
        return _rebuilt(array, pa.list_(values.type), 2, [values])
    if name == "map":
        keys, items = _restored(array.keys, kind["keyType"]), _restored(array.items, kind["valueType"])
        if (keys.type, items.type) == (array.type.key_type, array.type.item_type):
            return array
        inside = [pa.field("key", keys.type, nullable=False), pa.field("value", items.type)]
        pairs = pa.StructArray.from_arrays([keys, items], fields=inside)
        return _rebuilt(array, pa.map_(keys.type, items.type), 2, [pairs])
    return array


def _rebuilt(array: Any, new_type: Any, own_buffers: int, children: list[Any]) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(
        new_type, len(array), array.buffers()[:own_buffers], array.null_count, array.offset, children
    )


def _calendar_interval(months: Any, days: Any, micros: Any, outer: Any) -> Any:
    """Month-day-nano interval by its layout in memory: two 32-bit and one 64-bit integer."""
    import numpy as np
    import pyarrow as pa

    def numbers(part: Any) -> Any:
        return np.nan_to_num(part.fill_null(0).to_numpy(zero_copy_only=False)) if part is not None else 0

    values = np.zeros(len(outer), dtype=[("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
    told = numbers(micros)
    if np.any(np.abs(told) > MOST_MICROS):
        raise FrameError("An interval is longer than Arrow can say (about 292 years of hours, minutes and seconds).")
    values["months"], values["days"], values["nanos"] = numbers(months), numbers(days), told * 1000
    valid = outer.buffers()[0]
    return pa.Array.from_buffers(pa.month_day_nano_interval(), len(outer), [valid, pa.py_buffer(values)])


# ------------------------------------------------------------------------------------------------ up
_SPARK_NAMES = {
    "bool": "boolean",
    "int8": "byte",
    "int16": "short",
    "int32": "integer",
    "int64": "long",
    "float": "float",
    "double": "double",
    "string": "string",
    "binary": "binary",
    "date32[day]": "date",
    "timestamp[us]": "timestamp_ntz",
    "duration[us]": "interval day to second",
    "null": "void",
}


SPARK_TYPE = b"spark_type"  # in a field's metadata: an interval's own type, which Arrow cannot tell


def carrier(table: pa.Table) -> pa.Table:
    """A table from `frames.to_arrow` as the JVM can read it. Its metadata tells Spark's schema of that, and the SQL of
    each column, for what the JVM reads from no Arrow type."""
    import pyarrow as pa

    columns, sql = [], []
    for number, field in enumerate(table.schema):
        own = (field.metadata or {}).get(SPARK_TYPE, b"").decode()
        column, expression = _carrying(table.column(number), own, f"c{number}", field.name)
        columns.append(column)
        sql.append(expression)
    if not columns:  # Arrow keeps the number of rows only where there is a column
        columns = [pa.chunked_array([pa.nulls(table.num_rows, pa.bool_())])]
    made = pa.table(columns, names=[f"c{number}" for number in range(len(columns))])
    schema = json.dumps({"type": "struct", "fields": [_spark_field(field) for field in made.schema]})
    told = {"schema": schema, "columns": sql, "names": table.column_names}
    return made.replace_schema_metadata({"spark": json.dumps(told)})


def _carrying(column: Any, own: str, name: str, title: str) -> tuple[Any, str]:
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_duration(column.type) and own:
        return column, f"CAST({name} AS {own}) AS {name}"
    if not t.is_interval(column.type):
        return column, name
    values = column.to_pylist()
    if own in _MONTHS:
        if any(value is not None and (value.days or value.nanoseconds) for value in values):
            raise FrameError(f"Column {title!r} has days or less in an {own}.")
        months = pa.chunked_array([pa.array([value and value.months for value in values], pa.int32())])
        return months, f"CAST(make_ym_interval(0, {name}) AS {own}) AS {name}"
    parts = pa.struct([("months", pa.int32()), ("days", pa.int32()), ("micros", pa.int64())])
    told = [
        value and {"months": value.months, "days": value.days, "micros": value.nanoseconds // 1000} for value in values
    ]
    if any(value is not None and value.nanoseconds % 1000 for value in values):
        raise FrameError(f"Column {title!r} has intervals with nanoseconds, which Spark does not have.")
    seconds = f"CAST(CAST({name}.micros AS DECIMAL(19, 0)) * 0.000001BD AS DECIMAL(18, 6))"
    sql = f"make_interval(0, {name}.months, 0, {name}.days, 0, 0, {seconds}) AS {name}"
    return pa.chunked_array(
        [pa.array(told, parts)]
    ), f"IF({name} IS NULL, NULL, {sql.removesuffix(f' AS {name}')}) AS {name}"


def _spark_field(field: Any) -> dict[str, Any]:
    return {"name": field.name, "type": spark_type(field.type), "nullable": True, "metadata": {}}


def spark_type(arrow: Any) -> Any:
    import pyarrow.types as t

    if t.is_list(arrow):
        return {"type": "array", "elementType": spark_type(arrow.value_type), "containsNull": True}
    if t.is_map(arrow):
        key, value = spark_type(arrow.key_type), spark_type(arrow.item_type)
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
    if t.is_struct(arrow):
        return {"type": "struct", "fields": [_spark_field(arrow.field(n)) for n in range(arrow.num_fields)]}
    if t.is_decimal(arrow):
        return f"decimal({arrow.precision},{arrow.scale})"
    if t.is_timestamp(arrow) and arrow.tz is not None:
        return "timestamp"
    return _SPARK_NAMES[str(arrow)]
