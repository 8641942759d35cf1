"""Data that was appended to files and not flushed yet, which no reader sees."""

from __future__ import annotations

import os
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import IO

from fabric_livy_magic.local.lakehouse.onelake_files import StorageError

MOST_AT_ONCE = 200  # each has an open file; the one that was used least recently gives way
MOST_BYTES = 2**50
COPY_BYTES = 1 << 20


class Upload:
    """What is on its way to one file, at its place in it. It lies beside the file, without a name."""

    def __init__(self, file: Path) -> None:
        self.start = file.stat().st_size
        self.data: IO[bytes] = tempfile.TemporaryFile(buffering=0, dir=file.parent)  # noqa: SIM115 - closed with the upload
        self.pieces: list[tuple[int, int]] = []  # first byte and the one after the last, of the file

    def reaches(self, position: int) -> bool:
        """Whether every byte up to there has come. Pieces may have come in any order."""
        end = self.start
        for first, after in sorted(self.pieces):
            if first > end:
                break
            end = max(end, after)
        return self.start <= position <= end


class Piece:
    """One append, written as it arrives. It counts when it is `done`."""

    def __init__(self, upload: Upload, position: int) -> None:
        self._upload = upload
        self.start = self.end = position

    def write(self, data: bytes) -> None:
        """Pieces of one upload arrive side by side."""
        if self.end + len(data) > MOST_BYTES:
            raise StorageError("OutOfRangeQueryParameterValue", "no file is that large")
        left = memoryview(data)
        while left:
            written = os.pwrite(self._upload.data.fileno(), left, self.end)
            left = left[written:]
            self.end += written

    def done(self) -> None:
        self._upload.pieces.append((self.start, self.end))


class Uploads:
    """Belongs to one thread, except for `commit`."""

    def __init__(self) -> None:
        self._by_file: OrderedDict[Path, Upload] = OrderedDict()

    def begin(self, file: Path, position: int) -> Piece:
        """Raises OSError or StorageError."""
        upload = self._by_file.get(file)
        if upload is None or upload.start != file.stat().st_size:
            self.forget(file)
            upload = self._by_file[file] = Upload(file)
            if len(self._by_file) > MOST_AT_ONCE:
                self.forget(next(iter(self._by_file)))
        self._by_file.move_to_end(file)
        return Piece(upload, position)

    def take(self, file: Path, position: int) -> Upload | None:
        """What a flush up to `position` has to `commit`; the rest is dropped, as the service does. Raises StorageError."""
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
        """All or nothing, as far as the disk lets it. Takes as long as a copy."""
        left = position - upload.start
        upload.data.seek(upload.start)
        with upload.data, file.open("ab") as target:
            try:
                while left and (part := upload.data.read(min(COPY_BYTES, left))):
                    target.write(part)
                    left -= len(part)
                target.flush()
            except OSError:
                target.truncate(upload.start)
                raise

    def forget(self, file: Path) -> None:
        """Also what is below, where it was a folder."""
        for one in [one for one in self._by_file if one.is_relative_to(file)]:
            self._by_file.pop(one).data.close()
