"""The help of every command of `fabric-livy`, as docs/cli.md has it.

python -m tests.support.cli_page          prints it; --write puts it into docs/cli.md
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from fabric_livy_magic.cli.main import _parser

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
BEGIN = "<!-- commands: written by `python -m tests.support.cli_page --write` -->\n"
END = "<!-- end of commands -->"
COLUMNS = "100"


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """It and all below it, in the order of its help."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from commands(below)


def helps(columns: str = COLUMNS) -> dict[str, str]:
    with patch.dict(os.environ, {"COLUMNS": columns, "NO_COLOR": "1"}):
        return {one.prog: one.format_help() for one in commands(_parser())}


def text() -> str:
    return "\n".join(f"### {prog}\n\n```text\n{shown.rstrip()}\n```\n" for prog, shown in helps().items())


def page_with_helps(page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{text()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page_with_helps(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(text())
