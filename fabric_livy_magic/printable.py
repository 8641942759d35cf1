"""Text of others (notebooks, projects, servers, data) before it is printed or displayed: nothing in it can steer a terminal.

`printable` is called at the border where text leaves, never on a value that goes on into a program.
"""

from __future__ import annotations

import os
import re
from typing import TextIO

# Control characters except tab and line feed, what changes the direction of text, what only Unicode calls a line break, and
# surrogates without a partner, which no file can hold.
UNPRINTABLE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1, among them ESC and the one-character CSI
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"
    "\u2028\u2029\ud800-\udfff"
)
_COLOUR = r"\x1b\[[0-9;:]*m"
_SHOWN = re.compile(f"\r\n|[{UNPRINTABLE}]")
_SHOWN_WITH_COLOURS = re.compile(f"\r\n|{_COLOUR}|[{UNPRINTABLE}]")
_COLOURS = re.compile(_COLOUR)
NO_COLOUR = "\x1b[0m"


def printable(text: str) -> str:
    """With line feeds and tabs; any other character that is no text is shown by its number, as in Python: `\\x1b`, `\\u202e`."""
    return text if text.isascii() and text.isprintable() else _SHOWN.sub(_shown, text)


def printable_output(text: str) -> str:
    """What a program printed: it keeps its colours, and lines that it wrote over are as a terminal shows them in the end."""
    if "\r" in text:
        text = "\n".join(map(_overwritten, text.replace("\r\n", "\n").split("\n")))
    text = _SHOWN_WITH_COLOURS.sub(_shown, text)
    colours = _COLOURS.findall(text) if "\x1b" in text else []
    return text + NO_COLOUR if colours and colours[-1] not in {NO_COLOUR, "\x1b[m"} else text


def draws_colours(stream: TextIO) -> bool:
    """Whether it is a terminal of somebody who has not set NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def without_colours(text: str) -> str:
    return _COLOURS.sub("", text)


def _shown(match: re.Match[str]) -> str:
    text = match[0]
    if len(text) > 1:
        return "\n" if text == "\r\n" else text  # a colour
    number = ord(text)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def _overwritten(line: str) -> str:
    """The last text of a line that a progress bar draws anew. As most of them do, each is taken to cover the one before."""
    return next((part for part in reversed(line.split("\r")) if part), "")
