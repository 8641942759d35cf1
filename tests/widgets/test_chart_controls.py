"""The controls of a chart, without a front end: their values are what `--chart` is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.cells.charts import AGGREGATES, KINDS, Chart, chart_line
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.widgets.chart_controls import NOTHING, ChartControls

AXES = {"zone": "text", "fare": "number", "at": "time", "route": None, "tip": "number"}


def controls(axes: Mapping[str, str | None] = AXES) -> tuple[ChartControls, list[int]]:
    changes: list[int] = []
    return ChartControls(axes, lambda: changes.append(1)), changes


def there(one: ChartControls) -> list[str]:
    return [str(control.description) for control in one.box.children if control.layout.display != "none"]


@pytest.mark.parametrize(
    ("axes", "chart"),
    [
        (AXES, Chart("bar", x="zone")),
        ({"n": "number", "day": "date"}, Chart("line", x="day")),
        ({"route": None, "n": "number"}, Chart("hist", x="n")),
    ],
)
def test_the_first_chart_is_one_of_the_columns_types(axes: Mapping[str, str | None], chart: Chart) -> None:
    assert controls(axes)[0].chart() == chart


def test_a_frame_that_no_chart_shows_says_so() -> None:
    with pytest.raises(SettingsError, match="this frame has none of them"):
        controls({"route": None})[0].chart()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("bar", ["chart", "x", "y", "by", "top", "log y", "where"]),
        ("pie", ["chart", "x", "y", "top", "where"]),
        ("hist", ["chart", "x", "by", "bins", "log y", "where"]),
        ("scatter", ["chart", "x", "y", "by", "log y", "where"]),
        ("box", ["chart", "x", "y", "top", "where"]),
    ],
)
def test_only_what_a_kind_takes_is_there(kind: str, expected: list[str]) -> None:
    one, _ = controls()
    one.box.children[0].value = kind
    assert there(one) == expected


def test_a_logarithmic_x_is_for_numbers_and_is_not_kept_for_others() -> None:
    one, _ = controls()
    x, log_x = one.box.children[1], one.box.children[7]
    x.value, log_x.value = "fare", True
    assert "log x" in there(one)
    assert one.chart() == Chart("bar", x="fare", log="x")
    x.value = "zone"
    assert one.chart() == Chart("bar", x="zone")


def test_a_kind_that_needs_y_takes_the_first_number_in_one_change() -> None:
    one, changes = controls()
    one.box.children[0].value = "scatter"
    assert (one.chart(), len(changes)) == (Chart("scatter", x="zone", y="fare", agg="sum"), 1)


def test_a_number_on_y_is_summed_and_not_counted() -> None:
    one, changes = controls()
    assert "agg" not in there(one)
    one.box.children[2].value = "fare"
    assert (one.chart(), len(changes)) == (Chart("bar", x="zone", y="fare", agg="sum"), 1)
    assert "agg" in there(one)
    one.box.children[2].value = NOTHING
    assert one.chart() == Chart("bar", x="zone")


@given(
    st.sampled_from(sorted(KINDS)),
    st.dictionaries(
        st.sampled_from([1, 2, 3]), st.sampled_from([NOTHING, *(name for name, axis in AXES.items() if axis)])
    ),
    st.sampled_from(AGGREGATES),
    st.tuples(st.booleans(), st.booleans()),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10),
)
def test_any_values_of_the_controls_are_a_chart_or_say_what_is_missing(
    kind: str, columns: dict[int, str | int], agg: str, logs: tuple[bool, bool], where: str
) -> None:
    one, _ = controls()
    kinds, *_, agg_of, _, _, log_x, log_y, condition = one.box.children
    for place, value in columns.items():
        one.box.children[place].value = value
    kinds.value, agg_of.value, log_x.value, log_y.value, condition.value = kind, agg, *logs, where
    if kind in {"bar", "line", "area", "pie", "hist", "scatter"} and columns.get(1, "zone") is NOTHING:
        with pytest.raises(SettingsError, match="needs x="):
            one.chart()
        return
    chart = one.chart()
    assert (chart.kind, chart.where or "") == (kind, where.strip())
    assert chart_line(chart).startswith(f"--chart {kind} ")


def test_names_of_any_length_are_options_by_which_the_column_is_found() -> None:
    long = "x" * 1_000_000
    one, _ = controls({long + "a": "text", long + "b": "number", "a\x1b[31m": "text"})
    labels = one.box.children[1].options
    assert [len(label) for label, _ in labels[1:3]] == [60, 60]
    assert "\x1b" not in str([label for label, _ in labels])
    one.box.children[1].index = 2
    assert one.chart().x == long + "b"
