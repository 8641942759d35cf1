"""A chart as Vega-Lite, drawn here by its own compiler, and as text."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest
import vl_convert

from fabric_livy_magic.cells.charts import read_chart
from fabric_livy_magic.frames.arrow_types import spark_type
from fabric_livy_magic.output.charts import LOOK as CHART_LOOK
from fabric_livy_magic.output.charts import MIME
from fabric_livy_magic.output.results import Look, part_bundle
from fabric_livy_magic.running.results import ChartTable

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</text><a href='javascript:alert(1)'>x</a>",
    "datum.x; alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "a.b[0]['c']",
    "\x1b[31mred",
    "\u202egnp.exe",
    "\\",
    'a"b',
    "two\nlines",
    "",
]
LOOK = Look(20, 1_000)
DAYS = [dt.date(2024, 1, day) for day in range(1, 29)]


def table(words: str, columns: list[tuple[str, list[Any]]], groups: int, rows: int, **facts: Any) -> ChartTable:
    """As the session gives it: the axes' columns, and two that are the same in each row."""
    count = len(columns[0][1])
    hidden = [("groups", [groups] * count), ("rows", [rows] * count)]
    arrays = [pa.array(values) for _, values in (*columns, *hidden)]
    names = [name for name, _ in (*columns, *hidden)]
    fields = [
        {"name": name, "type": spark_type(array.type), "nullable": True, "metadata": {}}
        for name, array in zip(names, arrays, strict=True)
    ]
    asked = read_chart(words.split()).for_agent()
    arrow = pa.Table.from_arrays(arrays, names=[f"c{number}" for number in range(len(arrays))])
    known = {"asked": asked, "axes": {"x": "text"}, "step": None, "colors_cut": False, **facts}
    return ChartTable(arrow, {"type": "struct", "fields": fields}, known)


CITIES = ["Köln", None, "", "New York"]
CHARTS = {
    "bar": table("bar x=city y=fare", [("city", CITIES), ("sum(fare)", [1234567.5, -3.25, None, 7.0])], 90, 6433),
    "bar by": table(
        "bar x=city y=fare by=kind agg=avg",
        [("city", ["a", "a", "b"]), ("kind", ["x", None, "x"]), ("avg(fare)", [1.5, 2.0, 4.0])],
        2,
        30,
        colors_cut=True,
    ),
    "line": table("line x=day", [("day", DAYS), ("rows", list(range(28)))], 28, 400, axes={"x": "date"}, step="day"),
    "line of many": table(
        "line x=at y=n",
        [("at", [dt.datetime(2024, 1, day, 13) for day in range(1, 32)] * 2), ("sum(n)", [*range(61), None])],
        62,
        62,
        axes={"x": "time"},
        step="hour",
    ),
    "area": table("area x=n", [("n", [0.0, 0.5, 1.0]), ("rows", [3, 2, 1])], 3, 6, axes={"x": "number"}, step=0.5),
    "scatter": table(
        "scatter x=a y=b",
        [("a", [float(n) for n in range(40)]), ("b", [float(n * n) for n in range(40)])],
        90_000,
        90_000,
        axes={"x": "number", "y": "number"},
    ),
    "pie": table("pie x=kind", [("kind", ["a", "b"]), ("rows", [3, 1])], 2, 4),
    "hist": table(
        "hist x=fare",
        [("from", [0.0, 5.0, 15.0]), ("to", [5.0, 10.0, 20.0]), ("rows", [12, 40, 1])],
        30,
        53,
        axes={"x": "number"},
        step=5.0,
    ),
    "box": table(
        "box x=kind y=fare",
        [
            ("kind", ["a", None]),
            *[(name, [float(n), n + 0.5]) for n, name in enumerate(["min", "q1", "median", "q3", "max"])],
            ("count", [12_000, 1]),
        ],
        2,
        12_001,
        axes={"x": "text", "y": "number"},
    ),
    "log": table(
        "bar x=kind y=n log=y where=n<>3",
        [("kind", ["a", "b", "c"]), ("sum(n)", [0.25, 1e6, -4.0])],
        3,
        40,
    ),
    "nothing": table("bar x=a", [("a", []), ("rows", [])], 0, 0),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_as_text(golden: Callable[[str, str], None], name: str) -> None:
    golden(f"chart_{name.replace(' ', '_')}.txt", part_bundle(CHARTS[name], LOOK, 1.23)["text/plain"] + "\n")


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_drawn_from_strict_json(golden: Callable[[str, str], None], name: str) -> None:
    spec = part_bundle(CHARTS[name], LOOK)[MIME]
    text = json.dumps(spec, allow_nan=False)
    drawn = vl_convert.vegalite_to_svg(text, vl_version="5.20")
    assert drawn.startswith("<svg")
    assert spec["title"]["text"].replace("&", "&amp;") in drawn.replace("&amp;amp;", "&amp;")
    assert colors_of(drawn) <= {"currentColor", "transparent", "none", "white", *MARKS}
    own = {key: value for key, value in spec.items() if key not in CHART_LOOK}
    rows = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in own.pop("data")["values"])
    golden(f"chart_{name.replace(' ', '_')}.json", json.dumps(own, indent=1, ensure_ascii=False) + "\n" + rows)


