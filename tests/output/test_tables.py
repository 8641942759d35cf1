"""Tables as HTML and as text; no value gets out of its cell."""

from __future__ import annotations

import html.parser
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.output.tables import table_bundle, text_table
from tests.output.conftest import shown
from tests.support.outputs import sql_output


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


OUR_TAGS = {"style", "table", "thead", "tbody", "tr", "th", "td", "span", "div", "i"}
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
    bundle = table_bundle([text], [[text]], [text], text)
    page = Texts(bundle["text/html"])
    assert page.tags <= OUR_TAGS
    assert page.attributes <= {"class"}
    assert page.texts.count(text) == 4
    assert text in bundle["text/plain"]


@given(
    st.lists(st.text() | st.sampled_from(HOSTILE), min_size=1, max_size=4),
    st.lists(st.lists(st.text() | st.none() | st.floats() | st.integers() | st.sampled_from(HOSTILE)), max_size=4),
    st.text(),
)
def test_no_value_gets_out_of_its_cell(names: list[str], rows: list[list[Any]], caption: str) -> None:
    width = len(names)
    rows = [(row * width)[:width] if row else [None] * width for row in rows]
    page = Texts(table_bundle(names, rows, names, caption)["text/html"])
    assert page.tags <= OUR_TAGS
    assert page.attributes <= {"class"}


@given(st.lists(st.lists(st.text(), min_size=3, max_size=3), max_size=5), st.none() | st.integers(1, 200))
def test_any_text_table_has_a_line_for_each_row(rows: list[list[str]], width: int | None) -> None:
    rows = [["".join(part.splitlines()) for part in row] for row in rows]
    lines = text_table(["a", "b", "c"], rows, width=width).split("\n")
    assert len([line for line in lines if not line.startswith("… and")]) == 2 + len(rows)


def test_nulls_of_every_kind_are_shown_as_null() -> None:
    import pandas as pd

    bundle = table_bundle(["a"], [[None], [pd.NA], [pd.NaT]])
    assert bundle["text/plain"].splitlines()[2:] == ["NULL"] * 3
    assert bundle["text/html"].count("<i>NULL</i>") == 3


def test_the_word_null_is_not_a_null() -> None:
    assert "<i>" not in table_bundle(["a"], [["NULL"], ["<NA>"], ["NaT"]])["text/html"].split("</style>")[1]


def test_a_long_value_is_cut_with_a_sign() -> None:
    bundle = table_bundle(["a"], [["x" * 1000]])
    assert "x" * 199 + "…" in bundle["text/plain"]
    assert "x" * 200 not in bundle["text/html"]


def test_a_date_stays_on_one_line_and_a_long_text_wraps() -> None:
    page = table_bundle(["day", "text"], [["2024-01-31", "x " * 50]], ["date", "string"])["text/html"]
    assert "<td>2024-01-31</td>" in page
    assert '<td class="l">x x' in page
    assert ".flm.flm td{padding:3px 8px;text-align:left;white-space:pre;" in page
    assert ".l{white-space:pre-wrap;" in page


def test_a_line_break_in_a_value_keeps_its_row_on_one_line() -> None:
    assert text_table(["a"], [["x\ny"], ["p\r\nq"]]).splitlines()[2:] == ["x⏎y", "p⏎q"]


def test_numbers_stand_right_and_texts_left() -> None:
    text = table_bundle(["n", "t"], [[1, "x"], [1000, "y"]], ["long", "string"])["text/plain"]
    assert text.splitlines()[2:] == ["   1  x", "1000  y"]


def test_a_wide_result_says_how_many_columns_its_text_leaves_out() -> None:
    raw = sql_output([(f"column_{n}", "long") for n in range(40)], [list(range(40))])
    bundle = shown(raw)
    assert bundle["text/html"].count("<th") == 41  # with <thead>
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
    golden("every_type.html", bundle["text/html"].split("</style>")[1].replace("<tr>", "\n<tr>") + "\n")
