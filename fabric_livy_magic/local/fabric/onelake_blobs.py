"""OneLake's other dialect, that of Azure's Blob service, at the same address: delta-rs, DuckDB, adlfs and the blob SDK speak it.

learn.microsoft.com/rest/api/storageservices/blob-service-rest-api. A workspace is a container. Block blobs are put whole or in blocks,
read with ranges, copied, listed and deleted, many at once as well. Everything else (append and page blobs, leases, tags, metadata,
snapshots) is refused by name: an empty success would have a client believe that it was done.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import cast
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from tornado.http1connection import HTTP1Connection

from fabric_livy_magic.local.fabric.onelake import (
    APPEND_LIMIT,
    CONDITION_NOT_MET,
    PAGE,
    OneLakeHandler,
    names_of,
    refusal_of,
    token_of,
)
from fabric_livy_magic.local.lakehouse import onelake_blobs, onelake_files, onelake_paths
from fabric_livy_magic.local.lakehouse.onelake_blobs import Block
from fabric_livy_magic.local.lakehouse.onelake_files import OneLakePath, Properties
from fabric_livy_magic.local.lakehouse.onelake_paths import BadPath
from fabric_livy_magic.local.server.server import Server
from fabric_livy_magic.local.web.answers import Refusal

MOST_BLOCKS = 50_000
_BLOCK_NAME = re.compile(r"<(?:Latest|Committed|Uncommitted)>\s*([^<]*?)\s*</")
_FOLDER_MARKS = ("x-ms-meta-hdi_isfolder", "x-ms-meta-is_directory")  # how clients of blobs make a folder
_METHODS = {"block": "PUT", "blocklist": "PUT", "list": "GET", "batch": "POST"}
MOST_DELETED = 256  # in one batch, as the service has it
_DELETED = re.compile(rb"^DELETE (\S+) HTTP/1\.[01]\r?$", re.MULTILINE)
_CONTENT_ID = re.compile(rb"^Content-ID:\s*([!-~]{1,64})\s*$", re.MULTILINE | re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')


class BlobHandler(OneLakeHandler):
    """Requests in the other dialect are `OneLakeHandler`'s."""

    def initialize(self, server: Server) -> None:
        super().initialize(server)
        arguments = self.request.query_arguments  # not decoded: a failure here would get no response
        comp, restype = (arguments.get(name, [b""])[-1].decode("latin-1") for name in ("comp", "restype"))
        headers = self.request.headers
        self._comp, self._is_container = comp, restype == "container"
        is_put = self.request.method == "PUT"
        self._is_blob = bool(comp) or self._is_container
        self._is_blob |= is_put and ("x-ms-blob-type" in headers or "x-ms-copy-source" in headers)
        if is_put and self._is_blob and comp in ("", "block") and "x-ms-copy-source" not in headers:
            self._is_written = True
            self.body_limit_bytes = APPEND_LIMIT

    async def prepare(self) -> None:
        await super().prepare()
        if not self._is_blob:
            return
        if self._comp and self.request.method != _METHODS.get(self._comp):
            what = f"{self.request.method} with comp={self._comp[:40]}"
            raise refusal_of(
                "UnsupportedQueryParameter",
                f"{what} is not supported; block blobs are put, read, listed and deleted here",
            )
        if self._is_container and self.request.method not in ("GET", "HEAD", "POST"):
            raise refusal_of("AuthorizationFailure", "workspaces are Fabric's to change")
        if self._is_written and not self._appends:
            try:
                self._begin()
            except Refusal as refusal:
                self._failure = refusal

    def _begin(self) -> None:
        kind = self.request.headers.get("x-ms-blob-type", "BlockBlob")
        if kind != "BlockBlob":
            raise refusal_of("InvalidHeaderValue", f"only blobs of the type BlockBlob are supported, not {kind[:40]!r}")
        length = self.request.headers.get("Content-Length", "")
        if not re.fullmatch(r"\d{1,18}", length, re.ASCII):
            raise refusal_of("MissingContentLengthHeader", "the Content-Length is needed")
        cast(HTTP1Connection, self.request.connection).set_max_body_size(APPEND_LIMIT)
        if self._comp == "block":
            name = self._query("blockid")
            if not name:
                raise refusal_of("MissingRequiredQueryParameter", "blockid is needed")
            self._arriving = self._try(self._store.blobs.block, self.target, name, int(length))
        else:
            self._arriving = self._try(onelake_blobs.one_block, self.target, int(length))

    # ---- calls

    async def get(self, path: str) -> None:
        if self._comp != "list":
            await super().get(path)
        elif self.is_account:
            names = (f"<Container><Name>{escape(one)}</Name>{_MANAGED}</Container>" for one in self.file_systems())
            self._answer_xml(f"<Containers>{''.join(names)}</Containers><NextMarker/>", "")
        else:
            await self._list_blobs()

    async def put(self, path: str) -> None:
        if not self._is_blob:
            await super().put(path)
            return
        if self._failure is not None:
            raise self._failure
        if self._comp == "block":
            self._done()
            self._answer_empty(201)
            return
        may_replace = self._may_replace()
        if self._comp == "blocklist":
            await self._commit(may_replace=may_replace)
        elif source := self.request.headers.get("x-ms-copy-source"):
            blobs = self._store.blobs
            await self._in_thread(blobs.copy, self._source_of_copy(source), self.target, may_replace=may_replace)
            self.set_header("x-ms-copy-id", str(uuid.uuid4()))
            self.set_header("x-ms-copy-status", "success")
            self._answer_changed(202)
        elif any(self.request.headers.get(mark, "").lower() == "true" for mark in _FOLDER_MARKS):
            await self._in_thread(onelake_files.create_directory, self.target, may_replace=may_replace)
            self._answer_changed(201)
        else:
            commit = self._store.blobs.commit
            await self._in_thread(commit, self._done().spool, [""], self.target, may_replace=may_replace)
            self._answer_changed(201)

    def _done(self) -> Block:
        block = self._arriving
        assert isinstance(block, Block)
        block.done()
        return block

    async def _commit(self, *, may_replace: bool) -> None:
        text = self.body.decode("utf-8", errors="replace")
        names = [match[1] for match in _BLOCK_NAME.finditer(text)]
        if len(names) > MOST_BLOCKS or (not names and "BlockList" not in text):
            raise refusal_of("InvalidBlockList", f"a block list of {MOST_BLOCKS} blocks at most is needed")
        spool = self._try(self._store.blobs.take, self.target, names)
        await self._in_thread(self._store.blobs.commit, spool, names, self.target, may_replace=may_replace)
        self._answer_changed(201)

    async def post(self, _path: str) -> None:
        """A batch: each part deletes one blob, and has an answer of its own."""
        if self._comp != "batch":
            raise Refusal(405, "the specified method is not allowed against this resource", "MethodNotAllowed")
        boundary = _BOUNDARY.search(self.request.headers.get("Content-Type", ""))
        parts = self.body.split(f"--{boundary[1]}".encode())[1:-1] if boundary else []
        wanted = [(_DELETED.search(part), _CONTENT_ID.search(part)) for part in parts]
        if not 0 < len(wanted) <= MOST_DELETED or any(deleted is None for deleted, _ in wanted):
            raise refusal_of("InvalidInput", f"a batch is a multipart/mixed of 1 to {MOST_DELETED} requests to delete")
        mark, answers = f"batchresponse_{uuid.uuid4()}", []
        for deleted, content_id in wanted:
            assert deleted is not None
            line = await self._delete_one(deleted[1].decode("latin-1").partition("?")[0])
            numbered = f"Content-ID: {content_id[1].decode('ascii')}\r\n" if content_id else ""
            answers.append(f"--{mark}\r\nContent-Type: application/http\r\n{numbered}\r\nHTTP/1.1 {line}\r\n\r\n")
        self.set_status(202)
        self.set_header("Content-Type", f"multipart/mixed; boundary={mark}")
        self.finish("".join([*answers, f"--{mark}--\r\n"]))

    async def _delete_one(self, address: str) -> str:
        """The first lines of the answer."""
        try:
            path = self._read_path(unquote(address.removeprefix("/onelake")))
            if path.workspace != self.target.workspace:
                raise refusal_of("InvalidInput", "a batch deletes blobs of its workspace")
            await self._in_thread(onelake_files.delete, path, recursive=False)
        except Refusal as refusal:
            code = "BlobNotFound" if refusal.code == "PathNotFound" else refusal.code
            return f"{refusal.status_code} {code}\r\nx-ms-error-code: {code}\r\nContent-Length: 0\r\n"
        return "202 Accepted\r\nContent-Length: 0\r\n"

    def _may_replace(self) -> bool:
        """Raises a refusal where another version is there than the request says."""
        wanted, unwanted = (self.request.headers.get(name, "").strip() for name in ("If-Match", "If-None-Match"))
        if wanted or unwanted not in ("", "*"):
            try:
                found = self._properties()
            except Refusal as refusal:
                if wanted:
                    raise refusal_of("ConditionNotMet", CONDITION_NOT_MET) from refusal
                return True
            self._check_match(found)
            if unwanted.strip('"') == found.etag:
                raise refusal_of("ConditionNotMet", CONDITION_NOT_MET)
        return unwanted != "*"

    def _source_of_copy(self, header: str) -> OneLakePath:
        """An address of this server."""
        parts = urlsplit(header)
        root = "/onelake/"
        if parts.netloc != self.request.host or not parts.path.startswith(root):
            raise refusal_of("InvalidSourceUri", "a source is a blob of this server")
        try:
            return self._read_path(unquote(parts.path[len(root) :]))
        except BadPath as problem:
            raise refusal_of("InvalidSourceUri", f"the source URI is invalid: {problem}") from problem

    # ---- listing

    async def _list_blobs(self) -> None:
        prefix, delimiter, limit = (self._query(name) for name in ("prefix", "delimiter", "maxresults"))
        if self.target.lakehouse is not None:
            raise refusal_of("InvalidUri", "a listing is asked of the workspace; prefix names what is below it")
        if delimiter not in ("", "/"):
            raise refusal_of("InvalidQueryParameterValue", "the delimiter is a slash")
        if limit and not re.fullmatch(r"[1-9]\d{0,8}", limit, re.ASCII):
            raise refusal_of("OutOfRangeQueryParameterValue", "maxresults is a whole number above 0")
        top = self._top_of(prefix)
        try:
            found, last = await self._in_thread(
                onelake_blobs.list_blobs,
                top,
                prefix,
                first=self._query("startFrom"),
                deep=not delimiter,
                after=names_of(self._query("marker")),
                limit=min(int(limit or PAGE), PAGE),
            )
        except Refusal as refusal:
            if refusal.code != "PathNotFound":
                raise
            found, last = [], ()  # blobs have no folders that could be missing
        marker = escape(token_of(last)) if last else ""
        container = f' ContainerName="{self.target.workspace.id}"'
        inner = f"<Prefix>{escape(prefix)}</Prefix><Blobs>{''.join(_entries(found))}</Blobs>"
        self._answer_xml(f"{inner}<NextMarker>{marker}</NextMarker>", container)

    def _top_of(self, prefix: str) -> OneLakePath:
        """The folder that the prefix is in; an item that the prefix is the whole name of."""
        folder, slash, _ = prefix.rpartition("/")
        if slash:
            return self._read_path(f"{self.target.workspace.id}/{folder}")
        wanted = prefix.casefold()
        for one in self.target.workspace.lakehouses:
            if wanted in (one.id, f"{one.name}{onelake_paths.SUFFIX}".casefold()):
                return OneLakePath(self.target.workspace, prefix, one)
        return self.target  # the beginning of a name

    def _answer_xml(self, inner: str, attributes: str) -> None:
        self.set_header("Content-Type", "application/xml")
        self.finish(
            f'<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="{escape(self.origin)}/onelake/"'
            f"{attributes}>{inner}</EnumerationResults>"
        )

    def answer_refusal(self, refusal: Refusal) -> None:
        if not getattr(self, "_is_blob", False):
            super().answer_refusal(refusal)
            return
        code = self.storage_code(refusal)
        self.set_status(refusal.status_code)
        self.set_header("x-ms-error-code", code)
        self.set_header("Content-Type", "application/xml")
        error = f"<Code>{escape(code)}</Code><Message>{escape(refusal.message)}</Message>"
        self.finish(f'<?xml version="1.0" encoding="utf-8"?><Error>{error}</Error>')


_MANAGED = "<Properties><Last-Modified>Thu, 01 Jan 1970 00:00:00 GMT</Last-Modified><Etag>0x0</Etag></Properties>"


def _entries(found: list[tuple[str, Properties]]) -> Iterator[str]:
    for name, properties in found:
        if properties.is_directory:
            yield f"<BlobPrefix><Name>{escape(name)}/</Name></BlobPrefix>"
        else:
            yield (
                f"<Blob><Name>{escape(name)}</Name><Properties><Creation-Time>{properties.last_modified}</Creation-Time>"
                f"<Last-Modified>{properties.last_modified}</Last-Modified><Etag>{properties.etag}</Etag>"
                f"<Content-Length>{properties.length}</Content-Length><Content-Type>application/octet-stream</Content-Type>"
                "<BlobType>BlockBlob</BlobType><ResourceType>file</ResourceType></Properties></Blob>"
            )
