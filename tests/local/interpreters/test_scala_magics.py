"""`%json` and `%table` in Scala code: which lines are magics, and their tables."""

from __future__ import annotations

from typing import Any

import pytest

from fabric_livy_magic.local.interpreters import scala_magics
from fabric_livy_magic.local.interpreters.pymagics import TABLE


@pytest.mark.parametrize(
    ("line", "magic"),
    [
        ("%json x", ("json", "x")),
        ("%table  my table", ("table", "my table")),
        ("%json", ("json", "")),
        ("%foo(bar", ("foo", "bar")),
        ("%", None),
        ("%%time", None),
        (" %json x", None),
        ("val x = 7 % json", None),
        ("%json x\n+ 1", None),
    ],
)
def test_a_magic_is_a_line_of_its_own(line: str, magic: tuple[str, str] | None) -> None:
    assert scala_magics.read_magic(line) == magic


def headers(*columns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"type": kind, "name": name} for kind, name in columns]


TABLES: list[tuple[Any, list[dict[str, str]], list[list[Any]]]] = [
    ([], [], []),
    (5, headers(("BIGINT_TYPE", "0")), [[5]]),
    ([[1, "a"], [3, "b"]], headers(("BIGINT_TYPE", "0"), ("STRING_TYPE", "1")), [[1, "a"], [3, "b"]]),
    ({"b": True, "a": 1.5}, headers(("DOUBLE_TYPE", "a"), ("BOOLEAN_TYPE", "b")), [[1.5, True]]),
    (
        [{"_1": None, "_2": [1], "_3": {"k": 1}}],
        headers(("NULL_TYPE", "_1"), ("ARRAY_TYPE", "_2"), ("MAP_TYPE", "_3")),
        [[None, [1], {"k": 1}]],
    ),
]


@pytest.mark.parametrize(("value", "columns", "data"), TABLES)
def test_tables(value: Any, columns: list[dict[str, str]], data: list[list[Any]]) -> None:
    assert scala_magics.magic_output("table", value) == {
        "status": "ok",
        "data": {TABLE: {"headers": columns, "data": data}},
    }


@pytest.mark.parametrize("value", [[[1], ["a"]], [[1], [None]], [[[1, "a"]]], [{"m": {"a": 1, "b": "c"}}]])
def test_a_column_a_list_and_a_map_have_one_type(value: Any) -> None:
    output = scala_magics.magic_output("table", value)
    assert (output["ename"], output["evalue"]) == ("TypeError", "table rows have different types")
