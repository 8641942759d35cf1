"""Data that was appended and not flushed yet; no reader sees it."""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import IO

from fabric_livy_magic.local.lakehouse.onelake_files import StorageError

MAX_OPEN_UPLOADS = 200  # each has an open file; the least recently used one is dropped
MAX_FILE_BYTES = 2**50
COPY_BYTES = 1 << 20


def md5_text(digest: hashlib._Hash) -> str:
    return base64.b64encode(digest.digest()).decode()


def write_at(file: IO[bytes], data: bytes, position: int) -> int:
    """All of it, beside others that write into the same file. The position after it."""
    unwritten = memoryview(data)
    while unwritten:
        written = os.pwrite(file.fileno(), unwritten, position)
        unwritten = unwritten[written:]
        position += written
    return position


class Upload:
    """The unflushed data of one file, at its offsets in it, in an unnamed temporary file in the same folder."""

    def __init__(self, file: Path) -> None:
        self.start = file.stat().st_size
        self.data: IO[bytes] = tempfile.TemporaryFile(buffering=0, dir=file.parent)  # noqa: SIM115 - closed with the upload
        self.pieces: list[tuple[int, int]] = []  # offsets in the file: first byte, and the one after the last

    def reaches(self, position: int) -> bool:
        """Whether every byte before `position` has arrived, in whichever order."""
        end = self.start
        for first, after in sorted(self.pieces):
            if first > end:
                break
            end = max(end, after)
        return self.start <= position <= end


class Piece:
    """One append, written as it arrives; part of the upload once it is `done`."""

    def __init__(self, upload: Upload, position: int) -> None:
        self._upload = upload
        self.start = self.end = position
        self.wanted_md5 = ""
        """What the request says of its body, in base64; empty where it says nothing."""
        self._md5 = hashlib.md5(usedforsecurity=False)

    def write(self, data: bytes) -> None:
        """Pieces of one upload may be written concurrently."""
        if self.end + len(data) > MAX_FILE_BYTES:
            raise StorageError("OutOfRangeQueryParameterValue", "no file is that large")
        if self.wanted_md5:
            self._md5.update(data)
        self.end = write_at(self._upload.data, data, self.end)

    def done(self) -> None:
        """Raises StorageError where another body arrived than was sent."""
        if self.wanted_md5 and md5_text(self._md5) != self.wanted_md5:
            raise StorageError("Md5Mismatch", "the MD5 value specified in the request did not match the calculated one")
        self._upload.pieces.append((self.start, self.end))


class Uploads:
    """Used by one thread, except for `commit`."""

    def __init__(self) -> None:
        self._by_file: OrderedDict[Path, Upload] = OrderedDict()

    def begin(self, file: Path, position: int) -> Piece:
        """Raises OSError or StorageError."""
        upload = self._by_file.get(file)
        if upload is None or upload.start != file.stat().st_size:
            self.forget(file)
            upload = self._by_file[file] = Upload(file)
            if len(self._by_file) > MAX_OPEN_UPLOADS:
                self.forget(next(iter(self._by_file)))
        self._by_file.move_to_end(file)
        return Piece(upload, position)

    def take(self, file: Path, position: int) -> Upload | None:
        """The upload that a flush up to `position` has to `commit`; data behind that is dropped, as the service does.

        Raises StorageError.
        """
        upload = self._by_file.get(file)
        length = file.stat().st_size
        if upload is None and position == length:
            return None
        if upload is None or upload.start != length or not upload.reaches(position):
            raise StorageError(
                "InvalidFlushPosition",
                "the uploaded data is not contiguous or the position query parameter value is not equal to the length "
                "of the file after appending the uploaded data",
            )
        return self._by_file.pop(file)

    @staticmethod
    def commit(upload: Upload, file: Path, position: int) -> None:
        """Appends all of it; on an OSError the file gets its old length back. Takes as long as a copy."""
        remaining = position - upload.start
        upload.data.seek(upload.start)
        with upload.data, file.open("ab") as target:
            try:
                while remaining and (part := upload.data.read(min(COPY_BYTES, remaining))):
                    target.write(part)
                    remaining -= len(part)
                target.flush()
            except OSError:
                target.truncate(upload.start)
                raise

    def forget(self, file: Path) -> None:
        """With those of files below, where it was a folder."""
        for one in [one for one in self._by_file if one.is_relative_to(file)]:
            self._by_file.pop(one).data.close()
