"""Frames between the Spark session and here, in pieces: several on their way at once, decoded as they arrive.

The bytes of a frame are one Arrow stream, cut anywhere. `call` runs one operation of the agent as a statement and gives
its value; it may be called from several threads.
"""

from __future__ import annotations

import base64
import concurrent.futures
import uuid
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames.arrow_types import carrier, empty, restored
from fabric_livy_magic.livy.waiting import check_interrupted

if TYPE_CHECKING:
    import pyarrow as pa

Call = Callable[..., Any]
OnBytes = Callable[[int, int, int], None]  # bytes so far, bytes in all (0: not known yet), rows so far

AT_ONCE = 4
AHEAD = 8  # pieces asked for before they are read
PIECE_UP_BYTES = 3 * 1024 * 1024  # 4 MiB of text in one statement
ROWS_PER_BATCH = 65536
SMALL_BATCH_ROWS = 8192  # below that a batch costs more than it holds, on either side
NOTICE_INTERRUPT_S = 0.2  # Windows does not interrupt a wait without an end


def fetch(call: Call, header: Mapping[str, Any], on_bytes: OnBytes | None = None) -> pa.Table:
    """The frame that `header` announces. The remote side is freed in every case, also after an interrupt."""
    import pyarrow as pa

    pieces = _Pieces(call, header, on_bytes)
    try:
        table = _decoded(pieces, header)
    except (pa.ArrowException, OSError) as error:  # a stream that ends early is an OSError to Arrow
        if error is pieces.error:
            raise
        raise FrameError(f"The frame did not arrive as it was sent: {error}") from error
    finally:
        pieces.close()
    if (pieces.done_bytes, table.num_rows) != (header["bytes"], header["rows"]):
        raise FrameError(
            f"{pieces.done_bytes} of {header['bytes']} bytes and {table.num_rows} of {header['rows']} rows arrived."
        )
    return table


def _decoded(pieces: _Pieces, header: Mapping[str, Any]) -> pa.Table:
    import pyarrow as pa

    schema = header["schema"]
    if not header["pieces"]:
        return empty(schema, header.get("zone") or "UTC")
    parts: list[Any] = []
    some: list[Any] = []
    with pa.ipc.open_stream(pa.PythonFile(pieces, mode="r")) as reader:
        received = reader.schema
        for batch in reader:
            pieces.rows += batch.num_rows
            some.append(batch)
            if sum(one.num_rows for one in some) >= ROWS_PER_BATCH:
                parts.append(_joined(some, schema))
                some = []
        pieces.read(1)  # the end mark may lie in a piece of its own
    parts += [_joined(some, schema)] if some else []
    table = pa.concat_tables(parts) if parts else received.empty_table()
    return table if schema is None or schema["fields"] else table.select([])


def _joined(batches: list[Any], schema: Any) -> pa.Table:
    """Spark's batches of 10,000 rows as one: an allocator does not give back the memory of many small columns."""
    import pyarrow as pa

    table = pa.Table.from_batches(batches).combine_chunks()
    if schema is None or not schema["fields"]:
        return table
    return pa.Table.from_batches([restored(batch, schema) for batch in table.to_batches()])


class _Pieces:
    """A file to read from that waits for the next piece while further ones are on their way."""

    closed = False

    def __init__(self, call: Call, header: Mapping[str, Any], on_bytes: OnBytes | None) -> None:
        self._call, self._frame, self._on_bytes = call, header["frame"], on_bytes
        self._total_bytes, self._last = header["bytes"], header["pieces"]
        self.done_bytes = self.rows = 0
        self._rest = memoryview(b"")
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None
        self._coming: deque[concurrent.futures.Future[bytes]] = deque()
        self._asked = 0
        self._first = header["first"]
        self._asked = 1 if self._first is not None else 0
        self.error: BaseException | None = None

    def _ask(self) -> None:
        if self._pool is None:
            self._pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE, thread_name_prefix="frame")
        while self._asked < self._last and len(self._coming) < AHEAD:
            self._coming.append(self._pool.submit(self._piece, self._asked))
            self._asked += 1

    def _piece(self, number: int) -> bytes:
        return content_of(self._call("piece", self._frame, number), number)

    def _next(self) -> bytes:
        if self._frame is not None:
            self._ask()
        if self._first is not None:
            content, self._first = content_of(self._first, 0), None
        elif self._coming:
            content = waited(self._coming[0])
            self._coming.popleft()
        else:
            return b""
        self.done_bytes += len(content)
        if self._on_bytes is not None:
            self._on_bytes(self.done_bytes, self._total_bytes, self.rows)
        return content

    def read(self, size: int = -1) -> bytes:
        found: list[memoryview] = []
        while size:
            if not self._rest:
                try:
                    self._rest = memoryview(self._next())
                except BaseException as error:
                    self.error = error  # so that it can be told from Arrow's own
                    raise
                if not self._rest:
                    break
            part = self._rest if size < 0 else self._rest[:size]
            self._rest = self._rest[len(part) :]
            size -= len(part) if size > 0 else 0
            found.append(part)
        return bytes(found[0]) if len(found) == 1 else b"".join(found)

    def close(self) -> None:
        """Waits for nothing: what is on its way ends by itself, and the remote side is freed behind it."""
        if self._frame is not None:
            _free_behind(self._pool or concurrent.futures.ThreadPoolExecutor(1), self._coming, self._call, self._frame)


