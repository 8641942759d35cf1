"""JSON as it stands in notebooks. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

# Two readings of the same text must be equal, and NaN equals nothing but the very same object.
_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def read_json(text: str) -> Any:
    """Raises ValueError for whatever cannot be read, nesting too deep among it."""
    try:
        return json.loads(text, parse_constant=_CONSTANTS.__getitem__)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def write_json(value: Any, indent: int) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False)


_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_STRING_OR_LAST_COMMA = re.compile(r'"(?:[^"\\\n]|\\.)*"|,(?=\s*[}\]])')


def read_forgiving_json(text: str) -> Any:
    """The same with comments (`//`, `/* */`) and a comma behind the last entry. Line and column of an error stay right."""
    text = _STRING_OR_COMMENT.sub(lambda one: one[0] if one[0][0] == '"' else re.sub(r"[^\n]", " ", one[0]), text)
    return read_json(_STRING_OR_LAST_COMMA.sub(lambda one: " " if one[0] == "," else one[0], text))
