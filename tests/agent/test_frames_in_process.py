"""Frames from Spark to pandas and back, on real Spark in this process: parameters, limits, random frames, charts."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pandas as pd
import polars
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabric_livy_magic.agent.remote.agent import chart_data
from fabric_livy_magic.agent.remote.agent import frames as agent_frames
from fabric_livy_magic.agent.remote.agent.errors import Refused
from fabric_livy_magic.agent.remote.agent.replies import json_text
from fabric_livy_magic.cells.charts import read_chart
from fabric_livy_magic.frames.arrow_types import arrow_type, spark_type
from fabric_livy_magic.frames.conversion import to_arrow, to_pandas
from fabric_livy_magic.frames.transfer import fetch, send
from fabric_livy_magic.running.agent_calls import chart_table
from fabric_livy_magic.running.results import ChartTable
from tests.support.in_process import InProcessAgent, spark_session
from tests.support.sample_frames import same_values, values_of

pytestmark = pytest.mark.spark
ZONE = "Europe/Berlin"


@pytest.fixture(scope="module")
def agent() -> Iterator[InProcessAgent]:
    with spark_session(ZONE) as spark:
        yield InProcessAgent(spark)


def types_of(frame: Any) -> str:
    text: str = frame._jdf.schema().simpleString()
    return text


def rows(
    agent: InProcessAgent, text: str, parameters: dict[str, Any] | None = None, limit: int | None = None
) -> list[Any]:
    header = agent("open_sql", text, parameters, limit)
    return [tuple(row.values()) for row in fetch(agent, header).to_pylist()]


# ------------------------------------------------------------------------------------------------ SQL
NAIVE, AWARE = dt.datetime(1, 1, 1, 0, 0, 0, 1), dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
PARAMETERS = [
    (["null", None], None, "void"),
    (["bool", True], True, "boolean"),
    (["int", "5"], 5, "int"),
    (["int", str(2**63 - 1)], 2**63 - 1, "bigint"),
    (["int", str(-(2**63))], -(2**63), "bigint"),
    (["int", str(-(2**64))], Decimal(-(2**64)), "decimal(20,0)"),
    (["float", (0.1).hex()], 0.1, "double"),
    (["float", "nan"], math.nan, "double"),
    (["float", "-inf"], -math.inf, "double"),
    (["str", 'it\'s \\ "é" :x ; -- ${y}\n👍'], 'it\'s \\ "é" :x ; -- ${y}\n👍', "string"),
    (["date", "0001-01-01"], dt.date.min, "date"),
    (["datetime", NAIVE.isoformat()], NAIVE, "timestamp_ntz"),
    (["datetime", AWARE.isoformat()], AWARE, "timestamp"),
    (["datetime", "2020-01-01T02:30:00.000005+02:30"], AWARE + dt.timedelta(microseconds=5), "timestamp"),
    (["decimal", "-1.50"], Decimal("-1.50"), "decimal(3,2)"),
    (["decimal", "1E+3"], Decimal(1000), "decimal(4,0)"),
    (["bytes", "AP8="], b"\x00\xff", "binary"),
    (["timedelta", "-2 79015 999995"], dt.timedelta(-2, 79015, 999995), "interval day to second"),
    (["timedelta", "0 0 0"], dt.timedelta(0), "interval day to second"),
    (["list", []], [], "array<void>"),
    (["list", [["int", "1"], ["null", None], ["int", str(2**40)]]], [1, None, 2**40], "array<bigint>"),
    (["list", [["str", "it's"], ["null", None]]], ["it's", None], "array<string>"),
    (["list", [["date", "2020-01-01"]]], [dt.date(2020, 1, 1)], "array<date>"),
    (["list", [["float", "nan"]]], [math.nan], "array<double>"),
    (["list", [["list", [["decimal", "1.50"]]], ["list", []]]], [[Decimal("1.50")], []], "array<array<decimal(3,2)>>"),
]


@pytest.mark.parametrize(("typed", "value", "kind"), PARAMETERS, ids=lambda value: str(value)[:40])
def test_a_parameter_is_a_value_of_its_type(agent: InProcessAgent, typed: list[Any], value: Any, kind: str) -> None:
    [(result, type_name)] = rows(agent, "SELECT :x AS x, typeof(:x) AS t", {"x": typed})
    assert same_values(result, value)
    assert type_name == kind


def test_a_parameter_names_a_table_and_stands_in_a_condition(agent: InProcessAgent) -> None:
    agent.spark.range(5).createOrReplaceTempView("five")
    text = "SELECT * FROM IDENTIFIER(:table) WHERE array_contains(:ids, id) AND id < :top ORDER BY id"
    parameters = {
        "table": ["str", "five"],
        "ids": ["list", [["int", "1"], ["int", "3"], ["int", "4"]]],
        "top": ["int", "4"],
    }
    assert rows(agent, text, parameters) == [(1,), (3,)]


@pytest.mark.parametrize(
    "typed",
    [["date", "2020-01-01' OR '1'='1"], ["int", "1 OR 1"], ["bytes", "'; DROP"], ["datetime", "now()"]],
    ids=str,
)
def test_text_that_is_no_value_of_its_type_never_reaches_spark(agent: InProcessAgent, typed: list[str]) -> None:
    with pytest.raises(ValueError):
        agent("open_sql", "SELECT :x", {"x": typed}, None)


def test_a_command_runs_once_and_gives_its_rows_or_none(agent: InProcessAgent) -> None:
    calls = agent.spark.sparkContext.accumulator(0)

    def counted(value: int) -> int:
        calls.add(1)
        return value

    agent.spark.udf.register("counted", counted, "int")
    header = agent("open_sql", "CACHE TABLE once AS SELECT counted(1) AS c", None, 10)
    assert fetch(agent, header).num_rows == 0
    assert calls.value == 1
    assert rows(agent, "SHOW TABLES LIKE 'once'", None, 5) == [("", "once", True)]
    agent.spark.sql("UNCACHE TABLE once")


def test_an_error_of_sql_is_sparks_own(agent: InProcessAgent) -> None:
    with pytest.raises(Exception, match="no_such_table"):
        agent("open_sql", "SELECT * FROM no_such_table", None, None)


@pytest.mark.parametrize(("limit", "count", "more"), [(0, 0, True), (3, 3, True), (20, 20, False), (21, 20, False)])
def test_a_limit_fetches_one_row_more_and_reports_it(agent: InProcessAgent, limit: int, count: int, more: bool) -> None:
    header = agent("open_sql", "SELECT id FROM range(0, 20, 1, 3)", None, limit)
    assert (header["rows"], header["more"]) == (count, more)
    assert fetch(agent, header)["id"].to_pylist() == list(range(count))


def test_a_preview_is_one_reply_however_wide_its_rows_are(
    agent: InProcessAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_frames, "PIECE_BYTES", 2000)
    wide = agent.spark.sql("SELECT id, sha2(string(id), 512) AS s FROM range(1000)")
    header = agent_frames.preview(wide, 500)
    assert (header["pieces"], header["frame"], header["more"]) == (1, None, True)
    assert 0 < header["rows"] < 500
    assert not agent_frames._frames


def test_a_view_may_have_a_name_that_is_no_variable(agent: InProcessAgent) -> None:
    send(agent, to_arrow(pd.DataFrame({"a": [1]})), "größe-1")
    assert rows(agent, "SELECT a FROM `größe-1`") == [(1,)]
    assert "größe-1" not in agent.namespace


def test_names_that_shadow_builtins_and_spark_in_the_session_do_not_matter(agent: InProcessAgent) -> None:
    exec("from pyspark.sql.functions import *\nsum = map = zip = len = str = None", agent.namespace)
    header = agent("open_expression", "spark.range(2).select(col('id').alias('n'))", None)
    assert fetch(agent, header).to_pydict() == {"n": [0, 1]}
    before = set(agent.namespace)
    agent("open_expression", "spark.range(2)", None)
    assert set(agent.namespace) == before


# ------------------------------------------------------------------------------------------------ to Spark
def test_an_awkward_pandas_frame_is_the_same_in_spark(agent: InProcessAgent) -> None:
    frame = pd.DataFrame(
        {
            "z first": ["it's", 'a "quote"', "line\nbreak", "back\\slash", "Größe 👍", None],
            "a": pd.array([2**53 + 1, None, 0, -1, 2**63 - 1, -(2**63)], dtype="Int64"),
            "kind": pd.Categorical(["x", "y", None, "x", "x", "y"]),
            "u": pd.array([2**64 - 1, None, 0, 1, 2, 3], dtype="UInt64"),
            "when": pd.Series([pd.Timestamp("2020-10-25 01:30Z").tz_convert("Europe/Berlin")] * 6),
            "d": [Decimal("1.5"), None, Decimal("2.25"), None, None, Decimal(-7)],
            "n": [[1, None], [], None, [3], [4], [5]],
        }
    )
    send(agent, to_arrow(frame), "awkward")
    sent = agent.namespace["awkward"]
    assert sent.columns == list(frame.columns)
    assert types_of(sent).startswith(
        "struct<z first:string,a:bigint,kind:string,u:decimal(20,0),when:timestamp,d:decimal(3,2)"
    )
    first, *_ = rows(agent, "SELECT `z first`, a, kind, u, unix_micros(when), d, n FROM awkward")
    assert first == ("it's", 2**53 + 1, "x", Decimal(2**64 - 1), 1603589400000000, Decimal("1.50"), [1, None])
    texts = [row[0] for row in rows(agent, "SELECT `z first` FROM awkward")]
    assert texts == [*frame["z first"][:5], None]


def test_many_rows_keep_their_order(agent: InProcessAgent) -> None:
    count = 100_000
    send(agent, to_arrow(pd.DataFrame({"n": range(count), "s": ["é" * 20] * count})), "many")
    assert rows(agent, "SELECT count(*), sum(n), max(length(s)) FROM many") == [(count, count * (count - 1) // 2, 20)]
    header = agent("open_expression", "many", None)
    assert fetch(agent, header)["n"].to_pylist() == list(range(count))


# ------------------------------------------------------------------------------------------------ random frames
LEAVES = {
    "byte": st.integers(-128, 127),
    "long": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "double": st.floats(),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    "binary": st.binary(max_size=8),
    "date": st.dates(),
    "timestamp": st.datetimes(timezones=st.just(dt.UTC)),
    "timestamp_ntz": st.datetimes(),
    "decimal(12,3)": st.decimals(-(10**8), 10**8, places=3),
    "interval day to second": st.timedeltas(dt.timedelta(-(10**6)), dt.timedelta(10**6)),
}
FIELD_NAMES = st.sampled_from(["", "a", "b c", "é.x", "`", "c0", "f0"])
kinds = st.recursive(
    st.sampled_from(sorted(LEAVES)),
    lambda inner: (
        inner.map(lambda kind: {"type": "array", "elementType": kind})
        | st.tuples(st.sampled_from(["string", "long", "date"]), inner).map(
            lambda pair: {"type": "map", "keyType": pair[0], "valueType": pair[1]}
        )
        | st.lists(st.tuples(FIELD_NAMES, inner), min_size=1, max_size=3).map(
            lambda parts: {"type": "struct", "fields": [{"name": name, "type": kind} for name, kind in parts]}
        )
    ),
    max_leaves=4,
)


def values_in(kind: Any) -> st.SearchStrategy[Any]:
    """Values as PyArrow takes them; a struct by position, since two of its fields may have one name."""
    if isinstance(kind, str):
        return st.none() | LEAVES[kind]
    if kind["type"] == "array":
        return st.none() | st.lists(values_in(kind["elementType"]), max_size=3)
    if kind["type"] == "map":
        return st.none() | st.dictionaries(LEAVES[kind["keyType"]], values_in(kind["valueType"]), max_size=3).map(
            lambda items: list(items.items())
        )
    parts = st.tuples(*(values_in(field["type"]) for field in kind["fields"]))
    return st.none() | parts.map(
        lambda values: [(f["name"], one) for f, one in zip(kind["fields"], values, strict=True)]
    )


@settings(max_examples=40)
@given(st.data())
def test_any_table_goes_to_spark_and_comes_back(agent: InProcessAgent, data: st.DataObject) -> None:
    columns = data.draw(st.lists(st.tuples(FIELD_NAMES, kinds), min_size=1, max_size=3))
    count = data.draw(st.integers(0, 3))
    arrays = [pa.array([data.draw(values_in(kind)) for _ in range(count)], arrow_type(kind)) for _, kind in columns]
    table = pa.Table.from_arrays(arrays, names=[name for name, _ in columns])
    send(agent, to_arrow(table), "any")
    header = agent("open_sql", "SELECT * FROM any", None, None)
    back = fetch(agent, header)
    assert back.column_names == table.column_names
    assert [spark_type(column.type) for column in back.columns] == [spark_type(one.type) for one in table.columns]
    result, expected = to_pandas(back, header["schema"]), to_pandas(table, header["schema"])
    for position in range(len(columns)):
        assert same_values(values_of(result.iloc[:, position]), values_of(expected.iloc[:, position]))


# ------------------------------------------------------------------------------------------------ charts
def points(chart: ChartTable) -> list[list[Any]]:
    return [list(row) for row in zip(*chart.columns(chart.rows), strict=True)]


SALES = """
SELECT * FROM VALUES
    ('Köln', 'rye', 10, 1.50BD, TIMESTAMP '2024-03-01 10:00:00', DATE '2024-03-01', double('NaN'), true),
    ('Köln', 'oat', 20, 2.50BD, TIMESTAMP '2024-03-01 11:00:00', DATE '2024-03-01', 1.0D, true),
    ('Bonn', 'rye', -5, 1.00BD, TIMESTAMP '2024-03-02 10:00:00', DATE '2024-03-02', double('Infinity'), false),
    (NULL, 'rye', 1, NULL, TIMESTAMP '2024-03-02 10:00:00', DATE '2024-03-02', 3.0D, NULL),
    ('Aachen', NULL, NULL, 4.00BD, NULL, NULL, NULL, NULL)
