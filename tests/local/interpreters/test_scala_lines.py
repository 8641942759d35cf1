"""Scala code is run line by line."""

from __future__ import annotations

import pytest

scala = pytest.importorskip("fabric_livy_magic.local.interpreters.scala")


def run_lines(code: str, incomplete: tuple[str, ...] = (), wrong: tuple[str, ...] = ()) -> tuple[str, list[str]]:
    seen: list[str] = []

    def interpret(text: str) -> str:
        seen.append(text)
        return "Incomplete" if text in incomplete else "Error" if text in wrong else "Success"

    def is_only_comments(text: str) -> bool:
        return interpret(f"{{\n{text}\n}}") == "Success"

    return scala.run_lines(code, interpret, is_only_comments), seen


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
