"""Frames of pandas, Arrow and polars as tables of Spark's types, without Spark."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames.arrow_types import spark_type, to_jvm_table
from fabric_livy_magic.frames.conversion import to_arrow, to_pandas, to_polars

UTC = dt.UTC


def sent(values: Any) -> tuple[Any, list[Any]]:
    """Spark's type and the values of one pandas column, as they would be sent."""
    series = values if isinstance(values, pd.Series) else pd.Series(values)
    column = to_arrow(pd.DataFrame({"c": series})).column("c")
    return spark_type(column.type), column.to_pylist()


# ------------------------------------------------------------------------------------------------ pandas → Spark
AS_OBJECT = [
    ("quotes, line breaks, umlauts, emoji", ["it's", 'a "b"', "x\ny\\n", "ü", "👍", None], "string"),
    ("NaN among text is null", ["a", math.nan, pd.NA, pd.NaT, None], "string"),
    ("decimals", [decimal.Decimal("1.50"), None, 2], "decimal(3,2)"),
    ("dates", [dt.date(2020, 1, 1), None], "date"),
    ("moments without a zone", [dt.datetime(1, 1, 1, 0, 0, 0, 1), None], "timestamp_ntz"),
    ("moments with a zone", [dt.datetime(2020, 1, 1, tzinfo=UTC), None], "timestamp"),
    ("bytes", [b"\x00\xff", bytearray(b"x"), None], "binary"),
    ("numbers of both kinds", [1, 2.5, None], "double"),
    ("lists", [[1, None], [], None], {"type": "array", "elementType": "long", "containsNull": True}),
    ("nothing", [None, None], "void"),
]


@pytest.mark.parametrize(("values", "kind"), [case[1:] for case in AS_OBJECT], ids=[case[0] for case in AS_OBJECT])
def test_python_values_have_the_type_that_they_show(values: list[Any], kind: Any) -> None:
    got_kind, got = sent(pd.Series(values, dtype=object))
    assert got_kind == kind
    assert got == [None if value is pd.NA or value is pd.NaT or value != value else value for value in values]


TYPED = [
    (pd.Series([1, None], dtype="Int64"), "long", [1, None]),
    (pd.Series([255], dtype="uint8"), "short", [255]),
    (pd.Series([65535], dtype="uint16"), "integer", [65535]),
    (pd.Series([2**32 - 1], dtype="uint32"), "long", [2**32 - 1]),
    (pd.Series([2**64 - 1], dtype="uint64"), "decimal(20,0)", [decimal.Decimal(2**64 - 1)]),
    (pd.Series([2**64 - 1, None], dtype="UInt64"), "decimal(20,0)", [decimal.Decimal(2**64 - 1), None]),
    (pd.Series([1.5], dtype="float16"), "float", [1.5]),
    (pd.Series([1.5, None], dtype="Float64"), "double", [1.5, None]),
    (pd.Series([True, None], dtype="boolean"), "boolean", [True, None]),
    (pd.Series(["a", None], dtype="string"), "string", ["a", None]),
    (pd.Series(["a", None, "b"], dtype="category"), "string", ["a", None, "b"]),
    (pd.Series([3, None, 3], dtype="category"), "long", [3, None, 3]),
    (pd.Series([], dtype="category"), "void", []),
    (pd.Series([0, 7], dtype="Sparse[int]"), "long", [0, 7]),
    (pd.to_datetime(pd.Series(["2020-01-01 00:00:00.000001", None])), "timestamp_ntz", [dt.datetime(2020, 1, 1, 0, 0, 0, 1), None]),
    (pd.Series(pd.to_datetime(["2020-01-01"])).astype("datetime64[s]"), "timestamp_ntz", [dt.datetime(2020, 1, 1)]),
    (pd.Series(pd.to_datetime(["2020-06-01"])).astype("datetime64[ns]").dt.tz_localize("Europe/Berlin"), "timestamp", [dt.datetime(2020, 5, 31, 22, tzinfo=UTC)]),
    (pd.Series([pd.Timedelta("1 day 00:00:00.000001"), pd.NaT]), "interval day to second", [dt.timedelta(1, 0, 1), None]),
    (pd.Series([decimal.Decimal("1.5")], dtype=pd.ArrowDtype(pa.decimal128(5, 2))), "decimal(5,2)", [decimal.Decimal("1.50")]),
    (pd.Series([{"a": 1, "b": None}, None]), {"type": "struct", "fields": [{"name": "a", "type": "long", "nullable": True, "metadata": {}}, {"name": "b", "type": "void", "nullable": True, "metadata": {}}]}, [{"a": 1, "b": None}, None]),
]  # fmt: skip


