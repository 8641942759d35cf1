"""Completions at a cursor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

MOST_MATCHES = 300


@dataclass(frozen=True)
class Completions:
    """`matches` are (text, type) pairs that replace what stands from `start` to the cursor."""

    start: int
    matches: tuple[tuple[str, str], ...]

    def shifted(self, by: int) -> Completions:
        return replace(self, start=self.start + by)


def matching(
    before: str, prefix: str, candidates: Iterable[tuple[str, str]], *, ignore_case: bool = False
) -> Completions:
    """The candidates that begin with the prefix, in their order, each once."""
    start = prefix.lower() if ignore_case else prefix
    matches: dict[str, str] = {}
    for text, kind in candidates:
        if (text.lower() if ignore_case else text).startswith(start):
            matches.setdefault(text, kind)
    return Completions(len(before) - len(prefix), tuple(matches.items())[:MOST_MATCHES])
