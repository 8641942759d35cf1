"""Scala cells with continuation lines joined, as Livy's Scala shell needs them. Pure.

Livy feeds a Scala cell to its shell line by line, and joins lines only after one that is incomplete. A line that a
compiler would take as the continuation of the one before, such as `.filter(…)` or `else`, is then an error. Here such
a line is joined with the code before it. Nothing else changes, so a cell that worked before is sent unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fabric_livy_magic.cells.comments import comment_end

# Code that cannot begin a statement: a compiler drops the line breaks before it (Scala language specification, 1.2).
CONTINUES = re.compile(r"\s*(?:\.\s*[^\W\d]|\.\s*`|(?:else|catch|finally|yield|match|extends|with)\b|=>)")
PIECE = re.compile(
    r"""(?P<newline>\n)
    |(?P<comment>//[^\n]*)
    |(?P<string>\"{3}.*?(?:\"{3,}|\Z)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])')
    |(?P<block>/\*)
    |(?P<code>(?:[^\n"'/]|/(?![/*]))+|.)""",
    re.DOTALL | re.VERBOSE,
)
COMMENT_DELIMITER = re.compile(r"/\*|\*/")

Piece = tuple[str, str]


def join_scala_lines(code: str) -> str:
    """The cell with every continuation line appended to the code before it; comments in between are dropped."""
    pieces = list(_pieces(code))
    joined: list[str] = []
    position = 0
    while position < len(pieces):
        gap_end = position
        while gap_end < len(pieces) and not _is_code(pieces[gap_end]):
            gap_end += 1
        gap = pieces[position:gap_end]
        follows = gap_end < len(pieces) and CONTINUES.match(pieces[gap_end][1])
        if follows and joined and any(kind == "newline" for kind, _ in gap):
            joined[-1:] = [joined[-1].rstrip(), " "]
            pieces[gap_end] = ("code", pieces[gap_end][1].lstrip())
        else:
            joined += [text for _, text in gap]
        if gap_end < len(pieces):
            joined.append(pieces[gap_end][1])
        position = gap_end + 1
    return "".join(joined)


def _is_code(piece: Piece) -> bool:
    kind, text = piece
    return kind == "string" or (kind == "code" and bool(text.strip()))


def _pieces(code: str) -> Iterator[Piece]:
    """The cell cut into newlines, comments, literals and code; joined they are the cell again."""
    position = 0
    while match := PIECE.match(code, position):
        kind, end = str(match.lastgroup), match.end()
        if kind == "block":
            end = comment_end(code, end, COMMENT_DELIMITER)
        yield kind, code[position:end]
        position = end
