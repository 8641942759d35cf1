"""Livy's SQL output as a DataFrame of exactly the types in Spark's schema."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames.livy_json import is_table, read_result, row_count
from fabric_livy_magic.livy.models import Output
from tests.support.outputs import sql_output

RECORDED = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "payloads" / "livy_outputs.jsonl").read_text(encoding="utf-8").splitlines()
]
TABLES = {
    case["id"]: case
    for case in RECORDED
    if case["kind"] == "sql" and "application/json" in case["output"].get("data", {})
}
ARRAY = {"type": "array", "elementType": "integer", "containsNull": True}
STRUCT = {"type": "struct", "fields": [{"name": "p", "type": "integer"}, {"name": "q", "type": "date"}]}
UTC = datetime.UTC


def output_of(fields: list[tuple[str, Any]], rows: list[list[Any]]) -> Output:
    return Output.from_json(sql_output(fields, rows))


def column(kind: Any, *values: Any) -> pd.Series[Any]:
    return read_result(output_of([("c", kind)], [[value] for value in values]))["c"]


# ------------------------------------------------------------------------------------------------ types
@pytest.mark.parametrize(
    ("kind", "received", "read", "dtype"),
    [
        ("boolean", [True, False], [True, False], "bool"),
        ("boolean", [True, None], [True, None], "boolean"),
        ("byte", [-128, 127], [-128, 127], "int8"),
        ("short", [-32768], [-32768], "int16"),
        ("integer", [2**31 - 1], [2**31 - 1], "int32"),
        ("long", [2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)], "int64"),
        ("long", [2**63 - 1, None], [2**63 - 1, None], "Int64"),
        ("integer", [1, None], [1, None], "Int32"),
        ("float", [1.5, None], [1.5, None], "float32"),
        ("double", [1e300, None], [1e300, None], "float64"),
        ("double", [3], [3.0], "float64"),
        ("string", ["é☃", None, ""], ["é☃", None, ""], None),
        ("decimal(10,2)", [7.5, None, 3], ["7.50", None, "3.00"], "object"),
        ("decimal(38,0)", [12345678901234567890123456789], ["12345678901234567890123456789"], "object"),
        ("date", ["2022-01-31", None], [datetime.date(2022, 1, 31), None], "object"),
        ("date", ["0001-01-01", "9999-12-31"], [datetime.date(1, 1, 1), datetime.date(9999, 12, 31)], "object"),
        ("binary", ["AAH/"], [b"\x00\x01\xff"], "object"),
        ("binary", [[0, 1, -1]], [b"\x00\x01\xff"], "object"),
        ("void", [None, None], [None, None], "object"),
        ("interval", [{}], ["{}"], None),
        (ARRAY, [[1, None, 3], None], [[1, None, 3], None], "object"),
    ],
    ids=lambda value: json.dumps(value, default=str)[:40],
)
def test_a_column_has_the_type_that_spark_named(
    kind: Any, received: list[Any], read: list[Any], dtype: str | None
) -> None:
    series = column(kind, *received)
    if dtype:
        assert str(series.dtype) == dtype
    for value, wanted in zip(series, read, strict=True):
        if wanted is None:
            assert value is None or pd.isna(value)
        elif isinstance(value, decimal.Decimal):
            assert str(value) == wanted
        else:
            assert (list(map(to_none, value)) if isinstance(wanted, list) else value) == wanted


def to_none(value: Any) -> Any:
    return None if value is None or value != value else value


def test_a_timestamp_is_the_moment_in_utc() -> None:
    series = column("timestamp", "2020-01-01T01:02:03.000+02:00", "2020-01-01T01:02:03Z", None)
    assert str(series.dtype).endswith("UTC]")
    assert series[0] == pd.Timestamp("2019-12-31T23:02:03", tz="UTC")
    assert pd.isna(series[2])


def test_a_timestamp_without_a_zone_stays_without() -> None:
    assert column("timestamp_ntz", "2020-01-01T01:02:03")[0] == pd.Timestamp("2020-01-01T01:02:03")


def test_a_timestamp_of_any_year_is_read() -> None:
    assert column("timestamp", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")[1].year == 9999


def test_a_struct_is_a_dict_of_its_fields() -> None:
    assert column(STRUCT, {"schema": [], "values": [1, "2020-01-01"]})[0] == {"p": 1, "q": datetime.date(2020, 1, 1)}
    assert column(STRUCT, {"p": 1, "q": None})[0] == {"p": 1, "q": None}


def test_a_map_has_keys_of_their_type() -> None:
    kind = {"type": "map", "keyType": "integer", "valueType": "string", "valueContainsNull": True}
    assert list(column(kind, {"1": "a", "2": None})[0]) == [(1, "a"), (2, None)]


# ------------------------------------------------------------------------------------------------ frames
def test_columns_keep_order_names_and_doubles() -> None:
    frame = read_result(output_of([("b", "long"), ("a", "string"), ("b", "long"), ("", "long")], [[1, "x", 2, 3]]))
    assert list(frame.columns) == ["b", "a", "b", ""]
    assert frame.iloc[0].tolist() == [1, "x", 2, 3]


def test_a_result_without_rows_keeps_its_types() -> None:
    frame = read_result(output_of([("a", "long"), ("b", "string")], []))
    assert list(frame.columns) == ["a", "b"]
    assert (len(frame), str(frame["a"].dtype)) == (0, "int64")


def test_a_statement_without_a_result_is_a_frame_without_columns() -> None:
    assert read_result(output_of([], [])).shape == (0, 0)


@pytest.mark.parametrize(("limit", "rows"), [(None, 3), (0, 0), (2, 2), (9, 3)])
def test_a_limit_keeps_the_first_rows(limit: int | None, rows: int) -> None:
    output = output_of([("a", "long")], [[1], [2], [3]])
    assert read_result(output, limit)["a"].tolist() == [1, 2, 3][:rows]
    assert row_count(output) == 3


def test_many_columns_are_read() -> None:
    frame = read_result(output_of([(f"c{n}", "integer") for n in range(300)], [list(range(300))]))
    assert frame.shape == (1, 300)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("long", "many"),
        ("integer", 2**40),
        ("date", "yesterday"),
        ("date", 5),
        ("timestamp", "soon"),
        ("decimal(3,2)", "x"),
        ("decimal(3,2)", 12345),
        ("decimal(99,2)", 1),
        ("double", "x"),
        ("binary", [1, "x"]),
        ("binary", "é"),
        (ARRAY, 5),
        (ARRAY, ["x"]),
        (STRUCT, {"values": [1]}),
        (STRUCT, 7),
        ({"type": "map", "keyType": "integer", "valueType": "long"}, {"x": 1}),
        ({"type": "map", "keyType": "integer", "valueType": "long"}, [1]),
        ({"type": "array"}, [1]),
        ({"type": "struct", "fields": [{}]}, {}),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_a_value_that_is_not_of_its_type_names_its_column(kind: Any, value: Any) -> None:
    with pytest.raises(FrameError, match="Column 'c'"):
        column(kind, value)


@pytest.mark.parametrize(
    "data",
    [{}, {"text/plain": "x"}, {"application/json": 5}, {"application/json": {"schema": None, "data": []}}, None],
)
def test_other_outputs_are_no_tables(data: Any) -> None:
    assert not is_table(Output.from_json({"status": "ok", "data": data}))


@pytest.mark.parametrize(
    "value",
    [
        {"schema": {"fields": [{"name": "a", "type": "long"}]}, "data": "abc"},
        {"schema": {"fields": [{"name": "a", "type": "long"}]}, "data": [5]},
        {"schema": {"fields": "abc"}, "data": [[5]]},
        {"schema": {"fields": [None]}, "data": [[5]]},
    ],
    ids=["data is text", "a row is a number", "fields is text", "a field is null"],
)
def test_what_only_looks_like_a_table_is_none(value: Any) -> None:
    assert not is_table(Output.from_json({"status": "ok", "data": {"application/json": value}}))


# ------------------------------------------------------------------------------------------------ real answers
@pytest.mark.parametrize("name", TABLES)
def test_every_result_of_a_real_livy_can_be_read(name: str) -> None:
    output = Output.from_json(TABLES[name]["output"])
    assert is_table(output)
    frame = read_result(output)
    fields = output.data["application/json"]["schema"]["fields"]
    assert list(frame.columns) == [field["name"] for field in fields]
    assert len(frame) == row_count(output)


# ------------------------------------------------------------------------------------------------ generated frames
json_of = {
    "boolean": st.booleans(),
    "byte": st.integers(-128, 127),
    "short": st.integers(-(2**15), 2**15 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "string": st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    "date": st.dates().map(str),
    "timestamp": st.datetimes(timezones=st.just(UTC)).map(datetime.datetime.isoformat),
    "decimal(10,2)": st.decimals(-99999999, 99999999, places=2).map(float),
}
simple = st.sampled_from(list(json_of))
kinds = st.recursive(
    simple,
    lambda inner: (
        inner.map(lambda kind: {"type": "array", "elementType": kind, "containsNull": True})
        | inner.map(lambda kind: {"type": "map", "keyType": "string", "valueType": kind, "valueContainsNull": True})
        | st.lists(inner, min_size=1, max_size=3).map(
            lambda parts: {
                "type": "struct",
                "fields": [{"name": f"f{n}", "type": part} for n, part in enumerate(parts)],
            }
        )
    ),
    max_leaves=3,
)


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, str):
        value = json_of[kind]
    elif kind["type"] == "array":
        value = st.lists(values_of(kind["elementType"]), max_size=3)
    elif kind["type"] == "map":
        value = st.dictionaries(json_of["string"], values_of(kind["valueType"]), max_size=3)
    else:
        value = st.tuples(*(values_of(f["type"]) for f in kind["fields"])).map(
            lambda values: {"schema": [], "values": list(values)}
        )
    return st.none() | value


@given(st.data())
def test_any_frame_by_sparks_schema_is_read_with_its_nulls_in_place(data: st.DataObject) -> None:
    schema = data.draw(st.lists(st.tuples(st.text(max_size=5), kinds), min_size=1, max_size=4))
    rows = data.draw(st.lists(st.tuples(*(values_of(kind) for _, kind in schema)).map(list), max_size=5))
    wire = json.loads(json.dumps(sql_output(schema, rows)))
    frame = read_result(Output.from_json(wire))
    assert frame.shape == (len(rows), len(schema))
    for position, (_, kind) in enumerate(schema):
        for row, value in zip(rows, frame.iloc[:, position], strict=True):
            received = row[position]
            if received is None:
                assert value is None or pd.isna(value)
            elif kind == "date":
                assert str(value) == received
            elif kind == "decimal(10,2)":
                assert str(value) == f"{decimal.Decimal(str(received)):.2f}"
            elif kind == "timestamp":
                assert value == pd.Timestamp(received)
            elif isinstance(kind, str):
                assert value == received


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["schema", "fields", "data", "name", "type", "values", "elementType"]), inner
            )
        ),
        max_leaves=15,
    ),
    kinds | st.text(max_size=5) | st.just({"type": "array"}) | st.just(None),
)
def test_anything_that_looks_like_a_table_is_read_or_refused(junk: Any, kind: Any) -> None:
    table = {"schema": {"fields": [{"name": "a", "type": kind}]}, "data": [[junk]]}
    for value in (junk, table, {"schema": junk, "data": junk}, {"schema": {"fields": junk}, "data": [[1]]}):
        output = Output.from_json({"status": "ok", "data": {"application/json": value}})
        if is_table(output):
            with contextlib.suppress(FrameError):
                read_result(output)
