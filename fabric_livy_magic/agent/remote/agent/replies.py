"""The text of a reply, which the shell prints."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Base64(bytes):
    """Goes into the JSON text as it is: escaping checks each character, 0.1 s for a piece of a frame."""


def json_text(value: Any) -> str:
    encoded_parts: list[str] = []
    placeholder = uuid.uuid4().hex  # random, so no text of a user contains it

    def default(part: Any) -> str:
        if not isinstance(part, Base64):
            return str(part)
        encoded_parts.append(part.decode("ascii"))
        return f"{placeholder}{len(encoded_parts) - 1}."

    text = json.dumps(value, ensure_ascii=False, default=default)
    if not text.isascii():
        text = LONE_SURROGATE.sub(lambda match: f"\\\\u{ord(match[0]):04x}", text)  # UTF-8, and so the shell, has none
    for number, part in enumerate(encoded_parts):
        text = text.replace(f"{placeholder}{number}.", part, 1)
    return text


def framed(request: str, text: str) -> str:
    return f"\n[fabric-livy {request} {len(text)}]\n{text}\n[/fabric-livy {request}]\n"
