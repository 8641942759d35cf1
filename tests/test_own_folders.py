"""Folders of ours are their owner's alone, whatever the umask, and nothing is run from one that others could fill."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from fabric_livy_magic.errors import LocalFabricError
from fabric_livy_magic.local.server.discovery import published_token, token_file
from fabric_livy_magic.local.server.server_log import begin_log
from fabric_livy_magic.local.spark.cache import cache_folder, write_atomically
from fabric_livy_magic.own_folders import OpenToOthers, check_code_folder, own_folder, stands_in, user_folder
from fabric_livy_magic.sessions.records import SessionRecord, SessionRecords
from fabric_livy_magic.settings_files import user_file, write_user_setting
from fabric_livy_magic.signin.entra.token_store import TokenStore
from tests.support.service import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX modes; Windows has the rights of the profile")
SOMEBODY = 54321  # a user that need not exist
as_root = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives folders away")


@pytest.mark.parametrize("home", ["/dev/null/home", "/proc/home"])
@pytest.mark.parametrize("kind", ["cache", "data", "state"])
def test_without_a_home_folders_of_ours_are_temporary_ones(
    kind: Literal["cache", "data", "state"], home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_folder(kind).is_relative_to(tmp_path)
    assert not stands_in(user_folder(kind))

    monkeypatch.setenv("HOME", home)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = own_folder(user_folder(kind) / "deep")
    assert stands_in(folder)
    assert folder.parents[2] == tmp_path
    assert [mode(one) for one in (folder, folder.parent, folder.parent.parent)] == [0o700] * 3


@as_root
@pytest.mark.parametrize("is_link", [False, True])
def test_a_temporary_folder_that_another_user_has_made_is_not_used(
    is_link: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/dev/null/home")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    taken = tmp_path / f"fabric-livy-magic-{os.geteuid()}"
    if is_link:
        (tmp_path / "mine").mkdir(mode=0o700)
        taken.symlink_to(tmp_path / "mine")
    else:
        taken.mkdir(mode=0o777)
    os.lchown(taken, SOMEBODY, SOMEBODY)
    folder = own_folder(user_folder("cache"))
    assert not folder.is_relative_to(taken)
    assert stands_in(folder)
    assert user_folder("state").parent == folder.parent
    assert (mode(folder.parent), folder.parent.stat().st_uid) == (0o700, os.geteuid())


def test_a_user_without_any_home_gets_no_folder_of_the_name_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in containers that run as a number of no user."""
    code = (
        "import os, platformdirs, pwd\n"
        "from fabric_livy_magic.own_folders import home_folder, own_folder, user_folder\n"
        "from fabric_livy_magic.settings_files import write_user_setting\n"
        "from fabric_livy_magic.errors import SettingsError\n"
        "os.setuid(54321)\n"
        "print(own_folder(user_folder('data')), home_folder())\n"
        "try: write_user_setting('rows_shown', '5')\n"
        "except SettingsError as error: print(error)\n"
    )
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    tmp_path.chmod(0o777)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folders, told = done.stdout.splitlines()
    assert folders.startswith("/tmp/fabric-livy-magic-54321/data"), done.stderr
    assert "could not be written" in told
    assert list(tmp_path.iterdir()) == []
    shutil.rmtree("/tmp/fabric-livy-magic-54321")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o077, 0o022], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a new user: nothing is in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CACHE", "DATA", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower() / "below"))
    return tmp_path


def fill(home: Path) -> None:
    """Each way by which a folder of ours comes to be, but for the server's."""
    write_atomically(cache_folder() / "trust" / "store.p12", b"certificates")
    TokenStore.persistent("fabric-livy-magic", allow_plain=True).cache.modify("AppMetadata", {"client_id": "a"}, {})
    SessionRecords(home / "n.ipynb").add(SessionRecord("1", "name", "local", "http://127.0.0.1:1", ours=True))
    write_user_setting("language", "sql")
    with published_token(4567, "secret"):
        assert mode(token_file(4567)) == 0o600


