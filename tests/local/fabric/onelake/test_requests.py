"""OneLake's file calls as bare requests: answers, codes, listings."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
import requests

from tests.local.fabric.onelake.conftest import BRONZE, SALES, VIEWED, call, refused, root_of, upload
from tests.support.service import Api

pytestmark = pytest.mark.spark  # needs the `local` extra


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


def test_a_folder_is_deleted_with_its_content_only_when_requested(api: Api, house: Path) -> None:
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


def test_without_a_token_everything_is_refused(api: Api) -> None:
    answer = requests.get(f"{root_of(api)}/nowhere/x", timeout=30)
    refused(answer, 401, "Unauthorized")


# ------------------------------------------------------------------------------------------------ checksums
def md5_of(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def test_a_body_that_is_not_what_its_md5_says_is_not_appended(api: Api) -> None:
    call(api, "PUT", "md5.txt?resource=file")
    answer = call(api, "PATCH", "md5.txt?action=append&position=0", b"abc", Content_MD5=md5_of(b"abd"))
    assert "MD5" in refused(answer, 400, "Md5Mismatch")
    refused(call(api, "PATCH", "md5.txt?action=flush&position=3"), 400, "InvalidFlushPosition")
    assert call(api, "PATCH", "md5.txt?action=append&position=0", b"abc", Content_MD5=md5_of(b"abc")).status_code == 202
    assert call(api, "PATCH", "md5.txt?action=flush&position=3").status_code == 200


def test_the_md5_of_a_range_of_four_mib_at_most_is_told(api: Api) -> None:
    upload(api, "range_md5.bin", b"0123456789" + bytes(5 << 20))
    asked = {"x_ms_range_get_content_md5": "true"}
    answer = call(api, "GET", "range_md5.bin", Range="bytes=2-4", **asked)
    assert (answer.content, answer.headers["Content-MD5"]) == (b"234", md5_of(b"234"))
    assert "Content-MD5" not in call(api, "GET", "range_md5.bin", Range="bytes=2-4").headers
    refused(call(api, "GET", "range_md5.bin", **asked), 400, "InvalidInput")
    refused(call(api, "GET", "range_md5.bin", Range=f"bytes=0-{4 << 20}", **asked), 400, "InvalidInput")
