"""The README and docs/: their blocks of code with how each is marked, and the commands that sentences and messages name.

A block of `sh` or `python` is run by tests/docs/test_blocks.py, unless a comment stands above it, which no reader sees:

    <!-- not run: the reason -->
    <!-- run by tests/…/test_x.py -->
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fabric_livy_magic.cells.batch_options import VERBS as BATCH_VERBS
from fabric_livy_magic.cells.batch_options import batch_cell_parser, verb_parser
from fabric_livy_magic.cells.cell import KINDS, cell_parser
from fabric_livy_magic.cells.file_options import VERBS as FILE_VERBS
from fabric_livy_magic.cells.file_options import file_parser
from fabric_livy_magic.cells.subcommands import SUMMARIES, parser_of
from fabric_livy_magic.cli.main import _parser
from fabric_livy_magic.settings import setting_names

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- (?P<how>not run:|run by) (?P<what>[^\n]+?) -->\n+\s*$")


@dataclass(frozen=True)
class Block:
    """`how` is `not run:`, `run by` or empty; `what` the reason or the test."""

    page: Path
    line: int
    language: str
    text: str
    how: str = ""
    what: str = ""

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    """Blocks that stand together have the mark of the first."""
    text, mark, end = page.read_text(encoding="utf-8"), None, -1
    for fence in FENCE.finditer(text):
        own = MARK.search(text[: fence.start()])
        mark = own or (mark if text[end : fence.start()].strip() == "" and end >= 0 else None)
        end = fence.end()
        how, what = (mark["how"], mark["what"]) if mark else ("", "")
        line = text[: fence.start()].count("\n") + 1
        indent = fence["indent"]
        body = "".join(one.removeprefix(indent) for one in fence["text"].splitlines(keepends=True))
        yield Block(page, line, fence["language"], body, how, what)


# ------------------------------------------------------------------------------------------------ what a text names
WORD = re.compile(r"[^\s,;.)\]]+")


def spoken(text: str) -> str:
    """What is wrong with a command in backticks; empty where it exists, or where it is no command of ours. It may be a beginning
    of one, and have placeholders."""
    words = text.replace("\\|", "|").split()
    first = words[0] if words else ""
    if first == "%livy" and len(words) > 1:
        return _subcommand(words[1:])
    if first == "fabric-livy" and len(words) > 1:
        return _command(words[1:])
    if match := re.fullmatch(r"%?%livy_(\w+)", first):
        return _cell(match[1], words[1:])
    return ""


def _cell(kind: str, words: list[str]) -> str:
    if kind == "configure":
        return "" if set(words) <= {"-f"} else f"%%livy_configure has no {words}"
    if kind == "batch":
        return _options(batch_cell_parser(), words)
    return _options(cell_parser(kind), words) if kind in KINDS else f"there is no %%livy_{kind}"


def _subcommand(words: list[str]) -> str:
    name, rest = words[0], words[1:]
    if _is_placeholder(name) or name in {"--help", "-h"}:
        return ""
    if name not in SUMMARIES:
        return f"there is no %livy {name}"
    if name == "config" and rest and not _is_placeholder(rest[0]) and not rest[0].startswith("-"):
        return "" if rest[0] in setting_names() else f"there is no setting {rest[0]}"
    if name == "help" and rest:
        return "" if rest[0] in SUMMARIES or _is_placeholder(rest[0]) else f"there is no %livy {rest[0]}"
    if name in {"batch", "files"} and rest and not _is_placeholder(rest[0]):
        verbs = BATCH_VERBS if name == "batch" else FILE_VERBS
        if rest[0] not in verbs and rest[0] not in {"--help", "-h"}:
            return f"there is no %livy {name} {rest[0]}"
        below = verb_parser if name == "batch" else file_parser
        return _options(below(rest[0]), rest[1:]) if rest[0] in verbs else ""
    return _options(parser_of(name), rest)


def _command(words: list[str]) -> str:
    if words[:2] in (["config", "set"], ["config", "unset"]) and len(words) > 2 and not _is_placeholder(words[2]):
        return "" if words[2] in setting_names() else f"there is no setting {words[2]}"
    parser: argparse.ArgumentParser = _cli()
    for number, word in enumerate(words):
        below = next((one for one in parser._actions if isinstance(one, argparse._SubParsersAction)), None)
        if below is None or word.startswith("-") or _is_placeholder(word):
            return _options(parser, words[number:])
        if word not in below.choices:
            return f"there is no {parser.prog} {word}"
        parser = below.choices[word]
    return ""


@cache
def _cli() -> argparse.ArgumentParser:
    return _parser()


def _options(parser: argparse.ArgumentParser, words: list[str]) -> str:
    known = set(parser._option_string_actions)
    if "--" in words:
        words = words[: words.index("--")]
    for word in words:
        option = re.match(r"-{1,2}[A-Za-z][\w-]*", word)
        if option and option[0] not in known:
            return f"{parser.prog} has no option {option[0]}"
    return ""


def _is_placeholder(word: str) -> bool:
    """`NAME`, `…`, `{name}`, `<seconds>`, `[PATH`: not a word that is typed."""
    return bool(re.search(r"[…{}<>\[\]|]", word)) or word.isupper()
