"""Cells in a real IPython shell against the scripted server: what a person sees."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pandas as pd
import pytest

from fabric_livy_magic import errors
from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook
from tests.support.outputs import error_output, sql_output, text_output
from tests.support.result_pages import static

TRIPS = sql_output(
    [("zone", "string"), ("trips", "long"), ("fare", "decimal(10,2)")],
    [["<b>Harlem</b>", 12, 7.5], [None, 3, None], ["Astoria", 1, 12.25]],
)


# ------------------------------------------------------------------------------------------------ the main path
def test_the_first_cell_starts_a_session_and_says_so(nb: Notebook, fabric: FakeFabric) -> None:
    ran = nb.ok("%%livy_pyspark\n1+1")
    first, second, result = ran.text.strip().splitlines()
    host = urlsplit(fabric.url).netloc
    assert first == f"No session yet: starting one on lakehouse 9b2d4c6e… at {host} …"  # not all of a long address
    assert re.fullmatch(rf"Session 'main' is ready after \d+ s \(id {next(iter(fabric.sessions))} on .*\)", second)
    assert result == "2"
    assert fabric.posted_code == [("pyspark", "1+1\n")]


def test_what_a_session_has_to_do_without_is_said_when_it_is_ready(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("idle", tags={"FallbackReasons": "Why", "FallbackMessages": "No <pool> fits."})
    lines = nb.ok("%livy start").text.strip().splitlines()
    assert lines[-1] == "No <pool> fits."
    assert "is ready after" in lines[-2]


def test_the_second_cell_runs_on_the_same_session_without_a_word(started: Notebook, fabric: FakeFabric) -> None:
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2"
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2"
    assert len(fabric.seen("POST", "/sessions$")) == 1


@pytest.mark.parametrize("kind", ["sql", "spark", "pyspark", "sparkr"])
def test_each_cell_magic_sends_its_kind(started: Notebook, fabric: FakeFabric, kind: str) -> None:
    started.ok(f"%%livy_{kind}\nsome code")
    started.ok(f"%livy_{kind} other code")
    assert fabric.posted_code == [(kind, "some code\n"), (kind, "other code")]


@pytest.mark.parametrize(
    "code", ["x = '{undefined}' # $HOME {1+1} %s", "print(f'{x!r}')", "SELECT '$x', \"{y}\" FROM t"]
)
def test_nothing_of_a_cell_is_expanded(started: Notebook, fabric: FakeFabric, code: str) -> None:
    started.ok(f"%%livy_pyspark\n{code}")
    started.ok(f"%livy_pyspark {code}")
    assert [sent for _, sent in fabric.posted_code] == [f"{code}\n", code]


def test_printed_text_is_shown_as_it_came(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("show()", text_output("+---+\n| a |\n+---+\n\n"))
    ran = started.ok("%%livy_spark\nshow()")
    assert ran.text.startswith("+---+\n| a |\n+---+\n")
    assert ran.displays == []


def test_a_cell_without_output_shows_nothing(started: Notebook) -> None:
    assert started.ok("%%livy_pyspark\nx = 1").text.strip() == ""


# ------------------------------------------------------------------------------------------------ SQL results
def test_a_sql_result_is_a_table_with_types_and_a_caption(
    started: Notebook, fabric: FakeFabric, golden: Callable[[str, str], None]
) -> None:
    fabric.answer("SELECT * FROM trips", TRIPS)
    ran = started.ok("%%livy_sql\nSELECT * FROM trips")
    (bundle,) = ran.displays
    assert set(bundle) == {"text/html", "text/plain"}
    assert "&lt;b&gt;Harlem&lt;/b&gt;" in bundle["text/html"]
    assert "<b>Harlem" not in bundle["text/html"]
    golden("sql_result.html", re.sub(r"\d+\.\d s", "0.0 s", static(bundle["text/html"])) + "\n")
    golden("sql_result.txt", re.sub(r"\d+\.\d s", "0.0 s", bundle["text/plain"]) + "\n")


def test_output_puts_a_dataframe_into_a_variable_and_shows_the_table(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT * FROM trips", TRIPS)
    ran = started.ok("%%livy_sql -o trips\nSELECT * FROM trips")
    trips = started.names["trips"]
    assert isinstance(trips, pd.DataFrame)
    assert list(trips["trips"]) == [12, 3, 1]
    assert len(ran.displays) == 1


def test_quiet_shows_nothing(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT * FROM trips", TRIPS)
    ran = started.ok("%%livy_sql -q -o trips\nSELECT * FROM trips")
    assert (ran.text, ran.displays) == ("", [])
    assert len(started.names["trips"]) == 3


def test_limit_keeps_the_first_rows_and_the_caption_says_so(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT * FROM trips", TRIPS)
    ran = started.ok("%%livy_sql -n 2 -o trips\nSELECT * FROM trips")
    assert len(started.names["trips"]) == 2
    assert "-n kept 2 of 3 rows" in ran.text


def test_a_limit_of_no_rows_keeps_the_columns(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT * FROM trips", TRIPS)
    started.ok("%%livy_sql -n 0 -o trips\nSELECT * FROM trips")
    assert list(started.names["trips"].columns) == ["zone", "trips", "fare"]


def test_a_thousand_rows_may_not_be_all_and_the_caption_says_so(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT n", sql_output([("n", "long")], [[number] for number in range(1000)]))
    ran = started.ok("%%livy_sql\nSELECT n")
    assert "10 of 1,000 rows shown" in ran.text
    assert "there may be more" in ran.text
    assert ran.html.count("<tr>") == 11


def test_the_number_of_rows_shown_can_be_chosen(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("SELECT n", sql_output([("n", "long")], [[number] for number in range(30)]))
    started.ok("%livy config rows_shown 5")
    assert "5 of 30 rows shown" in started.ok("%%livy_sql\nSELECT n").text


def test_a_statement_without_rows_says_that_it_is_done(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("CREATE TABLE t (a INT)", sql_output([], []))
    assert "Done: this statement gives no rows" in started.ok("%%livy_sql\nCREATE TABLE t (a INT)").text


def test_a_line_of_sql_returns_its_dataframe(started: Notebook, fabric: FakeFabric) -> None:
    started.ok("found = %livy_sql SELECT 1 AS one")
    assert started.names["found"].to_dict("list") == {"one": [1]}


def test_output_of_another_kind_is_its_text(started: Notebook) -> None:
    started.ok("%%livy_pyspark -o two\n1+1")
    assert started.names["two"] == "2"


def test_a_failed_cell_leaves_the_variable_as_it_was(started: Notebook) -> None:
    started.names["trips"] = "before"
    started.fails("%%livy_sql -o trips\nselec 1")
    assert started.names["trips"] == "before"


# ------------------------------------------------------------------------------------------------ remote errors
@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (
            "%%livy_sql\nselec 1",
            "[PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'.\nLine 1, column 1:\n    selec 1\n    ^^^^^",
        ),
        ("%%livy_spark\nnosuch + 1", "error: not found: value nosuch"),
        ("%%livy_pyspark\n1/0", "ZeroDivisionError: division by zero"),
    ],
    ids=["SQL that does not parse", "Scala that does not compile", "Python that raises"],
)
def test_a_remote_error_is_shown_short_and_fails_the_cell(started: Notebook, cell: str, shown: str) -> None:
    text = started.fails(cell)
    assert shown in text
    assert len(text.strip().splitlines()) <= 8
    assert "org.apache" not in text
    assert isinstance(started.run(cell).error, errors.StatementError)


def test_a_session_goes_on_after_a_remote_error(started: Notebook) -> None:
    started.fails("%%livy_pyspark\n1/0")
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2"


def test_the_whole_remote_error_can_be_seen(started: Notebook) -> None:
    assert "No remote error so far" in started.ok("%livy error").text
    started.fails("%%livy_sql\nselec 1")
    assert "org.apache.spark.sql.catalyst.parser" in started.ok("%livy error").text


def test_what_was_printed_before_an_error_is_shown(started: Notebook, fabric: FakeFabric) -> None:
    fabric.answer("print('a'); 1/0", {**error_output("E", "v"), "data": {"text/plain": "a"}})
    assert started.fails("%%livy_pyspark\nprint('a'); 1/0").splitlines()[0] == "a"


def test_run_all_stops_at_a_failed_cell(started: Notebook) -> None:
    started.fails("get_ipython().run_line_magic('livy_pyspark', '1/0')\nafter = 1")
    assert "after" not in started.names
