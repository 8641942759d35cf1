"""Completions and descriptions of the session's names: the agent's part, in this process."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.agent.remote.agent import cursor, expression_types, introspection


class Reader:
    """Reads."""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def option(self, name: str) -> Reader:
        """Sets an option."""
        return self

    @property
    def table(self) -> Table:
        raise AssertionError("a completion calls nothing")

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Table:
    rows = 0

    def first(self) -> Reader:
        raise AssertionError("a completion calls nothing")


class Columns:
    def __init__(self) -> None:
        self.columns = ["town", "größe"]


NAMESPACE: dict[str, Any] = {
    "nested": {"a": {"b": 1}, "c": [{"d": 1}]},
    "reader": Reader(),
    "math": math,
    "settings": {"alpha": 1, "beta": 2, 3: 4},
    "frame": Columns(),
    "_hidden": 1,
    "number": 5,
    "rows": [Reader("first")],
}


def matches_of(code: str) -> list[str]:
    return [text for text, _ in introspection.complete(NAMESPACE, code)["matches"]]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("numb", ["number"]),
        ("x = 1\nnumb", ["number"]),
        ("print(numb", ["number"]),
        ("math.sq", ["sqrt"]),
        ("math.pi.real.bit", []),
        ("reader.opt", ["option"]),
        ("reader.option('a').opt", ["option"]),
        ("reader.option('a', b=[1, 2]).option(\"(\").opt", ["option"]),
        ("(reader\n    .option('a')\n    .opt", ["option"]),
        ("reader.table.fir", ["first"]),
        ("rows[0].opt", ["option"]),
        ("'text'.upp", ["upper"]),
        ("settings['", ["alpha", "beta"]),
        ("settings['al", ["alpha"]),
        ("frame['", ["town", "größe"]),
        ("frame[['town', 'g", ["größe"]),
        ('spark.sql("SELECT i', []),
        ("', '.join(\"", []),
        ('open("', []),
        ('in_a_list = ["', []),
        ('nested["a"]["', ["b"]),
        ("nested['c'][0]['", ["d"]),
        ("settings.get('", ["alpha", "beta"]),
        ("settings.update('", []),
        ('"it\'s" + numb', ["number"]),
        ("open('data.rea", []),
        ("nothing.", []),
        ("number.nothing.", []),
        ("'inside a numb", []),
        ("_hid", ["_hidden"]),
    ],
)
def test_what_could_stand_at_the_cursor(code: str, expected: list[str]) -> None:
    assert matches_of(code) == expected


def test_a_match_says_where_it_begins_and_of_what_kind_it_is() -> None:
    reply = introspection.complete(NAMESPACE, "y = math.sq")
    assert reply == {"start": 9, "matches": [["sqrt", "function"]]}
    kinds = dict(introspection.complete(NAMESPACE, "reader.")["matches"])
    assert (kinds["option"], kinds["table"]) == ("function", "property")
    assert "_hidden" not in matches_of("")
    assert {"number", "for", "print"} <= set(matches_of(""))


@given(st.text(st.sampled_from("abxf.()[]'\"{}, \n=#\\"), max_size=30))
def test_any_text_gets_an_answer(code: str) -> None:
    reply = introspection.complete(NAMESPACE, code)
    assert 0 <= reply["start"] <= len(code)
    at = cursor.cursor_after(code)
    assert at.string <= len(code)
    assert all(code[bracket] in "([{" for bracket in at.brackets)
    assert expression_types.expression_before(code) in code


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("math.sqrt", "Return the square root"),
        ("reader.option", "Signature: option(name: 'str')"),
        ("number", "Value: 5"),
        ("nothing", ""),
        ("1 + 1", ""),
    ],
)
def test_a_name_is_described(path: str, says: str) -> None:
    description = introspection.inspect_name(NAMESPACE, path)
    assert says in description
    assert bool(description) == bool(says)


def test_a_detailed_description_has_the_source() -> None:
    assert "return self" in introspection.inspect_name(NAMESPACE, "reader.option", 1)
