"""JSON with ready-made parts: numbers with more digits than a Python float, and large results written only once."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RawJson:
    text: str


def dumps(value: Any) -> str:
    parts: list[str] = []
    mark = secrets.token_hex(16)  # new each time: no text of a user can hold it

    def placeholder(part: Any) -> str:
        if not isinstance(part, RawJson):
            raise TypeError(f"{type(part).__name__} is no JSON")
        parts.append(part.text)
        return f"{mark}{len(parts) - 1}."

    text = json.dumps(value, default=placeholder)
    for index, part in enumerate(parts):
        text = text.replace(f'"{mark}{index}."', part, 1)
    return text
