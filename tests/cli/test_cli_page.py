"""The help of every command: as docs/cli.md has it, on terminals of any width, with the one table of exit codes."""

from __future__ import annotations

import re

import pytest

from fabric_livy_magic.cli.exit_codes import EXIT_CODES
from fabric_livy_magic.cli.main import _MODULES, _parser, main
from tests.support.cli_page import BEGIN, END, PAGE, helps, page_with_helps


def test_the_page_has_the_help_of_every_command() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert BEGIN in page
    assert END in page
    assert page == page_with_helps(page), "python -m tests.support.cli_page --write"


def test_the_page_has_the_table_of_exit_codes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE))
    assert rows == {str(code): meaning for code, meaning in EXIT_CODES.items()}


@pytest.mark.parametrize("columns", ["20", "40", "60", "200"])
def test_a_narrow_or_wide_terminal_has_the_same_words(columns: str) -> None:
    """Lines break at other places, and nothing else changes. A word that is longer than the line is not broken by what fits it."""
    for prog, shown in helps(columns).items():
        assert words(shown) == words(helps_at_100()[prog]), prog


def words(text: str) -> str:
    return re.sub(r"\s", "", text)


def helps_at_100() -> dict[str, str]:
    return helps()


def test_every_option_and_argument_says_what_it_is() -> None:
    for prog, shown in helps().items():
        assert "None" not in shown, prog
        assert "==SUPPRESS==" not in shown, prog


@pytest.mark.parametrize("name", sorted({name for names, _, _ in _MODULES for name in names}))
def test_a_command_alone_has_the_help_that_it_has_among_all(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == helps()[f"fabric-livy {name}"]


def test_every_command_is_in_the_table_of_modules() -> None:
    names = {name for names, _, _ in _MODULES for name in names}
    assert {prog.split()[1] for prog in helps() if " " in prog} == names
    assert _parser("sql").parse_args(["sql", "SELECT 1"]).statement == "SELECT 1"
