"""The columns of an Arrow table as Python values, for the eye: null is None, and nothing is refused."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames.far_years import far_values
from fabric_livy_magic.frames.pandas_columns import to_series

_NOT_A_TIME = -(2**63)  # as numpy has it


def columns_of(table: Any) -> list[list[Any]]:
    """A date or moment that is none of Python's is text."""
    of_pandas = _pandas_nulls(table.schema)
    return [
        _values(column, name, of_pandas.get(name))
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]


def columns_of_batch(batch: Any) -> list[list[Any]]:
    """The same for a batch of Spark's types. Most of them need no pandas, whose import takes longer than a short statement."""
    import pyarrow as pa
    import pyarrow.types as t

    found = []
    for column in batch.columns:
        values = None
        if not t.is_float32(column.type):
            with contextlib.suppress(ValueError, OverflowError):  # a year that Python has not
                values = column.to_pylist()
        found.append(columns_of(pa.Table.from_arrays([column], ["c"]))[0] if values is None else values)
    return found


def copy_of(table: Any, rows: int) -> Any:
    """The first rows in memory of their own, so that the table can be freed."""
    import pyarrow as pa

    head, sink = table.slice(0, rows), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, head.schema) as writer:
        writer.write_table(head)
    return pa.ipc.open_stream(sink.getvalue()).read_all()


def _values(column: Any, name: str, null: Any) -> list[Any]:
    import numpy as np
    import pyarrow.types as t

    values = far_values(column)
    if values is not None:
        return values
    if t.is_timestamp(column.type) and column.type.unit == "us" and column.type.tz in {None, "UTC"} and null is None:
        moments: list[Any] = column.cast("int64").fill_null(_NOT_A_TIME).to_numpy().view("datetime64[us]").tolist()
        return moments  # numpy makes them ten times as fast as pandas
    try:
        values = to_series(_filled(column), name).tolist()
    except FrameError as error:  # a type that pandas does not have
        try:
            values = [None if one is None else str(one) for one in column.to_pylist()]
        except Exception:  # noqa: BLE001 - of Arrow or Python, for values that it does not have either
            raise error from None
    if column.null_count:
        values = [
            null if is_null else one for one, is_null in zip(values, column.is_null().to_numpy().tolist(), strict=True)
        ]
    if t.is_float32(column.type):  # 0.1, not the double beside it
        texts = np.array([np.nan if one is None else one for one in values], dtype=np.float32).astype("U")
        values = [None if one is None else float(text) for one, text in zip(values, texts, strict=True)]
    return values


def _filled(column: Any) -> Any:
    """Without nulls, where numpy then holds the values: they are put back, and pandas' own types for them take their time."""
    import pyarrow.types as t

    if not column.null_count:
        return column
    if t.is_integer(column.type) or t.is_float32(column.type) or t.is_float64(column.type):
        return column.fill_null(0)
    return column.fill_null(False) if t.is_boolean(column.type) else column


def _pandas_nulls(schema: Any) -> dict[str, Any]:
    """Column name → what pandas had in the place of a null, where that was not None or NA."""
    try:
        described = json.loads(schema.metadata[b"pandas"])["columns"]
        kinds = {str(one["field_name"]): str(one["numpy_type"]) for one in described}
    except (TypeError, KeyError, ValueError):  # of no pandas frame
        return {}
    import pandas as pd

    nulls = {"float": float("nan"), "datetime64": pd.NaT, "timedelta64": pd.NaT}
    return {name: nulls[start] for name, kind in kinds.items() for start in nulls if kind.startswith(start)}
