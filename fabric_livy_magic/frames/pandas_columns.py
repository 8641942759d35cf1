"""One Arrow column as pandas': numpy's dtypes where they can say it, nullable ones or objects where they cannot."""

from __future__ import annotations

import re
import zoneinfo
from typing import Any

from fabric_livy_magic.errors import FrameError

MANY_VALUES = 100_000
SAMPLED = 4096


def series(column: Any, name: str) -> Any:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.types as t

    kind = column.type
    try:
        if t.is_nested(kind) or t.is_interval(kind) or t.is_null(kind):
            return pd.Series(_objects(column), dtype=object)
        if t.is_timestamp(kind) and kind.tz is not None:
            column = column.cast(pa.timestamp("us", tz=_zone(column)))
        if column.null_count and (mapped := _nullable(kind)) is not None:
            if t.is_floating(kind) and pa.compute.any(pa.compute.is_nan(column)).as_py():
                # pandas' own nullable floats take NaN for null since 3.0.
                return pd.Series(pd.arrays.ArrowExtensionArray(column))
            return column.to_pandas(types_mapper=lambda _: mapped)
        if t.is_decimal(kind) and _repeats(column):
            return pd.Series(_one_of_each(column), dtype=object)
        return column.to_pandas(date_as_object=True)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise FrameError(f"Column {name!r}: {error}. As Arrow (--arrow) it can be had.") from error


def _repeats(column: Any) -> bool:
    """Whether a sample of a long column has values twice: then it has few for its length."""
    import numpy as np

    if len(column) < MANY_VALUES:
        return False
    sample = column.take(np.random.default_rng(len(column)).integers(0, len(column), SAMPLED))
    return bool(len(sample.unique()) < SAMPLED * 0.99)


def _one_of_each(column: Any) -> Any:
    """Each value becomes an object once: a million of `Decimal` take 0.6 s, and a tenth of that where they repeat."""
    import numpy as np

    encoded = column.combine_chunks().dictionary_encode()  # four times faster than chunk by chunk, made one afterwards
    values = np.array([*encoded.dictionary.to_numpy(zero_copy_only=False), None], dtype=object)
    return values.take(encoded.indices.fill_null(len(values) - 1).to_numpy())


def _nullable(kind: Any) -> Any:
    import pandas as pd
    import pyarrow.types as t

    if t.is_boolean(kind):
        return pd.BooleanDtype()
    if t.is_integer(kind):
        return pd.api.types.pandas_dtype(f"Int{kind.bit_width}")
    return pd.api.types.pandas_dtype(f"Float{kind.bit_width}") if t.is_floating(kind) else None


def _zone(column: Any) -> str:
    """Its zone by a name that Python knows; UTC where a moment is outside Python's years in its own zone."""
    import pyarrow.compute as pc

    zone = re.sub(r"^(UTC|GMT|UT)(?=[+-])", "", column.type.tz)
    if not re.fullmatch(r"[+-]\d\d:\d\d", zone):
        try:
            zoneinfo.ZoneInfo(zone)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            return "UTC"
    ends = pc.min_max(column.cast("int64")).as_py()
    day_us = 86_400_000_000
    inside = ends["min"] is None or (ends["min"] > _FIRST_US + day_us and ends["max"] < _LAST_US - day_us)
    return zone if inside else "UTC"


_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 and 9999


def _objects(column: Any) -> list[Any]:
    """Nested values as Python's. A struct with two fields of one name becomes a dict with `name_0`, `name_1`, as in Spark."""
    import pyarrow as pa

    plain = plain_type(column.type)
    if plain == column.type:
        values: list[Any] = column.to_pylist()
        return values
    return [value for chunk in column.chunks for value in pa.Array.from_buffers(*layout(chunk, plain)).to_pylist()]


def layout(array: Any, kind: Any) -> tuple[Any, ...]:
    """The same memory under another type that differs in names and zones only."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_struct(kind):
        inside = [array.field(n) for n in range(kind.num_fields)]
        types, own = [kind.field(n).type for n in range(kind.num_fields)], 1
    elif t.is_map(kind):
        pairs = pa.StructArray.from_arrays([array.keys, array.items], names=["key", "value"])
        inside, own = [pairs], 2
        types = [pa.struct([pa.field("key", kind.key_type, nullable=False), pa.field("value", kind.item_type)])]
    elif t.is_list(kind):
        inside, types, own = [array.values], [kind.value_type], 2
    else:
        return kind, len(array), array.buffers(), array.null_count, array.offset
    children = [pa.Array.from_buffers(*layout(one, new)) for one, new in zip(inside, types, strict=True)]
    return kind, len(array), array.buffers()[:own], array.null_count, array.offset, children


def plain_type(kind: Any) -> Any:
    """With each name of a struct once, and timestamps in UTC: every moment is inside Python's years there."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_list(kind):
        return pa.list_(plain_type(kind.value_type))
    if t.is_map(kind):
        return pa.map_(plain_type(kind.key_type), plain_type(kind.item_type))
    if t.is_struct(kind):
        fields = [kind.field(n) for n in range(kind.num_fields)]
        names = [field.name for field in fields]
        once = [
            f"{name}_{names[:number].count(name)}" if names.count(name) > 1 else name
            for number, name in enumerate(names)
        ]
        return pa.struct([pa.field(name, plain_type(field.type)) for name, field in zip(once, fields, strict=True)])
    return pa.timestamp("us", tz="UTC") if t.is_timestamp(kind) and kind.tz is not None else kind
