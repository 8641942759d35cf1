"""Our client of OneLake against the embedded Fabric's OneLake, which needs no session."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.errors import AccessError, NotFoundError, SettingsError
from fabric_livy_magic.fabric import transfers
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.livy.models import Progress
from tests.support import service
from tests.support.clients import onelake_of
from tests.support.service import ROOT, TOKEN, Api

pytestmark = pytest.mark.spark  # needs the `local` extra

ODD_NAME = "ä b#c%20?.bin"
RESETS = 20
FAULTS = f"""
[[requests]]
method = ["PATCH", "GET"]
path = "/onelake/**"
share = 0.5
times = {RESETS // 2}
connection = "reset"

[[requests]]
method = ["PATCH", "PUT"]
path = "/onelake/**"
share = 0.5
times = {RESETS // 2}
after_work = true
connection = "reset"
"""
LOST_ANSWERS = """
[[requests]]
method = ["PUT", "DELETE"]
path = "/onelake/**"
per = "path"
times = 1
after_work = true
connection = "close"
"""
REFUSED = """
[[requests]]
path = "/onelake/**"
status = 403
error_code = "AuthorizationPermissionMismatch"
"""


@pytest.fixture(scope="module")
def lakehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lakehouse")


@pytest.fixture(scope="module")
def api(lakehouse: Path) -> Iterator[Api]:
    with service.serving(lakehouse) as running:
        yield running


@pytest.fixture(scope="module")
def onelake(api: Api) -> OneLake:
    return onelake_of(api)


@pytest.fixture
def with_faults(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OneLake]:
    faults = tmp_path / "faults.toml"
    faults.write_text(f"seed = 7\n{request.param}", encoding="utf-8")
    with service.serving(tmp_path / "lake", ("--token", TOKEN, "--faults", str(faults))) as running:
        yield onelake_of(running)


def local_file(folder: Path, content: bytes, name: str = ODD_NAME) -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


# ------------------------------------------------------------------------------------------------ whole files
@pytest.mark.parametrize("size", [0, 1, transfers.PART_BYTES, 3 * transfers.PART_BYTES + 17])
def test_a_file_goes_up_and_comes_down_as_it_was(onelake: OneLake, lakehouse: Path, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path = f"Files/up/{size}/{ODD_NAME}"
    entry = onelake.upload(local_file(tmp_path, content), path)
    assert (entry.path, entry.size_bytes, entry.is_folder) == (path, size, False)
    assert (lakehouse / path).read_bytes() == content
    onelake.download(path, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    assert onelake.read(path) == content
    assert not (lakehouse / "Files" / ".fabric-livy").exists()
    assert {one.name for one in tmp_path.iterdir()} == {ODD_NAME, "back"}


@pytest.mark.parametrize("with_faults", [FAULTS], indirect=True)
def test_a_file_survives_twenty_resets_in_both_directions(
    with_faults: OneLake, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "fabric_livy_magic.livy.request_log")
    content = os.urandom(10 * transfers.PART_BYTES + 5)
    with_faults.upload(local_file(tmp_path, content), "Files/a.bin")
    with_faults.download("Files/a.bin", tmp_path / "back")
    assert hashlib.sha256((tmp_path / "back").read_bytes()).digest() == hashlib.sha256(content).digest()
    assert sum("no answer" in record.message for record in caplog.records) == RESETS
    assert [one.path for one in with_faults.list("Files", recursive=True)] == ["Files/a.bin"]


@pytest.mark.parametrize("with_faults", [LOST_ANSWERS], indirect=True)
def test_a_rename_and_a_deletion_whose_answers_are_lost_count_as_done(with_faults: OneLake, tmp_path: Path) -> None:
    with_faults.upload(local_file(tmp_path, b"abc"), "Files/a")
    with_faults.move("Files/a", "Files/b")
    assert [one.path for one in with_faults.list("Files")] == ["Files/b"]
    with_faults.delete("Files/b")
    assert with_faults.list("Files") == []


def test_memory_does_not_grow_with_the_file_and_resets_damage_nothing() -> None:
    """`benchmarks/files.py` does the same with 1 GiB; a program that holds the whole file needs more than this."""
    words = [sys.executable, str(ROOT / "benchmarks" / "files.py"), "--mib", "96", "--resets", str(RESETS), "--json"]
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=300)
    found = json.loads(done.stdout)
    assert (found["is_equal"], found["resets"]) == (True, RESETS)
    assert found["memory_mib"] <= 80


def test_what_is_there_is_replaced_only_on_request(onelake: OneLake, tmp_path: Path) -> None:
    onelake.upload(local_file(tmp_path, b"first"), "Files/kept")
    second = local_file(tmp_path, b"second", "second")
    with pytest.raises(SettingsError, match="exists already"):
        onelake.upload(second, "Files/kept")
    with pytest.raises(SettingsError, match="exists already"):
        onelake.download("Files/kept", second)
    assert (onelake.read("Files/kept"), second.read_bytes()) == (b"first", b"second")
    onelake.upload(second, "Files/kept", overwrite=True)
    assert onelake.read("Files/kept") == b"second"


def test_an_interrupted_transfer_leaves_nothing(onelake: OneLake, lakehouse: Path, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    file = local_file(tmp_path, os.urandom(5 * transfers.PART_BYTES))
    with pytest.raises(KeyboardInterrupt):
        onelake.upload(file, "Files/interrupted/x", on_progress=interrupt)
    assert onelake.find("Files/interrupted/x") is None
    assert not list((lakehouse / "Files").glob(".fabric-livy/uploads/*"))
    onelake.upload(file, "Files/interrupted/x")
    with pytest.raises(KeyboardInterrupt):
        onelake.download("Files/interrupted/x", tmp_path / "back", on_progress=interrupt)
    assert [one.name for one in tmp_path.iterdir()] == [ODD_NAME]


def test_an_upload_removes_what_a_program_that_died_has_left(onelake: OneLake, lakehouse: Path, tmp_path: Path) -> None:
    left = lakehouse / transfers.UPLOADS
    left.mkdir(parents=True)
    for name, days in (("old.part", 3), ("of_another_program.part", 1)):
        (left / name).touch()
        moment = time.time() - days * 86400
        os.utime(left / name, (moment, moment))
    onelake.upload(local_file(tmp_path, b"x"), "Files/swept")
    assert [one.name for one in left.iterdir()] == ["of_another_program.part"]
    shutil.rmtree(lakehouse / transfers.OWN_FOLDER)


def test_a_file_that_changes_while_it_is_sent_is_not_put_there(onelake: OneLake, tmp_path: Path) -> None:
    file = local_file(tmp_path, os.urandom(2 * transfers.PART_BYTES))

    def change(progress: Progress) -> None:
        os.utime(file, (0, 0))

    with pytest.raises(SettingsError, match="was changed while it was sent"):
        onelake.upload(file, "Files/changing", on_progress=change)
    assert onelake.find("Files/changing") is None


# ------------------------------------------------------------------------------------------------ bad input
def test_files_that_cannot_be_sent_are_refused_with_the_reason(onelake: OneLake, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="There is no file"):
        onelake.upload(tmp_path / "missing", "Files/x")
    with pytest.raises(SettingsError, match="is a folder"):
        onelake.upload(tmp_path, "Files/x")
    file = local_file(tmp_path, b"x")
    onelake.make_folder("Files/folder")
    with pytest.raises(SettingsError, match="is a folder: name the file in it"):
        onelake.upload(file, "Files/folder")
    with pytest.raises(SettingsError, match="name something below Files or Tables"):
        onelake.upload(file, "Files")
    with pytest.raises(SettingsError, match="is a folder"):
        onelake.download("Files/folder", tmp_path / "x")
    with pytest.raises(NotFoundError, match="There is no Files/nowhere in OneLake"):
        onelake.download("Files/nowhere", tmp_path / "x")


def test_a_folder_with_something_in_it_is_deleted_only_on_request(onelake: OneLake, tmp_path: Path) -> None:
    onelake.upload(local_file(tmp_path, b"x"), "Files/full/a")
    with pytest.raises(SettingsError, match="something in it"):
        onelake.delete("Files/full")
    onelake.delete("Files/full", recursive=True)
    assert onelake.find("Files/full") is None
    for change in (lambda: onelake.delete("Files", recursive=True), lambda: onelake.move("Files", "Files/x")):
        with pytest.raises(SettingsError, match="Fabric's own folder"):
            change()


@pytest.mark.parametrize("with_faults", [REFUSED], indirect=True)
def test_a_storage_token_that_is_refused_says_which_permission_it_takes(with_faults: OneLake) -> None:
    with pytest.raises(AccessError, match="user_impersonation of Azure Storage"):
        with_faults.list("Files")
