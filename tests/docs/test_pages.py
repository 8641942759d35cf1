"""The README and the pages in docs/ are true: commands, magics, options, links."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from fabric_livy_magic.cells.magic_parser import HelpRequested
from fabric_livy_magic.cells.subcommands import read_command
from fabric_livy_magic.cli.main import _parser
from tests.support.doc_blocks import PAGES, ROOT, blocks_of, spoken

README = (ROOT / "README.md").read_text(encoding="utf-8")
PARSER = _parser()
MOST_LINES_BEFORE_A_RESULT = 100  # two screens


def test_there_are_exactly_two_set_up_commands_each_one_line() -> None:
    commands = [line for line in README.splitlines() if ".venv/bin/pip" in line]
    assert commands == [
        'python3 -m venv .venv && .venv/bin/pip install -e ".[local]" && .venv/bin/fabric-livy demo',
        'python3 -m venv .venv && .venv/bin/pip install -e ".[local,test]" && .venv/bin/pytest -n 2 --dist loadfile',
    ]


def test_the_readme_shows_a_result_within_two_screens() -> None:
    assert README.splitlines().index(next(line for line in README.splitlines() if line.startswith("!["))) < 30
    assert README.index("fabric-livy demo") < README.index("\n## Five-minute")
    assert README[: README.index("## What there is")].count("\n") < MOST_LINES_BEFORE_A_RESULT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_line_of_livy_in_a_block_is_understood(page: Path) -> None:
    """A line of an overview may have several, each with a remark behind it, and stand for many: `…`, `|`, `[NAME]`."""
    for block in blocks_of(page):
        for line in block.text.splitlines() if block.language in {"", "python"} else []:
            written = re.split(r"\s+#|\s{4,}(?!%livy)", line.strip())[0]
            for one in re.split(r"\s{2,}(?=%livy)", written):
                command = re.sub(r"^\w+ = ", "", one)
                if command.startswith("%livy ") and not re.search(r"[…|\[]|PORT|HOST|FOLDER", command):
                    with contextlib.suppress(HelpRequested):
                        read_command(command.removeprefix("%livy ").replace("NUMBER", "1"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_blocks_are_understood(page: Path) -> None:
    for block in blocks_of(page):
        for line in block.text.splitlines():
            if line.startswith("fabric-livy "):
                words = shlex.split(line, comments=True)
                own = next((number for number, word in enumerate(words) if word in {"|", ">", "&"}), len(words))
                PARSER.parse_args(words[1:own])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_in_blocks_can_be_read_and_their_commands_are_understood(page: Path) -> None:
    readers = {"toml": tomllib.loads, "json": json.loads, "yaml": yaml.safe_load}
    for block in blocks_of(page):
        if block.language in readers:
            assert readers[block.language](block.text), block.where
            for command in re.findall(r"^\s*- (?:run|script): (fabric-livy .+)$", block.text, re.MULTILINE):
                PARSER.parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_sentences_exist(page: Path) -> None:
    for said in re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")):
        assert (problem := spoken(said)) == "", f"{said}: {problem}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        assert link.startswith(("http", "#")) or (page.parent / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "tests" / "payloads" / "livy" / "README.md"], ids=lambda page: page.name
)
def test_modules_that_are_run_are_there(page: Path) -> None:
    for module in re.findall(r"-m ((?:tests|fabric_livy_magic)[\w.]*)", page.read_text(encoding="utf-8")):
        path = ROOT.joinpath(*module.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
