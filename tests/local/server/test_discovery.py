"""The token of a running server, published for notebooks of the same user only."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fabric_livy_magic.local.server.discovery import find_token, published_token, remove_token, token_file


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_the_token_is_found_by_the_server_s_address_while_it_runs() -> None:
    with published_token(4567, "secret") as is_published:
        assert is_published
        assert find_token("http://127.0.0.1:4567/v1/x") == "secret"
        assert find_token("http://localhost:4567") == "secret"
    assert find_token("http://127.0.0.1:4567/v1/x") is None


def test_a_killed_servers_token_is_no_longer_found() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with published_token(4567, "secret"):
        token_file(4567).write_text(f"{ended.pid}\nsecret")
        assert find_token("http://127.0.0.1:4567") is None


def test_only_this_user_can_read_it_also_where_an_old_file_was_open_to_all() -> None:
    path = token_file(4567)
    path.parent.mkdir(parents=True)
    path.write_text("old")
    path.chmod(0o644)
    with published_token(4567, "secret"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9999", "http://127.0.0.1", "https://api.fabric.microsoft.com/v1", "http://10.0.0.1:4567"]
)
def test_no_other_address_gets_it(url: str) -> None:
    with published_token(4567, "secret"):
        assert find_token(url) is None


def test_where_no_file_can_be_written_the_server_runs_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    token_file(4567).mkdir(parents=True)  # a folder in its place
    with published_token(4567, "secret") as is_published:
        assert not is_published


def test_without_a_folder_of_the_user_s_own_the_token_is_found_among_the_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with published_token(4567, "secret") as is_published:
        assert is_published
        assert find_token("http://127.0.0.1:4567") == "secret"
        assert token_file(4567).is_relative_to(tmp_path)


def test_a_killed_server_s_token_can_be_removed() -> None:
    token_file(4567).parent.mkdir(parents=True)
    token_file(4567).write_text("old")
    for _ in range(2):  # also where there is none
        remove_token(4567)
    assert find_token("http://127.0.0.1:4567") is None
