"""What a completion gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

MOST = 300


@dataclass(frozen=True)
class Completed:
    """`matches` are (text, type) pairs that replace what stands from `start` to the cursor."""

    start: int
    matches: tuple[tuple[str, str], ...]

    def moved(self, by: int) -> Completed:
        return replace(self, start=self.start + by)


def fitting(before: str, prefix: str, found: Iterable[tuple[str, str]], *, any_case: bool = False) -> Completed:
    """Those that begin with the prefix, in their order, each once."""
    wanted = prefix.lower() if any_case else prefix
    matches: dict[str, str] = {}
    for text, kind in found:
        if (text.lower() if any_case else text).startswith(wanted):
            matches.setdefault(text, kind)
    return Completed(len(before) - len(prefix), tuple(matches.items())[:MOST])
