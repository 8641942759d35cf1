"""Completions in the plain Python kernel and in a terminal: an IPython matcher for our magics and the cells below them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.own_imports import no_working_folder

if TYPE_CHECKING:
    from fabric_livy_magic.completion.completions import Completions
    from fabric_livy_magic.sessions.runner import Runner


class OnlyThese(list[SimpleCompletion]):
    """IPython lets a matcher keep its other ones out if it has completions itself; ours does so with none as well: names of
    the notebook's Python are not those of the session."""

    def __len__(self) -> int:
        return max(1, super().__len__())


def matcher_of(runner: Callable[[], Runner]) -> Any:
    """Imports no other module of this package before a `%` is typed."""

    @context_matcher()  # type: ignore[untyped-decorator]
    def fabric_livy_matcher(context: CompletionContext) -> SimpleMatcherResult:
        text = context.full_text
        if "%" not in text:
            return nothing()
        with no_working_folder():
            from fabric_livy_magic.completion.complete import complete

            cursor = position(text, context.cursor_line, context.cursor_position)
            try:
                found = complete(runner(), text, cursor, None)
            except SettingsError:  # the next cell says what is wrong with the settings
                return nothing()
        return nothing() if found is None else as_matches(found, text, cursor)

    return fabric_livy_matcher


def nothing() -> SimpleMatcherResult:
    """A new one each time: IPython writes the token of the call into it, and fails where that is another call's."""
    return SimpleMatcherResult(completions=[])


def as_matches(found: Completions, text: str, cursor: int) -> SimpleMatcherResult:
    completions = OnlyThese(SimpleCompletion(match, type=kind) for match, kind in found.matches)
    replaced = text[found.start : cursor]  # not always the token that IPython has found
    return SimpleMatcherResult(completions=completions, matched_fragment=replaced, suppress=True, ordered=True)


def position(text: str, line: int, column: int) -> int:
    return sum(len(one) + 1 for one in text.split("\n")[:line]) + column
