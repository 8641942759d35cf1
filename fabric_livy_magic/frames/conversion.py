"""Arrow, pandas and polars frames, of exactly Spark's types.

Down, `to_pandas`: numpy's dtypes, pandas' nullable ones where a number or a boolean is null, `datetime.date`,
`decimal.Decimal` and `bytes` as objects, timestamps of microseconds, nested values as lists, dicts and, for maps, lists
of pairs. What a pandas dtype cannot say is noted in `frame.attrs["spark_types"]`, so that a frame can go back as it came.
Up, `to_arrow`: an Arrow table of types that Spark has. What would be lost is refused with the name of the column.
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
from fabric_livy_magic.frames.pandas_columns import layout, plain_type, series

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

MANY_ROWS = 1_000_000
SPARK_TYPES = "spark_types"  # in `DataFrame.attrs`: JSON, so that the frame can still be written as Parquet


# ------------------------------------------------------------------------------------------------ Arrow → pandas
def to_pandas(table: pa.Table, schema: Mapping[str, Any] | None) -> pd.DataFrame:
    """`schema` is Spark's, None for a table that was pandas' before. Columns are freed one by one as they are converted,
    if the caller holds no reference to the table."""
    import pandas as pd
    import pyarrow as pa

    if schema is None:
        frame: pd.DataFrame = table.to_pandas(split_blocks=True)
        return frame
    rows, names, columns = table.num_rows, table.column_names, table.columns
    del table
    columns.reverse()
    parts: dict[int, Any] = {}
    for number, name in enumerate(names):
        parts[number] = series(columns.pop(), name)
        if rows >= MANY_ROWS:
            pa.default_memory_pool().release_unused()  # else the freed column stays with the allocator
    frame = pd.DataFrame(parts, index=pd.RangeIndex(rows), copy=False)
    frame.columns = pd.Index(names, dtype=object if not names else None)
    noted = _noted(schema)
    if noted:
        frame.attrs[SPARK_TYPES] = json.dumps(noted)
    return frame


def _noted(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Types of the columns that are objects in pandas, by the names that are there once."""
    fields = schema["fields"]
    names = [field["name"] for field in fields]
    plain = {"boolean", "byte", "short", "integer", "long", "float", "double", "timestamp", "timestamp_ntz", "string"}
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
    except Exception as error:  # polars panics in types of its own
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
    fitted = [_fitted(column, name) for name, column in zip(names, columns, strict=True)]
    if not fitted:
        return pa.table({"c0": pa.nulls(rows)}).select([])
    own = _own_types(frame) if library == "pandas" else {}
    fields = [pa.field(name, c.type, metadata=own.get(name)) for name, c in zip(names, fitted, strict=True)]
    return pa.Table.from_arrays(fitted, schema=pa.schema(fields))


