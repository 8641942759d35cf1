"""Option parsers for magic lines: mistakes become text in the cell, with a guess at what was meant."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.cells.magic_parser import HelpRequested, MagicParser, quoted_word, split_words, without_remark
from fabric_livy_magic.errors import SettingsError


@pytest.fixture
def parser() -> MagicParser:
    parser = MagicParser(prog="%thing", description="A thing.")
    parser.add_argument("name", nargs="?")
    parser.add_argument("-s", "--session")
    parser.add_argument("--driver-memory")
    parser.add_argument("-n", "--lines", type=int)
    parser.add_argument("-q", "--quiet", action="store_true")
    return parser


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  a\t b ", ["a", "b"]),
        ("'a b' c", ["a b", "c"]),
        ('"a b"c', ["a bc"]),
        ("--conf x='a b'", ["--conf", "x=a b"]),
        (r"C:\temp\new", [r"C:\temp\new"]),
        (r"'C:\my files\x'", [r"C:\my files\x"]),
        ("a # b", ["a", "#", "b"]),
        ("a;b|c&d", ["a;b|c&d"]),
        ("''", [""]),
        ("é ☃", ["é", "☃"]),
    ],
)
def test_a_line_is_split_into_words(line: str, words: list[str]) -> None:
    assert split_words(line) == words


@pytest.mark.parametrize("line", ["'a", 'a "b', "it's"])
def test_an_open_quote_is_named(line: str) -> None:
    with pytest.raises(SettingsError, match="A quote is not closed in"):
        split_words(line)


@given(st.text())
def test_any_line_is_split_or_refused(line: str) -> None:
    try:
        words = split_words(line)
    except SettingsError:
        assert "'" in line or '"' in line
    else:
        assert all(isinstance(word, str) for word in words)


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="'", exclude_categories=["Cs"]))))
def test_quoted_words_come_back_as_they_were(words: list[str]) -> None:
    assert split_words(" ".join(f"'{word}'" for word in words)) == words


@given(st.lists(st.from_regex(r"[A-Za-z0-9_.:/\\=;,|&#$%-]+", fullmatch=True)))
def test_plain_words_come_back_as_they_were(words: list[str]) -> None:
    assert split_words("  ".join(words)) == words


@pytest.mark.parametrize("line", ["-h", "--help", "x --help", "--session y -h"])
def test_help_may_be_requested_anywhere_in_a_line(parser: MagicParser, line: str) -> None:
    with pytest.raises(HelpRequested, match="usage: %thing") as caught:
        parser.read(line)
    assert "A thing." in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--sesion x", "there is no option '--sesion'. Did you mean '--session'?"),
        ("--driver-memry 8g", "Did you mean '--driver-memory'?"),
        ("--driver-memry=8g", "Did you mean '--driver-memory'?"),
        ("--driver_memory 8g", "Did you mean '--driver-memory'?"),
        ("--sess x", "there is no option '--sess'"),
        ("-z", "there is no option '-z'"),
        ("a b", "'b' is one word too many"),
        ("-s", "expected one argument"),
        ("-n many", "invalid int value: 'many'"),
        ("'a", "A quote is not closed"),
    ],
)
def test_a_mistake_names_itself_and_what_was_meant(parser: MagicParser, line: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parser.read(line)
    assert message in str(caught.value)
    assert ".." not in str(caught.value)
    assert "?." not in str(caught.value)
    if "quote" not in message:
        assert "`%thing --help` shows what it takes." in str(caught.value)


def test_options_are_not_shortened(parser: MagicParser) -> None:
    with pytest.raises(SettingsError):
        parser.read("--quie")


@given(st.text())
def test_any_line_is_read_or_refused(line: str) -> None:
    parser = MagicParser(prog="%thing", description="A thing.")
    parser.add_argument("-n", type=int)
    with contextlib.suppress(SettingsError, HelpRequested):
        parser.read(line)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("use local   # or Sales/Bronze", "use local"),
        ("config rows_shown 50 #", "config rows_shown 50"),
        ("# nothing else", "# nothing else"),
        ("use Sales/#1", "use Sales/#1"),
        ("use 'a # b'/c", "use 'a # b'/c"),
        ("use 'a # b'/c  # it's his", "use 'a # b'/c"),
        ("use Bob's/c # x", "use Bob's/c # x"),
        ('get df.filter("x # y") # z', 'get df.filter("x # y")'),
        ("a#b c", "a#b c"),
        ("a #b", "a #b"),
    ],
)
def test_a_remark_at_the_end_of_a_line_is_left_out(line: str, kept: str) -> None:
    assert without_remark(line) == kept


@given(st.lists(st.text(st.characters(exclude_characters="\n\r"), min_size=1), min_size=1))
def test_words_that_are_quoted_are_there_also_before_a_remark(words: list[str]) -> None:
    line = " ".join(["x", *map(quoted_word, words)])
    assert split_words(without_remark(f"{line} # a remark")) == split_words(line)
    assert without_remark(line) == line
