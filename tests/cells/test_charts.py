"""What `--chart` takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.cells.cell import read_cell
from fabric_livy_magic.cells.charts import AGGREGATES, KINDS, Chart, chart_line, read_chart
from fabric_livy_magic.errors import SettingsError


@pytest.mark.parametrize(
    ("words", "chart"),
    [
        ("bar x=city", Chart("bar", x="city")),
        ("bar x=city y=fare", Chart("bar", x="city", y="fare", agg="sum")),
        ("bar x=city y=fare agg=MEAN by=kind top=5", Chart("bar", x="city", y="fare", by="kind", agg="avg", top=5)),
        ("line x=day y=fare agg=distinct", Chart("line", x="day", y="fare", agg="count_distinct")),
        ("area x=day y=fare agg=median", Chart("area", x="day", y="fare", agg="median")),
        ("scatter x=a y=b by=c", Chart("scatter", x="a", y="b", by="c", agg="sum")),
        ("pie x=a=b", Chart("pie", x="a=b")),
        ("hist x=fare bins=7", Chart("hist", x="fare", bins=7)),
        ("box y=fare", Chart("box", y="fare", agg="sum")),
        (
            "line x=day y=fare log=xy where=fare>2",
            Chart("line", x="day", y="fare", agg="sum", log="xy", where="fare>2"),
        ),
    ],
)
def test_a_chart_is_a_kind_and_the_columns_of_its_axes(words: str, chart: Chart) -> None:
    assert read_chart(words.split()) == chart


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("bars x=a", "There is no chart 'bars'. Did you mean 'bar'? Kinds: line, bar, area, scatter, pie, hist, box."),
        ("bar", "--chart bar needs x=: the name of a column."),
        ("scatter", "--chart scatter needs x=, y=: the name of a column."),
        ("bar x", "'x' is no NAME=VALUE. A chart is written so: --chart KIND x=COLUMN y=COLUMN [by=COLUMN] [agg=…]"),
        ("bar x=", "'x=' is no NAME=VALUE."),
        ("bar x=a x=b", "x= is there twice."),
        ("hist x=a y=b", "--chart hist takes no y=. It takes bins=, by=, log=, where=, x=."),
        ("pie x=a by=b", "--chart pie takes no by=. It takes agg=, top=, where=, x=, y=."),
        ("bar x=a y=b agg=total", "There is no agg=total. It is one of sum, avg,"),
        ("bar x=a agg=sum", "agg=sum needs y=, the column that it is of. Without y= the rows are counted."),
        ("bar x=a top=0", "top= takes a whole number from 1 to 500, not '0'."),
        ("bar x=a log=z", "--chart bar takes log=x or log=y or log=xy, not log=z."),
        ("hist x=a log=x", "--chart hist takes log=y, not log=x."),
        ("pie x=a log=y", "--chart pie takes no log=. It takes"),
        ("hist x=a bins=1e3", "bins= takes a whole number from 1 to 500, not '1e3'."),
    ],
)
def test_a_mistake_says_what_a_chart_takes(words: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_chart(words.split())
    assert said in str(raised.value)


@given(
    st.sampled_from(sorted(KINDS)),
    st.lists(st.tuples(st.sampled_from(["x", "y", "by", "agg", "top", "bins", "z"]), st.text(max_size=6))),
)
def test_any_words_are_a_chart_or_a_mistake(kind: str, pairs: list[tuple[str, str]]) -> None:
    try:
        chart = read_chart([kind, *(f"{name}={value}" for name, value in pairs)])
    except SettingsError:
        return
    needed, taken = KINDS[kind]
    assert all(getattr(chart, name) for name in needed)
    assert chart.agg in AGGREGATES
    assert {name for name, _ in pairs} <= taken


@given(
    st.sampled_from(sorted(KINDS)),
    st.dictionaries(
        st.sampled_from(["x", "y", "by", "where"]), st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
    ),
    st.sampled_from(AGGREGATES),
    st.sampled_from(["", "x", "y", "xy"]),
    st.integers(1, 500),
)
def test_a_chart_s_line_is_read_as_that_chart(
    kind: str, columns: dict[str, str], agg: str, log: str, number: int
) -> None:
    taken = KINDS[kind][1]
    words = {**columns, "agg": agg, "log": log, "top": str(number), "bins": str(number)}
    try:
        chart = read_chart([kind, *(f"{name}={value}" for name, value in words.items() if name in taken and value)])
        line = chart_line(chart)
    except SettingsError:  # of an axis that is missing, or a name with a line break
        return
    assert read_cell("sql", f"-q {line} -p n=1", "rows").chart == chart


@pytest.mark.parametrize("kind", ["sql", "pyspark"])
def test_a_cell_takes_a_chart_among_other_options(kind: str) -> None:
    cell = read_cell(kind, '-o kept --chart bar "x=pickup zone" y=fare -q', "rows")
    assert (cell.output, cell.quiet, cell.chart) == ("kept", True, Chart("bar", x="pickup zone", y="fare", agg="sum"))


@pytest.mark.parametrize(
    ("line", "body", "said"),
    [
        ("--chart bar x=a SELECT 1", None, "--chart is for cells: write %%livy_sql and its code on the lines below."),
        ("--chart bar x=a --plain", "SELECT 1", "--chart needs the agent, which --plain leaves out."),
        ("--chart bar x=a -n 5", "SELECT 1", "--chart draws all rows, so that -n has no use there."),
        ("--chart", "SELECT 1", "expected at least one argument"),
    ],
)
def test_what_does_not_go_with_a_chart_is_refused(line: str, body: str | None, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_cell("sql", line, body)
    assert said in str(raised.value)


def test_scala_has_no_chart() -> None:
    with pytest.raises(SettingsError, match="there is no option '--chart'"):
        read_cell("spark", "--chart bar x=a", "rows")
