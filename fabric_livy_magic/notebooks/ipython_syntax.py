"""IPython's own syntax in a cell (`%magic`, `!command`, `name?`) as plain Python, by IPython's input transformer."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable
from dataclasses import dataclass, field

from IPython.core.inputtransformer2 import TransformerManager, leading_indent, make_tokens_by_line

CALL = "get_ipython().run_line_magic("
LINE_MAGIC = "run_line_magic"


# Magics that IPython's automagic finds without their %, as far as people write them so.
AUTOMAGICS = frozenset(
    {"pip", "conda", "time", "timeit", "env", "set_env", "cd", "pwd", "who", "whos"}
    | {"ls", "cat", "cp", "mkdir", "mv", "rm", "rmdir"}
)


def as_python(code: str) -> str:
    """The code with IPython's syntax as calls of `get_ipython()`; the lines keep their numbers. Unchanged where there is none."""
    code = _with_marks_of_automagic(code)
    if not _has_mark(code) and not code[:1].isspace():
        return code
    try:
        lines = lines_of(code)
        if code[:1].isspace():  # a cell may be indented as a whole
            lines = leading_indent(lines)
        transform: Callable[[list[str]], list[str]] = TransformerManager().do_token_transforms
        blocks = _blocks(lines)
        return "".join(line for block in blocks for line in (transform(block) if _is_escaped(block) else block))
    except Exception:  # noqa: BLE001 - its scanner fails in many ways on broken code, such as IndexError for =%"""
        return code  # whoever compiles it reports the error


def lines_of(code: str) -> list[str]:
    """As Python counts them: a form feed, or a line separator in a text, ends none."""
    return list(io.StringIO(code, newline=""))


def _has_mark(code: str) -> bool:
    return any(mark in code for mark in "%!?")


def _is_escaped(lines: list[str]) -> bool:
    return any(_has_mark(line) or line.lstrip()[:1] in {",", ";", "/"} for line in lines)


_FIRST_WORD = re.compile(r"([^\S\n]*)([a-z_]+)(?:[^\S\n]+(.*))?[^\S\n]*\n?")


def _with_marks_of_automagic(code: str) -> str:
    """A cell of nothing but `pip install x` is one of `%pip install x`. Where it is Python as well (`ls`, `pip -V`), the session
    decides, as IPython does: a variable of that name comes first."""
    lines = code.splitlines(keepends=True)
    found: dict[int, re.Match[str]] = {}
    for number, line in enumerate(lines):
        is_continued = number and lines[number - 1].rstrip("\n").endswith("\\")
        if is_continued or not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _FIRST_WORD.fullmatch(line)
        if match is None or match[2] not in AUTOMAGICS:
            return code
        found[number] = match
    try:
        tree = ast.parse(code) if found else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "".join(f"{found[n][1]}%{line.lstrip()}" if n in found else line for n, line in enumerate(lines))
    if tree and len(found) == len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
        ((number, match),) = found.items()
        name, line = match[2], lines[number].strip()
        if "#" not in line:
            call = f"get_ipython().{LINE_MAGIC}({name!r}, {(match[3] or '').rstrip()!r})"
            lines[number] = f"({line}) if {name!r} in globals() else {call}\n"
    return "".join(lines)


_ESCAPED = re.compile(r"\s*[%!?,;/]|.*=\s*[%!]|.*\?\s*$")
_MORE_THAN_A_LINE = re.compile(r"'''|\"\"\"|\\$")


def _blocks(lines: list[str]) -> list[list[str]]:
    """The statements of the top level, one for each block. IPython reads all that it gets anew for each magic in it, so that 400
    magics in 4,000 lines took minutes. One block where a line that is no Python might be read as more than this line."""
    for line in filter(_ESCAPED.match, lines):
        is_balanced = all(line.count(one) == line.count(other) for one, other in ("()", "[]", "{}"))
        if not is_balanced or _MORE_THAN_A_LINE.search(line.rstrip()):
            return [lines]
    starts = [0]
    for tokens in make_tokens_by_line(lines):
        first = next((token for token in tokens if token.type not in {tokenize.INDENT, tokenize.DEDENT}), None)
        is_code = first is not None and first.type not in {tokenize.NL, tokenize.COMMENT, tokenize.NEWLINE}
        if first is not None and is_code and first.start[1] == 0 and starts[-1] < first.start[0] - 1 < len(lines):
            starts.append(first.start[0] - 1)
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


@dataclass(frozen=True)
class Piece:
    """Whole lines of a cell. `magic` and `line` are set where they are one line magic."""

    code: str = field(repr=False)
    magic: str = ""
    line: str = field(default="", repr=False)
    is_assigned: bool = False


def split_line_magics(code: str) -> list[Piece]:
    """A Python cell cut before and after each top-level line magic. `code` is the result of `as_python`."""
    if CALL not in code:
        return [Piece(code)]
    try:
        body = ast.parse(code).body
    except SyntaxError:  # ast.parse accepts top-level `await`
        return [Piece(code)]
    lines = lines_of(code)
    pieces: list[Piece] = []
    end = 0
    for node in body:
        if (call := _line_magic(node)) is None or node.end_lineno is None:
            continue
        name, line = call
        pieces += [
            Piece("".join(lines[end : node.lineno - 1])),
            Piece("".join(lines[node.lineno - 1 : node.end_lineno]), name, line, isinstance(node, ast.Assign)),
        ]
        end = node.end_lineno
    pieces.append(Piece("".join(lines[end:])))
    return [piece for piece in pieces if piece.code.strip()]


def _line_magic(node: ast.stmt) -> tuple[str, str] | None:
    """(name, line) of `get_ipython().run_line_magic(name, line)`, alone or assigned to something."""
    value = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute) or value.func.attr != LINE_MAGIC:
        return None
    words = [word.value for word in value.args if isinstance(word, ast.Constant)]
    return (str(words[0]), str(words[1])) if len(words) == 2 else None
