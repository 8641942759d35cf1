"""One Arrow column as a pandas Series: numpy's dtypes where they suffice, else nullable dtypes or objects."""

from __future__ import annotations

import re
import zoneinfo
from typing import Any

from fabric_livy_magic.errors import FrameError

MANY_VALUES = 100_000  # shorter columns are not searched for duplicates
SAMPLED = 4096


def to_series(column: Any, name: str) -> Any:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.types as t

    kind = column.type
    try:
        if t.is_nested(kind) or t.is_interval(kind) or t.is_null(kind):
            return pd.Series(_python_objects(column), dtype=object)
        if t.is_timestamp(kind) and kind.tz is not None:
            return _moments(column, _python_zone(column))
        if column.null_count and (mapped := _nullable_dtype(kind)) is not None:
            if t.is_floating(kind) and pa.compute.any(pa.compute.is_nan(column)).as_py():
                # pandas' own nullable floats take NaN for null since 3.0.
                return pd.Series(pd.arrays.ArrowExtensionArray(column))
            return column.to_pandas(types_mapper=lambda _: mapped)
        if t.is_decimal(kind) and _has_duplicates(column):
            return pd.Series(_shared_objects(column), dtype=object)
        return column.to_pandas(date_as_object=True)
    except Exception as error:  # of Arrow, numpy and pandas, for values that they do not have
        raise FrameError(f"Column {name!r}: {error}. As Arrow (--arrow) it can be had.") from error


def _has_duplicates(column: Any) -> bool:
    """Whether a sample of a long column has duplicate values: then it has few distinct ones for its length."""
    import numpy as np

    if len(column) < MANY_VALUES:
        return False
    sample = column.take(np.random.default_rng(len(column)).integers(0, len(column), SAMPLED))
    return bool(len(sample.unique()) < SAMPLED * 0.99)


def _shared_objects(column: Any) -> Any:
    """One object for each distinct value: to create a million `Decimal` takes 0.6 s, a tenth of that with many duplicates."""
    import numpy as np

    encoded = column.combine_chunks().dictionary_encode()  # four times faster than to encode each chunk and unify them
    values = np.array([*encoded.dictionary.to_numpy(zero_copy_only=False), None], dtype=object)
    return values.take(encoded.indices.fill_null(len(values) - 1).to_numpy())


def _nullable_dtype(kind: Any) -> Any:
    import pandas as pd
    import pyarrow.types as t

    if t.is_boolean(kind):
        return pd.BooleanDtype()
    if t.is_integer(kind):
        return pd.api.types.pandas_dtype(f"Int{kind.bit_width}")
    return pd.api.types.pandas_dtype(f"Float{kind.bit_width}") if t.is_floating(kind) else None


def _moments(column: Any, zone: str) -> Any:
    """With a zone of `zoneinfo`, as pandas 3 makes them: to read a moment before a zone's first change by one of pytz, which
    pyarrow takes for older pandas, ends the process with pandas 2.1."""
    import pyarrow as pa

    if zone == "UTC" or zone[0] in "+-":
        return column.cast(pa.timestamp("us", tz=zone)).to_pandas()
    return column.cast(pa.timestamp("us", tz="UTC")).to_pandas().dt.tz_convert(zoneinfo.ZoneInfo(zone))


def _python_zone(column: Any) -> str:
    """The column's time zone as a name that Python knows; UTC where a moment is outside Python's years in that zone."""
    import pyarrow.compute as pc

    zone = re.sub(r"^(UTC|GMT|UT)(?=[+-])", "", column.type.tz)
    if not re.fullmatch(r"[+-]\d\d:\d\d", zone):
        try:
            zoneinfo.ZoneInfo(zone)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            return "UTC"
    ends = pc.min_max(column.cast("int64")).as_py()
    day_us = 86_400_000_000
    fits = ends["min"] is None or (ends["min"] > _FIRST_US + day_us and ends["max"] < _LAST_US - day_us)
    return zone if fits else "UTC"


_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 and 9999


def _python_objects(column: Any) -> list[Any]:
    """Nested values as Python objects. Duplicate field names of a struct become `name_0`, `name_1` in the dict, as in Spark."""
    import pyarrow as pa

    python_type = pylist_type(column.type)
    if python_type == column.type:
        values: list[Any] = column.to_pylist()
        return values
    return [
        value
        for chunk in column.chunks
        for value in pa.Array.from_buffers(*buffers_for_type(chunk, python_type)).to_pylist()
    ]


def buffers_for_type(array: Any, kind: Any) -> tuple[Any, ...]:
    """Arguments of `pa.Array.from_buffers`: the array's memory as another type that differs in names and time zones only."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_struct(kind):
        arrays = [array.field(n) for n in range(kind.num_fields)]
        types, own_buffers = [kind.field(n).type for n in range(kind.num_fields)], 1
    elif t.is_map(kind):
        pairs = pa.StructArray.from_arrays([array.keys, array.items], names=["key", "value"])
        arrays, own_buffers = [pairs], 2
        types = [pa.struct([pa.field("key", kind.key_type, nullable=False), pa.field("value", kind.item_type)])]
    elif t.is_list(kind):
        arrays, types, own_buffers = [array.values], [kind.value_type], 2
    else:
        return kind, len(array), array.buffers(), array.null_count, array.offset
    children = [pa.Array.from_buffers(*buffers_for_type(one, new)) for one, new in zip(arrays, types, strict=True)]
    return kind, len(array), array.buffers()[:own_buffers], array.null_count, array.offset, children


def pylist_type(kind: Any) -> Any:
    """The type from which `to_pylist` loses nothing: unique names in structs, and UTC, in which all years are Python's."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_list(kind):
        return pa.list_(pylist_type(kind.value_type))
    if t.is_map(kind):
        return pa.map_(pylist_type(kind.key_type), pylist_type(kind.item_type))
    if t.is_struct(kind):
        fields = [kind.field(n) for n in range(kind.num_fields)]
        names = [field.name for field in fields]
        unique_names = [
            f"{name}_{names[:number].count(name)}" if names.count(name) > 1 else name
            for number, name in enumerate(names)
        ]
        return pa.struct(
            [pa.field(name, pylist_type(field.type)) for name, field in zip(unique_names, fields, strict=True)]
        )
    return pa.timestamp("us", tz="UTC") if t.is_timestamp(kind) and kind.tz is not None else kind
