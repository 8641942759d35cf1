"""Where Python code ends before a cursor: within which string, and within which brackets."""

from __future__ import annotations

import re
from typing import NamedTuple

TOKEN = re.compile(r"#[^\n]*|\"\"\"|'''|[\"'()\[\]{}]")
TO_THE_END = {
    quote: re.compile(rf"(?:\\.|(?!{quote})[^\\{'' if len(quote) == 3 else chr(10)}])*{quote}", re.DOTALL)
    for quote in ('"', "'", '"""', "'''")
}
FORMAT_PREFIX = re.compile(r"(?<![A-Za-z0-9_])(?:[fF][rR]?|[rR][fF])$")
HOLE = re.compile(r"\{\{|\}\}|[{}]")


class Cursor(NamedTuple):
    """`string` is the position after the quotes of the string that the text ends in, -1 outside of strings. `brackets` are the
    positions of those still open, from the outermost."""

    string: int
    brackets: tuple[int, ...]


def cursor_after(text: str) -> Cursor:
    """A string of one line that does not end on its line is taken to end there."""
    brackets: list[int] = []
    found = TOKEN.search(text)
    while found:
        mark, after = found[0], found.end()
        if mark in "([{":
            brackets.append(found.start())
        elif mark in ")]}":
            if brackets:
                brackets.pop()
        elif mark in TO_THE_END:
            ending = TO_THE_END[mark].match(text, after)
            line_end = text.find("\n", after) if len(mark) == 1 else -1
            if ending is None and line_end < 0:
                hole = hole_in(text, found.start(), after)
                if hole is None:
                    return Cursor(after, tuple(brackets))
                brackets, after = [], hole
            else:
                after = ending.end() if ending else line_end
        found = TOKEN.search(text, after)
    return Cursor(-1, tuple(brackets))


def hole_in(text: str, quote: int, begin: int) -> int | None:
    """Where the code begins that an unfinished f-string ends in, as in `f"{df['`."""
    if not FORMAT_PREFIX.search(text[max(0, quote - 3) : quote]):
        return None
    opened: list[int] = []
    for brace in HOLE.finditer(text, begin):
        if brace[0] == "{":
            opened.append(brace.end())
        elif brace[0] == "}" and opened:
            opened.pop()
    return opened[0] if opened else None
