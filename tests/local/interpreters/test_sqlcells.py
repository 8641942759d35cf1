"""SQL rows as JSON, by the types of Spark's schema."""

from __future__ import annotations

import datetime
import json
import pickle
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.local.interpreters.json_text import RawJson, dumps
from fabric_livy_magic.local.interpreters.sqlcells import cell_writer, clock_text, date_text, table_text

STRUCT = {
    "type": "struct",
    "fields": [
        {"name": "p", "type": "integer", "nullable": False, "metadata": {}},
        {"name": "q", "type": "date", "nullable": True, "metadata": {}},
    ],
}
CELLS: list[tuple[Any, Any, str]] = [
    ("integer", None, "null"),
    ("integer", 7, "7"),
    ("string", 'é"\n', '"\\u00e9\\"\\n"'),
    ("boolean", True, "true"),
    ("double", 1e100, "1e+100"),
    ("double", float("nan"), "null"),
    ("float", float("-inf"), '"-Infinity"'),
    ("double", float("inf"), '"Infinity"'),
    ({"type": "array", "elementType": "double"}, [float("inf"), float("nan")], '["Infinity", null]'),
    ("decimal(38,5)", Decimal("12345678901234567890.00000"), "12345678901234567890.00000"),
    ("decimal(38,18)", Decimal("1E-18"), "0.000000000000000001"),
    ("binary", bytearray(b"ab\xff"), "[97, 98, -1]"),
    ("date", 18262, '"2020-01-01"'),
    ("date", -719162, '"0001-01-01"'),
    ("date", 2932896, '"9999-12-31"'),
    ("date", 2932897, '"+10000-01-01"'),
    ("timestamp", 1577840523_456789, '"2020-01-01T01:02:03Z"'),
    ("timestamp", -1, '"1969-12-31T23:59:59Z"'),
    ("timestamp_ntz", 1577840523_450000, '"2020-01-01T01:02:03.45"'),
    ("interval day to second", 90_061_000_000, "\"INTERVAL '1 01:01:01' DAY TO SECOND\""),
    ("interval year to month", -14, "\"INTERVAL '-1-2' YEAR TO MONTH\""),
    ({"type": "array", "elementType": "date", "containsNull": True}, [0, None], '["1970-01-01", null]'),
    ({"type": "map", "keyType": "integer", "valueType": "string"}, {1: "a", 2: None}, '{"1": "a", "2": null}'),
    ({"type": "map", "keyType": "date", "valueType": "integer"}, {0: 1}, '{"1970-01-01": 1}'),
    (
        STRUCT,
        (1, 0),
        '{"schema": [{"name": "p", "dataType": {}, "nullable": false, "metadata": {"map": {}}}, '
        '{"name": "q", "dataType": {}, "nullable": true, "metadata": {"map": {}}}], "values": [1, "1970-01-01"]}',
    ),
]


@pytest.mark.parametrize(("kind", "value", "text"), CELLS, ids=[str(case[0])[:30] for case in CELLS])
def test_cell(kind: Any, value: Any, text: str) -> None:
    assert cell_writer(kind)(value) == text
    json.loads(text)


@given(st.dates())
def test_dates_are_those_of_the_calendar(day: datetime.date) -> None:
    assert date_text((day - datetime.date(1970, 1, 1)).days) == day.isoformat()


@given(st.integers(0, 86_399))
def test_clock(seconds: int) -> None:
    assert clock_text(seconds) == (datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=seconds)).strftime(
        "%H:%M:%S"
    )


def test_table_has_schema_first_and_keeps_duplicate_names() -> None:
    field = {"name": "a", "type": "integer", "nullable": False, "metadata": {}}
    text = table_text({"type": "struct", "fields": [field, field]}, [(1, 2), (3, 4)])
    assert json.loads(text) == {"schema": {"type": "struct", "fields": [field, field]}, "data": [[1, 2], [3, 4]]}
    assert list(json.loads(text)) == ["schema", "data"]


def test_raw_json_keeps_its_digits() -> None:
    assert dumps({"a": RawJson("1.10"), "b": [RawJson("[]")], "c": "é"}) == '{"a":1.10,"b":[[]],"c":"é"}'.encode()
    with pytest.raises(TypeError):
        dumps({"a": object()})


def test_a_row_can_name_nothing_but_rows_and_plain_values() -> None:
    sql = pytest.importorskip("fabric_livy_magic.local.interpreters.sql")
    import io
    import os

    with pytest.raises(pickle.UnpicklingError, match="getcwd"):
        sql.RowUnpickler(io.BytesIO(pickle.dumps(os.getcwd))).load()