def _free_behind(
    pool: concurrent.futures.ThreadPoolExecutor,
    coming: Collection[concurrent.futures.Future[Any]],
    call: Call,
    frame: str,
) -> None:
    """Frees the remote side behind what is on its way there: a piece that came up later would stay."""

    def free() -> None:
        concurrent.futures.wait(tuple(coming))
        call("close_frame", frame)

    for one in coming:
        one.cancel()
    pool.submit(free)
    pool.shutdown(wait=False)


def content_of(told: Mapping[str, Any], number: int) -> bytes:
    content = base64.b64decode(told["text"])
    if told["number"] != number or zlib.crc32(content) != told["crc"]:
        raise FrameError(f"Piece {number} of the frame arrived damaged. Running the cell again fetches it anew.")
    return content


def waited(future: concurrent.futures.Future[Any]) -> Any:
    """Its result; an interrupt of the main thread ends the waiting at once."""
    while True:
        check_interrupted()
        done, _ = concurrent.futures.wait([future], timeout=NOTICE_INTERRUPT_S)
        if done:
            return future.result()


# ------------------------------------------------------------------------------------------------ up
def send(call: Call, table: pa.Table, name: str, on_bytes: OnBytes | None = None) -> dict[str, Any]:
    """Makes the table, as `frames.to_arrow` gives it, the temporary view `name` of the session; tells rows and schema."""
    frame = uuid.uuid4().hex
    pool = concurrent.futures.ThreadPoolExecutor(AT_ONCE, thread_name_prefix="frame")
    coming: deque[concurrent.futures.Future[Any]] = deque()
    number = done_bytes = 0
    published = False
    try:
        for content, rows in _cut(table):
            text = base64.b64encode(content).decode("ascii")
            coming.append(pool.submit(call, "receive", frame, number, zlib.crc32(content), text))
            number, done_bytes = number + 1, done_bytes + len(content)
            while len(coming) > AT_ONCE:
                waited(coming[0])
                coming.popleft()
            if on_bytes is not None:
                on_bytes(done_bytes, 0, rows)
        while coming:
            waited(coming[0])
            coming.popleft()
        told: dict[str, Any] = waited(pool.submit(call, "publish", frame, number, name))
        published = True
    finally:
        if published:
            pool.shutdown(wait=False)
        else:
            _free_behind(pool, coming, call, frame)
    if told["rows"] != table.num_rows:
        raise FrameError(f"{told['rows']} of {table.num_rows} rows arrived in Spark.")
    return told


def _cut(table: pa.Table) -> Iterator[tuple[bytes, int]]:
    """The pieces of its Arrow stream, each with the rows encoded by then. Encodes no further than is asked for."""
    import pyarrow as pa

    table = carrier(table)
    if table.num_rows and table.column(0).num_chunks > 1 + table.num_rows // SMALL_BATCH_ROWS:
        table = table.combine_chunks()
    sink = _Sink()
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))
    rows = 0
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema, options=options) as writer:
        for batch in _batches(table):
            writer.write_batch(batch)
            rows += batch.num_rows
            while len(sink.content) >= PIECE_UP_BYTES:
                yield sink.taken(PIECE_UP_BYTES), rows
    while sink.content:
        yield sink.taken(PIECE_UP_BYTES), rows


def _batches(table: pa.Table) -> list[Any]:
    """At least one: the JVM wants a batch also where there are no rows."""
    import pyarrow as pa

    if table.num_rows:
        return list(table.to_batches(max_chunksize=ROWS_PER_BATCH))
    return [pa.RecordBatch.from_arrays([pa.array([], field.type) for field in table.schema], schema=table.schema)]


class _Sink:
    closed = False

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, part: Any) -> int:
        self.content += part
        return len(part)

    def flush(self) -> None:
        """Nothing lies between."""

    def taken(self, size_bytes: int) -> bytes:
        part = bytes(self.content[:size_bytes])
        del self.content[:size_bytes]
        return part
