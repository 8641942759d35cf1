"""OneLake's file calls: by Microsoft's own SDK, by bare requests, and what they refuse. Nothing here starts Spark."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.pipeline import PipelineRequest
from azure.storage.filedatalake import DataLakeServiceClient, FileSystemClient
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.local.lakehouse.onelake_files import StorageError, list_paths, read_path
from fabric_livy_magic.local.lakehouse.onelake_uploads import Uploads
from fabric_livy_magic.local.lakehouse.workspaces import Workspaces, one_lakehouse
from tests.support import service
from tests.support.service import TOKEN, Api

pytestmark = pytest.mark.spark  # needs the `local` extra
SALES, VIEWED = "aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"
BRONZE = "bbbbbbbb-0000-4000-8000-000000000001"
WORKSPACES = {
    "workspaces": [
        {
            "name": "Sales é",
            "id": SALES,
            "lakehouses": [
                {"name": "Bronze", "id": BRONZE, "folder": "bronze é"},
                {"name": "gold", "folder": "gold"},
            ],
        },
        {"name": "viewed", "id": VIEWED, "role": "Viewer", "lakehouses": [{"name": "Bronze", "folder": "viewed"}]},
    ]
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lakes")


@pytest.fixture(scope="module")
def api(folder: Path) -> Iterator[Api]:
    file = folder / "workspaces.json"
    file.write_text(json.dumps(WORKSPACES), encoding="utf-8")
    process, running = service.start(None, "--workspaces", str(file), "--token", TOKEN)
    yield running
    running.http.close()
    assert service.close(process) == 0


@pytest.fixture(scope="module")
def house(folder: Path) -> Path:
    return folder / "bronze é"


def with_token(request: PipelineRequest[Any]) -> None:
    """The SDK's own kind of credential sends no token over plain http."""
    request.http_request.headers["Authorization"] = f"Bearer {TOKEN}"


def root_of(api: Api) -> str:
    return str(api.ready["api_url"]).removesuffix("/v1") + "/onelake"


@pytest.fixture(scope="module")
def service_client(api: Api) -> Iterator[DataLakeServiceClient]:
    with DataLakeServiceClient(root_of(api), raw_request_hook=with_token, retry_total=0) as client:
        yield client


@pytest.fixture(scope="module")
def sales(service_client: DataLakeServiceClient) -> FileSystemClient:
    return service_client.get_file_system_client("Sales é")


