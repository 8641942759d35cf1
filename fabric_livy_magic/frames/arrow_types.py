"""Spark's types and Arrow's: Spark's schema JSON, and the encoding of types that do not pass between them unchanged.

The agent sends types that Spark cannot write as Arrow in another form (see `agent/remote/agent/frames.py`), and they are
restored here: intervals of months and of months, days and microseconds become Arrow's month-day-nano interval, a variant is
its JSON text, and fields get their names back, duplicate names too.
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
MOST_MICROS = (2**63 - 1) // 1000  # of Arrow's interval, whose unit is nanoseconds


def decimal_of(kind: Any) -> tuple[int, int] | None:
    """Precision and scale of a decimal type."""
    match = _DECIMAL.fullmatch(str(kind))
    return (int(match[1]), int(match[2])) if match else None


def arrow_type(kind: Any, zone: str = "UTC", fallback: Callable[[str], Any] | None = None) -> pa.DataType:
    """The Arrow type for a type in Spark's schema JSON; `fallback` gives it for a type without a plain counterpart."""
    import pyarrow as pa

    if isinstance(kind, Mapping):
        name = kind.get("type")
        if name == "array":
            return pa.list_(arrow_type(kind["elementType"], zone, fallback))
        if name == "map":
            return pa.map_(arrow_type(kind["keyType"], zone, fallback), arrow_type(kind["valueType"], zone, fallback))
        if name == "struct":
            return pa.struct([pa.field(f["name"], arrow_type(f["type"], zone, fallback)) for f in kind["fields"]])
        if name == "udt" and "sqlType" in kind and fallback is None:
            return arrow_type(kind["sqlType"], zone, fallback)
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
    return simple.get(str(kind)) or (fallback or _interval_type)(str(kind))


def _interval_type(kind: str) -> pa.DataType:
    import pyarrow as pa

    if kind == "interval" or kind in _MONTHS:
        return pa.month_day_nano_interval()
    if kind.startswith("interval"):
        return pa.duration("us")
    return pa.time64("ns") if kind.startswith("time(") else pa.string()


# ------------------------------------------------------------------------------------------------ from Spark
def check_types(received: pa.Schema, schema: Mapping[str, Any] | None) -> None:
    """Raises FrameError where a column is not in the form in which Spark's type travels: it is read by that form."""
    fields = schema["fields"] if schema else []
    if len(fields) > len(received):
        raise FrameError(f"{len(received)} columns arrived of {len(fields)}.")
    for number, field in enumerate(fields):
        if not _travels_as(received.field(number).type, field["type"]):
            raise FrameError(
                f"Column {field['name']!r} arrived as {received.field(number).type}, in which its type does not travel."
            )


def _travels_as(arrow: Any, kind: Any) -> bool:
    import pyarrow.types as t

    if kind == "interval":
        return t.is_struct(arrow) and [t.is_integer(arrow.field(n).type) for n in range(arrow.num_fields)] == [True] * 3
    if isinstance(kind, str) and kind in _MONTHS:
        return bool(t.is_integer(arrow))
    name = kind.get("type") if isinstance(kind, Mapping) else None
    if name == "struct":
        inner = [one["type"] for one in kind["fields"]]
        return (
            t.is_struct(arrow)
            and arrow.num_fields == len(inner)
            and all(_travels_as(arrow.field(n).type, one) for n, one in enumerate(inner))
        )
    if name == "array":
        return t.is_list(arrow) and _travels_as(arrow.value_type, kind["elementType"])
    if name == "map":
        return (
            t.is_map(arrow)
            and _travels_as(arrow.key_type, kind["keyType"])
            and _travels_as(arrow.item_type, kind["valueType"])
        )
    return isinstance(kind, Mapping) or not t.is_nested(arrow)


