"""The Arrow stream of a frame as a file for Arrow, each message of it checked before Arrow reads it.

Arrow allocates what a message says it needs: a few kilobytes may say terabytes, and hold zeros for them. What a message says
stands in its head, a flatbuffer (Arrow's Message.fbs and Schema.fbs), and before each packed buffer. That a batch is as its
head says is checked by Arrow itself, once it is read: `RecordBatch.validate`, 6 % of what the reading costs.
"""

from __future__ import annotations

import struct
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fabric_livy_magic.errors import FrameError

GIB = 1024**3
CONTINUATION = b"\xff\xff\xff\xff"  # before each message since Arrow 0.15
SCHEMA, DICTIONARY_BATCH, RECORD_BATCH = 1, 2, 3  # of MessageHeader
NOT_PACKED = -1  # instead of a length before a buffer that would not get smaller
MOST_HEAD_BYTES = 64 * 1024 * 1024
# Pandas and Arrow itself hold Python classes as pickles under this name; reading one runs its code in Arrow before 14.0.1.
RUNS_CODE = b"arrow.py_extension_type"


class MessageHead(NamedTuple):
    """What a message says of itself. `buffers` are the offsets and lengths in its body, `values` the lengths of all arrays."""

    kind: int
    body_bytes: int
    buffers: tuple[tuple[int, int], ...] = ()
    values: int = 0
    is_packed: bool = False


class PartsAsFile:
    """A readable file of the parts that a subclass gives, empty at the end."""

    closed = False

    def __init__(self) -> None:
        self._unread = memoryview(b"")
        self.error: BaseException | None = None
        """What giving a part has raised. Arrow passes it on; by this it is told from Arrow's own errors."""

    def _next_part(self) -> bytes:
        raise NotImplementedError

    def read(self, size: int = -1) -> bytes:
        parts: list[memoryview] = []
        while size:
            if not self._unread:
                try:
                    self._unread = memoryview(self._next_part())
                except BaseException as error:
                    self.error = error
                    raise
                if not self._unread:
                    break
            part = self._unread if size < 0 else self._unread[:size]
            self._unread = self._unread[len(part) :]
            size -= len(part) if size > 0 else 0
            parts.append(part)
        return bytes(parts[0]) if len(parts) == 1 else b"".join(parts)


class MemoryLimit:
    """What all batches of a frame may need together; several streams of it may be read side by side."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = self._left_bytes = most_bytes
        self._lock = threading.Lock()

    def free(self) -> None:
        with self._lock:
            self._left_bytes = self._most_bytes

    def take(self, needed_bytes: int) -> None:
        with self._lock:
            self._left_bytes -= needed_bytes
            left_bytes = self._left_bytes
        if left_bytes < 0:
            raise FrameError(
                f"The frame needs more memory than there is: at least {(self._most_bytes - left_bytes) / GIB:.1f} GiB, and "
                f"{self._most_bytes / GIB:.1f} GiB are free. Fetch fewer rows or columns."
            )


class CheckedStream:
    """`read` gives the stream's bytes. Raises FrameError."""

    closed = False

    def __init__(self, read: Callable[[int], bytes], sent_bytes: int, memory: MemoryLimit) -> None:
        self._read, self._sent_bytes, self._memory = read, sent_bytes, memory
        self._unread: deque[memoryview] = deque()
        self._ended = False

    def forget(self) -> None:
        """The memory of the batches so far is free again: the reader keeps none of them."""
        self._memory.free()

    def read(self, size: int = -1) -> bytes:
        parts: list[memoryview] = []
        while size:
            if not self._unread:
                self._unread.extend(memoryview(part) for part in self._next_message() if part)
            if not self._unread:
                break
            part = self._unread.popleft()
            if 0 < size < len(part):
                self._unread.appendleft(part[size:])
                part = part[:size]
            size -= len(part) if size > 0 else 0
            parts.append(part)
        return b"".join(parts) if len(parts) != 1 else _whole(parts[0])

    def _next_message(self) -> list[bytes]:
        if self._ended:
            return []
        prefix = self._read(8)
        self._ended = len(prefix) < 8 or prefix[4:] == b"\0\0\0\0"
        if self._ended:
            return [prefix]  # Arrow knows whether the stream may end here
        size = int.from_bytes(prefix[4:], "little", signed=True)
        if prefix[:4] != CONTINUATION or not 0 < size <= MOST_HEAD_BYTES:
            raise FrameError("The frame did not arrive as it was sent: it is no Arrow stream.")
        head_bytes = self._read(size)
        try:
            head = read_head(head_bytes)
        except (struct.error, IndexError, ValueError) as error:
            raise FrameError("The frame did not arrive as it was sent: the head of a message is damaged.") from error
        if head.kind == SCHEMA and RUNS_CODE in head_bytes:
            raise FrameError("The frame has a column whose type is Python code of the session, which is not run here.")
        if not 0 <= head.body_bytes <= self._sent_bytes:
            raise FrameError("The frame did not arrive as it was sent: a message is longer than all of it.")
        body = self._read(head.body_bytes)
        self._count(head, body)
        return [prefix, head_bytes, body]

    def _count(self, head: MessageHead, body: bytes) -> None:
        needed = 0
        for offset, length in head.buffers:
            if offset < 0 or length < 0 or offset + length > len(body):
                raise FrameError("The frame did not arrive as it was sent: a column reaches beyond its message.")
            unpacked = (
                int.from_bytes(body[offset : offset + 8], "little", signed=True) if head.is_packed and length else 0
            )
            if unpacked < NOT_PACKED:
                raise FrameError("The frame did not arrive as it was sent: a column has a length below zero.")
            needed += unpacked if unpacked > 0 else length
        # A value takes a bit at least, unless its type is that of nothing but nulls: that is 8 bytes each in pandas.
        self._memory.take(needed + 8 * max(0, head.values - 8 * needed))


