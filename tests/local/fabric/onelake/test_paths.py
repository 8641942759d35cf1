"""No spelling of a path leads out of the folders; pages and pieces, by properties."""

from __future__ import annotations

import http.client
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.local.lakehouse.onelake_files import StorageError, list_paths, read_path
from fabric_livy_magic.local.lakehouse.onelake_uploads import Uploads
from fabric_livy_magic.local.lakehouse.workspaces import Workspaces, one_lakehouse
from tests.local.fabric.onelake.conftest import BRONZE, SALES, call, refused, upload
from tests.support.service import TOKEN, Api

pytestmark = pytest.mark.spark  # needs the `local` extra


# ------------------------------------------------------------------------------------------------ no way out
def raw(api: Api, method: str, target: str) -> tuple[int, str]:
    """As it is: other clients tidy paths up before they send them."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(api.base).port, timeout=30)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        connection.putheader("Authorization", f"Bearer {TOKEN}")
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers["x-ms-error-code"] or ""
    finally:
        connection.close()


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt", "..%2fsecret.txt", "..%2Fsecret.txt", "%2e%2e/secret.txt", "%2E%2E%2fsecret.txt",
        ".%2e/secret.txt", "./../secret.txt", "x/../../secret.txt", "..\\secret.txt", "..%5csecret.txt", "%5c..%5csecret.txt",
        "/../secret.txt", "%00", "x%00.txt", "..%00/secret.txt", "%0a", "%c0%ae%c0%ae/secret.txt", "%ed%a0%80", "..;/secret.txt",
        "%252e%252e/secret.txt", "file:%2f%2f/etc/passwd", "%2fetc%2fpasswd", "//etc/passwd", "out", "up/secret.txt",
        "dangling", "loop",
    ],
)  # fmt: skip
def test_no_spelling_of_a_path_leads_out(api: Api, house: Path, path: str) -> None:
    files = house / "Files"
    files.mkdir(parents=True, exist_ok=True)
    (house.parent / "secret.txt").write_text("secret", encoding="utf-8")
    (house / "secret.txt").write_text("secret", encoding="utf-8")
    links = {"out": "../../secret.txt", "up": "../..", "dangling": "../../new.txt", "loop": "loop"}
    for name, target in links.items():
        if not (files / name).is_symlink():
            (files / name).symlink_to(target)
    before = sorted(house.parent.rglob("*"))
    for method, query in (
        ("GET", ""),
        ("HEAD", ""),
        ("PATCH", "?action=append&position=0"),
        ("DELETE", "?recursive=true"),
    ):
        status, code = raw(api, method, f"/onelake/{SALES}/{BRONZE}/Files/{path}{query}")
        assert (status, code) in {
            (400, "InvalidUri"), (400, "InvalidInput"), (403, "AuthorizationFailure"), (404, "PathNotFound"),
        }, (method, status, code)  # fmt: skip
    assert sorted(house.parent.rglob("*")) == before


def test_a_file_is_not_created_through_a_link_that_leads_out(api: Api, house: Path) -> None:
    (house / "Files").mkdir(parents=True, exist_ok=True)
    (house / "Files" / "to new").symlink_to("../../new.txt")
    refused(call(api, "PUT", "to new?resource=file"), 403, "AuthorizationFailure")
    assert not (house.parent / "new.txt").exists()


def test_a_move_does_not_lead_out(api: Api, house: Path) -> None:
    upload(api, "moving.txt", b"1")
    for source in (f"/{SALES}/{BRONZE}/Files/../../secret.txt", f"/{SALES}/{BRONZE}/Files/%2e%2e/x", "/nowhere/x"):
        refused(call(api, "PUT", "to.txt", x_ms_rename_source=source), 400, "InvalidSourceUri")
    refused(call(api, "PUT", "to.txt", x_ms_rename_source=f"/{SALES}/{BRONZE}/Files"), 403, "AuthorizationFailure")
    assert not (house / "Files" / "to.txt").exists()


def test_a_listing_shows_only_what_a_request_can_name(tmp_path: Path) -> None:
    files = tmp_path / "Files"
    (files / "inner").mkdir(parents=True)
    (files / "inner" / "x").touch()
    (files / "within").symlink_to("inner")
    (files / "circle").symlink_to(".")
    (files / "out").symlink_to(tmp_path.parent)
    (files / "dangling").symlink_to("nosuch")
    os.mkfifo(files / "pipe")
    (files / "back\\slash").touch()
    (files / os.fsdecode(b"no text \xff")).touch()
    (tmp_path / ".catalog").mkdir()
    workspaces = one_lakehouse(tmp_path)
    entries, _ = list_paths(read_path(f"local/{tmp_path.name}", workspaces), recursive=True, after=(), limit=99)
    assert [entry["name"].partition("/")[2] for entry in entries] == [
        "Files", "Files/circle", "Files/inner", "Files/inner/x", "Files/within", "Tables",
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ properties
NAMES = st.sampled_from(["a", "a.b", "a b", "b", "é", "Z", "a-", "~"])


@given(st.sets(st.lists(NAMES, min_size=1, max_size=3).map(tuple), max_size=12), st.integers(1, 5))
def test_pages_of_a_listing_are_the_whole_listing(
    tmp_path_factory: pytest.TempPathFactory, paths: set[tuple[str, ...]], size: int
) -> None:
    folder = tmp_path_factory.mktemp("paged")
    for path in paths:
        folder.joinpath("Files", *path).mkdir(parents=True, exist_ok=True)
    workspaces: Workspaces = one_lakehouse(folder)
    top = read_path("local", workspaces)
    whole, more = list_paths(top, recursive=True, after=(), limit=1000)
    assert not more
    found: list[dict[str, str]] = []
    after: tuple[str, ...] = ()
    while True:
        page, after = list_paths(top, recursive=True, after=after, limit=size)
        found += page
        if not after:
            break
        assert len(page) == size
    assert found == whole
    assert len({entry["name"] for entry in whole}) == len(whole)


@given(
    st.binary(max_size=20), st.lists(st.binary(max_size=20), max_size=8), st.randoms(use_true_random=False),
    st.integers(-3, 3),
)  # fmt: skip
def test_pieces_in_any_order_become_the_file(
    tmp_path_factory: pytest.TempPathFactory, before: bytes, pieces: list[bytes], order: Any, off: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "uploaded.bin"
    file.write_bytes(before)
    uploads, whole = Uploads(), before
    placed = []
    for piece in pieces:
        placed.append((len(whole), piece))
        whole += piece
    order.shuffle(placed)
    for position, piece in placed:
        begun = uploads.begin(file, position)
        begun.write(piece)
        begun.done()
    assert file.read_bytes() == before
    position = len(whole) + off
    if position < len(before) or position > len(whole):
        with pytest.raises(StorageError):
            uploads.take(file, position)
        uploads.forget(file)
        return
    if (upload := uploads.take(file, position)) is not None:
        uploads.commit(upload, file, position)
    assert file.read_bytes() == whole[:position]


def test_a_name_is_read_back_as_it_was_written(api: Api) -> None:
    for name in ("plus+and space", "per%cent", "qu?es#tion", "quo'te\"s", "数据", "a=b&c;d", "~tilde", "co:lon"):
        path = f"names/{quote(name, safe='')}"
        upload(api, path, name.encode())
        assert call(api, "GET", path).content.decode() == name
