"""How the help of commands is laid out: the same on every Python, at the width of the terminal."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any


class HelpFormatter(argparse.HelpFormatter):
    """A text of several paragraphs keeps its lines that are indented; `-f, --file FILE` names its value once, as Python 3.13 does."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.split("\n\n")
        return "\n\n".join(_paragraph(one, width, indent) for one in paragraphs)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


def _paragraph(text: str, width: int, indent: str) -> str:
    lines, flowing = [], ""
    for line in text.split("\n"):
        if line.startswith(" "):  # of an example or a table
            lines += [*textwrap.wrap(flowing, width), *_hanging(line, width)]
            flowing = ""
        else:
            flowing = f"{flowing} {line}".strip()
    return "\n".join(f"{indent}{line}" for line in [*lines, *textwrap.wrap(flowing, width)])


def _hanging(line: str, width: int) -> list[str]:
    """A row of the table of exit codes goes on below its text; an example is not broken."""
    code, gap, meaning = line[2:].partition("  ")
    if not code.isdecimal() or not gap:
        return [line]
    hang = len(line) - len(meaning.lstrip())
    return textwrap.wrap(
        meaning.lstrip(), max(width, hang + 20), initial_indent=line[:hang], subsequent_indent=" " * hang
    )


class CommandParser(argparse.ArgumentParser):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "formatter_class": HelpFormatter})
