"""JSON of a server: its numbers with all their digits, and never nested so deeply that a function over it fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

# A struct of Spark 50 levels deep has a schema of 200. Python's own limit of calls is 1,000, and code over such a value needs
# several for each level.
MOST_NESTED = 250


class WrittenFloat(float):
    """A JSON number as a float whose `str` has all the digits that were sent: a decimal may have more than a float."""

    _text: str

    def __new__(cls, text: str) -> WrittenFloat:
        number = super().__new__(cls, text)
        number._text = str(text)
        return number

    def __str__(self) -> str:
        return self._text


class NestedTooDeeply(ValueError):  # noqa: N818 - says what it is
    """JSON, but deeper than MOST_NESTED."""


def read_json(content: bytes | str, number: Callable[[str], float] = WrittenFloat) -> Any:
    """`number` reads one with a fraction. Raises ValueError: NestedTooDeeply, or another where it is no JSON."""
    try:
        value = json.loads(content, parse_float=number)
    except RecursionError:
        raise NestedTooDeeply if _count(content, "]}") > MOST_NESTED else ValueError("it does not end") from None
    if _count(content, "[{") > MOST_NESTED and _is_deeper(value, MOST_NESTED):
        raise NestedTooDeeply
    return value


def _count(content: bytes | str, brackets: str) -> int:
    """Text without that many brackets is not deep: counting them costs nothing beside parsing."""
    return sum(content.count(one) if isinstance(content, str) else content.count(one.encode()) for one in brackets)


def _is_deeper(value: Any, most: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(most + 1):
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, Mapping) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
