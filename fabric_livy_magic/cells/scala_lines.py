"""Scala cells in a form that Livy's Scala shell takes as a compiler would take the whole cell. Pure.

Livy feeds a Scala cell to its shell line by line, and joins lines only after one that is incomplete. So a line that goes on with
the line before it (`.filter(…)`, `else`) is an error there, `1 +` a statement of its own, and a class no companion of the object
below it. Here the first word of such a line is moved to the end of the line before, which is incomplete then; or the line break
becomes a comment. Nothing else changes: each line keeps its number, and a cell that worked before is sent as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fabric_livy_magic.cells.comments import comment_end

# Code that cannot begin a statement: a compiler drops the line breaks before it (Scala language specification, 1.2).
CONTINUES = re.compile(r"(\s*)(\.(?=\s*[^\W\d]|\s*`)|(?:else|catch|finally|yield|match|extends|with)\b|=>)")
# An operator at the end of a line, whose right side is on the next one. Without those after which a line is incomplete anyhow,
# and those that are in use after their operand: `"ls" !`.
OPERATOR = re.compile(
    r"(?<![-+*/%&|^<>=!:~#@\\?])(?!(?:=>?|<-|<:|>:|<%|[:#@?]|!!?|\?\?\?)\s*$)[-+*/%&|^<>=!:~#@\\?]+\s*$"
)
NO_OPERAND = re.compile(
    r"\s*(?:[)\]},;=@]|(?:val|var|def|type|class|object|trait|case|sealed|abstract|final|implicit|lazy|private|protected|override"
    r"|import|package|then|do)\b|$)"
)
DEFINITION = re.compile(
    r"\s*(?:@\w+(?:\([^)]*\))?\s*)*"
    r"((?:(?:sealed|abstract|final|case|implicit|lazy|override|private|protected)\b(?:\[\w+\])?\s*)*)"
    r"\b(class|trait|object|def|type)\s+([^\W\d]\w*)"
)
# Words that a compiler lets stand alone at the end of a line.
OPENING_WORD = re.compile(
    r"(\s*)(@|(?:case|class|object|trait|def|sealed|abstract|final|implicit|lazy|override|private|protected|val|var|import)\b)"
)
WORD = re.compile(r"[^\W\d]\w*")
PIECE = re.compile(
    r"""(?P<newline>\n)
    |(?P<comment>//[^\n]*)
    |(?P<string>\"{3}.*?(?:\"{3,}|\Z)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])')
    |(?P<block>/\*)
    |(?P<code>(?:[^\n"'/]|/(?![/*]))+|.)""",
    re.DOTALL | re.VERBOSE,
)
COMMENT_DELIMITER = re.compile(r"/\*|\*/")


@dataclass
class Piece:
    kind: str
    text: str

    @property
    def is_code(self) -> bool:
        return self.kind == "string" or (self.kind == "code" and bool(self.text.strip()))


class Statement:
    """One of a cell's own, not of a block in it. `first` and `last`: where its code begins and ends among the pieces."""

    def __init__(self, pieces: Sequence[Piece], first: int, last: int) -> None:
        self.first, self.last = first, last
        own = [piece for piece in pieces[first : last + 1] if piece.is_code or piece.kind == "newline"]
        self.text = "".join(piece.text for piece in own)
        definition = DEFINITION.match(self.text)
        self.modifiers, self.keyword, self.name = definition.groups() if definition else ("", "", "")
        self.words = set(WORD.findall(self.text)) if definition else set()
        self.is_type = self.keyword in ("class", "trait")
        self.is_sealed = self.is_type and "sealed" in self.modifiers

    def extends(self, name: str) -> bool:
        return re.search(rf"\b(?:extends|with)\s+{name}\b", self.text) is not None


def join_scala_lines(code: str) -> str:
    """The cell with what belongs together joined for Livy's shell."""
    pieces = list(_pieces(code))
    statements = list(_statements(pieces))
    for group in _groups(statements):
        for one, other in pairwise(group):
            _join(pieces, one.last, other.first, OPENING_WORD, ";")
    return "".join(piece.text for piece in pieces)


def _statements(pieces: Sequence[Piece]) -> Iterator[Statement]:
    """In the order of the cell. Lines that one statement goes on in are joined on the way."""
    depth, first, last = 0, -1, -1
    for position, piece in enumerate(pieces):
        if not piece.is_code:
            continue
        new_line = any(one.kind == "newline" for one in pieces[last + 1 : position])
        if first < 0:
            first = position
        elif new_line and depth == 0 and not _goes_on(pieces, last, position):
            yield Statement(pieces, first, last)
            first = position
        last = position
        if piece.kind == "code":
            depth = max(0, depth + sum(map(piece.text.count, "([{")) - sum(map(piece.text.count, ")]}")))
    if first >= 0:
        yield Statement(pieces, first, last)


def _goes_on(pieces: Sequence[Piece], last: int, position: int) -> bool:
    """Whether the line that begins at `position` goes on with the code at `last`; if so, they are joined."""
    before, after = pieces[last], pieces[position]
    if after.kind == "code" and (match := CONTINUES.match(after.text)):
        _join(pieces, last, position, CONTINUES, "" if match[2] == "." else " ")
        return True
    breaks = sum(piece.kind == "newline" for piece in pieces[last + 1 : position])
    has_operand = after.kind == "string" or not NO_OPERAND.match(after.text)
    if before.kind == "code" and OPERATOR.search(before.text) and has_operand and breaks == 1:
        _join(pieces, last, position, None, "")
        return True
    return False


def _join(
    pieces: Sequence[Piece], last: int, position: int, first_word: re.Pattern[str] | None, separator: str
) -> None:
    """Behind the code at `last` comes `separator`, and the first word of the code at `position`, which leaves blanks. Without such
    a word all between them becomes a comment."""
    before, after = pieces[last], pieces[position]
    code = before.text.rstrip() if before.kind == "code" else before.text
    rest = before.text[len(code) :]
    match = first_word.match(after.text) if first_word and after.kind == "code" else None
    if match:
        word = match[2] if separator in ("", " ") else f" {match[2]}"
        before.text = f"{code}{separator}{word}{rest}"
        after.text = match[1] + " " * len(match[2]) + after.text[match.end() :]
        return
    for piece in pieces[last + 1 : position]:
        if COMMENT_DELIMITER.search(piece.text):
            piece.text = "\n" * piece.text.count("\n")
    before.text = f"{code}{separator} /*{rest}"
    after.text = "*/" + (after.text[2:] if after.text.startswith("  ") else after.text)


def _groups(statements: Sequence[Statement]) -> Iterator[Sequence[Statement]]:
    """Those that have to be compiled together, with all between them; each other one alone."""
    first = 0
    while first < len(statements):
        last = looked = first
        while looked <= last:
            last = max(
                [last, *(later for later in range(last + 1, len(statements)) if _linked(statements, looked, later))]
            )
            looked += 1
        yield statements[first : last + 1]
        first = last + 1


def _linked(statements: Sequence[Statement], earlier: int, later: int) -> bool:
    """A class and its companion, a sealed class and one that extends it, a definition and a later one that it uses."""
    one, other = statements[earlier], statements[later]
    if not one.keyword or not other.keyword:
        return False
    if one.name == other.name:
        return (one.is_type and other.keyword == "object") or (one.keyword == "object" and other.is_type)
    if one.is_sealed and other.extends(one.name):
        return True
    return other.name in one.words and all(each.keyword for each in statements[earlier:later])


def _pieces(code: str) -> Iterator[Piece]:
    """The cell cut into newlines, comments, literals and code; joined they are the cell again."""
    position = 0
    while match := PIECE.match(code, position):
        kind, end = str(match.lastgroup), match.end()
        if kind == "block":
            end = comment_end(code, end, COMMENT_DELIMITER)
        yield Piece(kind, code[position:end])
        position = end