MARKS = {"#4c78a8", "#f58518"}
"""Vega's own colours of marks, which are seen on white and on black. The white is the median in its box."""


def colors_of(drawn: str) -> set[str]:
    """Whatever else has a colour is seen in one theme only."""
    found: set[str] = set()
    for one in ElementTree.fromstring(drawn).iter():
        if not one.tag.endswith(("defs", "clipPath")):
            found |= {one.attrib[name] for name in ("fill", "stroke") if name in one.attrib}
    return found


def test_averages_are_not_stacked_and_sums_are() -> None:
    encoding = part_bundle(CHARTS["bar by"], LOOK)[MIME]["encoding"]
    assert encoding["y"]["stack"] is None
    assert encoding["xOffset"] == {"field": "by"}
    summed = table("bar x=c y=n by=k", [("c", ["a"]), ("k", ["b"]), ("sum(n)", [1])], 1, 1)
    assert "stack" not in part_bundle(summed, LOOK)[MIME]["encoding"]["y"]


def test_a_logarithmic_axis_leaves_out_what_it_has_no_place_for() -> None:
    spec = part_bundle(CHARTS["log"], LOOK)[MIME]
    assert [row["y"] for row in spec["data"]["values"]] == [0.25, 1e6, None]
    assert spec["encoding"]["y"]["scale"] == {"type": "log", "domainMin": 0.125}
    assert "where n<>3 · log y: only what is above 0" in spec["title"]["subtitle"]
    both = table("scatter x=a y=b log=xy", [("a", [1.0]), ("b", [2.0])], 1, 1, axes={"x": "number", "y": "number"})
    encoding = part_bundle(both, LOOK)[MIME]["encoding"]
    assert encoding["x"]["scale"] == encoding["y"]["scale"] == {"type": "log"}


def test_a_long_caption_has_several_lines() -> None:
    chart = table("bar x=c where=" + "n>1ANDn<2" * 20, [("c" * 60, ["a"]), ("rows", [1])], 5, 6)
    spec = part_bundle(chart, LOOK, 1.23)[MIME]
    lines = spec["title"]["subtitle"]
    assert len(lines) > 1
    assert max(map(len, lines)) < 100
    assert vl_convert.vegalite_to_svg(json.dumps(spec), vl_version="5.20").startswith("<svg")


def test_numbers_that_json_has_not_and_decimals_are_drawn() -> None:
    values = [Decimal("1.50"), None]
    spec = part_bundle(table("bar x=c y=n", [("c", ["a", "b"]), ("sum(n)", values)], 2, 2), LOOK)[MIME]
    assert [row["y"] for row in spec["data"]["values"]] == [1.5, None]
    strange = part_bundle(
        table("bar x=c y=n", [("c", ["a", "b"]), ("avg(n)", [float("nan"), float("inf")])], 2, 2), LOOK
    )
    assert [row["y"] for row in strange[MIME]["data"]["values"]] == [None, None]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_values_are_text(text: str) -> None:
    chart = table("bar x=c", [(text, [text, "b"]), ("rows", [1, 2])], 2, 3)
    bundle = part_bundle(chart, LOOK)
    assert set(bundle) == {MIME, "text/plain"}
    assert "\x1b" not in bundle["text/plain"]
    drawn = vl_convert.vegalite_to_svg(json.dumps(bundle[MIME], allow_nan=False), vl_version="5.20")
    elements = list(ElementTree.fromstring(drawn).iter())
    assert {one.tag.rpartition("}")[2] for one in elements} <= {
        "svg",
        "g",
        "path",
        "text",
        "rect",
        "defs",
        "clipPath",
        "line",
    }
    assert not [name for one in elements for name in one.attrib if name.startswith("on") or "href" in name]
