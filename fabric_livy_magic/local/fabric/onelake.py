"""OneLake's file calls (the DFS endpoint of Azure Data Lake Storage Gen2), with `/onelake` as the account; blobs: `onelake_blobs`.

They take tokens for storage. Appended data is written as it arrives and files are sent in parts, so they may be of any size.
`x-ms-…` headers about leases, encryption and owners are ignored, as OneLake ignores them.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import unquote

from tornado.http1connection import HTTP1Connection
from tornado.iostream import StreamClosedError

from fabric_livy_magic.local.lakehouse import onelake_files
from fabric_livy_magic.local.lakehouse.onelake_blobs import Blobs, Block
from fabric_livy_magic.local.lakehouse.onelake_files import (
    Names,
    OneLakePath,
    Properties,
    StorageError,
    storage_error,
)
from fabric_livy_magic.local.lakehouse.onelake_paths import BadPath
from fabric_livy_magic.local.lakehouse.onelake_uploads import MAX_FILE_BYTES, Piece, Uploads, md5_text
from fabric_livy_magic.local.lakehouse.workspaces import MAY_RUN
from fabric_livy_magic.local.server.server import Server
from fabric_livy_magic.local.server.tokens import STORAGE_AUDIENCES
from fabric_livy_magic.local.web.answers import Refusal
from fabric_livy_magic.local.web.handler import Handler

APPEND_LIMIT = 4000 * 1024 * 1024  # the service's own; the Python SDK sends 100 MiB at a time
PAGE = 5000
PART_BYTES = 1 << 20
MD5_BYTES = 4 << 20  # of the longest range whose MD5 the service tells
DEFAULT_VERSION = "2021-06-08"
THREADS = 4
CONDITION_NOT_MET = "the condition specified using HTTP conditional header(s) is not met"
ECHOED_VALUE = re.compile(r"[A-Za-z0-9.:_-]{1,128}")
STORAGE_CODES = {
    "MethodNotAllowed": "UnsupportedHttpVerb",
    "Forbidden": "AuthorizationFailure",
    "EntityNotFound": "PathNotFound",
}

T = TypeVar("T")


class Store:
    """Shared by the handlers of a server. Own threads: those of the event loop are busy for seconds when sessions end."""

    def __init__(self) -> None:
        self.uploads = Uploads()
        self.blobs = Blobs()
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="onelake")


class OneLakeHandler(Handler):
    audiences = STORAGE_AUDIENCES

    def initialize(self, server: Server) -> None:
        super().initialize(server)
        self._store: Store = self.settings["onelake"]
        self._arriving: Piece | Block | None = None
        self._failure: Exception | None = None
        action = self.request.query_arguments.get("action", [b""])[
            -1
        ]  # not decoded: a failure here would get no response
        self._appends = self.request.method == "PATCH" and action == b"append"
        self._is_written = self._appends
        """The body, as it arrives; else it is read whole."""
        if self._appends:
            self.body_limit_bytes = APPEND_LIMIT

    async def prepare(self) -> None:
        await super().prepare()
        path = str(self.path_args[0])
        self.is_account = not path.strip("/") and self.request.method == "GET"
        if self.is_account:
            return  # no workspace: they are what is listed
        self.target = self._read_path(path)
        if self.target.workspace.role not in MAY_RUN:
            raise Refusal(
                403,
                "this request is not authorized to perform this operation using this permission: the caller's role in "
                f"the workspace is {self.target.workspace.role}, and OneLake needs Contributor or a higher one",
                "AuthorizationPermissionMismatch",
            )
        if self._appends:
            cast(HTTP1Connection, self.request.connection).set_max_body_size(APPEND_LIMIT)
            try:
                file, position = self._existing_file(), self._number("position")
                piece = self._arriving = self._try(self._store.uploads.begin, file, position)
                piece.wanted_md5 = self.request.headers.get("Content-MD5", "")
            except Refusal as refusal:
                self._failure = refusal

    def data_received(self, chunk: bytes) -> None:
        """A failure is answered after the whole body: a client that is still sending would not read the response."""
        if not self._is_written:
            super().data_received(chunk)
        elif self._arriving is not None and self._failure is None:
            try:
                self._arriving.write(chunk)
            except (OSError, StorageError) as problem:
                self._failure = self._as_refusal(problem)

    # ---- calls

    async def head(self, _path: str) -> None:
        self._answer_properties(self._properties())
        self.finish()

    async def get(self, _path: str) -> None:
        if self.is_account:
            self._list_file_systems()
        elif self._query("resource") == "filesystem":
            await self._list()
        elif self._query("restype") == "container":  # how the SDKs read a workspace's properties
            self._answer_properties(self._properties())
            self._answer_empty(200)
        elif self.target.lakehouse is None:
            raise refusal_of("MissingRequiredQueryParameter", "resource=filesystem is needed to list")
        else:
            await self._read()

    async def put(self, _path: str) -> None:
        if self._body:
            raise refusal_of("ContentLengthMustBeZero", "the Content-Length request header must be zero")
        may_replace = self.request.headers.get("If-None-Match", "").strip() != "*"
        if source := self.request.headers.get("x-ms-rename-source"):
            await self._in_thread(onelake_files.rename, self._source(source), self.target, may_replace=may_replace)
            self._store.uploads.forget(self._try(lambda: self.target.file))
        else:
            create = {"file": onelake_files.create_file, "directory": onelake_files.create_directory}
            kind = self._query("resource")
            if kind not in create:
                code = "InvalidQueryParameterValue" if kind else "MissingRequiredQueryParameter"
                raise refusal_of(code, "resource is file or directory")
            if kind == "file":
                self._store.uploads.forget(self._try(lambda: self.target.file))
            await self._in_thread(create[kind], self.target, may_replace=may_replace)
        self._answer_changed(201)

    async def patch(self, _path: str) -> None:
        match self._query("action"):
            case "append":
                await self._append()
            case "flush":
                await self._flush(self._number("position"))
                self._answer_changed(200)
            case action:
                raise refusal_of("InvalidQueryParameterValue", f"action is append or flush, not {action!r}")

    async def delete(self, _path: str) -> None:
        recursive = self._query("recursive").lower() == "true"
        self._check_match(self._properties())
        await self._in_thread(onelake_files.delete, self.target, recursive=recursive)
        self._store.uploads.forget(self._try(lambda: self.target.file))
        self._answer_empty(200 if "recursive" in self.request.query_arguments else 202)  # 202 is a blob's

    # ---- parts of calls

    def file_systems(self) -> list[str]:
        """The names of the workspaces; of two with one name, their ids."""
        workspaces = self.server.workspaces.all
        times = Counter(one.name.casefold() for one in workspaces)
        return [one.name if times[one.name.casefold()] == 1 else one.id for one in workspaces]

    def _list_file_systems(self) -> None:
        if self._query("resource") != "account":
            raise refusal_of("MissingRequiredQueryParameter", "resource=account is needed to list file systems")
        self.answer({"filesystems": [{"name": one} for one in self.file_systems()]})

    async def _list(self) -> None:
        if self.target.lakehouse is not None:
            raise refusal_of("InvalidUri", "a listing is asked of the workspace; directory names what is below it")
        directory = self._query("directory")
        top = self._read_path(f"{self.target.workspace.id}/{directory}") if directory else self.target
        recursive, limit = self._query("recursive").lower(), self._query("maxResults") or str(PAGE)
        if recursive not in ("true", "false"):
            raise refusal_of("MissingRequiredQueryParameter", "recursive is true or false")
        if not re.fullmatch(r"[1-9]\d{0,8}", limit, re.ASCII):
            raise refusal_of("OutOfRangeQueryParameterValue", "maxResults is a whole number above 0")
        entries, last = await self._in_thread(
            onelake_files.list_paths,
            top,
            recursive=recursive == "true",
            after=names_of(self._query("continuation")),
            limit=min(int(limit), PAGE),
        )
        if last:
            self.set_header("x-ms-continuation", token_of(last))
        self.answer({"paths": entries})

    async def _read(self) -> None:
        found = self._properties()
        if found.is_directory:
            raise refusal_of("PathConflict", "the specified path is a directory")
        wanted = self.request.headers.get("x-ms-range") or self.request.headers.get("Range", "")
        whole = range(found.length)
        part = _range(wanted, whole)
        wants_md5 = self.request.headers.get("x-ms-range-get-content-md5", "").lower() == "true"
        if wants_md5 and (part is whole or len(part) > MD5_BYTES):
            raise refusal_of("InvalidInput", "an MD5 is told of a range of 4 MiB at most")
        self._answer_properties(found)
        self.set_header("Content-Length", str(len(part)))
        if wants_md5:
            self.set_header("Content-MD5", await self._in_thread(_md5_of, self.target.file, part))
        if part is not whole:
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {part.start}-{part.stop - 1}/{found.length}")
        with await self._in_thread(self.target.file.open, "rb") as file:
            file.seek(part.start)
            remaining = len(part)
            try:
                while remaining and (data := await self._in_thread(file.read, min(PART_BYTES, remaining))):
                    self.write(data)
                    await self.flush()
                    remaining -= len(data)
            except StreamClosedError:
                return  # the client closed the connection
        self.finish()

    async def _append(self) -> None:
        if self._failure is not None:
            raise self._failure
        piece = self._arriving
        assert isinstance(piece, Piece)
        self._try(piece.done)
        if self._query("flush").lower() == "true":
            await self._flush(piece.end)
        self._answer_empty(202)

    async def _flush(self, position: int) -> None:
        if self._body:
            raise refusal_of("ContentLengthMustBeZero", "the Content-Length request header must be zero")
        file = self._existing_file()
        self._check_match(self._properties())
        if self.request.headers.get("If-None-Match", "").strip() == "*":  # how the SDK avoids overwriting a file
            raise refusal_of("ConditionNotMet", CONDITION_NOT_MET)
        upload = self._try(self._store.uploads.take, file, position)
        if upload is not None:
            await self._in_thread(self._store.uploads.commit, upload, file, position)

    # ---- the request

    def _read_path(self, text: str) -> OneLakePath:
        return self._try(onelake_files.read_path, text, self.server.workspaces)

    def _properties(self) -> Properties:
        return self._try(onelake_files.properties, self.target)

    def _existing_file(self) -> Any:
        if self._properties().is_directory:
            raise refusal_of("PathConflict", "the specified path is a directory")
        return self.target.file

    def _source(self, header: str) -> OneLakePath:
        """The path is quoted, and a key may follow, which is ignored."""
        try:
            return onelake_files.read_path(unquote(header.partition("?")[0]), self.server.workspaces)
        except BadPath as problem:
            raise refusal_of("InvalidSourceUri", f"the source URI is invalid: {problem}") from problem

    def _query(self, name: str) -> str:
        return self.get_query_argument(name, "", strip=False)

    def _number(self, name: str) -> int:
        text = self._query(name)
        if not text:
            raise refusal_of("MissingRequiredQueryParameter", f"{name} is needed")
        if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
            raise refusal_of("InvalidQueryParameterValue", f"{name} is a whole number, not {text[:40]!r}")
        if int(text) > MAX_FILE_BYTES:
            raise refusal_of("OutOfRangeQueryParameterValue", f"{name} is beyond the size of any file")
        return int(text)

    def _check_match(self, found: Properties) -> None:
        wanted = self.request.headers.get("If-Match", "*").strip()
        if wanted not in ("*", found.etag, f'"{found.etag}"'):
            raise refusal_of("ConditionNotMet", CONDITION_NOT_MET)

    # ---- responses

    def _try(self, work: Callable[..., T], *arguments: Any) -> T:
        try:
            return work(*arguments)
        except (BadPath, OSError, StorageError) as problem:
            raise self._as_refusal(problem) from problem

    async def _in_thread(self, work: Callable[..., T], *arguments: Any, **keywords: Any) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._store.threads, partial(work, *arguments, **keywords))
        except (BadPath, OSError, StorageError) as problem:
            raise self._as_refusal(problem) from problem

    def _as_refusal(self, problem: BadPath | OSError | StorageError) -> Exception:
        found = problem if isinstance(problem, StorageError) else storage_error(problem)
        return Refusal(found.status, str(found), found.code) if found else problem

    def _answer_changed(self, status: int) -> None:
        found = self._properties()
        self.set_header("ETag", f'"{found.etag}"')
        self.set_header("Last-Modified", found.last_modified)
        self._answer_empty(status)

    def _answer_empty(self, status: int) -> None:
        self.set_status(status)
        self.set_header("Content-Length", "0")
        self.clear_header("Content-Type")
        self.finish()

    def _answer_properties(self, found: Properties) -> None:
        self._check_match(found)
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("Content-Length", str(found.length))
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("ETag", f'"{found.etag}"')
        self.set_header("Last-Modified", found.last_modified)
        self.set_header("x-ms-blob-type", "BlockBlob")
        self.set_header("x-ms-resource-type", "directory" if found.is_directory else "file")
        if found.is_directory:
            self.set_header("x-ms-meta-hdi_isfolder", "true")  # how the blob side of the SDKs knows a folder
        self.set_header("x-ms-owner", "$superuser")
        self.set_header("x-ms-group", "$superuser")
        self.set_header("x-ms-permissions", "rwxr-x---" if found.is_directory else "rw-r-----")

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("x-ms-request-id", getattr(self, "request_id", ""))
        self.set_header("x-ms-version", DEFAULT_VERSION)
        for name in ("x-ms-version", "x-ms-client-request-id"):
            if ECHOED_VALUE.fullmatch(self.request.headers.get(name, "")):
                self.set_header(name, self.request.headers[name])

    def compute_etag(self) -> None:
        """None: tornado's would be that of the response, not of the file."""

    @staticmethod
    def storage_code(refusal: Refusal) -> str:
        return STORAGE_CODES.get(refusal.code, refusal.code)

    def answer_refusal(self, refusal: Refusal) -> None:
        code = self.storage_code(refusal)
        self.set_header("x-ms-error-code", code)
        self.answer({"error": {"code": code, "message": refusal.message}}, refusal.status_code)


