"""Arrow, pandas and polars frames, of exactly Spark's types.

From Spark, `to_pandas`: numpy's dtypes, pandas' nullable ones where a number or a boolean is null, `datetime.date`,
`decimal.Decimal` and `bytes` as objects, timestamps of microseconds, nested values as lists, dicts and, for maps, lists
of pairs. Types that a pandas dtype does not determine are kept in `frame.attrs["spark_types"]`, for sending the frame back.
To Spark, `to_arrow`: an Arrow table of types that Spark has. Values that would be lost are refused with the column's name.
"""

from __future__ import annotations

import datetime
import decimal
import json
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames.arrow_types import SPARK_TYPE, arrow_type
from fabric_livy_magic.frames.pandas_columns import buffers_for_type, pylist_type, to_series

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MANY_ROWS = 1_000_000
SPARK_TYPES = "spark_types"  # in `DataFrame.attrs`: JSON, so that the frame can still be written as Parquet


# ------------------------------------------------------------------------------------------------ Arrow → pandas
def to_pandas(table: pa.Table, schema: Mapping[str, Any] | None) -> pd.DataFrame:
    """`schema` is Spark's, None for a table made from a pandas frame. Each column is freed once it is converted, if the caller
    holds no reference to the table."""
    import pandas as pd
    import pyarrow as pa

    if schema is None:
        try:
            frame: pd.DataFrame = table.to_pandas(split_blocks=True)
        except Exception as error:  # what the frame says of its index is read by pandas, which may raise anything
            raise FrameError(f"pandas cannot hold this frame: {error}. Arrow (--arrow) can.") from error
        return frame
    rows, names, columns = table.num_rows, table.column_names, table.columns
    del table
    columns.reverse()
    series: dict[int, Any] = {}
    for number, name in enumerate(names):
        series[number] = to_series(columns.pop(), name)
        if rows >= MANY_ROWS:
            pa.default_memory_pool().release_unused()  # else the allocator keeps the memory of the column
    frame = pd.DataFrame(series, index=pd.RangeIndex(rows), copy=False)
    frame.columns = pd.Index(names, dtype=object if not names else None)
    if spark_types := _types_to_keep(schema, frame):
        frame.attrs[SPARK_TYPES] = json.dumps(spark_types)
    return frame


def _types_to_keep(schema: Mapping[str, Any], frame: Any) -> dict[str, Any]:
    """Column name → Spark type, for the columns that are objects in pandas (texts are before pandas 3) and whose name is unique."""
    fields = schema["fields"]
    names = [field["name"] for field in fields]
    plain = {"boolean", "byte", "short", "integer", "long", "float", "double", "timestamp", "timestamp_ntz"}
    if not any(str(dtype) == "object" for dtype, f in zip(frame.dtypes, fields, strict=True) if f["type"] == "string"):
        plain.add("string")
    return {f["name"]: f["type"] for f in fields if str(f["type"]) not in plain and names.count(f["name"]) == 1}


# ------------------------------------------------------------------------------------------------ polars
def to_polars(table: pa.Table) -> Any:
    try:
        import polars
    except ImportError:
        raise FrameError(
            "polars is not installed here: pip install polars. --arrow and pandas need nothing more."
        ) from None
    try:
        return polars.from_arrow(table, rechunk=False)
    # polars raises exceptions of its own types; the last is not even an Exception
    except (Exception, polars.exceptions.PanicException) as error:
        raise FrameError(f"polars cannot hold this frame: {error}. Arrow (--arrow) and pandas can.") from error


# ------------------------------------------------------------------------------------------------ any frame → Arrow
def to_arrow(frame: Any) -> pa.Table:
    """A pandas, Arrow or polars frame, or anything with Arrow's C stream, as a table of types that Spark has.

    Named levels of a pandas index become columns; an unnamed index is dropped. Nanoseconds that are not whole
    microseconds are refused, not cut.
    """
    import pyarrow as pa

    library = type(frame).__module__.split(".")[0]
    if library == "pandas":
        names, columns = _pandas_columns(frame)
        rows = len(frame)
    else:
        table = _arrow_table(frame)
        names, columns, rows = [str(name) for name in table.column_names], table.columns, table.num_rows
    spark_columns = [_cast_to_spark(column, name) for name, column in zip(names, columns, strict=True)]
    if not spark_columns:
        return pa.table({"c0": pa.nulls(rows)}).select([])
    interval_types = _interval_types(frame) if library == "pandas" else {}
    fields = [
        pa.field(name, c.type, metadata=interval_types.get(name)) for name, c in zip(names, spark_columns, strict=True)
    ]
    return pa.Table.from_arrays(spark_columns, schema=pa.schema(fields))