def restore_types(batch: pa.RecordBatch, schema: Mapping[str, Any]) -> pa.RecordBatch:
    """A batch from the agent with Spark's own names and types. Columns that came in their own type are not copied."""
    import pyarrow as pa

    fields = schema["fields"]
    columns = [_restore_array(batch.column(number), field["type"]) for number, field in enumerate(fields)]
    names = [pa.field(field["name"], column.type) for field, column in zip(fields, columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(names))


def empty_table(schema: Mapping[str, Any], zone: str) -> pa.Table:
    import pyarrow as pa

    return pa.schema([pa.field(f["name"], arrow_type(f["type"], zone)) for f in schema["fields"]]).empty_table()


def _restore_array(array: Any, kind: Any) -> Any:
    """An array as read from a stream (so its offset is 0) in the type of Spark's schema."""
    import pyarrow as pa

    if kind == "interval":
        return _calendar_interval(array.field(0), array.field(1), array.field(2), array)
    if isinstance(kind, str):
        return _calendar_interval(array, None, None, array) if kind in _MONTHS else array
    name = kind.get("type")
    if name == "struct":
        children = [_restore_array(array.field(number), f["type"]) for number, f in enumerate(kind["fields"])]
        child_fields = [pa.field(f["name"], child.type) for f, child in zip(kind["fields"], children, strict=True)]
        return _with_children(array, pa.struct(child_fields), 1, children)
    if name == "array":
        values = _restore_array(array.values, kind["elementType"])
        return _with_children(array, pa.list_(values.type), 2, [values])
    if name == "map":
        keys, items = _restore_array(array.keys, kind["keyType"]), _restore_array(array.items, kind["valueType"])
        if (keys.type, items.type) == (array.type.key_type, array.type.item_type):
            return array
        inside = [pa.field("key", keys.type, nullable=False), pa.field("value", items.type)]
        pairs = pa.StructArray.from_arrays([keys, items], fields=inside)
        return _with_children(array, pa.map_(keys.type, items.type), 2, [pairs])
    return array


def _with_children(array: Any, new_type: Any, own_buffers: int, children: list[Any]) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(
        new_type, len(array), array.buffers()[:own_buffers], array.null_count, array.offset, children
    )


def _calendar_interval(months: Any, days: Any, micros: Any, outer: Any) -> Any:
    """A month-day-nano interval, built in memory: each value is two 32-bit integers and one of 64 bits."""
    import numpy as np
    import pyarrow as pa

    def numbers(part: Any) -> Any:
        return np.nan_to_num(part.fill_null(0).to_numpy(zero_copy_only=False)) if part is not None else 0

    values = np.zeros(len(outer), dtype=[("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
    micros_values = numbers(micros)
    if np.any(np.abs(micros_values) > MOST_MICROS):
        raise FrameError("An interval is longer than Arrow can say (about 292 years of hours, minutes and seconds).")
    values["months"], values["days"], values["nanos"] = numbers(months), numbers(days), micros_values * 1000
    valid = outer.buffers()[0]
    return pa.Array.from_buffers(pa.month_day_nano_interval(), len(outer), [valid, pa.py_buffer(values)])


# ------------------------------------------------------------------------------------------------ to Spark
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


# Key of a field's metadata: the Spark type of an interval, which its Arrow type does not determine.
SPARK_TYPE = b"spark_type"


def to_jvm_table(table: pa.Table) -> pa.Table:
    """A table from `conversion.to_arrow` in types that the JVM can read. Its metadata hold Spark's schema of it, and for each
    column the SQL that makes its type, where the JVM cannot read that from Arrow."""
    import pyarrow as pa

    columns, sql = [], []
    for number, field in enumerate(table.schema):
        interval_type = (field.metadata or {}).get(SPARK_TYPE, b"").decode()
        column, expression = _to_jvm_column(table.column(number), interval_type, f"c{number}", field.name)
        columns.append(column)
        sql.append(expression)
    if not columns:  # Arrow keeps the number of rows only where there is a column
        columns = [pa.chunked_array([pa.nulls(table.num_rows, pa.bool_())])]
    jvm_table = pa.table(columns, names=[f"c{number}" for number in range(len(columns))])
    schema = json.dumps({"type": "struct", "fields": [_spark_field(field) for field in jvm_table.schema]})
    metadata = {"schema": schema, "columns": sql, "names": table.column_names}
    return jvm_table.replace_schema_metadata({"spark": json.dumps(metadata)})


def _to_jvm_column(column: Any, interval_type: str, name: str, column_name: str) -> tuple[Any, str]:
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_duration(column.type) and interval_type:
        return column, f"CAST({name} AS {interval_type}) AS {name}"
    if not t.is_interval(column.type):
        return column, name
    values = column.to_pylist()
    if interval_type in _MONTHS:
        if any(value is not None and (value.days or value.nanoseconds) for value in values):
            raise FrameError(f"Column {column_name!r} has days or less in an {interval_type}.")
        months = pa.chunked_array([pa.array([value and value.months for value in values], pa.int32())])
        return months, f"CAST(make_ym_interval(0, {name}) AS {interval_type}) AS {name}"
    parts = pa.struct([("months", pa.int32()), ("days", pa.int32()), ("micros", pa.int64())])
    interval_parts = [
        value and {"months": value.months, "days": value.days, "micros": value.nanoseconds // 1000} for value in values
    ]
    if any(value is not None and value.nanoseconds % 1000 for value in values):
        raise FrameError(f"Column {column_name!r} has intervals with nanoseconds, which Spark does not have.")
    seconds = f"CAST(CAST({name}.micros AS DECIMAL(19, 0)) * 0.000001BD AS DECIMAL(18, 6))"
    interval = f"make_interval(0, {name}.months, 0, {name}.days, 0, 0, {seconds})"
    column = pa.chunked_array([pa.array(interval_parts, parts)])
    return column, f"IF({name} IS NULL, NULL, {interval}) AS {name}"


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
