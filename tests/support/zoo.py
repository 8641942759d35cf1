"""Difficult Spark frames, by name: what makes them, and what they are in pandas. Data only, for every road they travel.

`sql` makes the frame in Spark, or `expression` where SQL cannot. `columns` are the columns in pandas: name, dtype and
values. Expected timestamps are moments; `{zone}` in a dtype stands for the session's time zone. `back` is what Spark
makes of the frame when pandas gives it back: None the same types, else the types as Spark writes them; ONE_WAY where a
session cannot take it.
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
ONE_WAY = "one way"
Interval = pa.MonthDayNano
Column = tuple[str, str, list[Any]]


@dataclass(frozen=True)
class Animal:
    name: str
    columns: list[Column]
    sql: str = ""
    expression: str = ""
    rows: int | None = None  # where there are no columns
    back: str | None = None
    spark: tuple[int, ...] = (3, 4)  # the first version that has it

    @property
    def python(self) -> str:
        """A Python expression that makes the frame, given `spark`."""
        return self.expression or f"spark.sql({self.sql!r})"


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def of(name: str, sql: str, dtype: str, *values: Any, back: str | None = None, **more: Any) -> Animal:
    """An animal of one column, c."""
    return Animal(name, [("c", dtype, list(values))], f"SELECT * FROM VALUES {sql} AS t(c)", back=back, **more)


NUMBERS = [
    of("booleans", "(true), (false)", "bool", True, False),
    of("booleans with nulls", "(true), (null), (false)", "boolean", True, None, False),
    Animal(
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
    Animal(
        "whole numbers with nulls, more than a float can hold",
        [("a", "Int8", [1, None]), ("b", "Int16", [1, None]), ("c", "Int32", [1, None]), ("d", "Int64", [2**53 + 1, None])],
        "SELECT * FROM VALUES (1Y, 1S, 1, 9007199254740993L), (null, null, null, null) AS t(a, b, c, d)",
    ),
    of("all null in a number", "(cast(null as int)), (null)", "Int32", None, None),
    of(
        "doubles with NaN and infinities",
        "(double('NaN')), (double('Infinity')), (double('-Infinity')), (-0.0D), (1.7976931348623157E308D), (4.9E-324D), (0.1D)",
        "float64",
        *(NAN, INF, -INF, -0.0, 1.7976931348623157e308, 5e-324, 0.1),
    ),
    of("floats", "(float('NaN')), (1.5F), (float('-Infinity'))", "float32", NAN, 1.5, -INF),
    of("doubles with nulls", "(1.5D), (null)", "Float64", 1.5, None),
    of("doubles with nulls and NaN, which are not the same", "(1.5D), (null), (double('NaN'))", "double[pyarrow]", 1.5, None, NAN),
    of("floats with nulls and NaN", "(1.5F), (null), (float('NaN'))", "float[pyarrow]", 1.5, None, NAN),
    of("decimals keep their scale", "(1.50BD), (null), (-0.05BD), (12345678.00BD)", "object", *map(dec := lambda text: text and Decimal(text), ("1.50", None, "-0.05", "12345678.00"))),
    of("decimals of a type wider than their values", "(cast(1 as decimal(20, 5)))", "object", Decimal("1.00000")),
    of("decimals at their ends", f"({'9' * 38}BD), (-{'9' * 38}BD)", "object", Decimal("9" * 38), Decimal("-" + "9" * 38)),
    of("decimals of 38 places", "(cast('0.00000000000000000000000000000000000001' as decimal(38, 38)))", "object", Decimal("1E-38")),
]  # fmt: skip

TEXT = [
    of(
        "text with every quote, line break and escape",
        r"""("it's"), ('say "hi"'), ('`'), ('a\nb\r\nc\td'), ('back\\slash'), (''), ('  '), (concat('$', '{x} {y} %s')), ("'''"), ('\0')""",
        STR,
        *("it's", 'say "hi"', "`", "a\nb\r\nc\td", "back\\slash", "", "  ", "${x} {y} %s", "'''", "\0"),
    ),
    of(
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
    of(
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
    of("text that is all null", "(cast(null as string))", STR, None),
    of("one long text", "(repeat('é', 300000))", STR, "é" * 300000),
    of("bytes", "(X'00FF10'), (X''), (null), (X'C328')", "object", b"\x00\xff\x10", b"", None, b"\xc3("),
    of("bytes that are all null", "(cast(null as binary))", "object", None),
]

TIMES = [
    of("dates", "(date'2024-02-29'), (null), (date'1582-10-10')", "object", dt.date(2024, 2, 29), None, dt.date(1582, 10, 10)),
    of("dates at their ends", "(date'0001-01-01'), (date'9999-12-31')", "object", dt.date.min, dt.date.max),
    of("dates that are all null", "(cast(null as date))", "object", None),
    of(
        "timestamps with microseconds, before 1970 and in the hour that comes twice",
        "(timestamp'2020-01-01T00:00:00.123456Z'), (null), (timestamp'1969-12-31T23:59:59.999999Z'),"
        " (timestamp'2020-10-25T00:30:00Z'), (timestamp'2020-10-25T01:30:00Z')",
        "datetime64[us, {zone}]",
        *(utc(2020, 1, 1, 0, 0, 0, 123456), None, utc(1969, 12, 31, 23, 59, 59, 999999)),
        *(utc(2020, 10, 25, 0, 30), utc(2020, 10, 25, 1, 30)),
    ),
    of("timestamps that nanoseconds cannot hold", "(timestamp'1500-01-01T00:00:00Z'), (timestamp'2500-01-01T00:00:00Z')", "datetime64[us, {zone}]", utc(1500, 1, 1), utc(2500, 1, 1)),
    of("timestamps at their ends", "(timestamp'0001-01-01T00:00:00Z'), (timestamp'9999-12-31T23:59:59.999999Z')", "datetime64[us, UTC]", utc(1, 1, 1), utc(9999, 12, 31, 23, 59, 59, 999999)),
    of("timestamps that are all null", "(cast(null as timestamp))", "datetime64[us, {zone}]", None),
    of(
        "timestamps without a zone, also in the hour that does not exist",
        "(timestamp_ntz'2020-03-29T02:30:00.5'), (null), (timestamp_ntz'0001-01-01T00:00:00'), (timestamp_ntz'9999-12-31T23:59:59.999999')",
        "datetime64[us]",
        *(dt.datetime(2020, 3, 29, 2, 30, 0, 500000), None, dt.datetime.min, dt.datetime.max),
    ),
    of("intervals of days and time", "(interval '1 02:03:04.000005' day to second), (null), (interval '-1' second)", "timedelta64[us]", dt.timedelta(1, 7384, 5), None, dt.timedelta(seconds=-1)),
    of("intervals of hours and minutes", "(interval '26:03' hour to minute)", "timedelta64[us]", dt.timedelta(hours=26, minutes=3)),
    of("intervals of years and months", "(interval '1-2' year to month), (null), (interval '-3' month)", "object", Interval([14, 0, 0]), None, Interval([-3, 0, 0])),
    of("intervals of years", "(interval '2' year)", "object", Interval([24, 0, 0])),
    of("intervals of a calendar", "(make_interval(1, 2, 0, 3, 4, 5, -6.5)), (null), (make_interval(0, -1))", "object", Interval([14, 3, 14693500000000]), None, Interval([-1, 0, 0])),
]  # fmt: skip

NESTED = [
    of("arrays with nulls", "(array(1, null, 3)), (array()), (null)", "object", [1, None, 3], [], None),
    of("arrays of large numbers with nulls", "(array(9007199254740993L, null))", "object", [2**53 + 1, None]),
    of("arrays of text, of bytes, of arrays", "(array('é', null, '')), (array())", "object", ["é", None, ""], []),
    of("arrays of arrays", "(array(array(1, 2), null, array()))", "object", [[1, 2], None, []]),
    of("arrays of NaN", "(array(double('NaN'), null, 1D))", "object", [NAN, None, 1.0]),
    of("arrays of decimals and of dates", "(map(1.50BD, array(date'2020-01-01', null)))", "object", [(Decimal("1.50"), [dt.date(2020, 1, 1), None])]),
    of("arrays of timestamps", "(array(timestamp'2020-01-01T00:00:00Z', timestamp'9999-12-31T23:59:59Z'))", "object", [utc(2020, 1, 1), utc(9999, 12, 31, 23, 59, 59)]),
    of("arrays of nothing", "(array()), (array(null))", "object", [], [None]),
    of("maps", "(map('a', 1, 'b', null)), (map()), (null)", "object", [("a", 1), ("b", None)], [], None),
    of("maps with keys that are no text", "(map(1, 'x', 2, null))", "object", [(1, "x"), (2, None)]),
    of("maps of structs of arrays", "(map(named_struct('k', 1), array(named_struct('v', 'é'))))", "object", [({"k": 1}, [{"v": "é"}])]),
    of("structs and null in the place of a struct", "(named_struct('a', 1, 'b', cast(null as string))), (null)", "object", {"a": 1, "b": None}, None),
    of("structs with names of every kind", "(named_struct('', 1, 'a b', 2, 'é.x', 3, '`', 4))", "object", {"": 1, "a b": 2, "é.x": 3, "`": 4}),
    of(
        "structs with two fields of one name",
        "(named_struct('x', 1, 'x', 'y', 'z', array(named_struct('q', 1, 'q', 2)))), (null)",
        "object",
        *({"x_0": 1, "x_1": "y", "z": [{"q_0": 1, "q_1": 2}]}, None),
    ),
    of(
        "intervals inside arrays, maps and structs",
        "(named_struct('i', array(make_interval(0, 1, 0, 2, 0, 0, 3), null), 'm', map(1, interval '5' month), 'd', interval '1' day)), (null)",
        "object",
        *({"i": [Interval([1, 2, 3_000_000_000]), None], "m": [(1, Interval([5, 0, 0]))], "d": dt.timedelta(1)}, None),
        back=ONE_WAY,
    ),
    Animal(
        "a user-defined type is what it is stored as",
        [("c", "object", [{"type": 1, "size": None, "indices": None, "values": [1.0, 2.5]}, None])],
        expression="spark.createDataFrame([(__import__('pyspark.ml.linalg').ml.linalg.Vectors.dense([1.0, 2.5]),), (None,)], 'c vector')"
        ".toDF('c')".replace("'c vector'", "__import__('pyspark.sql.types').sql.types.StructType().add('c', __import__('pyspark.ml.linalg').ml.linalg.VectorUDT())"),
        back="struct<c:struct<type:tinyint,size:int,indices:array<int>,values:array<double>>>",
    ),
    of(
        "variants are their JSON",
        """(parse_json('{"a": [1, 2.50, null, "é"]}')), (null), (parse_json('null'))""",
        STR,
        *('{"a":[1,2.5,null,"é"]}', None, "null"),
        back="struct<c:string>",
        spark=(4, 0),
    ),
]  # fmt: skip

SHAPES = [
    Animal("columns of one name", [("a", "int32", [1]), ("b", STR, ["x"]), ("a", "float64", [2.5])], "SELECT 1 a, 'x' b, 2.5D a"),
    Animal("columns that differ in case", [("a", "int32", [1]), ("A", "int32", [2])], "SELECT 1 a, 2 A"),
    Animal("columns without a name", [("", "int32", [1]), ("", "int32", [2])], "SELECT 1 AS ``, 2 AS ``"),
    Animal(
        "columns with names of every kind",
        [("a.b", "int32", [1]), ("a`b", "int32", [2]), ("Größe €", "int32", [3]), ("'\"\n", "int32", [4]), ("👍", "int32", [5])],
        "SELECT 1 AS `a.b`, 2 AS `a``b`, 3 AS `Größe €`, 4 AS `'\"\n`, 5 AS `👍`",
    ),
    Animal("columns with the names that the transfer uses", [("c1", "int32", [1]), ("c0", STR, ["x"]), ("x0", "object", [[1]])], "SELECT 1 c1, 'x' c0, array(1) x0"),
    Animal("an expression without a name", [("(1 + 1)", "int32", [2])], "SELECT 1 + 1"),
    of("a column of nothing", "(null), (null)", "object", None, None),
    Animal(
        "no rows",
        [("a", "int32", []), ("b", STR, []), ("c", "object", []), ("d", "datetime64[us, {zone}]", []), ("e", "object", []), ("f", "timedelta64[us]", []), ("g", "object", [])],
        "SELECT 1 a, 'x' b, 1.50BD c, timestamp'2020-01-01' d, array(map('k', 1.5D)) e, interval '1' day f, interval '1' year g WHERE false",
    ),
    Animal("no columns and three rows", [], expression="spark.range(3).select()", rows=3),
    Animal("no columns and no rows", [], expression="spark.range(0).select()", rows=0),
    Animal("three hundred columns", [(f"n{n}", "int32", [n]) for n in range(300)], f"SELECT {', '.join(f'{n} AS n{n}' for n in range(300))}"),
    Animal("rows of several partitions in their order", [("id", "int64", list(range(20001)))], expression="spark.range(0, 20001, 1, 5).toDF('id')"),
]  # fmt: skip

ZOO = [*NUMBERS, *TEXT, *TIMES, *NESTED, *SHAPES]


def _moment(value: dt.datetime) -> dt.datetime:
    """Python calls moments of the hour that comes twice unequal to any in another zone."""
    return value if value.tzinfo is None else value.astimezone(UTC)


def same(got: Any, wanted: Any) -> bool:
    """Equal by value and type; null is None, NaN is NaN and no null, moments are compared whatever their zone."""
    if wanted is None or got is None:
        return got is wanted
    if isinstance(wanted, Mapping):
        return isinstance(got, Mapping) and list(got) == list(wanted) and all(same(got[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list) or type(wanted) is tuple:
        return type(got) is type(wanted) and len(got) == len(wanted) and all(map(same, got, wanted))
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
