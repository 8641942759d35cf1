"""The statements of a SQL cell and the `:name` markers in them, as Spark 3.5 and 4 read them. Pure.

The tokens are those of Spark's SqlBaseLexer.g4, as far as they decide what a `;` or a `:` means. Text that Spark would refuse
is not refused here: it is sent, and Spark reports the error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fabric_livy_magic.cells.comments import comment_end

# `r'…'` has no escapes; a backslash before a line break continues a `--` comment; `/*+` is a hint, whose words are
# tokens like others. An address (`hdfs://a--b`) is one token. `$$…$$` is a string from Spark 4 on. A string or comment that is
# not closed reaches to the end of the text.
TOKEN = re.compile(
    r"""(?P<gap>\s++|--(?:\\\n|[^\r\n])*+)
    |(?P<block>/\*(?!\+))
    |(?P<string>[rR](?:'[^']*+(?:'|\Z)|"[^"]*+(?:"|\Z))
        |'(?:[^'\\]|\\.)*+(?:'|\\?\Z)
        |"(?:[^"\\]|\\.)*+(?:"|\\?\Z)
        |(?P<tag>\$[A-Za-z]*\$).*?(?P=tag))
    |(?P<quoted>`(?:[^`]|``)*+(?:`|\Z))
    |(?P<word>[A-Za-z]+://[\w/.?=&\#%-]+|\w+)
    |(?P<symbol>::|\*/|.)""",
    re.DOTALL | re.VERBOSE,
)
COMMENT_DELIMITER = re.compile(r"/\*(?!\+)|\*/")
NUMBER = re.compile(r"\d+(?:E\d+)?(?:L|S|Y|F|D|BD)?", re.IGNORECASE)

# SQL scripting (Spark 4): a word that opens a block at the start of a statement, and the word that ends its heading.
BLOCKS = {"BEGIN": "", "LOOP": "", "REPEAT": "", "IF": "THEN", "CASE": "THEN", "WHILE": "DO", "FOR": "DO"}
# Within a block: what begins a new heading, and the word that ends it.
HEADINGS = {"ELSEIF": "THEN", "WHEN": "THEN", "UNTIL": "END"}

# After one of these words `:` always begins a marker. After any other it may be `column:path` (Spark 4), `field: TYPE` or
# `label: LOOP`; there it is taken for a marker if a blank precedes and none follows, as in `COMMENT :text`.
BEFORE_A_VALUE = re.compile(
    "ALL|AND|BETWEEN|BY|CASE|DISTINCT|DIV|ELSE|ELSEIF|ESCAPE|FOR|FROM|HAVING|ILIKE|IN|LIKE|LIMIT|NOT|OFFSET|ON|OR|REGEXP"
    "|RLIKE|SELECT|THEN|UNTIL|USING|VALUES|WHEN|WHERE"
)
# Statements that Spark takes as raw text up to their end; SET not where a word of the second set follows it.
RAW_TEXT_COMMANDS = frozenset({"SET", "RESET", "ADD", "LIST"})
SET_WITH_VALUE = frozenset({"VAR", "VARIABLE", "TIME", "CATALOG"})


class Token(NamedTuple):
    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def keyword(self) -> str:
        """In upper case; empty where it is quoted or no word."""
        return self.text.upper() if self.kind == "word" else ""


def split_statements(text: str) -> list[str]:
    """The statements with the comments before and in them, without their `;`. Comments alone are no statement.

    SET and ADD JAR are cut by the same rule, although Spark reads the rest of their line as raw text: its lexer sees
    the same strings and comments there, and backquotes hold a `;` in a value.
    """
    code = [token for token in _tokens(text) if token.kind != "gap"]
    statements = []
    first, start = 0, 0
    while first < len(code):
        last = _semicolon(code, _script_end(code, first))
        if last > first:
            end = code[last].start if last < len(code) else len(text)
            statements.append(text[start:end].strip())
        start = code[last].end if last < len(code) else len(text)
        first = last + 1
    return statements


def parameter_names(statement: str) -> list[str]:
    """Names of the `:name` markers, each once, in the order of the text.

    Spark takes a colon and any identifier, also a keyword or one in backquotes, with blanks or comments in between.
    """
    code = [token for token in _tokens(statement) if token.kind != "gap"]
    if _is_raw(code):
        return []
    names: dict[str, None] = {}
    depth = 0  # of struct<…>, array<…> and map<…>
    for number, token in enumerate(code[:-1]):
        before = code[max(number - 2, 0) : number]
        if token.text == "<" and before and before[-1].keyword in {"STRUCT", "ARRAY", "MAP"}:
            depth += 1
        elif token.text == ">" and depth:
            depth -= 1
        elif token.text == ":" and not (depth and _is_field(before)):
            following = code[number + 1]
            name = _name(following)
            if name and _is_marker(before, token, following):
                names[name] = None
                code[number + 1] = following._replace(kind="quoted")  # a name, even if it is spelled like a keyword
    return list(names)


def _tokens(text: str) -> Iterator[Token]:
    """Joined they are the text again."""
    position = 0
    while match := TOKEN.match(text, position):
        kind, end = str(match.lastgroup), match.end()
        if kind == "block":
            kind, end = "gap", comment_end(text, end, COMMENT_DELIMITER)
        yield Token(kind, text[position:end], position)
        position = end


def _semicolon(code: Sequence[Token], number: int) -> int:
    while number < len(code) and code[number].text != ";":
        number += 1
    return number


def _is_label(code: Sequence[Token], number: int) -> bool:
    """As in `l: LOOP`, and not in `SELECT :loop`."""
    if len(code) < number + 3 or code[number].kind not in {"word", "quoted"}:
        return False
    return (
        code[number + 1].text == ":"
        and code[number + 2].keyword in {"BEGIN", "LOOP", "REPEAT", "WHILE", "FOR"}
        and not _is_marker(code[number : number + 1], code[number + 1], code[number + 2])
    )


def _script_end(code: Sequence[Token], first: int) -> int:
    """The index after the END of a compound statement that begins at `first`, or after the last token if it has no END; `first`
    where another statement begins.

    `open_blocks` has for each open block the word that ends its heading, empty in its body. An END closes a block only where
    a statement could begin: every statement of a body ends with `;`, so `end` elsewhere is a column or belongs to a CASE.
    """
    begin = first + 2 if _is_label(code, first) else first
    if begin >= len(code) or code[begin].keyword != "BEGIN":
        return first
    open_blocks: list[str] = []
    at_start, in_handler = True, False
    for number in range(begin, len(code)):
        token, word, before = code[number], code[number].keyword, code[number - 1].keyword if number else ""
        is_name = before == "AS" or code[number - 1].text in {".", ":"}  # t.end, :end
        if token.text == ";":
            if open_blocks[-1] == "END":  # a column named `case`
                open_blocks.pop()
            at_start, in_handler = True, False
        elif at_start and (token.text == ":" or _is_label(code, number)):
            continue
        elif at_start:
            at_start = word in {"BEGIN", "NOT", "ATOMIC", "LOOP", "REPEAT", "ELSE"}  # BEGIN NOT ATOMIC
            if word == "END":
                open_blocks.pop()
            elif word in BLOCKS:
                open_blocks.append(BLOCKS[word])
            elif word in HEADINGS:
                open_blocks[-1] = HEADINGS[word]
        elif word and word == open_blocks[-1] and not is_name:
            if word == "END":
                open_blocks.pop()
            else:
                open_blocks[-1], at_start = "", True
        elif word == "CASE" and before != "END" and not is_name:
            open_blocks.append("END")
        elif word == "HANDLER" and code[number - 2].keyword == "DECLARE":  # DECLARE EXIT HANDLER FOR … BEGIN … END
            in_handler = True
        elif word == "BEGIN" and in_handler:
            open_blocks.append("")
            at_start, in_handler = True, False
        if not open_blocks:
            return number + 1
    return len(code)


def _is_raw(code: Sequence[Token]) -> bool:
    words = [token.keyword for token in code[:2]]
    return bool(words) and words[0] in RAW_TEXT_COMMANDS and not (words[0] == "SET" and words[-1] in SET_WITH_VALUE)


def _name(token: Token) -> str | None:
    if token.kind == "quoted":
        return token.text[1:-1].replace("``", "`")
    is_name = token.kind == "word" and ":" not in token.text and not NUMBER.fullmatch(token.text)
    return token.text if is_name else None


def quoted_name(name: str) -> str:
    """One part of a name, as SQL takes whatever is in it."""
    return "`" + name.replace("`", "``") + "`"


def _is_field(before: Sequence[Token]) -> bool:
    """As in struct<from: DATE, to: DATE>."""
    return len(before) > 1 and before[-2].text in {"<", ","} and before[-1].kind != "symbol"


def _is_marker(before: Sequence[Token], colon: Token, name: Token) -> bool:
    last = before[-1] if before else colon
    if last.kind == "symbol":
        return last.text not in {")", "]"}
    if last.kind == "quoted" or NUMBER.fullmatch(last.text):
        return False
    after_dot = len(before) > 1 and before[-2].text == "."
    if BEFORE_A_VALUE.fullmatch(last.keyword) and not after_dot:
        return True
    return last.end < colon.start and colon.end == name.start
