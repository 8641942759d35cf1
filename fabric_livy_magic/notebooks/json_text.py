"""JSON as it stands in notebooks. Pure."""

from __future__ import annotations

import json
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
