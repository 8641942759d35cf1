"""JSON of notebooks: NaN and infinities are allowed, and comments in `%%configure`. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

# The same NaN object for each reading, so that two readings of a text are equal: containers compare by identity first.
_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def read_json(text: str) -> Any:
    """Raises ValueError for text that is no JSON or is nested too deeply."""
    try:
        return json.loads(text, parse_constant=_CONSTANTS.__getitem__)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def write_json(value: Any, indent: int) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False)


_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*+"?|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_STRING_OR_LAST_COMMA = re.compile(r'"(?:[^"\\\n]|\\.)*+"?|,(?=\s*[}\]])')


def read_forgiving_json(text: str) -> Any:
    """Also takes comments (`//`, `/* */`) and a comma after the last entry. Line and column of an error stay right."""
    text = _STRING_OR_COMMENT.sub(
        lambda match: match[0] if match[0][0] == '"' else re.sub(r"[^\n]", " ", match[0]), text
    )
    return read_json(_STRING_OR_LAST_COMMA.sub(lambda match: " " if match[0] == "," else match[0], text))
