"""Code of the session: its own names where it is idle, else the words of earlier cells."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator

from fabric_livy_magic.completion.answers import Completed, fitting
from fabric_livy_magic.sessions.runner import Runner

_WORD = re.compile(r"\w*$")
_WORDS = re.compile(r"(?<![\w])[^\W\d]\w*")
_MEMBERS = re.compile(r"\.([^\W\d]\w*)")


def complete_code(runner: Runner, kind: str, before: str) -> Completed:
    asked = _of_session(runner, kind, before)
    return asked if asked is not None else _of_earlier_cells(runner, kind, before)


def _of_session(runner: Runner, kind: str, before: str) -> Completed | None:
    session = runner.sessions.get(runner.sessions.current)
    if session is None:
        return None
    if kind == "pyspark":
        found = session.ask("complete", before)
        return (
            None if found is None else Completed(found["start"], tuple((text, sort) for text, sort in found["matches"]))
        )
    words = session.candidates(before, kind)
    if words is None:
        return None
    typed = _typed(before)
    return fitting(before, typed, [(word, "instance") for word in words])


def _of_earlier_cells(runner: Runner, kind: str, before: str) -> Completed:
    typed = _typed(before)
    is_member = before[: len(before) - len(typed)].endswith(".")
    pattern = _MEMBERS if is_member else _WORDS
    words = {
        word for cell in runner.recent if cell.kind == kind for word in pattern.findall(cell.code) if word != typed
    }
    found = [(word, "instance") for word in sorted(words)]
    if kind == "pyspark" and not is_member:
        found += list(_pythons_own())
    return fitting(before, typed, found)


def _pythons_own() -> Iterator[tuple[str, str]]:
    yield from ((word, "keyword") for word in keyword.kwlist)
    yield from ((name, "function") for name in dir(builtins) if not name.startswith("_"))


def _typed(before: str) -> str:
    found = _WORD.search(before)
    return found[0] if found else ""