def _interval_types(frame: Any) -> dict[str, dict[bytes, str]]:
    """Column name → field metadata, for the intervals of a frame that came from Spark."""
    spark_types = json.loads(frame.attrs.get(SPARK_TYPES, "{}"))
    return {
        name: {SPARK_TYPE: kind}
        for name, kind in spark_types.items()
        if isinstance(kind, str) and kind.startswith("interval ")
    }


def _arrow_table(frame: Any) -> pa.Table:
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        return frame
    if hasattr(frame, "collect_schema") and hasattr(frame, "collect"):
        frame = frame.collect()  # polars' lazy frame
    if hasattr(frame, "to_frame") and not hasattr(frame, "columns"):
        frame = frame.to_frame()  # polars' series
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    has_stream = hasattr(frame, "__arrow_c_stream__")
    if not has_stream and not hasattr(frame, "to_arrow"):
        raise FrameError(f"A {type(frame).__name__} is no frame. pandas, Arrow and polars frames can be sent.")
    try:
        # A stream of polars has string views, which pyarrow cannot take before 18; what `to_arrow` gives has none then.
        reads_views = int(pa.__version__.partition(".")[0]) >= 18
        return pa.table(frame) if has_stream and (reads_views or not hasattr(frame, "to_arrow")) else frame.to_arrow()
    except Exception as error:  # another library's stream may raise anything
        raise FrameError(f"This {type(frame).__name__} has no Arrow form: {error}") from error


def _pandas_columns(frame: Any) -> tuple[list[str], list[Any]]:
    if not hasattr(frame, "columns"):
        if not hasattr(frame, "to_frame"):
            raise FrameError(f"A pandas {type(frame).__name__} is no frame.")
        frame = frame.to_frame()
    spark_types = json.loads(frame.attrs.get(SPARK_TYPES, "{}"))
    levels = [number for number, name in enumerate(frame.index.names) if name is not None]
    names = [str(frame.index.names[number]) for number in levels] + [str(name) for name in frame.columns]
    series = [frame.index.get_level_values(number).to_series(index=range(len(frame))) for number in levels]
    series += [frame.iloc[:, number] for number in range(frame.shape[1])]
    return names, [_from_series(one, name, spark_types.get(name)) for one, name in zip(series, names, strict=True)]


