"""The spelling of the README, docs/, the changelog, the code and the notebooks, by codespell. Words of its own are in codespell.txt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.rooms import ROOT

WORDS = Path(__file__).with_name("codespell.txt")
CHECKED = ("README.md", "CHANGELOG.md", "docs", "fabric_livy_magic", "notebooks", "pyproject.toml")


def spelled(*paths: str, cwd: Path = ROOT) -> str:
    options = ("--ignore-words", str(WORDS), "--skip", "*.png,*.svg")
    done = subprocess.run(
        [sys.executable, "-m", "codespell_lib", *options, *paths], cwd=cwd, capture_output=True, text=True, timeout=60
    )
    assert done.returncode in {0, 65}, done.stderr
    return done.stdout


def test_nothing_is_misspelt() -> None:
    assert spelled(*CHECKED) == ""


def test_a_misspelt_word_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("It was recieved.\n")
    assert "recieved ==> received" in spelled("page.md", cwd=tmp_path)


def test_each_word_of_our_own_is_used() -> None:
    text = " ".join(
        path.read_text(encoding="utf-8").lower()
        for one in CHECKED
        for path in ([ROOT / one] if (ROOT / one).is_file() else (ROOT / one).rglob("*"))
        if path.suffix in {".md", ".py", ".toml", ".ipynb", ".js", ".scala", ".css"}
    )
    assert [word for word in WORDS.read_text(encoding="utf-8").split() if word not in text] == []
