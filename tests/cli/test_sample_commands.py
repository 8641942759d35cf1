"""`fabric-livy pull` and `fabric-livy seed` as a person types them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabric_livy_magic.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pull", "t", "--rows", "0"], "--rows is a number above 0."),
        (["pull", "t", "--mask", "a..b"], "'a..b' is no name"),
        (["pull", "a..b"], "'a..b' is no name of a table"),
        (
            ["seed", "nothing"],
            "nothing has no sample of a table: `fabric-livy pull TABLE --to nothing` puts one there.",
        ),
    ],
)
def test_a_mistake_is_told_before_a_session_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*words, "--target", "https://nobody.example/livy"]) > 0
    assert says in capsys.readouterr().err