def _from_series(series: Any, name: str, spark_type: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    try:
        if isinstance(series.dtype, pd.SparseDtype):
            series = series.sparse.to_dense()
        if series.dtype == object:
            return _from_objects(series, name, spark_type)
        array = _from_dtype(series)
        return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise FrameError(f"Column {name!r} ({series.dtype}) has no type in Spark: {error}") from error


def _from_dtype(series: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    if isinstance(series.dtype, np.dtype):
        values = series.to_numpy()
        if values.dtype == np.float16:
            values = values.astype(np.float32)  # pyarrow casts no half floats before 16
        return pa.array(values, from_pandas=series.dtype.kind in "mM")  # NaN of a float column is kept
    return pa.array(series)


def _from_objects(series: Any, name: str, spark_type_json: Any) -> Any:
    """Python values: None, NaN, NaT and NA are null; all others must be of one kind."""
    import pandas as pd
    import pyarrow as pa

    is_null = pd.isna(series).to_numpy()
    values = [None if null else value for value, null in zip(series.tolist(), is_null, strict=True)]
    kinds = {kind for kind in map(_value_kind, values) if kind}
    if len(kinds) > 1 and kinds != {"int", "decimal"}:
        raise FrameError(
            f"Column {name!r} mixes values of several types: {', '.join(sorted(kinds))}. "
            "Give it one, for example by .astype(str)."
        )
    spark_type = arrow_type(spark_type_json) if spark_type_json is not None else None
    for kind in (pylist_type(spark_type), None) if spark_type is not None else (None,):
        if kind is not None and not all(_has_known_keys(value, kind) for value in values):
            continue
        for from_pandas in (False, True):  # True also takes NA inside lists, but reads NaN there as null
            try:
                array = pa.array(values, type=kind, from_pandas=from_pandas)
                return pa.chunked_array(
                    [array if kind is None else pa.Array.from_buffers(*buffers_for_type(array, spark_type))]
                )
            except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
                last_error = error
    raise FrameError(f"Column {name!r} has values without a type in Spark: {last_error}")


def _has_known_keys(value: Any, kind: Any) -> bool:
    """Whether the type has all keys of a dict: Arrow silently drops those that its struct type does not have."""
    import pyarrow.types as t

    if value is None or not t.is_nested(kind):
        return True
    if t.is_struct(kind):
        known = {kind.field(n).name: kind.field(n).type for n in range(kind.num_fields)}
        return isinstance(value, Mapping) and all(
            key in known and _has_known_keys(value[key], known[key]) for key in value
        )
    if t.is_map(kind):
        pairs = value.items() if isinstance(value, Mapping) else value
        return all(_has_known_keys(key, kind.key_type) and _has_known_keys(one, kind.item_type) for key, one in pairs)
    return all(_has_known_keys(one, kind.value_type) for one in value)


def _value_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, datetime.datetime):
        return "datetime" if value.tzinfo is None else "datetime with a zone"
    for types, name in _VALUE_KINDS:
        if isinstance(value, types):
            return name
    return "" if value is None else type(value).__name__


_VALUE_KINDS: list[tuple[Any, str]] = [
    (str, "str"),
    (bytes | bytearray, "bytes"),
    (datetime.date, "date"),
    (decimal.Decimal, "decimal"),
    (numbers.Real, "int"),  # also float: Arrow refuses a number that a float cannot hold
    (Mapping, "dict"),
    (list | tuple, "list"),
]


def _cast_to_spark(column: Any, name: str) -> Any:
    """The column in the nearest type that Spark has, without loss."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_run_end_encoded(column.type):
        column = pa.chunked_array([pa.compute.run_end_decode(chunk) for chunk in column.chunks])
    try:
        spark_type = column.type if t.is_interval(column.type) else _spark_arrow_type(column.type)
        if spark_type == column.type:
            return column
        if t.is_null(spark_type) or (t.is_dictionary(column.type) and t.is_null(column.type.value_type)):
            return pa.chunked_array([pa.nulls(len(column))])
        return column.cast(spark_type)
    except (pa.ArrowException, ValueError) as error:
        hint = " Round it first: .dt.floor('us')." if "would lose data" in str(error) else ""
        raise FrameError(f"Column {name!r} ({column.type}) has no type in Spark: {error}.{hint}") from error


def _spark_arrow_type(kind: Any) -> Any:
    import pyarrow as pa
    import pyarrow.types as t

    if isinstance(kind, pa.BaseExtensionType):
        raise ValueError("convert it first, for example by .astype(str)")
    if t.is_dictionary(kind):
        return _spark_arrow_type(kind.value_type)
    if t.is_map(kind):
        return pa.map_(_spark_arrow_type(kind.key_type), _spark_arrow_type(kind.item_type))
    if t.is_struct(kind):
        return pa.struct(
            [pa.field(f.name, _spark_arrow_type(f.type)) for f in (kind.field(n) for n in range(kind.num_fields))]
        )
    if t.is_decimal(kind):
        return pa.decimal128(min(38, max(kind.precision, kind.scale) - min(kind.scale, 0)), max(kind.scale, 0))
    if t.is_timestamp(kind):
        return pa.timestamp("us", tz=kind.tz)
    if hasattr(kind, "value_type"):  # lists of every layout
        return pa.list_(_spark_arrow_type(kind.value_type))
    if t.is_interval(kind):
        raise ValueError("Spark takes intervals of months as whole columns only")
    if t.is_time(kind) or t.is_union(kind):
        raise ValueError("convert it first, for example by .astype(str)")
    return _simple_spark_type(kind)


def _simple_spark_type(kind: Any) -> Any:
    import pyarrow as pa
    import pyarrow.types as t

    wider = {
        pa.uint8(): pa.int16(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.uint64(): pa.decimal128(20, 0),
        pa.float16(): pa.float32(),
        pa.date64(): pa.date32(),
    }
    if t.is_duration(kind):
        return pa.duration("us")
    if str(kind) in {"large_string", "string_view"}:
        return pa.string()
    if t.is_fixed_size_binary(kind) or str(kind) in {"large_binary", "binary_view"}:
        return pa.binary()
    return wider.get(kind, kind)
