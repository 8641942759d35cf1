"""What `%livy explore` asks of a session: columns, charts and profiles of variables and tables, on real Spark."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fabric_livy_magic.agent.remote.agent.exploration import table_name
from fabric_livy_magic.agent.remote.agent.profile import CENTRES, STEPS, step_counts
from fabric_livy_magic.cells.cell import read_cell
from fabric_livy_magic.cells.charts import read_chart
from fabric_livy_magic.cells.explored_cells import chart_cell
from fabric_livy_magic.cells.magic_parser import split_words
from fabric_livy_magic.errors import StatementError
from fabric_livy_magic.livy.client import Dialect
from fabric_livy_magic.running.exploration import ColumnProfile, Profile, chart_of, open_explored, profile_of
from fabric_livy_magic.running.results import ChartTable
from fabric_livy_magic.running.run_cell import run_cell
from fabric_livy_magic.sessions.session import Session

pytestmark = pytest.mark.spark
MAKE = """
import pandas
from pyspark.sql import functions as F
sales = spark.sql('''
    SELECT id, IF(id = 0, NULL, id / 4) AS `fare in €`, IF(id = 1, double('NaN'), IF(id = 2, double('Infinity'), id)) AS odd,
        CAST(id AS DECIMAL(20, 2)) AS price, DATE '2024-01-01' + CAST(id AS INT) AS day,
        TIMESTAMP '2024-01-01 10:00:00' + make_dt_interval(0, CAST(id AS INT)) AS at, id % 3 = 0 AS flag,
        IF(id = 3, '', IF(id % 4 = 0, NULL, concat('zone ', id % 2))) AS `a.b``c`, CAST(NULL AS STRING) AS nothing,
        NULL AS void, repeat('x', CAST(id AS INT)) AS words, array(id) AS many, named_struct('n', id) AS s, 7 AS same
    FROM range(100)''')
sales.createOrReplaceTempView("`sales of_all`")
empty = sales.limit(0)
wide = spark.range(2).select(*[F.lit(n).alias(f"n{n}") for n in range(130)])
local = pandas.DataFrame({"a": [1, 2, 2], 5: ["x", None, "y"]})
number = 7
"""


@pytest.fixture(scope="module", autouse=True)
def frames(session: Session) -> None:
    if session.remote.client.dialect is Dialect.APACHE_LIVY:
        pytest.skip("the agent is the same there, and Spark takes its time for so many aggregates")
    session.run(MAKE)


@pytest.fixture(scope="module")
def columns(session: Session) -> dict[str, ColumnProfile]:
    return {one.name: one for one in profile(session, "sales").columns}


def profile(session: Session, name: str) -> Profile:
    return profile_of(session.repl, name)


def rows(chart: ChartTable) -> list[Any]:
    return [list(row) for row in zip(*chart.columns(chart.rows), strict=True)]


def test_a_profile_says_how_many_rows_it_is_of(session: Session) -> None:
    found = profile(session, "`sales of_all`")
    assert (found.rows, found.left_out, len(found.columns)) == (100, 0, 14)


@pytest.mark.parametrize(
    ("name", "measures"),
    [
        ("id", (0, 0, 0, "0", ("24", "49", "74"), "99", "49.5")),
        ("fare in €", (1, 0, 0, "0.25", ("6.25", "12.5", "18.75"), "24.75", "12.5")),
        ("odd", (0, 1, 0, "0.0", ("26.0", "51.0", "76.0"), "Infinity", "Infinity")),
        ("price", (0, 0, 0, "0.00", ("24.0", "49.0", "74.0"), "99.00", "49.5")),
        ("day", (0, 0, 0, "2024-01-01", ("2024-01-25", "2024-02-19", "2024-03-15"), "2024-04-09", None)),
        ("flag", (0, 0, 0, None, (), None, None)),
        ("a.b`c", (25, 0, 1, "", (), "zone 1", None)),
        ("nothing", (100, 0, 0, None, (), None, None)),
        ("void", (100, 0, 0, None, (), None, None)),
        ("many", (0, 0, 0, None, (), None, None)),
        ("s", (0, 0, 0, None, (), None, None)),
        ("same", (0, 0, 0, "7", ("7", "7", "7"), "7", "7.0")),
    ],
)
def test_the_profile_of_a_column(columns: dict[str, ColumnProfile], name: str, measures: tuple[Any, ...]) -> None:
    one = columns[name]
    assert (one.nulls, one.nan, one.empty, one.min, one.quartiles, one.max, one.mean) == measures


def test_distinct_values_are_near_what_they_are(columns: dict[str, ColumnProfile]) -> None:
    assert abs((columns["id"].distinct or 0) - 100) <= 10
    assert [columns[name].distinct for name in ("a.b`c", "nothing", "same", "flag", "many")] == [3, 0, 1, 2, None]


def test_numbers_and_times_have_a_histogram_of_equal_steps(columns: dict[str, ColumnProfile]) -> None:
    for name in ("id", "price", "day", "at"):
        assert columns[name].bars.of == "steps"
        assert_even(columns[name].bars.counts)
    assert sum(columns["odd"].bars.counts) == 98  # neither NaN nor infinity


def test_few_values_are_counted_and_texts_of_many_have_lengths(columns: dict[str, ColumnProfile]) -> None:
    assert (columns["a.b`c"].bars.labels, columns["a.b`c"].bars.counts) == (("zone 1", "zone 0", ""), (49, 25, 1))
    assert columns["flag"].bars.labels == ("false", "true")
    assert columns["words"].bars.of == "lengths"
    assert_even(columns["words"].bars.counts)
    assert [columns[name].bars.counts for name in ("nothing", "many", "same")] == [(), (), ()]


def assert_even(counts: tuple[int, ...]) -> None:
    """100 values in 20 steps, near five in each: more than Spark's histogram keeps."""
    assert (len(counts), sum(counts)) == (20, 100)
    assert all(3 <= count <= 7 for count in counts), counts


