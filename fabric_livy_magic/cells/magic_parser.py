"""Option parsers for magic lines: `--help` and mistakes become exceptions with a text, never an exit of the kernel."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Sequence
from typing import NoReturn

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import did_you_mean


class HelpRequested(Exception):  # noqa: N818 - not an error, but how `--help` leaves argparse
    """`str(...)` is the text to show."""


class MagicParser(argparse.ArgumentParser):
    """Raises SettingsError, with a suggestion, where argparse would exit."""

    def __init__(self, *, prog: str, description: str, epilog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            add_help=False,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument("-h", "--help", action="store_true", help="show this text")

    def read(self, line: str | Sequence[str]) -> argparse.Namespace:
        """The options of one line. Raises HelpRequested for `-h`, SettingsError for what cannot be read."""
        words = split_words(line) if isinstance(line, str) else list(line)
        if "-h" in words or "--help" in words:
            raise HelpRequested(self.format_help())
        options, rest = self.parse_known_args(words)
        if rest:
            self.error(self._unknown_word(rest[0]))
        return options

    def error(self, message: str) -> NoReturn:
        full_stop = "" if message.endswith("?") else "."
        raise SettingsError(f"{self.prog}: {message}{full_stop} `{self.prog} --help` shows what it takes.")

    def option_words(self) -> list[str]:
        return [word for action in self._actions for word in action.option_strings]

    def takes_value(self, word: str) -> bool:
        action = self._option_string_actions.get(word)
        return action is not None and action.nargs != 0

    def _unknown_word(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{word!r} is one word too many"
        return f"there is no option {word!r}.{did_you_mean(word, self.option_words())}".rstrip(".")


def split_words(line: str) -> list[str]:
    """Words as a shell would split them, except that a backslash is an ordinary character (Windows paths)."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.escape = ""
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        raise SettingsError(f"A quote is not closed in: {line.strip()}") from None


REMARK = "#"
_BEFORE_REMARK = re.compile(r"""((?:"[^"]*"|'[^']*'|\s(?!\#(?:\s|$))|[^"'\s])*)\s+\#(?:\s|$)""")


def without_remark(line: str) -> str:
    """The line without a `# remark` at its end, as people write and paste them. In quotes, and without a blank on both of its
    sides, a # is a character like others; so it is behind a quote that is not closed."""
    found = _BEFORE_REMARK.match(line)
    return found[1].rstrip() if found else line


def quoted_word(word: str) -> str:
    """As `split_words` reads it. Raises SettingsError for what no line holds."""
    if "\n" in word or "\r" in word:
        raise SettingsError("A name with a line break in it cannot stand on the line of a magic.")
    if re.fullmatch(r"[^\s'\"]+", word) and word != REMARK:
        return word
    if "'" not in word:
        return f"'{word}'"
    return f'"{word}"' if '"' not in word else '"\'"'.join(f"'{part}'" for part in word.split("'"))