AS sales(city, `kind of`, n, price, at, day, number, flag)
"""


def drawn(agent: InProcessAgent, words: list[str], value: Any = None) -> ChartTable:
    value = agent.spark.sql(SALES) if value is None else value
    header = chart_data.header(value, agent.spark, json.loads(json.dumps(read_chart(words).for_agent())))
    return chart_table(json.loads(json_text(header)), is_value=True)


@pytest.mark.parametrize(
    ("words", "columns", "expected", "groups", "rows_drawn"),
    [
        (["bar", "x=city"], ["city", "rows"], [["Köln", 2], [None, 1], ["Aachen", 1], ["Bonn", 1]], 4, 5),
        (
            ["bar", "x=CITY", "y=n"],
            ["city", "sum(n)"],
            [["Köln", 30.0], ["Bonn", -5.0], [None, 1.0], ["Aachen", None]],
            4,
            5,
        ),
        (["pie", "x=city", "y=price", "agg=avg", "top=1"], ["city", "avg(price)"], [["Aachen", 4.0]], 4, 5),
        (
            ["bar", "x=flag", "y=kind of", "agg=count_distinct"],
            ["flag", "count_distinct(kind of)"],
            [["true", 2], [None, 1], ["false", 1]],
            3,
            5,
        ),
        (
            ["line", "x=day", "y=n", "by=kind of"],
            ["day", "kind of", "sum(n)"],
            [
                [dt.date(2024, 3, 1), "oat", 20.0],
                [dt.date(2024, 3, 1), "rye", 10.0],
                [dt.date(2024, 3, 2), "rye", -4.0],
            ],
            2,
            4,
        ),
        (["area", "x=number", "y=n", "agg=max"], ["number", "max(n)"], [[1.0, 20.0], [3.0, 1.0]], 2, 2),
        (
            ["bar", "x=city", "y=n", "agg=median", "top=2"],
            ["city", "median(n)"],
            [["Köln", 10.0], ["Bonn", -5.0]],
            4,
            5,
        ),
        (["scatter", "x=number", "y=n"], ["number", "n"], [[1.0, 20.0], [3.0, 1.0]], 2, 2),
        (
            ["hist", "x=n", "bins=5"],
            ["from", "to", "rows"],
            [[-5.0, 0.0, 1], [0.0, 5.0, 1], [10.0, 15.0, 1], [20.0, 25.0, 1]],
            5,
            4,
        ),
        (
            ["hist", "x=number", "by=kind of"],
            ["from", "to", "kind of", "rows"],
            [[1.0, 1.1, "oat", 1], [3.0, 3.1, "rye", 1]],
            30,
            2,
        ),
        (
            ["box", "x=city", "y=n"],
            ["city", "min", "q1", "median", "q3", "max", "count"],
            [[None, 1, 1, 1, 1, 1, 1], ["Bonn", -5, -5, -5, -5, -5, 1], ["Köln", 10, 10, 10, 20, 20, 2]],
            3,
            4,
        ),
        (["box", "y=price"], ["", "min", "q1", "median", "q3", "max", "count"], [["", 1, 1, 1.5, 2.5, 4, 4]], 1, 4),
    ],
)
def test_a_chart_is_of_these_values(
    agent: InProcessAgent, words: list[str], columns: list[str], expected: list[Any], groups: int, rows_drawn: int
) -> None:
    chart = drawn(agent, words)
    assert [name for name, _ in chart.fields] == columns
    assert [[round(one, 6) if isinstance(one, float) else one for one in row] for row in points(chart)] == expected
    assert (chart.groups, chart.rows_drawn) == (groups, rows_drawn)
    assert list(chart.to("pandas").columns) == columns


def test_many_times_are_put_into_steps_of_which_one_wrong_year_makes_no_single_point(agent: InProcessAgent) -> None:
    texts = "SELECT TIMESTAMP '2024-01-01 00:00:00' + make_dt_interval(0, 0, CAST(id AS INT)) AS at FROM range(4000)"
    chart = drawn(agent, ["line", "x=at"], agent.spark.sql(f"{texts} UNION ALL SELECT TIMESTAMP '1970-01-01 00:00:00'"))
    found = points(chart)
    assert chart.facts["step"] == "hour"
    assert [row[1] for row in found] == [1, *[60] * 66, 40]
    assert found[1][0].replace(tzinfo=None) == dt.datetime(2024, 1, 1)
    assert (chart.groups, chart.rows_drawn) == (68, 4_001)


def test_many_numbers_are_put_into_round_steps(agent: InProcessAgent) -> None:
    chart = drawn(agent, ["bar", "x=id", "y=id", "agg=count"], agent.spark.range(100_000))
    assert (chart.facts["step"], chart.rows, chart.rows_drawn) == (200.0, 500, 100_000)
    assert points(chart)[:2] == [[0.0, 200], [200.0, 200]]


def test_a_scatter_of_many_points_is_a_sample_of_all(agent: InProcessAgent) -> None:
    frame = agent.spark.range(0, 20_000, 1, 4).selectExpr("id AS a", "id * 2 AS b")
    chart = drawn(agent, ["scatter", "x=a", "y=b"], frame)
    numbers = [row[0] for row in points(chart)]
    assert (len(set(numbers)), chart.rows_drawn) == (5_000, 20_000)
    assert 9_000 < sum(numbers) / len(numbers) < 11_000


def test_of_many_colors_the_most_frequent_are_kept(agent: InProcessAgent) -> None:
    frame = agent.spark.sql(
        "SELECT 'x' AS a, explode(sequence(1, id)) AS n, CAST(id AS STRING) AS kind FROM range(1, 13)"
    )
    chart = drawn(agent, ["bar", "x=a", "by=kind"], frame)
    assert sorted(int(row[1]) for row in points(chart)) == list(range(3, 13))
    assert chart.facts["colors_cut"]


def test_a_logarithmic_x_has_steps_of_equal_ratios_of_what_is_above_0(agent: InProcessAgent) -> None:
    frame = agent.spark.range(-100, 20_000).selectExpr("id AS a", "id AS b")
    chart = drawn(agent, ["line", "x=a", "log=x"], frame)
    found = [row[0] for row in points(chart)]
    assert (chart.facts["step"], chart.rows_drawn) == ("equal ratios", 19_999)
    assert 0.9 <= found[0] <= 1
    assert found == sorted(set(found))
    assert sum(one < 1_000 for one in found) > len(found) / 2
    assert drawn(agent, ["scatter", "x=a", "y=b", "log=y", "where=b < 11"], frame).rows_drawn == 10


def test_a_condition_takes_a_part_of_the_rows(agent: InProcessAgent) -> None:
    chart = drawn(agent, ["bar", "x=city", "where=`kind of` = 'rye' AND n > 0"])
    assert (points(chart), chart.rows_drawn) == ([[None, 1], ["Köln", 1]], 2)


def test_frames_of_pandas_arrow_and_polars_have_charts(agent: InProcessAgent) -> None:
    frame = pd.DataFrame({"k": ["a", "b", "a"], "n": [1, 2, 3]})
    for value in (frame, pa.Table.from_pandas(frame), polars.from_pandas(frame)):
        assert points(drawn(agent, ["bar", "x=k", "y=n"], value)) == [["a", 4.0], ["b", 2.0]]
    assert points(drawn(agent, ["bar", "x=k"], frame.groupby("k").n.sum())) == [["a", 1], ["b", 1]]


def test_an_empty_frame_is_an_empty_chart(agent: InProcessAgent) -> None:
    empty = agent.spark.sql(f"{SALES} LIMIT 0")
    for words in ("bar x=city", "line x=at", "hist x=n", "box y=n", "scatter x=n y=n", "line x=n"):
        chart = drawn(agent, words.split(), empty)
        assert (chart.rows, chart.groups, chart.rows_drawn) == (0, 0, 0)


@pytest.mark.parametrize(
    ("words", "value", "said"),
    [
        (["bar", "x=town"], None, "x=town: there is no such column. There are city, kind of, n, price, at,"),
        (
            ["bar", "x=city", "y=kind of"],
            None,
            "y=kind of is no number: agg=count and agg=count_distinct take it, agg=sum",
        ),
        (["bar", "x=city", "log=x"], None, "x=city is no number, which log=x needs."),
        (["hist", "x=city"], None, "x=city is no number, which this kind of chart needs there."),
        (["bar", "x=a"], 3, "A chart needs a DataFrame as the value of the last line, which is int."),
        (["bar", "x=a"], "SELECT array(1) AS a", "x=a is array<int>: a chart shows numbers, dates, times, texts"),
        (["bar", "x=a"], "CREATE OR REPLACE TEMP VIEW none AS SELECT 1 AS a", "A chart needs rows"),
    ],
)
def test_what_has_no_chart_says_why(agent: InProcessAgent, words: list[str], value: Any, said: str) -> None:
    with pytest.raises(Refused) as raised:
        drawn(agent, words, agent.spark.sql(value) if isinstance(value, str) else value)
    assert said in str(raised.value)
