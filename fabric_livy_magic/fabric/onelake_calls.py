"""OneLake's files: the calls of its DFS endpoint (Azure Data Lake Storage Gen2), for one lakehouse.

They take a token for storage, another one than the Fabric API's. Every call may be sent twice: what it writes goes to a
position, and of a rename or a deletion whose answer was lost the outcome is looked at. `transfers` moves whole files.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import quote

from fabric_livy_magic.errors import (
    AccessError,
    ConnectionFailed,
    HttpError,
    NotFoundError,
    NotLivyError,
    SettingsError,
    SignInError,
)
from fabric_livy_magic.fabric.onelake_paths import changeable_path, checked_path
from fabric_livy_magic.fabric.targets import url_path
from fabric_livy_magic.livy.http import LivyHttp, RawAnswer
from fabric_livy_magic.livy.json_answers import read_json

READ_AGAIN = 3  # times, of what arrived damaged
PAGE = 5000  # entries; the service's own limit
MD5_BYTES = 4 * 1024 * 1024  # of the longest range that the service tells the MD5 of
NOT_REPLACED = {"PathAlreadyExists", "ConditionNotMet"}
DFS_HOST = "onelake.dfs.fabric.microsoft.com"  # in `abfss` paths, also of an embedded Fabric
WHAT_STORAGE_NEEDS = (
    "Files need a token for storage, which is another one than that of sessions, so cells may run all the same. What it takes: the "
    "Contributor role in the workspace or a higher one; the tenant setting “Users can access data stored in OneLake with apps "
    "external to Fabric”; for an app registration of your own the delegated permission user_impersonation of Azure Storage, "
    "with consent."
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file or a folder; `path` begins with `Files` or `Tables`. `md5` is base64, where the server keeps one."""

    path: str
    is_folder: bool
    size_bytes: int = 0
    modified: datetime | None = None
    etag: str = ""
    md5: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class OneLakeCalls:
    """The files of one lakehouse. `http` has a token for storage, and the endpoint's address as its base.

    Paths begin with `Files` or `Tables`. Every method may raise HttpError (NotFoundError, AccessError), SettingsError for what
    is no path, and SignInError.
    """

    def __init__(self, http: LivyHttp, workspace_id: str, lakehouse_id: str) -> None:
        self._http = http.raw()
        self._root = url_path(workspace_id, lakehouse_id)
        self.workspace_id, self.lakehouse_id = workspace_id, lakehouse_id

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._http.base_url + self._root!r})"

    def with_short_timeouts(self) -> Self:
        """See `LivyHttp.with_short_timeouts`."""
        return type(self)(self._http.with_short_timeouts(), self.workspace_id, self.lakehouse_id)

    def abfss(self, path: str) -> str:
        """The address of a file or folder for Spark, and for a batch."""
        return f"abfss://{self.workspace_id}@{DFS_HOST}{quote(f'/{self.lakehouse_id}/{checked_path(path)}')}"

    # ------------------------------------------------------------------------------------------- looking
    def stat(self, path: str) -> Entry:
        answer = self._call("HEAD", path)
        return _entry_of_headers(checked_path(path), answer.headers)

    def find(self, path: str) -> Entry | None:
        """None where there is nothing."""
        try:
            return self.stat(path)
        except NotFoundError:
            return None

    def list(self, path: str = "Files", *, recursive: bool = False) -> Sequence[Entry]:
        """What is in a folder, by name. Raises NotFoundError where it is none."""
        return list(self.entries(path, recursive=recursive))

    def entries(self, path: str, *, recursive: bool = False) -> Iterator[Entry]:
        """As `list`, page by page."""
        path = checked_path(path)
        directory = "/".join(filter(None, [self.lakehouse_id, path]))
        params = {
            "resource": "filesystem",
            "directory": directory,
            "recursive": str(recursive).lower(),
            "maxResults": str(PAGE),
        }
        while True:
            answer = self._call("GET", path, params=params, url=url_path(self.workspace_id))
            for one in _paths_of(answer, self._http.base_url):
                yield _entry_of_json(one)
            continuation = answer.headers.get("x-ms-continuation", "")
            if not continuation or continuation == params.get("continuation"):
                return
            params["continuation"] = continuation

    def read(self, path: str, offset: int = 0, size_bytes: int | None = None, *, etag: str = "") -> bytes:
        """From `offset` on, at most `size_bytes` of it, compared with the server's MD5 where it tells one. For files that fit into
        memory. With `etag` only while the file is the one that `stat` has seen."""
        if size_bytes == 0:
            return b""
        last = "" if size_bytes is None else str(offset + size_bytes - 1)
        headers = {"Range": f"bytes={offset}-{last}", **({"If-Match": etag} if etag else {})}
        if size_bytes is not None and size_bytes <= MD5_BYTES:
            headers["x-ms-range-get-content-md5"] = "true"
        for _ in range(READ_AGAIN):
            try:
                answer = self._call("GET", path, headers=headers)
            except HttpError as error:
                if error.status == 416:  # behind the end, as all of an empty file is
                    return b""
                raise
            told = answer.headers.get("Content-MD5", "") if "Content-Range" in answer.headers else ""
            if "x-ms-range-get-content-md5" not in headers or told in {"", md5_text(answer.content)}:
                return answer.content
        raise ConnectionFailed(f"{path} arrived damaged, {READ_AGAIN} times: its MD5 is not what the server tells.")

    # ------------------------------------------------------------------------------------------- changing
    def make_folder(self, path: str) -> None:
        """With those above it; one that exists stays as it is."""
        if (found := self.find(path)) is not None:
            if not found.is_folder:
                raise SettingsError(f"{path} is a file, so it cannot be a folder.")
            return
        self._call("PUT", changeable_path(path), params={"resource": "directory"})

    def delete(self, path: str, *, recursive: bool = False) -> None:
        """A file, or an empty folder; `recursive`: a folder with all that is in it."""
        found = self.stat(changeable_path(path))
        params = {"recursive": str(recursive).lower()} if found.is_folder else None
        while True:
            try:
                answer = self._call("DELETE", path, params=params)
            except NotFoundError:
                return  # it was there a moment ago: an answer was lost, or somebody was quicker
            except HttpError as error:
                if error.code == "DirectoryNotEmpty":
                    raise SettingsError(
                        f"{path} is a folder with something in it. `files rm -r` (`recursive=True` in Python) removes both."
                    ) from error
                raise
            continuation = answer.headers.get("x-ms-continuation")
            if not continuation:
                return
            params = {**(params or {}), "continuation": continuation}

    def move(self, source: str, path: str, *, overwrite: bool = False) -> None:
        """Within the lakehouse, in one step. Raises SettingsError where something is at `path` already, unless `overwrite`."""
        self.rename(self.stat(changeable_path(source)), path, overwrite=overwrite)

    def rename(self, before: Entry, path: str, *, overwrite: bool = False) -> None:
        """`move` for what is known already."""
        headers = {"x-ms-rename-source": quote(f"{self._root}/{before.path}")}
        if not overwrite:
            headers["If-None-Match"] = "*"
        try:
            self._call("PUT", changeable_path(path), headers=headers)
        except HttpError as error:
            if (error.status == 404 or error.code in NOT_REPLACED) and self._was_moved(before, path):
                return  # the answer to the first try was lost
            if error.code in NOT_REPLACED:
                raise already_there(path) from error
            raise

    def _was_moved(self, before: Entry, path: str) -> bool:
        if self.find(before.path) is not None:
            return False
        after = self.find(path)
        return after is not None and (after.is_folder, after.size_bytes) == (before.is_folder, before.size_bytes)

    # ------------------------------------------------------------------------------------------- parts of an upload
    def create(self, path: str) -> None:
        """An empty file, with the folders above it."""
        self._call("PUT", path, params={"resource": "file"})

    def append(self, path: str, position: int, part: bytes) -> None:
        """Nobody sees it before `flush`. Parts may come in any order, and each may come again."""
        params = {"action": "append", "position": str(position)}
        self._call("PATCH", path, params=params, body=part, headers={"Content-MD5": md5_text(part)})

    def flush(self, path: str, size_bytes: int) -> None:
        self._call("PATCH", path, params={"action": "flush", "position": str(size_bytes)})

    # ------------------------------------------------------------------------------------------- one call
    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        url: str = "",
    ) -> RawAnswer:
        path = checked_path(path)
        url = url or self._root + "".join(f"/{quote(part, safe='')}" for part in path.split("/") if part)
        try:
            answer: RawAnswer = self._http.request(
                method, url, params=params, headers=headers, body=body or None, idempotent=True
            )
        except NotFoundError as error:
            raise NotFoundError(f"There is no {path or 'such lakehouse'} in OneLake.", **_fields(error)) from error
        except AccessError as error:
            raise AccessError(f"OneLake refused it: {error} {WHAT_STORAGE_NEEDS}", **_fields(error)) from error
        except SignInError as error:
            raise SignInError(f"{error} {WHAT_STORAGE_NEEDS}") from None
        return answer


