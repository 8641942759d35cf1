"""`serve --no-token`: refused unless asked for in so many words, and then with a warning."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import requests

from fabric_livy_magic.local.serve import IN_SO_MANY_WORDS
from tests.support import service

pytestmark = pytest.mark.spark  # needs the `local` extra


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dialect", "livy", "--no-token"], IN_SO_MANY_WORDS),
        (["--dialect", "livy", "--no-token", "yes"], "run code as you"),
        (["--no-token", IN_SO_MANY_WORDS], "--dialect livy"),
        (["--dialect", "livy", "--no-token", IN_SO_MANY_WORDS, "--token", "x"], "no other token"),
        (["--dialect", "livy", "--no-token", IN_SO_MANY_WORDS, "--share-spark"], "--share-spark"),
    ],
)
def test_it_is_refused_unless_it_is_meant(tmp_path: Path, options: list[str], words: str) -> None:
    assert words in service.startup_error(tmp_path, *options)


def test_a_client_without_a_token_is_let_in_and_pages_of_a_browser_are_not(tmp_path: Path) -> None:
    command = service.command(tmp_path / "house", "--dialect", "livy", "--no-token", IN_SO_MANY_WORDS)
    command.remove("--json")
    process = subprocess.Popen(command, cwd=service.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        lines = [process.stdout.readline() for _ in range(2)]
        assert "every program of this machine can run code as you" in lines[1]
        url = lines[0].split()[-1]
        assert requests.get(f"{url}/sessions", timeout=30).json()["sessions"] == []
        foreign = {"Origin": "https://example.org", "X-Requested-By": "x"}
        assert requests.post(f"{url}/sessions", json={}, headers=foreign, timeout=30).status_code == 403
        assert requests.get(f"{url}/sessions", headers={"Host": "example.org"}, timeout=30).status_code == 403
    finally:
        process.terminate()
        _, warned = process.communicate(timeout=30)
    assert "warning: requests need no token" in warned
