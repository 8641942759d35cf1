"""Livy's SQL output, which is JSON, as a pandas DataFrame, each column in the type of Spark's schema.

For sessions without Python or PyArrow, and for a `sql` statement that runs without the agent.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames.arrow_types import arrow_type, decimal_of
from fabric_livy_magic.livy.models import Output

if TYPE_CHECKING:
    import pandas as pd

# A Livy server cuts the result of a `sql` statement at this many rows and does not say so (livy.rsc.sql.num-rows).
LIVY_SQL_ROWS = 1000


def is_table(output: Output) -> bool:
    """Whether the output is a SQL result: `{"schema": {"fields": […]}, "data": [[…], …]}`."""
    value = output.data.get("application/json")
    if not isinstance(value, Mapping) or not isinstance(value.get("schema"), Mapping):
        return False
    fields, rows = value["schema"].get("fields", []), value.get("data")
    return _is_list_of(fields, Mapping) and _is_list_of(rows, list)


def _is_list_of(items: Any, kind: type) -> bool:
    return isinstance(items, list) and all(isinstance(item, kind) for item in items)


def row_count(output: Output) -> int:
    return len(output.data["application/json"]["data"])


def read_result(output: Output, limit: int | None = None) -> pd.DataFrame:
    """The SQL result as a DataFrame, its first `limit` rows.

    A statement without a result (DDL) gives a frame with no columns. Whole numbers and booleans with nulls become
    pandas' nullable dtypes, dates `datetime.date`, decimals `decimal.Decimal`, timestamps UTC. Raises FrameError where
    a value does not fit the type that the server named.
    """
    import pandas as pd

    value = output.data["application/json"]
    fields, rows = value["schema"].get("fields") or [], value["data"]
    rows = rows if limit is None else rows[:limit]
    if not fields:
        return pd.DataFrame(index=range(len(rows)))
    series = []
    for position, spark_field in enumerate(fields):
        cells = [row[position] if position < len(row) else None for row in rows]
        series.append(_series(str(spark_field.get("name", position)), spark_field.get("type"), cells))
    frame = pd.concat(series, axis=1)
    frame.columns = pd.Index(
        [str(f.get("name", i)) for i, f in enumerate(fields)]
    )  # concat keeps duplicate names, but not empty ones
    return frame


def read_rows(output: Output, rows: int) -> list[list[Any]]:
    """The first rows of a SQL result that `read_result` can read, as Python values: a map is a list of pairs, a struct a dict."""
    value = output.data["application/json"]
    types = [field.get("type") for field in value["schema"].get("fields") or []]
    try:
        return [
            [_value(row[position] if position < len(row) else None, of) for position, of in enumerate(types)]
            for row in value["data"][:rows]
        ]
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise FrameError(f"A value is not of its column's type: {error}") from error


_FAR_YEAR = re.compile(r"([+-]\d{4,6}|\d{5,6}|0000)-\d\d-\d\d([T ].*)?")


def has_far_years(output: Output) -> bool:
    """Whether a date or moment of the result is outside Python's years: then it can be shown, but is no frame."""
    value = output.data["application/json"]
    types = [field.get("type") for field in value["schema"].get("fields") or []]
    with_times = [number for number, of in enumerate(types) if re.search(r"\b(date|timestamp)", json.dumps(of))]
    return any(_has_far_year(row[number]) for row in value["data"] for number in with_times if number < len(row))


def _has_far_year(cell: Any) -> bool:
    if isinstance(cell, str):
        return _FAR_YEAR.fullmatch(cell) is not None
    inner = cell.values() if isinstance(cell, Mapping) else cell if isinstance(cell, list) else ()
    return any(map(_has_far_year, inner))


def _series(name: str, spark_type: Any, cells: list[Any]) -> pd.Series[Any]:
    import pandas as pd
    import pyarrow as pa

    try:
        arrow = arrow_type(spark_type, fallback=lambda _: pa.string())  # a type without a counterpart is read as text
        column = pa.array([_value(cell, spark_type) for cell in cells], type=arrow)
        nullable = column.null_count and (pa.types.is_integer(arrow) or pa.types.is_boolean(arrow))
        series: pd.Series[Any] = column.to_pandas(types_mapper=_nullable_dtypes(pd).get if nullable else None)
    except (pa.ArrowException, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise FrameError(f"Column {name!r}: a value is not of its type {type_name(spark_type)}: {error}") from error
    series.name = name
    return series


def _nullable_dtypes(pd: Any) -> dict[Any, Any]:
    import pyarrow as pa

    return {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }


def _value(cell: Any, spark_type: Any) -> Any:
    """One JSON value, as Livy's SQLInterpreter writes it, as a Python value of that type."""
    if cell is None:
        return None
    if isinstance(spark_type, Mapping):
        return _nested(cell, spark_type)
    kind = str(spark_type)
    if sizes := decimal_of(kind):
        return decimal.Decimal(str(cell)).quantize(decimal.Decimal(1).scaleb(-sizes[1]), context=_WIDE_CONTEXT)
    if kind in {"date", "timestamp", "timestamp_ntz"} and _FAR_YEAR.fullmatch(cell):
        return str(cell)
    if kind == "date":
        return datetime.date.fromisoformat(cell)
    if kind in {"timestamp", "timestamp_ntz"}:
        moment = datetime.datetime.fromisoformat(cell)
        return moment if kind == "timestamp" else moment.replace(tzinfo=None)
    if kind == "binary":
        return bytes(byte % 256 for byte in cell) if isinstance(cell, list) else base64.b64decode(cell)
    if kind in {"float", "double"}:
        return float(cell)
    if kind in {"boolean", "byte", "short", "integer", "long"}:
        return cell
    return cell if isinstance(cell, str) else str(cell)


_WIDE_CONTEXT = decimal.Context(prec=76)


def _nested(cell: Any, spark_type: Mapping[str, Any]) -> Any:
    kind = spark_type.get("type")
    if kind == "array":
        return [_value(item, spark_type["elementType"]) for item in cell]
    if kind == "map":
        return [
            (_value(_key(key, spark_type["keyType"]), spark_type["keyType"]), _value(item, spark_type["valueType"]))
            for key, item in cell.items()
        ]
    if kind == "struct":
        # Livy serialises a nested row with its schema: {"schema": […], "values": […]}
        values = cell["values"] if isinstance(cell, Mapping) and "values" in cell else list(cell.values())
        return {f["name"]: _value(value, f["type"]) for f, value in zip(spark_type["fields"], values, strict=True)}
    return str(cell)


def _key(key: str, key_type: Any) -> Any:
    """JSON's keys are strings; a map's key is read back in its type."""
    if key_type in {"byte", "short", "integer", "long"}:
        return int(key)
    if key_type == "boolean":
        return key == "true"
    return key


def type_name(spark_type: Any) -> str:
    """A type of Spark's schema JSON in one word or two: `struct`, `decimal(10,2)`."""
    if isinstance(spark_type, Mapping):
        return str(spark_type.get("type", ""))
    return str(spark_type or "")
