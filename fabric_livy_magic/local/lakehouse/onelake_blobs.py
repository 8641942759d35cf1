"""Blobs that are written: in one request, or in blocks that one commits. A reader sees all of a blob or nothing of it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from fabric_livy_magic.local.lakehouse.onelake_files import (
    Names,
    OneLakePath,
    Properties,
    StorageError,
    changeable_file,
    managed_properties,
    page_of,
    walk,
)
from fabric_livy_magic.local.lakehouse.onelake_uploads import COPY_BYTES, MAX_FILE_BYTES, MAX_OPEN_UPLOADS, write_at


# ------------------------------------------------------------------------------------------------ writing
class Spool:
    """The blocks of one blob, in the order of their arrival, in an unnamed temporary file of the lakehouse's folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.data: IO[bytes] = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115 - closed with the spool
        self.end = 0
        self.blocks: dict[str, range] = {}


class Block:
    """One that arrives; it counts once it is `done`."""

    def __init__(self, spool: Spool, name: str, length: int) -> None:
        if spool.end + length > MAX_FILE_BYTES:
            raise StorageError("OutOfRangeQueryParameterValue", "no blob is that large")
        self.spool, self._name = spool, name
        self._range = range(spool.end, spool.end + length)
        spool.end += length  # blocks of one blob arrive side by side
        self._at = self._range.start

    def write(self, data: bytes) -> None:
        self._at = write_at(self.spool.data, data, self._at)

    def done(self) -> None:
        self.spool.blocks[self._name] = self._range


class Blobs:
    """Those whose blocks arrive, by their files. Used by one thread, except for `commit` and `copy`."""

    def __init__(self) -> None:
        self._by_file: OrderedDict[Path, Spool] = OrderedDict()

    def block(self, path: OneLakePath, name: str, length: int) -> Block:
        """Raises StorageError or OSError."""
        file = changeable_file(path)
        if file not in self._by_file:
            self._by_file[file] = Spool(_folder(path))
            if len(self._by_file) > MAX_OPEN_UPLOADS:
                self._by_file.popitem(last=False)[1].data.close()
        self._by_file.move_to_end(file)
        return Block(self._by_file[file], name, length)

    def take(self, path: OneLakePath, names: Sequence[str]) -> Spool:
        """Raises StorageError where a block of these has not arrived."""
        file = changeable_file(path)
        spool = self._by_file.get(file)
        if spool is None and not names:
            return Spool(_folder(path))
        if spool is None or any(name not in spool.blocks for name in names):
            raise StorageError("InvalidBlockList", "the specified block list is invalid: a block of it was not put")
        return self._by_file.pop(file)

    def forget(self, folder: Path) -> None:
        """The blocks of blobs below it, which was deleted."""
        for one in [one for one in self._by_file if one.is_relative_to(folder)]:
            self._by_file.pop(one).data.close()

    @staticmethod
    def commit(spool: Spool, names: Sequence[str], path: OneLakePath, *, may_replace: bool) -> None:
        """Takes as long as a copy. Raises StorageError or OSError."""
        with spool.data, _draft(path, may_replace=may_replace) as draft:
            for name in names:
                part = spool.blocks[name]
                for start in range(part.start, part.stop, COPY_BYTES):
                    draft.write(os.pread(spool.data.fileno(), min(COPY_BYTES, part.stop - start), start))

    @staticmethod
    def copy(source: OneLakePath, path: OneLakePath, *, may_replace: bool) -> None:
        with source.file.open("rb") as opened, _draft(path, may_replace=may_replace) as draft:
            while part := opened.read(COPY_BYTES):
                draft.write(part)


def one_block(path: OneLakePath, length: int) -> Block:
    """Of a blob that comes in one request. Raises StorageError or OSError."""
    changeable_file(path)
    return Block(Spool(_folder(path)), "", length)


def _folder(path: OneLakePath) -> Path:
    assert path.lakehouse is not None
    return path.lakehouse.folder


@contextlib.contextmanager
def _draft(path: OneLakePath, *, may_replace: bool) -> Iterator[IO[bytes]]:
    """What is written becomes the file at one blow, or, where it may not replace one, nothing: two writers of one commit of a table
    are told apart by that."""
    file = changeable_file(path)
    draft = _folder(path) / f".upload-{uuid.uuid4()}"  # beside Files and Tables: no listing has it
    try:
        with draft.open("xb") as opened:
            yield opened
        file.parent.mkdir(parents=True, exist_ok=True)
        if may_replace:
            draft.replace(file)
        else:
            os.link(draft, file)
    except FileExistsError:
        if file.is_dir() or not file.exists():
            raise
        raise StorageError("BlobAlreadyExists", "the specified blob already exists") from None
    finally:
        draft.unlink(missing_ok=True)


# ------------------------------------------------------------------------------------------------ listing
def list_blobs(
    top: OneLakePath, prefix: str, *, first: str = "", deep: bool, after: Names, limit: int
) -> tuple[list[tuple[str, Properties]], Names]:
    """One page of blobs, and, unless it is `deep`, of the folders on the next level, by names that begin with the prefix. `top` is the
    folder that its last slash ends, `first` the first name that counts. With it the last name of the page where more follow."""

    if (
        top.lakehouse is not None and not top.parts and not prefix.endswith("/")
    ):  # the item itself, as the request writes it
        if not deep:
            return [(top.item, managed_properties(top.workspace))], ()
        prefix = f"{top.item}/"

    def is_meant(name: str) -> bool:
        return name.startswith(prefix) and name >= first

    found = (
        (names, properties)
        for names, properties in walk(top, deep)
        if names > after and is_meant("/".join(names)) and not (deep and properties.is_directory)
    )
    page, last = page_of(found, limit)
    return [("/".join(names), properties) for names, properties in page], last