def _own_types(frame: Any) -> dict[str, dict[bytes, str]]:
    """The kinds of intervals that a fetched frame had."""
    noted = json.loads(frame.attrs.get(SPARK_TYPES, "{}"))
    return {
        name: {SPARK_TYPE: kind}
        for name, kind in noted.items()
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
    if not hasattr(frame, "__arrow_c_stream__") and not isinstance(frame, pa.RecordBatch):
        raise FrameError(f"A {type(frame).__name__} is no frame. pandas, Arrow and polars frames can be sent.")
    try:
        return pa.table(frame) if not isinstance(frame, pa.RecordBatch) else pa.Table.from_batches([frame])
    except Exception as error:  # whatever the other library's stream raises
        raise FrameError(f"This {type(frame).__name__} has no Arrow form: {error}") from error


def _pandas_columns(frame: Any) -> tuple[list[str], list[Any]]:
    if not hasattr(frame, "columns"):
        if not hasattr(frame, "to_frame"):
            raise FrameError(f"A pandas {type(frame).__name__} is no frame.")
        frame = frame.to_frame()
    noted = json.loads(frame.attrs.get(SPARK_TYPES, "{}"))
    levels = [number for number, name in enumerate(frame.index.names) if name is not None]
    names = [str(frame.index.names[number]) for number in levels] + [str(name) for name in frame.columns]
    series = [frame.index.get_level_values(number).to_series(index=range(len(frame))) for number in levels]
    series += [frame.iloc[:, number] for number in range(frame.shape[1])]
    return names, [_from_series(one, name, noted.get(name)) for one, name in zip(series, names, strict=True)]


def _from_series(series: Any, name: str, noted: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    try:
        if isinstance(series.dtype, pd.SparseDtype):
            series = series.sparse.to_dense()
        if series.dtype == object:
            return _from_objects(series, name, noted)
        array = _array(series)
        return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise FrameError(f"Column {name!r} ({series.dtype}) has no type in Spark: {error}") from error


def _array(series: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    if isinstance(series.dtype, np.dtype):
        return pa.array(series.to_numpy(), from_pandas=series.dtype.kind in "mM")  # NaN of a float column stays NaN
    return pa.array(series)


def _from_objects(series: Any, name: str, noted: Any) -> Any:
    """Python values: None, NaN, NaT and NA are null; the rest must be of one kind."""
    import pandas as pd
    import pyarrow as pa

    absent = pd.isna(series).to_numpy()
    values = [None if gone else value for value, gone in zip(series.tolist(), absent, strict=True)]
    kinds = {kind for kind in map(_kind, values) if kind}
    if len(kinds) > 1 and kinds != {"int", "decimal"}:
        raise FrameError(
            f"Column {name!r} mixes values of several types: {', '.join(sorted(kinds))}. "
            "Give it one, for example by .astype(str)."
        )
    wanted = arrow_type(noted) if noted is not None else None
    for kind in (plain_type(wanted), None) if wanted is not None else (None,):
        if kind is not None and not all(_keys_known(value, kind) for value in values):
            continue
        for from_pandas in (False, True):  # the second takes pandas' NA inside of lists, and NaN there for null
            try:
                made = pa.array(values, type=kind, from_pandas=from_pandas)
                return pa.chunked_array([made if kind is None else pa.Array.from_buffers(*layout(made, wanted))])
            except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
                refused = error
    raise FrameError(f"Column {name!r} has values without a type in Spark: {refused}")


def _keys_known(value: Any, kind: Any) -> bool:
    """Arrow drops keys of a dict that its struct type does not have, without a word."""
    import pyarrow.types as t

    if value is None or not t.is_nested(kind):
        return True
    if t.is_struct(kind):
        known = {kind.field(n).name: kind.field(n).type for n in range(kind.num_fields)}
        return isinstance(value, Mapping) and all(key in known and _keys_known(value[key], known[key]) for key in value)
    if t.is_map(kind):
        pairs = value.items() if isinstance(value, Mapping) else value
        return all(_keys_known(key, kind.key_type) and _keys_known(one, kind.item_type) for key, one in pairs)
    return all(_keys_known(one, kind.value_type) for one in value)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, datetime.datetime):
        return "datetime" if value.tzinfo is None else "datetime with a zone"
    for types, name in _KINDS:
        if isinstance(value, types):
            return name
    return "" if value is None else type(value).__name__


_KINDS: list[tuple[Any, str]] = [
    (str, "str"),
    (bytes | bytearray, "bytes"),
    (datetime.date, "date"),
    (decimal.Decimal, "decimal"),
    (numbers.Real, "int"),  # also float: Arrow refuses a number that a float cannot hold
    (Mapping, "dict"),
    (list | tuple, "list"),
]


def _fitted(column: Any, name: str) -> Any:
    """The column in the nearest type that Spark has; nothing is lost."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_run_end_encoded(column.type):
        column = pa.chunked_array([pa.compute.run_end_decode(chunk) for chunk in column.chunks])
    try:
        wanted = column.type if t.is_interval(column.type) else _fitting(column.type)
        if wanted == column.type:
            return column
        if t.is_null(wanted) or (t.is_dictionary(column.type) and t.is_null(column.type.value_type)):
            return pa.chunked_array([pa.nulls(len(column))])
        return column.cast(wanted)
    except (pa.ArrowException, ValueError) as error:
        hint = " Round it first: .dt.floor('us')." if "would lose data" in str(error) else ""
        raise FrameError(f"Column {name!r} ({column.type}) has no type in Spark: {error}.{hint}") from error


def _fitting(kind: Any) -> Any:
    import pyarrow as pa
    import pyarrow.types as t

    if isinstance(kind, pa.BaseExtensionType):
        raise ValueError("convert it first, for example by .astype(str)")
    if t.is_dictionary(kind):
        return _fitting(kind.value_type)
    if t.is_map(kind):
        return pa.map_(_fitting(kind.key_type), _fitting(kind.item_type))
    if t.is_struct(kind):
        return pa.struct([pa.field(f.name, _fitting(f.type)) for f in (kind.field(n) for n in range(kind.num_fields))])
    if t.is_decimal(kind):
        return pa.decimal128(min(38, max(kind.precision, kind.scale) - min(kind.scale, 0)), max(kind.scale, 0))
    if t.is_timestamp(kind):
        return pa.timestamp("us", tz=kind.tz)
    if hasattr(kind, "value_type"):  # lists of every layout
        return pa.list_(_fitting(kind.value_type))
    if t.is_interval(kind):
        raise ValueError("Spark takes intervals of months as whole columns only")
    if t.is_time(kind) or t.is_union(kind):
        raise ValueError("convert it first, for example by .astype(str)")
    return _same_or_near(kind)


def _same_or_near(kind: Any) -> Any:
    import pyarrow as pa
    import pyarrow.types as t

    near = {
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
    return near.get(kind, kind)
