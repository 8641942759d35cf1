"""What a cell gave, as a person sees it: captions, text, pictures, JSON."""

from __future__ import annotations

import pytest

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.output.results import Look, part_bundle
from fabric_livy_magic.running.results import Shown
from tests.output.conftest import shown
from tests.support.outputs import sql_output, text_output

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


@pytest.mark.parametrize("data", [{"text/plain": ""}, {"text/plain": "", "text/html": "<b>x</b>"}])
def test_an_empty_text_is_shown_as_such(data: dict[str, str]) -> None:
    assert part_bundle(Shown(data), Look(20, 1000)) == {**data, "text/plain": "" if len(data) == 1 else "<text/html>"}


def test_years_of_livys_own_rows_that_python_has_not_are_shown_as_text() -> None:
    fields = [("d", "date"), ("n", "integer"), ("a", {"type": "array", "elementType": "timestamp"})]
    rows = [["+12345-01-01", 1, ["-0003-01-01T01:00:00Z"]], ["2020-01-01", None, []]]
    first, second = shown(sql_output(fields, rows))["text/plain"].splitlines()[2:4]
    assert first.split() == ["+12345-01-01", "1", "[-0003-01-01T01:00:00Z]"]
    assert second.split() == ["2020-01-01", "NULL", "[]"]
    with pytest.raises(FrameError, match="not of its column's type"):
        shown(sql_output([("d", "date"), ("n", "date")], [["+12345-01-01", 1]]))
