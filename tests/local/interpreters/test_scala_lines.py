"""How a Scala cell is cut: at its magics, or as in Livy at each line."""

from __future__ import annotations

from typing import Any

import pytest

scala_cells = pytest.importorskip("fabric_livy_magic.local.interpreters.scala_cells")


def run_lines(code: str, incomplete: tuple[str, ...] = (), wrong: tuple[str, ...] = ()) -> tuple[str, list[str]]:
    seen: list[str] = []

    def interpret(text: str) -> str:
        seen.append(text)
        return "Incomplete" if text in incomplete else "Error" if text in wrong else "Success"

    def is_only_comments(text: str) -> bool:
        return interpret(f"{{\n{text}\n}}") == "Success"

    return scala_cells.run_lines(code, interpret, is_only_comments), seen


CASES = [
    ("1+1", (), (), "Success", ["1+1"]),
    ("  a\n\nb \n", (), (), "Success", ["a", "", "b"]),
    ("def f = {\n1\n}", ("def f = {", "def f = {\n1"), (), "Success", ["def f = {", "def f = {\n1", "def f = {\n1\n}"]),
    ("a\nbad\nnever", (), ("bad",), "Error", ["a", "bad"]),
    ("/*\nx", ("/*", "/*\nx"), (), "Success", ["/*", "/*\nx", "{\n/*\nx\n}"]),
    ("sc.", ("sc.",), ("{\nsc.\n}",), "Incomplete", ["sc.", "{\nsc.\n}"]),
]


@pytest.mark.parametrize(("code", "incomplete", "wrong", "verdict", "seen"), CASES)
def test_lines(code: str, incomplete: tuple[str, ...], wrong: tuple[str, ...], verdict: str, seen: list[str]) -> None:
    assert run_lines(code, incomplete, wrong) == (verdict, seen)


def run_parts(code: str, incomplete: tuple[str, ...] = (), wrong: tuple[str, ...] = ()) -> tuple[str, list[Any]]:
    seen: list[Any] = []

    def run_scala(text: str, line: int) -> str:
        seen.append((line, text))
        return "Incomplete" if text in incomplete else "Error" if text in wrong else "Success"

    def run_magic(magic: tuple[str, str]) -> str:
        seen.append(magic)
        return "Success" if magic[0] == "json" else "Error"

    return scala_cells.run_parts(code, run_scala, run_magic), seen


PARTS: list[tuple[str, tuple[str, ...], tuple[str, ...], str, list[Any]]] = [
    ("1+1", (), (), "Success", [(1, "1+1")]),
    ("\n\na\n  b", (), (), "Success", [(1, "\n\na\n  b")]),
    ("a\n%json x\n\nb", (), (), "Success", [(1, "a"), ("json", "x"), (3, "\nb")]),
    ("%json x\n%foo y\na", (), (), "Error", [("json", "x"), ("foo", "y")]),
    ("bad\n%json x", (), ("bad",), "Error", [(1, "bad")]),
    (
        'a\n"""\n%json x\n"""',
        ('a\n"""', 'a\n"""\n%json x'),
        (),
        "Success",
        [(1, 'a\n"""'), (1, 'a\n"""\n%json x'), (1, 'a\n"""\n%json x\n"""')],
    ),
    ("sc.", ("sc.",), (), "Incomplete", [(1, "sc.")]),
]


@pytest.mark.parametrize(("code", "incomplete", "wrong", "verdict", "seen"), PARTS)
def test_a_cell_is_cut_at_its_magics_alone(
    code: str, incomplete: tuple[str, ...], wrong: tuple[str, ...], verdict: str, seen: list[Any]
) -> None:
    assert run_parts(code, incomplete, wrong) == (verdict, seen)