@pytest.mark.parametrize(("series", "kind", "values"), TYPED, ids=lambda value: str(getattr(value, "dtype", ""))[:40])
def test_a_pandas_dtype_goes_to_the_nearest_type_of_spark(series: Any, kind: Any, values: list[Any]) -> None:
    assert sent(series) == (kind, values)


def test_nan_of_a_float_column_stays_nan() -> None:
    _, values = sent(pd.Series([1.5, math.nan]))
    assert math.isnan(values[1])
    _, nested = sent(pd.Series([[1.5, math.nan, None]], dtype=object))
    assert math.isnan(nested[0][1])
    assert nested[0][2] is None


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        (["a", 1], "mixes values of several types: int, str"),
        ([True, 1], "bool, int"),
        ([b"a", "a"], "bytes, str"),
        ([dt.date(2020, 1, 1), dt.datetime(2020, 1, 1)], "date, datetime"),
        ([dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=UTC)], "datetime, datetime with a zone"),
        ([2**53 + 1, 0.5], "without a type"),
        ([2**70], "without a type"),
        ([slice(0, 1)], "without a type"),
        ([{1: 2}], "without a type"),
        ([[1], ["a"]], "without a type"),
        ([dt.time(1, 2)], "astype"),
        (pd.Series([1 + 2j]), "no type in Spark"),
        (pd.Series(pd.period_range("2020", "2021", freq="M")), "astype"),
        (pd.Series(pd.interval_range(0, 2)), "astype"),
        (pd.Series([1], dtype="datetime64[ns]"), "Round it first"),
        (pd.Series([1], dtype="timedelta64[ns]"), "Round it first"),
        ([[pa.MonthDayNano([1, 2, 3])]], "whole columns"),
    ],
    ids=str,
)
def test_what_spark_cannot_have_is_refused_by_the_name_of_its_column(values: Any, hint: str) -> None:
    series = values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)
    with pytest.raises(FrameError, match=r"Column 'größe €'.*" + hint):
        to_arrow(pd.DataFrame({"größe €": series}))


def test_an_interval_that_spark_cannot_have_is_refused() -> None:
    table = to_arrow(pd.DataFrame({"c": pd.Series([pa.MonthDayNano([0, 0, 1])], dtype=object)}))
    with pytest.raises(FrameError, match=r"Column 'c'.*nanoseconds"):
        to_jvm_table(table)


def test_names_are_text_and_doubles_stay_in_order() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=pd.Index(["b", 7, "b", ("x", 1)], dtype=object))
    table = to_arrow(frame)
    assert table.column_names == ["b", "7", "b", "('x', 1)"]
    assert [column.to_pylist() for column in table.columns] == [[1], [2], [3], [4]]


def test_named_levels_of_the_index_become_columns() -> None:
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["letter", None])
    assert to_arrow(pd.DataFrame({"v": [5, 6]}, index=index)).to_pydict() == {"letter": ["a", "b"], "v": [5, 6]}


def test_an_index_without_a_name_is_dropped_and_no_order_is_taken_from_it() -> None:
    assert to_arrow(pd.DataFrame({"v": [5, 6]}, index=[9, 9])).to_pydict() == {"v": [5, 6]}


@pytest.mark.parametrize("rows", [0, 3])
def test_a_frame_without_columns_keeps_its_rows(rows: int) -> None:
    table = to_arrow(pd.DataFrame(index=range(rows)))
    assert (table.num_columns, table.num_rows) == (0, rows)
    assert to_jvm_table(table).num_rows == rows


def test_a_series_is_a_frame_of_one_column() -> None:
    assert to_arrow(pd.Series([1], name="n")).to_pydict() == {"n": [1]}


def test_the_frame_itself_is_not_changed() -> None:
    frame = pd.DataFrame({"a": [1]}, index=pd.Index([3], name="k"))
    before = frame.copy(deep=True)
    to_arrow(frame)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("thing", [5, [1], {"a": [1]}, "text", None, np.zeros(2)], ids=str)
def test_what_is_no_frame_is_refused(thing: Any) -> None:
    with pytest.raises(FrameError, match="no frame"):
        to_arrow(thing)


# ------------------------------------------------------------------------------------------------ Arrow → Spark
VIEWS = {
    "large text": pa.array(["a", None], pa.large_string()),
    "views of text": pa.array(["a", None], pa.string()).cast(pa.string_view()) if hasattr(pa, "string_view") else None,
    "a dictionary": pa.array(["a", None]).dictionary_encode(),
    "runs": pa.compute.run_end_encode(pa.array(["a", None])),
}


@pytest.mark.parametrize("array", [array for array in VIEWS.values() if array is not None], ids=str)
def test_text_of_every_layout_is_text(array: Any) -> None:
    column = to_arrow(pa.table({"c": array})).column("c")
    assert (column.type, column.to_pylist()) == (pa.string(), ["a", None])