def call(api: Api, method: str, path: str, data: bytes = b"", **headers: str) -> requests.Response:
    """`path` from the lakehouse's `Files/` on, with its query."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{root_of(api)}/{SALES}/{BRONZE}/Files/{path}"
    return api.http.request(method, url, data=data, headers=named, timeout=30)


def upload(api: Api, path: str, data: bytes) -> None:
    assert call(api, "PUT", f"{path}?resource=file").status_code == 201
    assert call(api, "PATCH", f"{path}?action=append&position=0", data).status_code == 202
    assert call(api, "PATCH", f"{path}?action=flush&position={len(data)}").status_code == 200


def refused(answer: requests.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (status, code), answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    message: str = error["message"]
    return message


# ------------------------------------------------------------------------------------------------ the SDK
def test_the_sdk_uploads_reads_and_deletes_a_file(sales: FileSystemClient, house: Path) -> None:
    directory = sales.create_directory("Bronze.Lakehouse/Files/sdk é x")
    file = directory.get_file_client("a b.bin")
    content = os.urandom(3_000_000)
    file.upload_data(content, overwrite=True)
    assert (house / "Files" / "sdk é x" / "a b.bin").read_bytes() == content
    assert file.download_file().readall() == content
    assert file.download_file(offset=2_999_990, length=100).readall() == content[-10:]
    assert file.get_file_properties().size == len(content)
    assert (file.exists(), directory.exists(), directory.get_file_client("no").exists()) == (True, True, False)
    file.delete_file()
    assert not file.exists()


def test_the_sdk_uploads_pieces_side_by_side(sales: FileSystemClient) -> None:
    file = sales.get_file_client(f"{BRONZE}/Files/pieces.bin")
    content = os.urandom(5_000_000)
    file.upload_data(content, overwrite=True, chunk_size=300_000, max_concurrency=4)
    assert file.download_file(max_concurrency=4).readall() == content


def test_the_sdk_writes_over_no_file_unless_told_to(sales: FileSystemClient) -> None:
    file = sales.get_file_client(f"{BRONZE}/Files/kept.txt")
    file.upload_data(b"first", overwrite=True)
    with pytest.raises(HttpResponseError):
        file.upload_data(b"second", overwrite=False)
    assert file.download_file().readall() == b"first"


def test_the_sdk_lists_by_pages(sales: FileSystemClient) -> None:
    for name in ("one.txt", "two/three.txt", "two/four/five.txt"):
        sales.get_file_client(f"Bronze.Lakehouse/Files/listed/{name}").create_file()
    pages = sales.get_paths("Bronze.Lakehouse/Files/listed", recursive=True, max_results=2).by_page()
    found = [[(path.name, path.is_directory) for path in page] for page in pages]
    start = "Bronze.Lakehouse/Files/listed"
    assert found == [
        [(f"{start}/one.txt", False), (f"{start}/two", True)],
        [(f"{start}/two/four", True), (f"{start}/two/four/five.txt", False)],
        [(f"{start}/two/three.txt", False)],
    ]
    assert [path.name for path in sales.get_paths("Bronze.Lakehouse", recursive=False)] == [
        "Bronze.Lakehouse/Files", "Bronze.Lakehouse/Tables",
    ]  # fmt: skip
    assert [path.name for path in sales.get_paths(recursive=False)] == ["Bronze.Lakehouse", "gold.Lakehouse"]


def test_the_sdk_moves_files_and_folders(sales: FileSystemClient, house: Path) -> None:
    directory = sales.create_directory(f"{BRONZE}/Files/before é")
    directory.create_file("x.txt")
    moved = directory.rename_directory(f"{sales.file_system_name}/{BRONZE}/Files/after")
    assert (house / "Files" / "after" / "x.txt").exists()
    assert not (house / "Files" / "before é").exists()
    moved.get_file_client("x.txt").rename_file(f"{sales.file_system_name}/{BRONZE}/Tables/t/y.txt")
    assert (house / "Tables" / "t" / "y.txt").exists()


def test_the_sdk_tells_what_is_not_there(service_client: DataLakeServiceClient, sales: FileSystemClient) -> None:
    assert sales.exists()
    assert not service_client.get_file_system_client("nowhere").exists()
    for path in (f"{BRONZE}/Files/nosuch.txt", "nosuch.Lakehouse/Files/x.txt", f"{BRONZE}/.catalog/x"):
        with pytest.raises(ResourceNotFoundError):
            sales.get_file_client(path).download_file()


# ------------------------------------------------------------------------------------------------ bare requests
def test_a_file_is_created_appended_to_and_flushed(api: Api, house: Path) -> None:
    assert call(api, "PUT", "steps.txt?resource=file").headers["ETag"]
    assert call(api, "PATCH", "steps.txt?action=append&position=3", b"def").status_code == 202
    assert call(api, "PATCH", "steps.txt?action=append&position=0", b"abc").status_code == 202
    assert (house / "Files" / "steps.txt").read_bytes() == b""  # nothing is to be seen before the flush
    flushed = call(api, "PATCH", "steps.txt?action=flush&position=6")
    assert (flushed.status_code, flushed.headers["Content-Length"]) == (200, "0")
    assert call(api, "PATCH", "steps.txt?action=append&position=6&flush=true", b"gh").status_code == 202
    answer = call(api, "GET", "steps.txt")
    assert (answer.status_code, answer.content) == (200, b"abcdefgh")
    assert answer.headers["ETag"] != flushed.headers["ETag"]


def test_properties_of_files_and_folders(api: Api) -> None:
    upload(api, "shown/x.txt", b"12345")
    file, folder = call(api, "HEAD", "shown/x.txt"), call(api, "HEAD", "shown")
    assert (file.headers["Content-Length"], file.headers["x-ms-resource-type"]) == ("5", "file")
    assert (folder.headers["Content-Length"], folder.headers["x-ms-resource-type"]) == ("0", "directory")
    assert file.headers["Last-Modified"].endswith(" GMT")
    assert call(api, "HEAD", "").headers["x-ms-resource-type"] == "directory"
    missing = call(api, "HEAD", "nosuch")
    assert (missing.status_code, missing.headers["x-ms-error-code"], missing.content) == (404, "PathNotFound", b"")


@pytest.mark.parametrize(
    ("header", "status", "content"),
    [
        ("bytes=0-2", 206, b"012"),
        ("bytes=7-", 206, b"789"),
        ("bytes=0-99", 206, b"0123456789"),
        ("bytes=9-9", 206, b"9"),
        ("bytes=-3", 200, b"0123456789"),  # the service knows no ranges from the end
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_a_range_of_a_file(api: Api, header: str, status: int, content: bytes) -> None:
    upload(api, "range.txt", b"0123456789")
    answer = call(api, "GET", "range.txt", Range=header)
    assert (answer.status_code, answer.content) == (status, content)
    if status == 206:
        first = b"0123456789".index(content)
        assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(content) - 1}/10"


def test_a_listing_has_the_services_own_shape(api: Api) -> None:
    upload(api, "shape/x.txt", b"abc")
    url = f"{root_of(api)}/{SALES}?resource=filesystem&recursive=true&directory={BRONZE}/Files/shape"
    answer = api.http.get(url, timeout=30)
    (entry,) = answer.json()["paths"]
    assert entry["name"] == f"{BRONZE}/Files/shape/x.txt"
    assert (entry["contentLength"], "isDirectory" in entry) == ("3", False)
    assert set(entry) == {"name", "contentLength", "lastModified", "etag", "owner", "group", "permissions"}
    assert "x-ms-continuation" not in answer.headers


def test_a_folder_is_deleted_with_what_is_in_it_only_when_asked(api: Api, house: Path) -> None:
    upload(api, "full/x.txt", b"1")
    refused(call(api, "DELETE", "full"), 409, "DirectoryNotEmpty")
    assert call(api, "DELETE", "full?recursive=true").status_code == 200
    assert not (house / "Files" / "full").exists()
    refused(call(api, "DELETE", "full?recursive=true"), 404, "PathNotFound")


def test_a_write_for_another_version_of_the_file_is_refused(api: Api) -> None:
    upload(api, "version.txt", b"1")
    etag = call(api, "HEAD", "version.txt").headers["ETag"]
    assert call(api, "GET", "version.txt", If_Match=etag).status_code == 200
    assert call(api, "PATCH", "version.txt?action=append&position=1&flush=true", b"2").status_code == 202
    refused(call(api, "GET", "version.txt", If_Match=etag), 412, "ConditionNotMet")
    refused(call(api, "DELETE", "version.txt", If_Match=etag), 412, "ConditionNotMet")
    refused(call(api, "PUT", "version.txt?resource=file", If_None_Match="*"), 409, "PathAlreadyExists")


@pytest.mark.parametrize(
    ("method", "path", "data", "status", "code"),
    [
        ("GET", "nosuch", b"", 404, "PathNotFound"),
        ("GET", "there", b"", 409, "PathConflict"),
        ("GET", "there/x.txt/y", b"", 409, "PathConflict"),
        ("PUT", "new", b"", 400, "MissingRequiredQueryParameter"),
        ("PUT", "new?resource=link", b"", 400, "InvalidQueryParameterValue"),
        ("PUT", "new?resource=file", b"x", 400, "ContentLengthMustBeZero"),
        ("PUT", "there?resource=file", b"", 409, "PathConflict"),
        ("PUT", "there/x.txt?resource=directory", b"", 409, "PathConflict"),
        ("PUT", "there/x.txt/y?resource=file", b"", 409, "PathConflict"),
        ("PUT", "?resource=file", b"", 403, "AuthorizationFailure"),
        ("PUT", "n" * 256 + "?resource=file", b"", 400, "InvalidUri"),
        ("PATCH", "nosuch?action=append&position=0", b"x", 404, "PathNotFound"),
        ("PATCH", "there?action=append&position=0", b"x", 409, "PathConflict"),
        ("PATCH", "there/x.txt?action=append", b"x", 400, "MissingRequiredQueryParameter"),
        ("PATCH", "there/x.txt?action=append&position=-1", b"x", 400, "InvalidQueryParameterValue"),
        ("PATCH", "there/x.txt?action=append&position=999999999999999999", b"x", 400, "OutOfRangeQueryParameterValue"),
        ("PATCH", "there/x.txt?action=flush&position=2", b"", 400, "InvalidFlushPosition"),
        ("PATCH", "there/x.txt?action=flush&position=1", b"x", 400, "ContentLengthMustBeZero"),
        ("PATCH", "there/x.txt?action=setAccessControl", b"", 400, "InvalidQueryParameterValue"),
        ("PATCH", "there/x.txt?action=%ff", b"x", 400, "InvalidInput"),
        ("PATCH", "there/x.txt?action=append&position=%ff", b"x", 400, "InvalidInput"),
        ("DELETE", "", b"", 403, "AuthorizationFailure"),
        ("POST", "there", b"", 405, "UnsupportedHttpVerb"),
        ("GET", "there/empty.txt", b"", 416, "InvalidRange"),
    ],
)
def test_what_does_not_work_has_the_documented_code(
    api: Api, method: str, path: str, data: bytes, status: int, code: str
) -> None:
    call(api, "PUT", "there/empty.txt?resource=file")
    upload(api, "there/x.txt", b"1")
    headers = {"Range": "bytes=0-9"} if status == 416 else {}
    assert refused(call(api, method, path, data, **headers), status, code)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("recursive=true&directory=nosuch/Files", 404, "PathNotFound"),
        ("recursive=true&directory=Bronze/Files/nosuch", 404, "PathNotFound"),
        ("recursive=true&directory=Bronze/.catalog", 404, "PathNotFound"),
        ("recursive=true&directory=Bronze/Files/../..", 400, "InvalidUri"),
        ("recursive=true&directory=Bronze%2FFiles%2F..%2F..", 400, "InvalidUri"),
        ("directory=Bronze/Files", 400, "MissingRequiredQueryParameter"),
        ("recursive=true&maxResults=0", 400, "OutOfRangeQueryParameterValue"),
        ("recursive=true&maxResults=x", 400, "OutOfRangeQueryParameterValue"),
        ("recursive=true&continuation=x", 400, "InvalidQueryParameterValue"),
        ("recursive=true&continuation=MQ==", 400, "InvalidQueryParameterValue"),
    ],
)
def test_a_listing_that_cannot_be_has_the_documented_code(api: Api, query: str, status: int, code: str) -> None:
    answer = api.http.get(f"{root_of(api)}/{SALES}?resource=filesystem&{query}", timeout=30)
    assert refused(answer, status, code)


def test_a_viewer_of_a_workspace_reads_nothing(api: Api) -> None:
    for method, path in (("GET", "x"), ("PUT", "x?resource=file")):
        answer = api.http.request(method, f"{root_of(api)}/{VIEWED}/Bronze/Files/{path}", timeout=30)
        assert "Viewer" in refused(answer, 403, "AuthorizationPermissionMismatch")


def test_without_a_token_nothing_is_told(api: Api) -> None:
    answer = requests.get(f"{root_of(api)}/nowhere/x", timeout=30)
    refused(answer, 401, "Unauthorized")


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


def test_a_move_leads_nowhere_out(api: Api, house: Path) -> None:
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
