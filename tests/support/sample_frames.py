"""Sample Spark frames with difficult types, values, names and shapes, and the pandas frames that they become.

`sql` makes the frame in Spark, or `expression` where SQL cannot. `columns` are the columns in pandas: name, dtype and
values. Expected timestamps are moments; `{zone}` in a dtype stands for the session's time zone. `returned_schema` is that of
the frame when it is sent back from pandas: None for the same types, else as Spark writes it; NOT_SENDABLE where it is refused.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

NAN, INF = math.nan, math.inf
UTC = dt.UTC
STR = "text"  # pandas' own type for text: `object` before pandas 3, `str` since
NOT_SENDABLE = "one way"
Interval = pa.MonthDayNano
Column = tuple[str, str, list[Any]]


@dataclass(frozen=True)
class SampleFrame:
    name: str
    columns: list[Column]
    sql: str = ""
    expression: str = ""
    rows: int | None = None  # where there are no columns
    returned_schema: str | None = None
    spark: tuple[int, ...] = (3, 4)  # the first version that has it

    @property
    def python(self) -> str:
        """A Python expression that makes the frame, given `spark`."""
        return self.expression or f"spark.sql({self.sql!r})"


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def one_column(
    name: str, sql: str, dtype: str, *values: Any, returned_schema: str | None = None, **more: Any
) -> SampleFrame:
    """A frame of one column, c."""
    return SampleFrame(
        name,
        [("c", dtype, list(values))],
        f"SELECT * FROM VALUES {sql} AS t(c)",
        returned_schema=returned_schema,
        **more,
    )


NUMBERS = [
    one_column("booleans", "(true), (false)", "bool", True, False),
    one_column("booleans with nulls", "(true), (null), (false)", "boolean", True, None, False),
    SampleFrame(
        "whole numbers at their ends",
        [
            ("a", "int8", [-128, 127]),
            ("b", "int16", [-32768, 32767]),
            ("c", "int32", [-(2**31), 2**31 - 1]),
            ("d", "int64", [-(2**63), 2**63 - 1]),
        ],
        "SELECT * FROM VALUES (-128Y, -32768S, -2147483648, -9223372036854775808L),"
        " (127Y, 32767S, 2147483647, 9223372036854775807L) AS t(a, b, c, d)",
    ),
    SampleFrame(
        "whole numbers with nulls, more than a float can hold",
        [("a", "Int8", [1, None]), ("b", "Int16", [1, None]), ("c", "Int32", [1, None]), ("d", "Int64", [2**53 + 1, None])],
        "SELECT * FROM VALUES (1Y, 1S, 1, 9007199254740993L), (null, null, null, null) AS t(a, b, c, d)",
    ),
    one_column("all null in a number", "(cast(null as int)), (null)", "Int32", None, None),
    one_column(
        "doubles with NaN and infinities",
        "(double('NaN')), (double('Infinity')), (double('-Infinity')), (-0.0D), (1.7976931348623157E308D), (4.9E-324D), (0.1D)",
        "float64",
        *(NAN, INF, -INF, -0.0, 1.7976931348623157e308, 5e-324, 0.1),
    ),
    one_column("floats", "(float('NaN')), (1.5F), (float('-Infinity'))", "float32", NAN, 1.5, -INF),
    one_column("doubles with nulls", "(1.5D), (null)", "Float64", 1.5, None),
    one_column("doubles with nulls and NaN, which are not the same", "(1.5D), (null), (double('NaN'))", "double[pyarrow]", 1.5, None, NAN),
    one_column("floats with nulls and NaN", "(1.5F), (null), (float('NaN'))", "float[pyarrow]", 1.5, None, NAN),
    one_column("decimals keep their scale", "(1.50BD), (null), (-0.05BD), (12345678.00BD)", "object", *map(dec := lambda text: text and Decimal(text), ("1.50", None, "-0.05", "12345678.00"))),
    one_column("decimals of a type wider than their values", "(cast(1 as decimal(20, 5)))", "object", Decimal("1.00000")),
    one_column("decimals at their ends", f"({'9' * 38}BD), (-{'9' * 38}BD)", "object", Decimal("9" * 38), Decimal("-" + "9" * 38)),
    one_column("decimals of 38 places", "(cast('0.00000000000000000000000000000000000001' as decimal(38, 38)))", "object", Decimal("1E-38")),
]  # fmt: skip

TEXT = [
    one_column(
        "text with every quote, line break and escape",
        r"""("it's"), ('say "hi"'), ('`'), ('a\nb\r\nc\td'), ('back\\slash'), (''), ('  '), (concat('$', '{x} {y} %s')), ("'''"), ('\0')""",
        STR,
        *("it's", 'say "hi"', "`", "a\nb\r\nc\td", "back\\slash", "", "  ", "${x} {y} %s", "'''", "\0"),
    ),
    one_column(
        "text in every script",
        "('Größe'), ('日本語'), ('👩‍👩‍👧 🇪🇺'), ('עברית'), (null), ('e\u0301'), ('𝒳')",
        STR,
        "Größe",
        "日本語",
        "👩‍👩‍👧 🇪🇺",
        "עברית",
        None,
        "e\u0301",
        "𝒳",
    ),
    one_column(
        "text that looks like something else",
        "('01234'), ('20240101'), ('1.10'), ('10:30'), ('NaN'), ('null'), ('None'), ('true')",
        STR,
        "01234",
        "20240101",
        "1.10",
        "10:30",
        "NaN",
        "null",
        "None",
        "true",
    ),
    one_column("text that is all null", "(cast(null as string))", STR, None),
    one_column("one long text", "(repeat('é', 300000))", STR, "é" * 300000),
    one_column("bytes", "(X'00FF10'), (X''), (null), (X'C328')", "object", b"\x00\xff\x10", b"", None, b"\xc3("),
    one_column("bytes that are all null", "(cast(null as binary))", "object", None),
]

TIMES = [
    one_column("dates", "(date'2024-02-29'), (null), (date'1582-10-10')", "object", dt.date(2024, 2, 29), None, dt.date(1582, 10, 10)),
    one_column("dates at their ends", "(date'0001-01-01'), (date'9999-12-31')", "object", dt.date.min, dt.date.max),
    one_column("dates that are all null", "(cast(null as date))", "object", None),
    one_column(
        "timestamps with microseconds, before 1970 and in the hour that comes twice",
        "(timestamp'2020-01-01T00:00:00.123456Z'), (null), (timestamp'1969-12-31T23:59:59.999999Z'),"
        " (timestamp'2020-10-25T00:30:00Z'), (timestamp'2020-10-25T01:30:00Z')",
        "datetime64[us, {zone}]",
        *(utc(2020, 1, 1, 0, 0, 0, 123456), None, utc(1969, 12, 31, 23, 59, 59, 999999)),
        *(utc(2020, 10, 25, 0, 30), utc(2020, 10, 25, 1, 30)),
    ),
    one_column("timestamps that nanoseconds cannot hold", "(timestamp'1500-01-01T00:00:00Z'), (timestamp'2500-01-01T00:00:00Z')", "datetime64[us, {zone}]", utc(1500, 1, 1), utc(2500, 1, 1)),
    one_column("timestamps at their ends", "(timestamp'0001-01-01T00:00:00Z'), (timestamp'9999-12-31T23:59:59.999999Z')", "datetime64[us, UTC]", utc(1, 1, 1), utc(9999, 12, 31, 23, 59, 59, 999999)),
    one_column("timestamps that are all null", "(cast(null as timestamp))", "datetime64[us, {zone}]", None),
    one_column(
        "timestamps without a zone, also in the hour that does not exist",
        "(timestamp_ntz'2020-03-29T02:30:00.5'), (null), (timestamp_ntz'0001-01-01T00:00:00'), (timestamp_ntz'9999-12-31T23:59:59.999999')",
        "datetime64[us]",
        *(dt.datetime(2020, 3, 29, 2, 30, 0, 500000), None, dt.datetime.min, dt.datetime.max),
    ),
    one_column("intervals of days and time", "(interval '1 02:03:04.000005' day to second), (null), (interval '-1' second)", "timedelta64[us]", dt.timedelta(1, 7384, 5), None, dt.timedelta(seconds=-1)),
    one_column("intervals of hours and minutes", "(interval '26:03' hour to minute)", "timedelta64[us]", dt.timedelta(hours=26, minutes=3)),
    one_column("intervals of years and months", "(interval '1-2' year to month), (null), (interval '-3' month)", "object", Interval([14, 0, 0]), None, Interval([-3, 0, 0])),
    one_column("intervals of years", "(interval '2' year)", "object", Interval([24, 0, 0])),
    one_column("intervals of a calendar", "(make_interval(1, 2, 0, 3, 4, 5, -6.5)), (null), (make_interval(0, -1))", "object", Interval([14, 3, 14693500000000]), None, Interval([-1, 0, 0])),
]  # fmt: skip

NESTED = [
    one_column("arrays with nulls", "(array(1, null, 3)), (array()), (null)", "object", [1, None, 3], [], None),
    one_column("arrays of large numbers with nulls", "(array(9007199254740993L, null))", "object", [2**53 + 1, None]),
    one_column("arrays of text, of bytes, of arrays", "(array('é', null, '')), (array())", "object", ["é", None, ""], []),
    one_column("arrays of arrays", "(array(array(1, 2), null, array()))", "object", [[1, 2], None, []]),
    one_column("arrays of NaN", "(array(double('NaN'), null, 1D))", "object", [NAN, None, 1.0]),
    one_column("arrays of decimals and of dates", "(map(1.50BD, array(date'2020-01-01', null)))", "object", [(Decimal("1.50"), [dt.date(2020, 1, 1), None])]),
    one_column("arrays of timestamps", "(array(timestamp'2020-01-01T00:00:00Z', timestamp'9999-12-31T23:59:59Z'))", "object", [utc(2020, 1, 1), utc(9999, 12, 31, 23, 59, 59)]),
    one_column("arrays of nothing", "(array()), (array(null))", "object", [], [None]),
    one_column("maps", "(map('a', 1, 'b', null)), (map()), (null)", "object", [("a", 1), ("b", None)], [], None),
    one_column("maps with keys that are no text", "(map(1, 'x', 2, null))", "object", [(1, "x"), (2, None)]),
    one_column("maps of structs of arrays", "(map(named_struct('k', 1), array(named_struct('v', 'é'))))", "object", [({"k": 1}, [{"v": "é"}])]),
    one_column("structs and null in the place of a struct", "(named_struct('a', 1, 'b', cast(null as string))), (null)", "object", {"a": 1, "b": None}, None),
    one_column("structs with names of every kind", "(named_struct('', 1, 'a b', 2, 'é.x', 3, '`', 4))", "object", {"": 1, "a b": 2, "é.x": 3, "`": 4}),
    one_column(
        "structs with two fields of one name",
        "(named_struct('x', 1, 'x', 'y', 'z', array(named_struct('q', 1, 'q', 2)))), (null)",
        "object",
        *({"x_0": 1, "x_1": "y", "z": [{"q_0": 1, "q_1": 2}]}, None),
    ),
    one_column(
        "intervals inside arrays, maps and structs",
        "(named_struct('i', array(make_interval(0, 1, 0, 2, 0, 0, 3), null), 'm', map(1, interval '5' month), 'd', interval '1' day)), (null)",
        "object",
        *({"i": [Interval([1, 2, 3_000_000_000]), None], "m": [(1, Interval([5, 0, 0]))], "d": dt.timedelta(1)}, None),
        returned_schema=NOT_SENDABLE,
    ),
    SampleFrame(
        "a user-defined type is what it is stored as",
        [("c", "object", [{"type": 1, "size": None, "indices": None, "values": [1.0, 2.5]}, None])],
        expression="spark.createDataFrame([(__import__('pyspark.ml.linalg').ml.linalg.Vectors.dense([1.0, 2.5]),), (None,)], 'c vector')"
        ".toDF('c')".replace("'c vector'", "__import__('pyspark.sql.types').sql.types.StructType().add('c', __import__('pyspark.ml.linalg').ml.linalg.VectorUDT())"),
        returned_schema="struct<c:struct<type:tinyint,size:int,indices:array<int>,values:array<double>>>",
    ),
    one_column(
        "variants are their JSON",
        """(parse_json('{"a": [1, 2.50, null, "é"]}')), (null), (parse_json('null'))""",
        STR,
        *('{"a":[1,2.5,null,"é"]}', None, "null"),
        returned_schema="struct<c:string>",
        spark=(4, 0),
    ),
]  # fmt: skip

SHAPES = [
    SampleFrame("columns of one name", [("a", "int32", [1]), ("b", STR, ["x"]), ("a", "float64", [2.5])], "SELECT 1 a, 'x' b, 2.5D a"),
    SampleFrame("columns that differ in case", [("a", "int32", [1]), ("A", "int32", [2])], "SELECT 1 a, 2 A"),
    SampleFrame("columns without a name", [("", "int32", [1]), ("", "int32", [2])], "SELECT 1 AS ``, 2 AS ``"),
    SampleFrame(
        "columns with names of every kind",
        [("a.b", "int32", [1]), ("a`b", "int32", [2]), ("Größe €", "int32", [3]), ("'\"\n", "int32", [4]), ("👍", "int32", [5])],
        "SELECT 1 AS `a.b`, 2 AS `a``b`, 3 AS `Größe €`, 4 AS `'\"\n`, 5 AS `👍`",
    ),
    SampleFrame("columns with the names that the transfer uses", [("c1", "int32", [1]), ("c0", STR, ["x"]), ("x0", "object", [[1]])], "SELECT 1 c1, 'x' c0, array(1) x0"),
    SampleFrame("an expression without a name", [("(1 + 1)", "int32", [2])], "SELECT 1 + 1"),
    one_column("a column of nothing", "(null), (null)", "object", None, None),
    SampleFrame(
        "no rows",
        [("a", "int32", []), ("b", STR, []), ("c", "object", []), ("d", "datetime64[us, {zone}]", []), ("e", "object", []), ("f", "timedelta64[us]", []), ("g", "object", [])],
        "SELECT 1 a, 'x' b, 1.50BD c, timestamp'2020-01-01' d, array(map('k', 1.5D)) e, interval '1' day f, interval '1' year g WHERE false",
    ),
    SampleFrame("no columns and three rows", [], expression="spark.range(3).select()", rows=3),
    SampleFrame("no columns and no rows", [], expression="spark.range(0).select()", rows=0),
    SampleFrame("three hundred columns", [(f"n{n}", "int32", [n]) for n in range(300)], f"SELECT {', '.join(f'{n} AS n{n}' for n in range(300))}"),
    SampleFrame("rows of several partitions in their order", [("id", "int64", list(range(20001)))], expression="spark.range(0, 20001, 1, 5).toDF('id')"),
]  # fmt: skip

SAMPLE_FRAMES = [*NUMBERS, *TEXT, *TIMES, *NESTED, *SHAPES]


def _moment(value: dt.datetime) -> dt.datetime:
    """In UTC: Python compares a moment of the repeated hour as unequal to any moment of another zone."""
    return value if value.tzinfo is None else value.astimezone(UTC)


def same_values(got: Any, wanted: Any) -> bool:
    """Equal by value and type; null is None, NaN is NaN and no null, moments are compared whatever their zone."""
    if wanted is None or got is None:
        return got is wanted
    if isinstance(wanted, Mapping):
        return (
            isinstance(got, Mapping)
            and list(got) == list(wanted)
            and all(same_values(got[k], wanted[k]) for k in wanted)
        )
    if isinstance(wanted, list) or type(wanted) is tuple:
        return type(got) is type(wanted) and len(got) == len(wanted) and all(map(same_values, got, wanted))
    if isinstance(wanted, float):
        return (
            isinstance(got, float) and (got == wanted or (got != got and wanted != wanted)) and str(got) == str(wanted)
        )
    if isinstance(wanted, dt.datetime):
        return isinstance(got, dt.datetime) and _moment(got) == _moment(wanted)
    if isinstance(wanted, Decimal):
        return isinstance(got, Decimal) and got.as_tuple() == wanted.as_tuple()
    return got == wanted and isinstance(got, type(wanted)) and isinstance(got, bool) == isinstance(wanted, bool)


def values_of(series: pd.Series[Any]) -> list[Any]:
    """Its values as Python's, null as None."""
    if isinstance(series.dtype, pd.ArrowDtype):
        return series.array._pa_array.to_pylist()  # type: ignore[attr-defined]
    if series.dtype.kind == "f" and not pd.api.types.is_extension_array_dtype(series.dtype):
        return series.tolist()
    if str(series.dtype) == "object":
        return series.tolist()
    values = [None if gone else value for value, gone in zip(series, series.isna(), strict=True)]
    return [value.item() if hasattr(value, "item") else value for value in values]
