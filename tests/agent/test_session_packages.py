"""Which shell commands install into the session's folder, by the agent in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fabric_livy_magic.agent.remote.agent import packages


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("pip install x", ["install", "x"]),
        ("pip3 install -q 'x>=1,<2' y", ["install", "-q", "x>=1,<2", "y"]),
        ("python -m pip install x[all]", ["install", "x[all]"]),
        ("/opt/some where/python3.11 -m pip install x", None),
        ("'/opt/some where/python3.11' -m pip install x", ["install", "x"]),
        (f"{sys.executable} -m pip install x  # needed", ["install", "x"]),
        ("pip install git+https://host/a.git@b#egg=c", ["install", "git+https://host/a.git@b#egg=c"]),
        ("pip install x>=1", None),
        ("pip install x && pip install y", None),
        ("pip install x 2>&1 | tail -1", None),
        ("pip list", None),
        ("pip install 'x", None),
        ("echo pip install x", None),
        ("python -m venv x", None),
        ("", None),
    ],
)
def test_a_command_that_only_installs_is_told_from_any_other(command: str, words: list[str] | None) -> None:
    assert packages.shell_words(command) == words


def test_files_are_found_as_a_shell_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a-1-py3-none-any.whl", "b-1-py3-none-any.whl"):
        (tmp_path / name).touch()
    monkeypatch.setenv("WHEELS", str(tmp_path))
    found = packages.shell_words("pip install $WHEELS/*.whl none*.whl")
    assert found == ["install", *(str(tmp_path / f"{name}-1-py3-none-any.whl") for name in "ab"), "none*.whl"]
