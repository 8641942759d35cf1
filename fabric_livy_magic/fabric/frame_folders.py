"""The folder of a frame that goes by files: `Files/.fabric-livy/frames/<id>`, for as long as the frame is on its way.

It is removed at the end, however that comes. Where the program was killed it goes with the session, or, where that was killed as well,
with a frame or an upload two days later (`transfers.sweep`): by then nobody else's is on its way.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from fabric_livy_magic.errors import FabricLivyError, FrameError
from fabric_livy_magic.fabric import transfers
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.fabric.onelake_calls import Entry
from fabric_livy_magic.fabric.transfers import FRAMES, PART_BYTES, Amount
from fabric_livy_magic.livy.statements import Listener

_PATH = re.compile(re.escape(FRAMES) + r"/[0-9a-f]{32}")


class FrameFolder:
    """`path`: of a frame that an earlier notebook has begun. Raises FrameError where that is no folder of a frame."""

    def __init__(self, onelake: OneLake, path: str = "") -> None:
        self.path = path or f"{FRAMES}/{uuid.uuid4().hex}"
        if not _PATH.fullmatch(self.path):
            raise FrameError(f"{self.path!r} is no folder of a frame, so nothing of it is read or removed.")
        self._onelake = onelake

    @property
    def uri(self) -> str:
        """For Spark."""
        return self._onelake.abfss(self.path)

    def check_access(self) -> None:
        """Raises AccessError, SignInError and further errors of a call to OneLake."""
        self._onelake.find(FRAMES)

    def fetch(
        self, sizes: Mapping[str, int], on_file: Callable[[IO[bytes]], None], on_progress: Listener | None = None
    ) -> None:
        """Each file goes to a nameless one of this machine, and to `on_file` once it is whole: in parts, several at a time, in several
        threads. `sizes` are those that the session has seen. Raises FrameError where another file is there, or one missing."""
        found = {entry.name: entry for entry in self._onelake.entries(self.path)}
        if sizes != {name: entry.size_bytes for name, entry in found.items()}:
            raise FrameError("The files of the frame are not those that the session has written.")
        amount = Amount("downloading", sum(sizes.values()), on_progress)
        files = [_FileOnItsWay(found[name]) for name in sizes]
        parts = [(file, position) for file in files for position in range(0, file.entry.size_bytes, PART_BYTES)]

        def fetch_part(part: tuple[_FileOnItsWay, int]) -> None:
            file, position = part
            content = transfers.read_part(self._onelake, file.entry, position)
            whole = file.write(position, content)
            amount.add(len(content))
            if whole is not None:
                with whole:
                    on_file(whole)

        try:
            transfers.side_by_side(parts, fetch_part, amount.report)
        except OSError as error:
            raise FrameError(
                f"The frame does not fit into {tempfile.gettempdir()}, or it cannot be written: {error.strerror or error}. The variable "
                "TMPDIR (TEMP on Windows) names another folder."
            ) from error
        finally:
            for file in files:
                file.close()

    def put(self, contents: Sequence[tuple[str, int, Callable[[], Any]]], on_progress: Listener | None = None) -> None:
        """Files of (name, bytes of what goes into it, its content), made and sent several at a time."""
        amount = Amount("uploading", sum(size_bytes for _, size_bytes, _ in contents), on_progress)

        def send(one: tuple[str, int, Callable[[], Any]]) -> None:
            name, counted_bytes, content_of = one
            path, content = f"{self.path}/{name}", memoryview(content_of())
            self._onelake.create(path)
            for position in range(0, len(content), PART_BYTES):
                self._onelake.append(path, position, bytes(content[position : position + PART_BYTES]))
            self._onelake.flush(path, len(content))
            amount.add(counted_bytes)

        transfers.side_by_side(contents, send, amount.report)

    def remove(self, *, hurried: bool = False) -> None:
        """With what others' programs that died have left. It is no error of the frame where that fails."""
        onelake = self._onelake.with_short_timeouts() if hurried else self._onelake
        with contextlib.suppress(FabricLivyError):
            onelake.delete(self.path, recursive=True)
        transfers.sweep(onelake)


class _FileOnItsWay:
    """A file of this machine without a name, so that nothing is left of it either; it is there from its first part on."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self._missing_bytes = entry.size_bytes
        self._file: IO[bytes] | None = None
        self._writing = threading.Lock()

    def write(self, position: int, content: bytes) -> IO[bytes] | None:
        """Gives the file when it is whole."""
        with self._writing:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - `fetch` closes it
            self._file.seek(position)
            self._file.write(content)
            self._missing_bytes -= len(content)
            if self._missing_bytes:
                return None
            self._file.seek(0)
            return self._file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