def refusal_of(code: str, message: str) -> Refusal:
    return Refusal(onelake_files.STATUS_BY_CODE[code], message, code)


def _range(header: str, whole: range) -> range:
    """The requested bytes; `whole` itself without a range, or with one that is not supported."""
    match = re.fullmatch(r"bytes=(\d{1,18})-(\d{0,18})", header.strip(), re.ASCII)
    if not match:
        return whole
    first, after = int(match[1]), int(match[2] or whole.stop - 1) + 1
    if first not in whole or after <= first:
        raise refusal_of("InvalidRange", "the range specified is invalid for the current size of the resource")
    return range(first, min(after, whole.stop))


def _md5_of(file: Path, part: range) -> str:
    with file.open("rb") as content:
        content.seek(part.start)
        return md5_text(hashlib.md5(content.read(len(part)), usedforsecurity=False))


def token_of(names: Names) -> str:
    return base64.urlsafe_b64encode(json.dumps(names).encode()).decode()


def names_of(token: str) -> Names:
    """No names without a token: the listing starts at its beginning."""
    try:
        names = json.loads(base64.urlsafe_b64decode(token)) if token else []
    except (binascii.Error, ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise refusal_of("InvalidQueryParameterValue", "the continuation token is none of this listing")
    return tuple(names)
