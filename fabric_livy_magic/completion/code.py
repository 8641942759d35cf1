"""Code of the session: names of the session where it is idle, else words of earlier cells.

Where a string of Python may be a column or a key, the quotes belong to the match. VS Code drops a match whose text is also one
of its Python extension's, which offers the builtin `id` within `df["`.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator

from fabric_livy_magic.completion.completions import Completions, matching
from fabric_livy_magic.sessions.runner import Runner

_WORD = re.compile(r"(?<!\w)\w*$")
_WORDS = re.compile(r"(?<![\w])[^\W\d]\w*")
_MEMBERS = re.compile(r"\.([^\W\d]\w*)")
_TEXTS = re.compile(
    r'(?P<quotes>"""|'
    r"''')(?:\\.|[^\\])*?(?P<end>(?P=quotes)|\Z)|"
    r'"(?P<double>(?:\\.|[^"\\\n])*)"|'
    r"'(?P<single>(?:\\.|[^'\\\n])*)'",
    re.DOTALL,
)
COLUMN = "column"


def complete_code(runner: Runner, kind: str, text: str, cursor: int) -> Completions:
    before = text[:cursor]
    found = _from_session(runner, kind, before)
    if found is None:
        found = _from_earlier_cells(runner, kind, before)
    return quoted(found, before, text[cursor:]) if kind == "pyspark" else found


def quoted(found: Completions, before: str, after: str) -> Completions:
    """With the quotes around each column or key, except for those that stand behind the cursor already."""
    quote = before[found.start - 1 : found.start]
    if quote not in {"'", '"'} or any(kind != COLUMN for _, kind in found.matches):
        return found
    quote = quote * 3 if before.endswith(quote * 3, 0, found.start) else quote
    end = "" if after.startswith(quote) else quote
    matches = tuple((f"{quote}{_escaped(text, quote[0])}{end}", kind) for text, kind in found.matches)
    return Completions(found.start - len(quote), matches)


def _escaped(text: str, quote: str) -> str:
    escapes = {"\\": "\\\\", quote: f"\\{quote}", "\n": "\\n", "\r": "\\r"}
    return "".join(escapes.get(character, character) for character in text)


def _from_session(runner: Runner, kind: str, before: str) -> Completions | None:
    session = runner.sessions.get(runner.sessions.current)
    if session is None:
        return None
    if kind == "pyspark":
        reply = session.ask("complete", before)
        if reply is None:
            return None
        found = Completions(reply["start"], tuple((text, sort) for text, sort in reply["matches"]))
        columns = [text for text, sort in found.matches if sort == COLUMN]
        runner.looked_up.setdefault((COLUMN, session.id), {}).update(dict.fromkeys(columns))
        return found
    words = session.candidates(before, kind)
    if words is None:
        return None
    typed = _typed(before)
    return matching(before, typed, [(word, "instance") for word in words])


def _from_earlier_cells(runner: Runner, kind: str, before: str) -> Completions:
    if kind == "pyspark" and (text := _open_text(before)) is not None:
        return matching(before, text, [(column, COLUMN) for column in _known_columns(runner)])
    typed = _typed(before)
    is_member = before[: len(before) - len(typed)].endswith(".")
    pattern = _MEMBERS if is_member else _WORDS
    words = {
        word for cell in runner.recent if cell.kind == kind for word in pattern.findall(cell.code) if word != typed
    }
    candidates = [(word, "instance") for word in sorted(words)]
    if kind == "pyspark" and not is_member:
        candidates += list(_python_words())
    return matching(before, typed, candidates)


def _open_text(before: str) -> str | None:
    """What is there already of the string that Python code ends in; None where it ends in none."""
    rest = _TEXTS.sub(lambda found: found[0] if found["quotes"] and not found["end"] else "", before)
    mark = re.search("\"\"\"|'''", rest) or re.search("[#'\"]", rest[rest.rfind("\n") + 1 :])
    return None if mark is None or mark[0] == "#" else mark.string[mark.end() :]


def _known_columns(runner: Runner) -> list[str]:
    """Columns that the session has named before, and texts of one word in earlier cells, which may be some."""
    session = runner.sessions.get(runner.sessions.current)
    columns: dict[str, None] = dict(runner.looked_up.get((COLUMN, session.id), {})) if session else {}
    for cell in runner.recent:
        if cell.kind == "pyspark":
            texts = (found["double"] or found["single"] or "" for found in _TEXTS.finditer(cell.code))
            columns.update((text, None) for text in texts if text.isidentifier())
    return list(columns)


def _python_words() -> Iterator[tuple[str, str]]:
    yield from ((word, "keyword") for word in keyword.kwlist)
    yield from ((name, "function") for name in dir(builtins) if not name.startswith("_"))


def _typed(before: str) -> str:
    found = _WORD.search(before)
    return found[0] if found else ""