@pytest.mark.usefixtures("umask")
def test_what_is_made_is_open_to_nobody_else_whatever_the_umask(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    fill(home)
    folders = [path for path in home.rglob("*") if path.is_dir()]
    assert {"cache", "data", "state", "config", "trust", "sessions"} <= {path.name for path in folders}
    assert {str(path): oct(mode(path)) for path in folders if mode(path) != 0o700} == {}
    secrets = [path for path in home.rglob("*") if path.suffix in (".json", ".token")]
    assert secrets
    assert {str(path): oct(mode(path)) for path in secrets if mode(path) & 0o077} == {}


@pytest.mark.parametrize("wide", [0o755, 0o777])
def test_a_folder_of_ours_that_was_open_is_closed(home: Path, wide: int) -> None:
    top = user_file().parent
    for folder in (top.parent, top, top / "inner"):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(wide)
    own_folder(top / "inner")
    assert [mode(folder) for folder in (top.parent, top, top / "inner")] == [wide, 0o700, 0o700]


@as_root
def test_another_users_folder_is_not_used_for_tokens_and_records(home: Path) -> None:
    folder = token_file(1).parent
    folder.mkdir(parents=True)
    os.chown(folder, SOMEBODY, SOMEBODY)
    with pytest.raises(OpenToOthers, match=f"it belongs to user {SOMEBODY}"):
        own_folder(folder)
    with published_token(4567, "secret") as is_published:
        assert not is_published
    assert begin_log() is None
    assert list(folder.iterdir()) == []


# ------------------------------------------------------------------------------------------------ what is run from there
def test_a_cache_that_others_could_only_read_is_closed_and_used(home: Path) -> None:
    jar = cache_folder() / "own-classes" / "a.jar"
    jar.parent.mkdir(parents=True, mode=0o755)
    jar.write_bytes(b"jar")
    cache_folder().chmod(0o755)
    assert cache_folder() == jar.parent.parent
    assert mode(jar.parent.parent) == 0o700
    assert jar.exists()


@pytest.mark.parametrize("inner", ["", "own-classes", "own-classes/a.jar"])
def test_a_cache_into_which_others_could_write_is_refused_with_what_to_do(home: Path, inner: str) -> None:
    folder = cache_folder()
    (folder / "own-classes").mkdir(parents=True)
    (folder / "own-classes" / "a.jar").write_bytes(b"jar")
    folder.chmod(0o755)
    (folder / inner).chmod(0o777)
    for _ in range(2):
        with pytest.raises(
            LocalFabricError, match=r"other users could write into it\. Remove the folder, or set XDG_CACHE_HOME"
        ):
            cache_folder()
    assert mode(folder / inner) == 0o777  # closed, it would look as if it had been so all the time


@as_root
@pytest.mark.parametrize("inner", ["", "own-classes", "own-classes/a.jar"])
def test_a_cache_with_another_users_files_is_refused(home: Path, inner: str) -> None:
    folder = cache_folder()
    (folder / "own-classes").mkdir(parents=True)
    (folder / "own-classes" / "a.jar").write_bytes(b"jar")
    folder.chmod(0o755)
    os.chown(folder / inner, SOMEBODY, SOMEBODY)
    with pytest.raises(LocalFabricError, match=f"it belongs to user {SOMEBODY}, not to you"):
        cache_folder()


@as_root
@pytest.mark.parametrize(("group", "is_refused"), [(0, False), (SOMEBODY, True)])
def test_the_group_that_is_the_users_alone_may_write(tmp_path: Path, group: int, is_refused: bool) -> None:
    """As where the umask is 002: each user then has a group of that name."""
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(0o775)
    os.chown(folder, 0, group)
    if is_refused:
        with pytest.raises(OpenToOthers):
            check_code_folder(folder)
    else:
        check_code_folder(folder)
        assert mode(folder) == 0o700


@pytest.mark.spark
def test_the_server_says_so_at_its_start(home: Path) -> None:
    folder = cache_folder()
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    command = [sys.executable, "-m", "fabric_livy_magic.local", "--json", "--lakehouse", str(home / "lake")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"fabric-livy serve: Sessions run Java's code from the cache folder {folder}")


@pytest.mark.spark
def test_the_servers_own_folders_are_closed_where_the_umask_is_none(home: Path) -> None:
    command = [sys.executable, "-m", "fabric_livy_magic.local", "--json"]  # the lakehouse of the user's data folder
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, umask=0) as server:
        assert server.stdout is not None
        assert server.stdout.readline()
        found = {path: mode(path) for path in home.rglob("*")}
        server.terminate()
        assert server.wait(20) == 0
    assert {path.name for path in found} >= {"lakehouse", "serve.log"}
    assert {str(path): oct(bits) for path, bits in found.items() if path.is_dir() and bits != 0o700} == {}
    assert {
        str(path): oct(bits) for path, bits in found.items() if path.suffix in (".log", ".token") and bits != 0o600
    } == {}