@given(st.dictionaries(st.floats(-1e300, 1e300), st.integers(1, 1000), min_size=2, max_size=CENTRES), st.booleans())
def test_each_value_is_in_a_step_and_a_few_are_where_they_are(values: dict[float, int], is_all: bool) -> None:
    centres = sorted(values.items())[: None if is_all else CENTRES - 1]
    low, high = min(values), max(values)
    assume(high / STEPS - low / STEPS > 0)
    counts = step_counts(centres, low, high)
    assert (len(counts), sum(counts)) == (STEPS, sum(count for _, count in centres))
    if len(centres) < CENTRES:
        assert counts[0] >= centres[0][1]


def test_an_empty_frame_a_wide_one_and_one_of_pandas_have_profiles(session: Session) -> None:
    assert {(one.nulls, one.min, one.bars.counts) for one in profile(session, "empty").columns} == {(0, None, ())}
    wide = profile(session, "wide")
    assert (len(wide.columns), wide.left_out, wide.columns[99].min) == (100, 30, "99")
    assert [(one.name, one.type, one.nulls) for one in profile(session, "local").columns] == [
        ("a", "bigint", 0),
        ("5", "string", 1),
    ]


def test_a_profile_is_one_pass_over_the_data(session: Session) -> None:
    session.run(
        "def counted(n):\n    passes.add(n)\n    return n\npasses = sc.accumulator(0)\n"
        "watched = sc.parallelize(range(50), 2).map(counted).toDF('long').selectExpr('value', 'string(value) AS text')"
    )
    assert profile(session, "watched").rows == 50
    assert session.run("passes.value").text == str(sum(range(50)))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("number", "The variable number is no DataFrame but int, and there is no table of that name."),
        ("nowhere.table", "nowhere"),
        ("sale of_all", "sales of_all"),  # did you mean
        ("a`b", "a``b"),
        ("exec('1')", "exec"),
    ],
)
def test_what_is_no_frame_says_so(session: Session, name: str, said: str) -> None:
    with pytest.raises(StatementError) as raised:
        open_explored(session.repl, name)
    assert said in f"{raised.value} {raised.value.suggestion} {raised.value.evalue}"


def test_a_variable_comes_before_a_table_and_backticks_are_a_table(session: Session) -> None:
    session.run("both = spark.range(3).toDF('of_variable')\nspark.range(2).createOrReplaceTempView('both')")
    assert open_explored(session.repl, "both").axes == {"of_variable": "number"}
    assert open_explored(session.repl, "`both`").axes == {"id": "number"}
    found = open_explored(session.repl, "sales of_all")
    assert found.sql == "`sales of_all`"
    assert (found.axes["at"], found.axes["many"], found.axes["flag"]) == ("time", None, "text")


# ------------------------------------------------------------------------------------------------ the cell to paste
@pytest.mark.parametrize("name", ["sales", "sales of_all", "local"])
@pytest.mark.parametrize(
    "words",
    [
        ["bar", "x=a.b`c", "y=fare in €", "agg=avg", "by=flag", "top=2", "where=id > 10 AND `fare in €` < 20 -1"],
        ["hist", "x=fare in €", "bins=5", "log=y", "where=`a.b``c` <> 'it''s' -- \"said\""],
    ],
)
def test_the_pasted_cell_shows_the_same_chart(session: Session, name: str, words: list[str]) -> None:
    if name == "local":
        words = ["bar", "x=5", "y=a", "agg=sum", "log=y", "where=a > 1"]
    explored, chart = open_explored(session.repl, name), read_chart(words)
    shown = chart_of(session.repl, name, chart)
    first, body = chart_cell(chart, explored.name, explored.sql).split("\n", 1)
    magic, line = first.split(" ", 1)
    cell = read_cell(magic.removeprefix("%%livy_"), line, body)
    assert cell.chart == chart
    (pasted,) = run_cell(session.repl, cell).tables
    assert isinstance(pasted, ChartTable)
    assert rows(shown)
    assert (rows(pasted), pasted.fields, pasted.facts) == (rows(shown), shown.fields, shown.facts)


@given(st.text(min_size=1))
def test_any_text_is_one_name_in_sql(text: str) -> None:
    name = table_name(text)
    assert name.count("`") % 2 == 0
    if "`" not in text and "." not in text:
        assert name in {text, f"`{text}`"}


def test_a_condition_is_an_expression_and_its_error_is_sparks(session: Session) -> None:
    with pytest.raises(StatementError) as raised:
        chart_of(session.repl, "sales", read_chart(["bar", "x=id", "where=idd > 3"]))
    assert "idd" in str(raised.value)
    with pytest.raises(StatementError, match=r"(?i)syntax|parse"):
        chart_of(session.repl, "sales", read_chart(["bar", "x=id", "where=1; DROP TABLE x"]))


def test_the_words_of_a_name_with_both_quotes_are_read_back() -> None:
    chart = read_chart(["bar", 'x=it\'s "so"'])
    assert split_words(chart_cell(chart, "a", None).split("\n")[0])[-1] == 'x=it\'s "so"'