@pytest.mark.parametrize("kind", [pa.large_list(pa.uint8()), pa.list_(pa.uint8(), 2)], ids=str)
def test_lists_of_every_layout_are_arrays(kind: Any) -> None:
    column = to_arrow(pa.table({"c": pa.array([[1, 2], None], kind)})).column("c")
    assert (spark_type(column.type)["elementType"], column.to_pylist()) == ("short", [[1, 2], None])


def test_a_slice_of_a_table_is_sent_alone() -> None:
    table = pa.table({"c": [[1], [2, 3], None, [4]], "d": [{"x": 1}, {"x": 2}, None, {"x": 4}]}).slice(1, 2)
    assert to_arrow(table).to_pydict() == {"c": [[2, 3], None], "d": [{"x": 2}, None]}


def test_polars_goes_both_ways() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1, None], "b": ["ä", None], "c": [[1.5], None], "d": [dt.date(2020, 1, 1), None]})
    table = to_arrow(frame)
    assert table.to_pydict() == frame.to_dict(as_series=False)
    assert to_polars(table).equals(frame)
    assert to_arrow(frame.lazy()).equals(table)
    assert to_arrow(frame["a"]).to_pydict() == {"a": [1, None]}


# ------------------------------------------------------------------------------------------------ there and back
SCHEMA_OF = {
    "long": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "double": st.floats(),
    "string": st.text(st.characters(exclude_categories=["Cs"])),
    "binary": st.binary(),
    "date": st.dates(),
    "timestamp_ntz": st.datetimes(),
    "interval day to second": st.timedeltas(dt.timedelta(-(10**6)), dt.timedelta(10**6)),
    "decimal(12,3)": st.decimals(-(10**8), 10**8, places=3),
}


def test_a_frame_that_came_from_spark_goes_back_in_its_types_though_it_is_empty() -> None:
    fields = [{"name": f"c{n}", "type": kind} for n, kind in enumerate([*SCHEMA_OF, "integer", {"type": "map", "keyType": "string", "valueType": "decimal(9,2)"}])]  # fmt: skip
    from fabric_livy_magic.frames.arrow_types import empty_table

    back = to_arrow(to_pandas(empty_table({"fields": fields}, "UTC"), {"fields": fields}))
    types = [spark_type(field.type) for field in back.schema]
    assert types[:-1] == [field["type"] for field in fields[:-1]]
    assert (types[-1]["type"], types[-1]["valueType"]) == ("map", "decimal(9,2)")


def test_new_values_in_a_column_that_came_from_spark_keep_their_own_type() -> None:
    fields = [{"name": "d", "type": "decimal(3,2)"}, {"name": "s", "type": {"type": "struct", "fields": [{"name": "a", "type": "integer"}]}}]  # fmt: skip
    table = pa.table({"d": pa.array([decimal.Decimal("1.50")], pa.decimal128(3, 2)), "s": [{"a": 1}]})
    frame = to_pandas(table, {"fields": fields})
    frame["d"] = frame["d"] * 1000
    frame["s"] = pd.Series([{"a": 1, "b": "more"}])
    back = to_arrow(frame)
    assert back.to_pydict() == {"d": [decimal.Decimal("1500.00")], "s": [{"a": 1, "b": "more"}]}


@given(st.data())
def test_any_table_comes_back_from_pandas_as_it_went(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(sorted(SCHEMA_OF)), min_size=1, max_size=4))
    rows = data.draw(st.integers(0, 4))
    fields = [{"name": f"{data.draw(st.text(max_size=3))}{n}", "type": kind} for n, kind in enumerate(kinds)]
    from fabric_livy_magic.frames.arrow_types import arrow_type

    columns = [
        pa.chunked_array([pa.array([data.draw(st.none() | SCHEMA_OF[kind]) for _ in range(rows)], arrow_type(kind))])
        for kind in kinds
    ]
    table = pa.table(columns, names=[field["name"] for field in fields])
    back = to_arrow(to_pandas(table, {"fields": fields}))
    assert str(back.to_pydict()) == str(table.to_pydict())
    assert back.schema.types == table.schema.types


@pytest.mark.parametrize("distinct", [7, 40_000, 10**9])
def test_a_long_column_of_decimals_has_its_values_in_order_with_nulls(distinct: int) -> None:
    rows = 120_000
    numbers = np.random.default_rng(distinct).integers(0, distinct, rows)
    column = pa.array(numbers, mask=numbers % 7 == 3).cast(pa.decimal128(20, 0))
    table = pa.table({"price": pa.chunked_array([column.slice(0, 50_000), column.slice(50_000)])})
    schema = {"type": "struct", "fields": [{"name": "price", "type": "decimal(20,0)"}]}
    assert to_pandas(table, schema)["price"].tolist() == column.to_pylist()
