"""A reply as the text that the shell prints."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

HALF_PAIR = re.compile("[\ud800-\udfff]")


class Base64(bytes):
    """Becomes a string of JSON as it is: looking at each of its characters takes 0.1 s for a piece of a frame."""


def json_text(value: Any) -> str:
    plain: list[str] = []
    mark = uuid.uuid4().hex  # new each time: no text of a user can hold it

    def other(part: Any) -> str:
        if not isinstance(part, Base64):
            return str(part)
        plain.append(part.decode("ascii"))
        return f"{mark}{len(plain) - 1}."

    text = json.dumps(value, ensure_ascii=False, default=other)
    if not text.isascii():
        text = HALF_PAIR.sub(lambda half: f"\\\\u{ord(half[0]):04x}", text)  # it is no text for the shell
    for number, part in enumerate(plain):
        text = text.replace(f"{mark}{number}.", part, 1)
    return text


def framed(request: str, text: str) -> str:
    return f"\n[fabric-livy {request} {len(text)}]\n{text}\n[/fabric-livy {request}]\n"
