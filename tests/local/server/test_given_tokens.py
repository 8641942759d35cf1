"""The token that `fabric-livy serve` is given in a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fabric_livy_magic.local.server.tokens import BadToken, read_token
from tests.support import service


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "token"
    made.touch(mode=0o600)
    return made


@pytest.mark.parametrize("text", ["a-token", "a-token\n", "  a-token\r\n", "\ufeffa-token\n"])
def test_it_is_the_one_word_in_the_file(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    assert read_token(str(file)) == "a-token"


@pytest.mark.parametrize("text", ["", "\n", "two words", "two\nlines", "é", "\x00"])
def test_what_is_no_token_is_refused_and_not_quoted(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadToken, match="holds is no token") as refused:
        read_token(str(file))
    assert not text.strip() or text.strip() not in str(refused.value).replace(str(file), "")


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_that_others_may_read_or_change_is_refused(file: Path, mode: int) -> None:
    file.write_text("a-token", encoding="utf-8")
    file.chmod(mode)
    with pytest.raises(BadToken, match=f"`chmod 600 {file}` mends that"):
        read_token(str(file))


@pytest.mark.spark
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--token", "t", "--token-file", "x"), "leave --token out"),
        (("--authority", "https://x", "--token-file", "x"), "leave --token and --token-file out"),
        (("--token-file", "missing"), "No such file"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    assert words in service.startup_error(tmp_path, *options)
