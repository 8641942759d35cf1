"""Results and progress as a person sees them."""

from __future__ import annotations

import html.parser
import io
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.livy.models import Output, Progress
from fabric_livy_magic.output.progress import FIRST_SHOWN_S, ProgressLine, progress_line, progress_text
from fabric_livy_magic.output.results import part_bundle
from fabric_livy_magic.output.tables import table_bundle, text_table
from fabric_livy_magic.running.results import Printed, parts_of_output
from tests.support.notebook import notebook
from tests.support.outputs import sql_output, text_output


def shown(raw: dict[str, Any], rows_shown: int = 20, limit: int | None = None) -> dict[str, Any]:
    """The one part of a plain statement's output, as it is displayed."""
    parts = parts_of_output(Output.from_json(raw), limit)
    if not parts:
        return {}
    (part,) = parts
    return {"text/plain": part.text} if isinstance(part, Printed) else part_bundle(part, rows_shown, 1.24)


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

    bundle = table_bundle(["a"], [[None], [float("nan")], [pd.NA], [pd.NaT]])
    assert bundle["text/plain"].splitlines()[2:] == ["null"] * 4
    assert bundle["text/html"].count("<i>null</i>") == 4


def test_the_word_null_is_not_a_null() -> None:
    assert "<i>" not in table_bundle(["a"], [["null"], ["<NA>"], ["NaT"]])["text/html"].split("</style>")[1]


def test_a_long_value_is_cut_with_a_sign() -> None:
    bundle = table_bundle(["a"], [["x" * 1000]])
    assert "x" * 199 + "…" in bundle["text/plain"]
    assert "x" * 200 not in bundle["text/html"]


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


# ------------------------------------------------------------------------------------------------ captions
NUMBERS = sql_output([("n", "long")], [[n] for n in range(1000)])


@pytest.mark.parametrize(
    ("rows", "rows_shown", "limit", "caption"),
    [
        (0, 20, None, "0 rows · 1.2 s"),
        (1, 20, None, "1 row · 1.2 s"),
        (20, 20, None, "20 rows · 1.2 s"),
        (21, 20, None, "20 of 21 rows shown · 1.2 s"),
        (999, 20, None, "20 of 999 rows shown · 1.2 s"),
        (
            1000,
            20,
            None,
            "20 of 1,000 rows shown · 1.2 s · a Livy server gives at most 1,000 rows of a SQL result: there may be more",
        ),
        (1000, 20, 5, "5 rows · 1.2 s · -n kept 5 of at least 1,000 rows"),
        (30, 20, 25, "20 of 25 rows shown · 1.2 s · -n kept 25 of 30 rows"),
        (30, 20, 0, "0 rows · 1.2 s · -n kept 0 of 30 rows"),
        (30, 50, 30, "30 rows · 1.2 s"),
    ],
)
def test_the_caption_is_honest(rows: int, rows_shown: int, limit: int | None, caption: str) -> None:
    raw = sql_output([("n", "long")], [[n] for n in range(rows)])
    assert shown(raw, rows_shown, limit=limit)["text/plain"].splitlines()[-1] == caption


def test_a_statement_without_rows_is_told_to_be_done() -> None:
    assert shown(sql_output([], []))["text/plain"] == "Done: this statement gives no rows. 1.2 s"


# ------------------------------------------------------------------------------------------------ other outputs
def test_text_is_shown_as_it_came() -> None:
    assert shown(text_output("  a\n\n")) == {"text/plain": "  a\n\n"}


def test_no_output_shows_nothing() -> None:
    assert shown(text_output("")) == {}
    assert shown({"status": "ok", "data": None}) == {}


def test_a_livy_table_is_a_table() -> None:
    data = {
        "application/vnd.livy.table.v1+json": {
            "headers": [{"type": "BIGINT_TYPE", "name": "n"}, {"type": "STRING_TYPE", "name": "<t>"}],
            "data": [[1, "x"], [22, None]],
        }
    }
    bundle = shown({"status": "ok", "data": data}, 1)
    assert bundle["text/plain"].splitlines()[0] == "n  <t>"
    assert bundle["text/plain"].splitlines()[-1] == "1 of 2 rows shown · 1.2 s"
    assert "&lt;t&gt;" in bundle["text/html"]