def _whole(part: memoryview) -> bytes:
    """A whole body, as Arrow reads them, is not copied."""
    return part.obj if isinstance(part.obj, bytes) and len(part.obj) == len(part) else bytes(part)


# ------------------------------------------------------------------------------------------------ flatbuffers
def read_head(head: bytes) -> MessageHead:
    """Raises struct.error, IndexError or ValueError where it is damaged."""
    message = _Table(head, _unsigned(head, 0))
    kind, body_bytes = message.number(1, "<B"), message.number(3, "<q")
    batch = message.table(2) if kind in {DICTIONARY_BATCH, RECORD_BATCH} else None
    if batch is not None and kind == DICTIONARY_BATCH:
        batch = batch.table(1)
    if batch is None:
        return MessageHead(kind, body_bytes)
    lengths = [length for length, _ in batch.pairs(1)]
    if min(lengths, default=0) < 0:
        raise ValueError("a length below zero")
    return MessageHead(kind, body_bytes, tuple(batch.pairs(2)), sum(lengths), batch.position(3) is not None)


class _Table:
    """A table of a flatbuffer: its fields by number, as in the schema."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content, self._at = content, at
        self._fields = at - struct.unpack_from("<i", content, _inside(at))[0]
        self._fields_bytes = struct.unpack_from("<H", content, _inside(self._fields))[0]

    def position(self, field: int) -> int | None:
        """None where the field is left out."""
        if 4 + 2 * field >= self._fields_bytes:
            return None
        offset = struct.unpack_from("<H", self._content, self._fields + 4 + 2 * field)[0]
        return self._at + offset if offset else None

    def number(self, field: int, form: str) -> int:
        at = self.position(field)
        return 0 if at is None else int(struct.unpack_from(form, self._content, at)[0])

    def table(self, field: int) -> _Table | None:
        at = self.position(field)
        return None if at is None else _Table(self._content, at + _unsigned(self._content, at))

    def pairs(self, field: int) -> list[tuple[int, int]]:
        """A vector of structs of two numbers of 64 bits."""
        if (at := self.position(field)) is None:
            return []
        start = at + _unsigned(self._content, at)
        count = _unsigned(self._content, start)
        if count > len(self._content):
            raise ValueError("a vector longer than the message")
        numbers = struct.unpack_from(f"<{2 * count}q", self._content, start + 4)
        return list(zip(numbers[::2], numbers[1::2], strict=True))


def _unsigned(content: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", content, at)[0])


def _inside(at: int) -> int:
    if at < 0:  # Python would count from the end
        raise ValueError("a place before the message")
    return at


# ------------------------------------------------------------------------------------------------ memory
def free_memory_bytes(control_group: Path = Path("/sys/fs/cgroup")) -> int:
    """Of this machine, or of the container where that has a limit."""
    import psutil

    free_bytes = int(psutil.virtual_memory().available)
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            limit_bytes, used_bytes = (int((control_group / name).read_text()) for name in (limit, used))
        except (OSError, ValueError):  # no such group, or "max"
            continue
        free_bytes = min(free_bytes, max(0, limit_bytes - used_bytes))
    return free_bytes


def checked_header(header: Any) -> Any:
    """A frame's header as it is, where it has the shape of one. Raises FrameError."""
    try:
        counts = [header[name] for name in ("pieces", "bytes", "rows")]
        fields = [] if header["schema"] is None else header["schema"]["fields"]
        is_right = (
            all(type(count) is int and count >= 0 for count in counts)
            and isinstance(header["frame"], str | None)
            and isinstance(fields, list)
            and all(isinstance(field["name"], str) and "type" in field for field in fields)
            and {"first", "more"} <= header.keys()
        )
    except (LookupError, TypeError, AttributeError):
        is_right = False
    if not is_right:
        raise FrameError(
            "The session announced a frame in a form that is not known. Its agent may be of another version."
        )
    return header
