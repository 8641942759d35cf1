"""Tables as HTML and as text; no value gets out of its cell."""

from __future__ import annotations

import datetime
import decimal
import html.parser
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.output.columns import Column
from fabric_livy_magic.output.live_table import MOST_DATA, MOST_OF_CELL, MOST_SCRIPT, json_in_page, script
from fabric_livy_magic.output.nested_json import nested_json
from fabric_livy_magic.output.result_tables import Caption, result_bundle
from fabric_livy_magic.output.tables import text_table
from tests.output.conftest import shown, table
from tests.support.outputs import sql_output
from tests.support.result_pages import data_of, static


class Texts(html.parser.HTMLParser):
    """The tags of a page, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


OUR_TAGS = {"style", "table", "thead", "tbody", "tr", "th", "td", "span", "div", "i", "pre", "br", "script"}
OUR_ATTRIBUTES = {"class", "title", "type"}
HOSTILE = [
    "<script>alert(1)</script>",
    "</td><td>",
    '"><img src=x onerror=alert(1)>',
    "&lt;b&gt;",
    "<!--",
    "</style>",
    "]]>",
]


# ------------------------------------------------------------------------------------------------ tables
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_value_is_text_wherever_it_comes_from(text: str) -> None:
    fields = {"type": "struct", "fields": [{"name": text, "type": "string"}]}
    bundle = table([text, "s"], [[text, {text: text}], [None, None]], [text, "struct"], [text, fields], more=text)
    page = Texts(bundle["text/html"])
    assert page.tags <= OUR_TAGS
    assert page.attributes <= OUR_ATTRIBUTES
    assert page.texts.count(text) == 3  # name, type and value
    assert page.texts.count(json.dumps({text: text})) == 1
    assert f" · {text}" in page.texts
    assert text in bundle["text/plain"]
    data = data_of(bundle["text/html"])
    assert data["data"][0] == [text, 0]
    assert data["columns"][0]["name"] == text
    assert bundle["text/html"].count("<script") == bundle["text/html"].count("</script>") == 2


@given(
    st.lists(st.text() | st.sampled_from(HOSTILE), min_size=1, max_size=4),
    st.lists(st.lists(st.text() | st.none() | st.floats() | st.integers() | st.sampled_from(HOSTILE)), max_size=4),
    st.text(),
)
def test_no_value_gets_out_of_its_cell(names: list[str], rows: list[list[Any]], caption: str) -> None:
    width = len(names)
    rows = [(row * width)[:width] if row else [None] * width for row in rows]
    bundle = table(names, rows, names, more=caption)
    page = Texts(bundle["text/html"])
    assert page.tags <= OUR_TAGS
    assert page.attributes <= OUR_ATTRIBUTES
    if len(rows) > 1:
        data = data_of(bundle["text/html"])
        assert [one["name"] for one in data["columns"]] == names
        assert all(len(one) == len(rows) for one in data["data"])


@given(st.lists(st.lists(st.text(), min_size=3, max_size=3), max_size=5), st.none() | st.integers(1, 200))
def test_any_text_table_has_a_line_for_each_row(rows: list[list[str]], width: int | None) -> None:
    rows = [["".join(part.splitlines()) for part in row] for row in rows]
    lines = text_table(["a", "b", "c"], rows, width=width).split("\n")
    assert len([line for line in lines if not line.startswith("… and")]) == 2 + len(rows)


def test_nulls_of_every_kind_are_shown_as_null() -> None:
    import pandas as pd

    bundle = table(["a"], [[None], [pd.NA]])
    assert bundle["text/plain"].splitlines()[2:4] == ["NULL"] * 2
    assert bundle["text/html"].count("<i>NULL</i>") == 2


def test_what_is_no_value_looks_different_by_its_kind() -> None:
    """Null, empty text, NaT, NaN, both infinities, and the texts of these names."""
    import pandas as pd

    page = static(
        table(
            ["s", "t", "d"],
            [
                [None, None, None],
                ["", pd.NaT, float("nan")],
                ["NULL", None, float("inf")],
                ["NaT", None, -float("inf")],
            ],
            ["string", "timestamp", "double"],
        )["text/html"]
    )
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in page.split("<tr>")[2:]]
    assert rows == [
        ["<i>NULL</i>"] * 3,
        ["<i>empty</i>", "<i>NaT</i>", "NaN"],
        ["NULL", "<i>NULL</i>", "Infinity"],
        ["NaT", "<i>NULL</i>", "-Infinity"],
    ]


def test_the_word_null_is_not_a_null() -> None:
    assert "<i>" not in static(table(["a"], [["NULL"], ["<NA>"], ["NaT"]])["text/html"])


def test_a_long_value_is_cut_with_a_sign() -> None:
    bundle = table(["a"], [["x" * 1000], [""]])
    assert "x" * 199 + "…" in bundle["text/plain"]
    assert "x" * 200 not in static(bundle["text/html"])
    assert data_of(bundle["text/html"])["data"] == [["x" * 1000, ""]]


def test_a_date_stays_on_one_line_and_a_long_text_wraps() -> None:
    page = table(["day", "text"], [["2024-01-31", "x " * 50]], ["date", "string"])["text/html"]
    assert "<td>2024-01-31</td>" in page
    assert '<td class="l">x x' in page
    assert ".flm.flm td{padding:3px 8px;text-align:left;white-space:pre;" in page
    assert ".l{white-space:pre-wrap;" in page


def test_a_line_break_in_a_value_keeps_its_row_on_one_line() -> None:
    assert text_table(["a"], [["x\ny"], ["p\r\nq"]]).splitlines()[2:] == ["x⏎y", "p⏎q"]


def test_numbers_stand_right_and_texts_left() -> None:
    text = table(["n", "t"], [[1, "x"], [1000, "y"]], ["long", "string"])["text/plain"]
    assert text.splitlines()[2:4] == ["   1  x", "1000  y"]


def test_a_wide_result_says_how_many_columns_its_text_leaves_out() -> None:
    raw = sql_output([(f"column_{n}", "long") for n in range(40)], [list(range(40))])
    bundle = shown(raw)
    assert static(bundle["text/html"]).count("<th") == 41  # with <thead>
    assert "more columns" in bundle["text/plain"]
    assert max(map(len, bundle["text/plain"].splitlines())) <= 150


def test_a_frame_of_every_type_reads_as_the_golden_file(golden: Callable[[str, str], None]) -> None:
    fields: list[tuple[str, Any]] = [
        *[("flag", "boolean"), ("count", "long"), ("fare", "decimal(10,2)"), ("ratio", "double"), ("zone", "string")],
        *[("day", "date"), ("at", "timestamp"), ("tags", {"type": "array", "elementType": "string"})],
    ]
    rows = [
        [True, 12, 7.5, 0.25, '<Harlem> & "Astoria"', "2022-01-31", "2022-01-31T10:11:12Z", ["a", "b"]],
        [None, None, None, None, None, None, None, None],
        [False, -1, 1000000.25, 1e-9, "line\nbreak", "1999-12-31", "1999-12-31T23:59:59Z", []],
    ]
    bundle = shown(sql_output(fields, rows))
    golden("every_type.txt", bundle["text/plain"] + "\n")
    golden("every_type.html", static(bundle["text/html"]).replace("<tr>", "\n<tr>") + "\n")
    golden("every_type.json", json.dumps(data_of(bundle["text/html"]), indent=1, ensure_ascii=False) + "\n")


# ------------------------------------------------------------------------------------------------ one text
PLAN = "== Physical Plan ==\n*(1) Range (0, 10)\n" + "+- Project [" + "x, " * 200 + "y]"


def test_a_text_of_several_lines_that_is_the_only_value_keeps_them_and_is_whole() -> None:
    """EXPLAIN, SHOW CREATE TABLE, a document."""
    bundle = table(["plan"], [[PLAN]], ["string"])
    assert f"<pre>{PLAN}</pre>" in static(bundle["text/html"])
    assert bundle["text/plain"] == f"plan\n────\n{PLAN}\n1 row"
    assert "<script" not in bundle["text/html"]


# ------------------------------------------------------------------------------------------------ nested values
NESTED = {
    "type": "struct",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "tags", "type": {"type": "array", "elementType": "string"}},
        {"name": "by", "type": {"type": "map", "keyType": "string", "valueType": "double"}},
        {"name": "id", "type": "decimal(38,0)"},
        {"name": "at", "type": "timestamp"},
    ],
}


def test_a_nested_value_is_json_with_the_names_of_its_type_and_all_digits() -> None:
    big = 9007199254740993
    value = {
        "id_0": big,
        "tags": ["a", None, 'q"'],
        "by": [("k", float("nan")), ("l", 0.5)],
        "id_1": decimal.Decimal(10**37),
        "at": datetime.datetime(2024, 1, 2, 3),
    }
    bundle = table(["s"], [[value], [None]], ["struct"], [NESTED])
    text = data_of(bundle["text/html"])["data"][0][0]
    assert text == (
        '{"id": 9007199254740993, "tags": ["a", null, "q\\""], "by": {"k": "NaN", "l": 0.5}, '
        f'"id": {10**37}, "at": "2024-01-02 03:00:00"}}'
    )
    title = "struct&lt;id:bigint,tags:array&lt;string&gt;,by:map&lt;string,double&gt;,id:decimal(38,0),at:timestamp&gt;"
    assert f'title="{title}"' in bundle["text/html"]
    assert bundle["text/plain"].splitlines()[2].startswith('{9007199254740993, [a, NULL, q"], {k -> NaN, l -> 0.5}')


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    ).filter(lambda value: isinstance(value, list | dict))
)
def test_any_nested_value_is_json(value: Any) -> None:
    def without_floats(one: Any) -> Any:
        if isinstance(one, list):
            return [without_floats(item) for item in one]
        if isinstance(one, dict):
            return {key: without_floats(item) for key, item in one.items()}
        return float(one) if isinstance(one, float) else one

    assert json.loads(nested_json(value, "", 10**6)) == without_floats(value)


VECTOR = {"type": "udt", "class": "org.apache.spark.ml.linalg.VectorUDT", "pyClass": "pyspark.ml.linalg.VectorUDT"}
DENSE = {"type": 1, "size": None, "indices": None, "values": [1.0, 0.0, 2.5]}
SPARSE = {"type": 0, "size": 4, "indices": [0, 3], "values": [1.0, 2.0]}


def test_a_vector_reads_as_spark_writes_it() -> None:
    bundle = table(["v"], [[DENSE], [SPARSE], [None]], ["vector"], [VECTOR])
    assert data_of(bundle["text/html"])["data"] == [["[1.0,0.0,2.5]", "(4,[0,3],[1.0,2.0])", 0]]
    assert bundle["text/plain"].splitlines()[2:5] == ["[1.0,0.0,2.5]", "(4,[0,3],[1.0,2.0])", "NULL"]
    inside = table(["v"], [[[DENSE]], [None]], ["array"], [{"type": "array", "elementType": VECTOR}])["text/html"]
    assert data_of(inside)["data"][0][0] == "[[1.0,0.0,2.5]]"
    assert 'title="array&lt;vector&gt;"' in inside


# ------------------------------------------------------------------------------------------------ the live part
def test_the_script_is_small_enough_to_be_in_each_output() -> None:
    assert len(script()) <= MOST_SCRIPT
    assert "</script" not in script()
    assert "<!--" not in script()
    assert "innerHTML" not in script()
    assert "eval" not in script()


@given(st.lists(st.text() | st.sampled_from(HOSTILE)))
def test_data_in_a_page_cannot_end_its_element_and_comes_back_as_it_was(texts: list[str]) -> None:
    text = json_in_page(texts)
    assert not set(text) & set("<>&\u2028\u202e\x1b")
    assert json.loads(text) == texts


def test_all_rows_travel_and_ten_are_in_the_page() -> None:
    page = table(["n"], [[number] for number in range(1000)], ["long"], rows_shown=10)["text/html"]
    assert static(page).count("<tr>") == 11
    assert data_of(page)["data"] == [[str(number) for number in range(1000)]]
    assert data_of(page)["rest"] == "1,000 rows"


def test_a_cell_of_a_mebibyte_is_whole_and_what_is_too_much_is_left_out_and_said() -> None:
    cell = "x" * 1024 * 1024
    page = table(["a"], [[cell], [cell], ["z"]], ["string"])["text/html"]
    assert data_of(page)["data"] == [[cell]]
    assert data_of(page)["rest"] == "1 row, the first of 3"
    assert len(page) < MOST_DATA
    longer = data_of(table(["a"], [[cell * 3], ["z"]], ["string"])["text/html"])["data"][0][0]
    assert len(longer) == MOST_OF_CELL
    assert longer.endswith("…")


def test_a_thousand_columns_have_a_table() -> None:
    rows = [["y" * 100] * 1000] * 30
    page = table([f"c{number}" for number in range(1000)], rows, ["string"] * 1000, rows_shown=10)["text/html"]
    assert static(page).count("<td") == 10_000
    assert len(page) < 2_900_000  # with three seconds of a Jupyter server's limit


def test_intervals_have_an_order_of_their_own() -> None:
    days = [datetime.timedelta(days=10), None, datetime.timedelta(days=9)]
    page = table(["i"], [[one] for one in days], ["interval day"])["text/html"]
    assert data_of(page)["columns"][0]["ranks"] == [1, 0, 0]


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "", "//x", 'https://x/"><b>'])
def test_only_a_web_address_is_a_link(link: str) -> None:
    page = result_bundle([Column("a", ["x"])], Caption(rows=1, link=link), 10)["text/html"]
    assert ("<a href" in page) == link.startswith("https:")
    assert "<b>" not in page


def test_the_caption_has_time_bytes_statement_and_what_is_missing() -> None:
    caption = Caption(
        rows=1000, more="there are more rows", elapsed_s=1.24, received_bytes=345678, statement=12, link="https://x/y"
    )
    bundle = result_bundle([Column("a", list(range(1000)))], caption, 10)
    assert bundle["text/plain"].splitlines()[-1] == (
        "10 of 1,000 rows shown · 1.2 s · 337.6 KiB · statement 12 · there are more rows"
    )
    assert '<a href="https://x/y" target="_blank" rel="noopener noreferrer">Monitoring hub</a>' in bundle["text/html"]