def test_a_picture_is_shown_with_a_text_twin() -> None:
    assert shown({"status": "ok", "data": {"image/png": "aGk="}}) == {"image/png": "aGk=", "text/plain": "<image/png>"}


def test_json_is_shown_with_a_text_twin() -> None:
    bundle = shown({"status": "ok", "data": {"application/json": {"é": 1}}})
    assert bundle == {"application/json": {"é": 1}, "text/plain": '{\n  "é": 1\n}'}


def test_a_type_that_only_some_front_ends_know_comes_with_a_text() -> None:
    data = {"application/vnd.strange+json": {}}
    assert shown({"status": "ok", "data": data}) == {**data, "text/plain": "<application/vnd.strange+json>"}


# ------------------------------------------------------------------------------------------------ progress
def test_progress_reads_as_the_golden_file(golden: Callable[[str, str], None]) -> None:
    steps = [
        Progress("session", "acquiring_session", 0.0),
        Progress("session", "not_started", 3.4),
        Progress("session", "starting", 75.6),
        Progress("session", "unknown", 5.0),
        Progress("statement", "waiting", 0.6),
        Progress("statement", "running", 12.0, 0.0),
        Progress("statement", "running", 12.0, 0.333),
        Progress("statement", "running", 3700.0, 1.0),
        Progress("statement", "cancelling", 5.0),
    ]
    golden("progress.txt", "".join(progress_text(step, "Sales/Bronze") + "\n" for step in steps))


def run_through(line: ProgressLine) -> None:
    for elapsed_s in itertools.takewhile(lambda s: s < 3, itertools.count(0, 0.25)):
        line(Progress("statement", "running", elapsed_s, 0.5))


def test_a_terminals_line_is_overwritten_and_gone_in_the_end() -> None:
    terminal = io.StringIO()
    line = ProgressLine("line", "here", terminal)
    run_through(line)
    line.erase()
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert drawn[0] == drawn[-1] == ""
    assert drawn[1:-1] == ["Running: 0 s · 50%", "Running: 1 s · 50%", "Running: 2 s · 50%", "Running: 3 s · 50%"]
    assert "\n" not in terminal.getvalue()


@pytest.mark.parametrize("mode", ["plain", "off"])
def test_headless_modes_draw_no_line(mode: str) -> None:
    terminal = io.StringIO()
    line = ProgressLine(mode, "here", terminal)
    run_through(line)
    line.erase()
    assert terminal.getvalue() == ""


def test_a_quick_statement_draws_no_line() -> None:
    terminal = io.StringIO()
    ProgressLine("line", "here", terminal)(Progress("statement", "running", FIRST_SHOWN_S - 0.01))
    assert terminal.getvalue() == ""


def test_a_note_stays_and_is_left_out_when_progress_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    ProgressLine("plain", "here").note("Session is ready")
    ProgressLine("off", "here").note("Session is ready")
    assert capsys.readouterr().out == "Session is ready\n"


def test_in_a_notebook_one_display_is_updated_and_becomes_the_result(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with notebook(capsys, tmp_path) as nb:
        line = ProgressLine("line", "here")
        run_through(line)
        line.show({"text/html": "<b>result</b>", "text/plain": "result"})
        line.erase()
        outputs = nb.shell.display_pub.outputs
        assert len({output["transient"]["display_id"] for output in outputs}) == 1
        assert [output["update"] for output in outputs] == [False, *[True] * (len(outputs) - 1)]
        assert outputs[-1]["data"]["text/plain"] == "result"


def test_in_a_notebook_a_line_without_a_result_is_emptied(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with notebook(capsys, tmp_path) as nb:
        line = ProgressLine("line", "here")
        run_through(line)
        line.erase()
        assert nb.shell.display_pub.outputs[-1]["data"]["text/plain"] == ""


def test_without_a_person_progress_is_plain() -> None:
    assert progress_line("auto", None, "here")._mode == "plain"
    assert progress_line("line", None, "here")._mode == "line"
