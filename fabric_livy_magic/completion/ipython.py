"""Completions in the plain Python kernel and in a terminal: an IPython matcher for our magics and the cells below them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

if TYPE_CHECKING:
    from fabric_livy_magic.completion.completions import Completions
    from fabric_livy_magic.sessions.runner import Runner

NOTHING = SimpleMatcherResult(completions=[])


def matcher_of(runner: Callable[[], Runner]) -> Any:
    """Imports no other module of this package before a `%` is typed."""

    @context_matcher()  # type: ignore[untyped-decorator]
    def fabric_livy_matcher(context: CompletionContext) -> SimpleMatcherResult:
        text = context.full_text
        if "%" not in text:
            return NOTHING
        from fabric_livy_magic.completion.complete import complete

        cursor = position(text, context.cursor_line, context.cursor_position)
        found = complete(runner(), text, cursor, None)
        return NOTHING if found is None else as_matches(found, text, cursor, context.token)

    return fabric_livy_matcher


def as_matches(found: Completions, text: str, cursor: int, token: str) -> SimpleMatcherResult:
    """IPython replaces its own token; our completions may begin before or after that begins."""
    begin = cursor - len(token)
    completions = []
    for match, kind in found.matches:
        whole = text[begin : found.start] + match if found.start >= begin else match[begin - found.start :]
        completions.append(SimpleCompletion(whole, type=kind))
    return SimpleMatcherResult(completions=completions, suppress=True, ordered=True)


def position(text: str, line: int, column: int) -> int:
    return sum(len(one) + 1 for one in text.split("\n")[:line]) + column
