"""Code of the session: names of the session where it is idle, else words of earlier cells."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator

from fabric_livy_magic.completion.completions import Completions, matching
from fabric_livy_magic.sessions.runner import Runner

_WORD = re.compile(r"\w*$")
_WORDS = re.compile(r"(?<![\w])[^\W\d]\w*")
_MEMBERS = re.compile(r"\.([^\W\d]\w*)")


def complete_code(runner: Runner, kind: str, before: str) -> Completions:
    completions = _from_session(runner, kind, before)
    return completions if completions is not None else _from_earlier_cells(runner, kind, before)


def _from_session(runner: Runner, kind: str, before: str) -> Completions | None:
    session = runner.sessions.get(runner.sessions.current)
    if session is None:
        return None
    if kind == "pyspark":
        reply = session.ask("complete", before)
        return (
            None
            if reply is None
            else Completions(reply["start"], tuple((text, sort) for text, sort in reply["matches"]))
        )
    words = session.candidates(before, kind)
    if words is None:
        return None
    typed = _typed(before)
    return matching(before, typed, [(word, "instance") for word in words])


def _from_earlier_cells(runner: Runner, kind: str, before: str) -> Completions:
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


def _python_words() -> Iterator[tuple[str, str]]:
    yield from ((word, "keyword") for word in keyword.kwlist)
    yield from ((name, "function") for name in dir(builtins) if not name.startswith("_"))


def _typed(before: str) -> str:
    found = _WORD.search(before)
    return found[0] if found else ""
