"""The README and the pages in docs/ are true: commands, magics, options, links."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from fabric_livy_magic.cells.cell import KINDS, cell_parser
from fabric_livy_magic.cells.subcommands import SUMMARIES, read_command
from fabric_livy_magic.cli.main import _parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
OF_USERS = [page for page in PAGES if page.name != "architecture.md"]


def test_there_are_exactly_two_set_up_commands_each_one_line() -> None:
    commands = [line for line in README.splitlines() if ".venv/bin/pip" in line]
    assert commands == [
        'python3 -m venv .venv && .venv/bin/pip install -e ".[local]" && .venv/bin/fabric-livy demo',
        'python3 -m venv .venv && .venv/bin/pip install -e ".[local,test]" && .venv/bin/pytest -n 2 --dist loadfile',
    ]


def test_every_subcommand_is_in_the_readme() -> None:
    mentioned = set(re.findall(r"%livy ([a-z]+)", README))
    assert mentioned <= set(SUMMARIES)
    assert set(SUMMARIES) - mentioned == set()


def test_every_cell_magic_and_option_is_in_the_readme() -> None:
    for kind in KINDS:
        assert f"%%livy_{kind}" in README
    for action in cell_parser("sql")._actions:
        short = action.option_strings[0]
        assert action.help == argparse.SUPPRESS or short == "-h" or f"`{short}" in README


@pytest.mark.parametrize(
    "line",
    """start --conf a=b --driver-memory 28g
    start other
    attach abc --name x
    logs main
    stop --all
    stop main
    switch main
    config rows_shown 50
    use local
    status
    sessions
    error""".splitlines(),
)
def test_the_readme_s_ways_to_write_a_subcommand_are_understood(line: str) -> None:
    assert read_command(line.strip()).name == line.split()[0]


@pytest.mark.parametrize("page", OF_USERS, ids=lambda page: page.name)
def test_commands_are_understood(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = [line.split("#")[0].strip() for line in text.splitlines() if line.startswith("fabric-livy ")]
    assert len(lines) >= 3 or page.name in {"panel.md", "dbt.md", "testing.md", "debugger.md"}
    for line in lines:
        _parser().parse_args(shlex.split(line)[1:])


def test_the_readme_s_picture_names_the_rooms_that_there_are() -> None:
    drawn = README.partition("<!-- rooms")[2].partition("<!-- end of rooms")[0]
    ours, _, of_local = drawn.partition("local/")
    package = ROOT / "fabric_livy_magic"
    modules = {path.stem for path in package.glob("[a-z]*.py")}
    folders = {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    assert set(re.findall(r"^ *\d+  (\w+)", ours, re.MULTILINE)) == (modules | folders) - {"local"}
    in_local = {path.name for path in (package / "local").iterdir() if (path / "__init__.py").exists()} | {"serve"}
    assert set(re.findall(r"^ *\d+  (\w+)", of_local, re.MULTILINE)) == in_local


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        assert link.startswith("http") or (page.parent / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "tests" / "payloads" / "livy" / "README.md"], ids=lambda page: page.name
)
def test_modules_that_are_run_are_there(page: Path) -> None:
    for module in re.findall(r"-m ((?:tests|fabric_livy_magic)[\w.]*)", page.read_text(encoding="utf-8")):
        path = ROOT.joinpath(*module.split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