def already_there(path: object) -> SettingsError:
    return SettingsError(f"{path} exists already. `--force` (`overwrite=True` in Python) replaces it.")


def md5_text(content: bytes) -> str:
    """As the service writes it. A checksum against damage on the way, not a signature."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode("ascii")


def _fields(error: HttpError) -> dict[str, Any]:
    return {"status": error.status, "code": error.code, "request_id": error.request_id}


def _paths_of(answer: RawAnswer, base_url: str) -> list[Mapping[str, Any]]:
    try:
        paths = read_json(answer.content)["paths"]
        return [one for one in paths if isinstance(one["name"], str)]
    except (ValueError, TypeError, LookupError):
        raise NotLivyError(f"{base_url} answered, but not as OneLake does: there is no list of paths.") from None


def _entry_of_headers(path: str, headers: Mapping[str, str]) -> Entry:
    is_folder = headers.get("x-ms-resource-type", "").lower() == "directory"
    return Entry(
        path=path,
        is_folder=is_folder,
        size_bytes=0 if is_folder else _number(headers.get("Content-Length")),
        modified=_moment(headers.get("Last-Modified")),
        etag=headers.get("ETag", ""),
        md5=headers.get("Content-MD5", ""),
    )


def _entry_of_json(one: Mapping[str, Any]) -> Entry:
    """Numbers and booleans are texts in it. Its name begins with the lakehouse's id."""
    is_folder = str(one.get("isDirectory", "")).lower() == "true"
    return Entry(
        path=str(one["name"]).partition("/")[2],
        is_folder=is_folder,
        size_bytes=0 if is_folder else _number(one.get("contentLength")),
        modified=_moment(one.get("lastModified")),
        etag=str(one.get("etag", "")),
    )


def _number(text: Any) -> int:
    return int(text) if str(text).isdecimal() else 0


def _moment(text: Any) -> datetime | None:
    try:
        return parsedate_to_datetime(str(text)) if text else None
    except ValueError:
        return None
