"""The statements of a SQL cell, and the parameters they ask for: pure texts."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.sql_parameters import bound, typed
from fabric_livy_magic.sql_text import parameter_names, split_statements


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        (" ; ;\n", []),
        ("-- only a comment; or two", []),
        ("/* a; /* nested; */ b; */ ;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;", ["SELECT 1"]),
        ("SELECT 1; SELECT 2 ;\n", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';'; SELECT \"a;b\"; SELECT `c;d`", ["SELECT ';'", 'SELECT "a;b"', "SELECT `c;d`"]),
        ("SELECT 'it\\'s; here'; SELECT 2", ["SELECT 'it\\'s; here'", "SELECT 2"]),
        ("SELECT 1 -- it's; one\n; SELECT 2", ["SELECT 1 -- it's; one", "SELECT 2"]),
        ("SELECT /* it's; */ 1; SELECT 2", ["SELECT /* it's; */ 1", "SELECT 2"]),
        ("SELECT `a``;`; SELECT 2", ["SELECT `a``;`", "SELECT 2"]),
        ("SELECT 'open; SELECT 2", ["SELECT 'open; SELECT 2"]),
        ("BEGIN SELECT 1; SELECT 2; END; SELECT 3", ["BEGIN SELECT 1; SELECT 2; END", "SELECT 3"]),
        ("SELECT begin FROM t; SELECT 2", ["SELECT begin FROM t", "SELECT 2"]),
        ("SELECT CASE WHEN a THEN 1 END; SELECT 2", ["SELECT CASE WHEN a THEN 1 END", "SELECT 2"]),
    ],
)
def test_a_cell_is_cut_between_its_statements_and_nowhere_else(text: str, statements: list[str]) -> None:
    assert [one.strip() for one in split_statements(text)] == statements


PIECES = st.sampled_from(
    [
        "SELECT 1",
        "';'",
        '";"',
        "`;`",
        "-- ; '\n",
        "/* ; ' */",
        "'\\';'",
        "a",
        " ",
        "\n",
        "'it''s'",
        "(",
        ")",
        "x.y",
        "::INT",
    ]
)


@given(st.lists(st.lists(PIECES, min_size=1).map("".join), min_size=1, max_size=5))
def test_joined_statements_are_found_again_with_every_character_of_their_own(parts: list[str]) -> None:
    wanted = [part.strip() for part in parts if split_statements(part)]
    assert [one.strip() for one in split_statements("\n;\n".join(parts))] == wanted


@given(st.text(alphabet="'\"`;-/*\\ \nab:B"))
def test_any_text_is_split_without_an_error_and_nothing_of_code_is_lost(text: str) -> None:
    kept = "".join(split_statements(text))
    assert set(kept) <= set(text)
    parameter_names(text)


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("SELECT :a, :b_1, :a", ["a", "b_1"]),
        ("SELECT * FROM t WHERE x>:floor AND y<=:ceiling", ["floor", "ceiling"]),
        ("SELECT * FROM IDENTIFIER(:table)", ["table"]),
        ("SELECT ':a', \":b\", `:c` -- :d\n/* :e */", []),
        ("SELECT x::INT, '1'::DATE", []),
        ("SELECT CAST(NULL AS STRUCT<a:INT, b: STRING>)", []),
        ("SELECT 1 WHERE a IN (:one,:two)", ["one", "two"]),
        ("SELECT -:n, :n+1", ["n"]),
    ],
)
def test_a_parameter_is_a_colon_and_a_name_outside_of_text_comments_types_and_casts(
    statement: str, names: list[str]
) -> None:
    assert parameter_names(statement) == names


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, ["null", None]),
        (True, ["bool", True]),
        (2**70, ["int", str(2**70)]),
        (1.5, ["float", (1.5).hex()]),
        (float("nan"), ["float", "nan"]),
        ("it's", ["str", "it's"]),
        (datetime.date(2024, 1, 31), ["date", "2024-01-31"]),
        (datetime.datetime(2024, 1, 31, 1, 2), ["datetime", "2024-01-31T01:02:00"]),
        (Decimal("1.50"), ["decimal", "1.50"]),
        ([1, "a"], ["list", [["int", "1"], ["str", "a"]]]),
        (datetime.timedelta(days=1, seconds=2), ["timedelta", "1 2 0"]),
        (b"\0\xff", ["bytes", "AP8="]),
    ],
)
def test_a_value_travels_with_its_type(value: Any, wanted: list[Any]) -> None:
    assert typed(value) == wanted


def test_values_of_numpy_and_pandas_are_pythons() -> None:
    import numpy as np
    import pandas as pd

    assert typed(np.int64(3)) == ["int", "3"]
    assert typed(np.float32(0.5))[0] == "float"
    assert typed(pd.Timestamp("2024-01-31"))[0] == "datetime"
    assert typed(pd.NaT) == ["null", None]


@pytest.mark.parametrize("value", [object(), print, {1}], ids=["object", "function", "set"])
def test_a_value_that_sql_has_no_type_for_is_refused_by_name(value: Any) -> None:
    with pytest.raises(SettingsError, match="mine"):
        bound(["mine"], {"mine": value})


def test_all_names_that_are_missing_are_listed_with_a_guess() -> None:
    with pytest.raises(SettingsError, match=r"(?s)flor.*ceiling") as caught:
        bound(["flor", "ceiling", "there"], {"floor": 1, "there": 2})
    assert "floor" in str(caught.value)
    assert "-p" in str(caught.value)
