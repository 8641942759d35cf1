"""Frames between the Spark session and this Python, in pieces: several at the same time, decoded as they arrive.

The bytes of a frame are one Arrow stream, cut at any byte. `call` runs one operation of the agent as a statement and returns
its value; it is called from several threads.
"""

from __future__ import annotations

import base64
import concurrent.futures
import uuid
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import FabricLivyError, FrameError
from fabric_livy_magic.frames.arrow_stream import (
    CheckedStream,
    MemoryLimit,
    PartsAsFile,
    checked_header,
    free_memory_bytes,
)
from fabric_livy_magic.frames.arrow_types import check_types, empty_table, restore_types, to_jvm_table
from fabric_livy_magic.frames.call_threads import CallThreads
from fabric_livy_magic.livy.waiting import check_interrupted

if TYPE_CHECKING:
    import pyarrow as pa

AgentCall = Callable[..., Any]
OnBytes = Callable[[int, int, int], None]  # bytes so far, bytes in all (0: not known yet), rows so far

PARALLEL_CALLS = 4
PREFETCHED_PIECES = 8  # requested before they are read
PIECE_UP_BYTES = 3 * 1024 * 1024  # 4 MiB of text in one statement
ROWS_PER_BATCH = 65536
SMALL_BATCH_ROWS = 8192  # with fewer rows the fixed cost of a batch exceeds that of its rows, on either side
NOTICE_INTERRUPT_S = 0.2  # Windows does not interrupt a wait without a time-out


def fetch(
    call: AgentCall, header: Mapping[str, Any], on_bytes: OnBytes | None = None, *, most_bytes: int | None = None
) -> pa.Table:
    """The frame of a header from the agent. The session's memory for it is freed in every case, also after an interrupt.

    Nothing of it is taken on trust: it is validated in full, and does not need more than `most_bytes` (what is free on this
    machine). However it is wrong, that is a FrameError."""
    pieces = _Pieces(call, checked_header(header), on_bytes)
    most_bytes = free_memory_bytes() if most_bytes is None else most_bytes
    try:
        table = _read_table(pieces, header, CheckedStream(pieces.read, header["bytes"], MemoryLimit(most_bytes)))
    except FabricLivyError:
        raise
    except Exception as error:  # Arrow's own, and what Python says of values that do not fit
        if error is pieces.error:
            raise
        raise FrameError(f"The frame did not arrive as it was sent: {str(error) or type(error).__name__}") from error
    finally:
        pieces.close()
    if (pieces.received_bytes, table.num_rows) != (header["bytes"], header["rows"]):
        raise FrameError(
            f"{pieces.received_bytes} of {header['bytes']} bytes and {table.num_rows} of {header['rows']} rows arrived."
        )
    return table


def _read_table(pieces: _Pieces, header: Mapping[str, Any], stream: CheckedStream) -> pa.Table:
    import pyarrow as pa

    schema = header["schema"]
    if not header["pieces"]:
        return empty_table(schema, header.get("zone") or "UTC")
    with pa.ipc.open_stream(pa.PythonFile(stream, mode="r")) as reader:
        received = reader.schema
        tables = list(read_tables(reader, schema, pieces.count_rows))
        pieces.read(1)  # the end-of-stream mark may be in a piece of its own
    table = pa.concat_tables(tables) if tables else received.empty_table()
    return table if schema is None or schema["fields"] else table.select([])


def read_tables(reader: Any, schema: Any, count_rows: Callable[[int], None] = lambda rows: None) -> Iterator[pa.Table]:
    """The rows of a reader of an Arrow stream, checked, with Spark's own types."""
    check_types(reader.schema, schema)
    batches: list[Any] = []
    for batch in reader:
        count_rows(batch.num_rows)
        batch.validate(full=True)
        batches.append(batch)
        if sum(each.num_rows for each in batches) >= ROWS_PER_BATCH:
            yield _combined(batches, schema)
            batches = []
    if batches:
        yield _combined(batches, schema)


def _combined(batches: list[Any], schema: Any) -> pa.Table:
    """Spark's batches of 10,000 rows as one table: an allocator does not return the memory of many small columns."""
    import pyarrow as pa

    table = pa.Table.from_batches(batches).combine_chunks()
    if schema is None or not schema["fields"]:
        return table
    return pa.Table.from_batches([restore_types(batch, schema) for batch in table.to_batches()])


class _Pieces(PartsAsFile):
    """A readable file of the pieces: while one is awaited, further ones are already requested."""

    def __init__(self, call: AgentCall, header: Mapping[str, Any], on_bytes: OnBytes | None) -> None:
        super().__init__()
        self._call, self._frame, self._on_bytes = call, header["frame"], on_bytes
        self._total_bytes, self._total_rows = header["bytes"], header["rows"]
        self._piece_count = header["pieces"]
        self.received_bytes = self.rows = 0
        self._pool: CallThreads | None = None
        self._pending: deque[concurrent.futures.Future[bytes]] = deque()
        self._first = header["first"]
        self._requested = 1 if self._first is not None else 0

    def count_rows(self, rows: int) -> None:
        self.rows += rows
        if self.rows > self._total_rows:
            raise FrameError(f"More than the {self._total_rows} rows arrived that were sent.")

    def _request_pieces(self) -> None:
        if self._pool is None:
            self._pool = CallThreads(PARALLEL_CALLS)
        while self._requested < self._piece_count and len(self._pending) < PREFETCHED_PIECES:
            self._pending.append(self._pool.submit(self._fetch_piece, self._requested))
            self._requested += 1

    def _fetch_piece(self, number: int) -> bytes:
        return decode_piece(self._call("piece", self._frame, number), number)

    def _next_part(self) -> bytes:
        if self._frame is not None:
            self._request_pieces()
        if self._first is not None:
            content, self._first = decode_piece(self._first, 0), None
        elif self._pending:
            content = wait_for(self._pending[0])
            self._pending.popleft()
        else:
            return b""
        self.received_bytes += len(content)
        if self.received_bytes > self._total_bytes:
            raise FrameError(f"More than the {self._total_bytes} bytes arrived that were sent.")
        if self._on_bytes is not None:
            self._on_bytes(self.received_bytes, self._total_bytes, self.rows)
        return content

    def close(self) -> None:
        """Does not wait: requests that are running end by themselves, and the session's memory is freed after them."""
        if self._frame is not None:
            _free_later(self._pool or CallThreads(1), self._pending, self._call, self._frame)


def _free_later(
    pool: CallThreads,
    pending: Collection[concurrent.futures.Future[Any]],
    call: AgentCall,
    frame: str,
) -> None:
    """Frees the session's memory for the frame once the pending calls have ended: a piece that arrived later would stay there."""

    def free() -> None:
        concurrent.futures.wait(tuple(pending))
        call("close_frame", frame)

    for future in pending:
        future.cancel()
    pool.submit(free)
    pool.end()


def decode_piece(piece: Mapping[str, Any], number: int) -> bytes:
    try:
        content = base64.b64decode(piece["text"])
        is_whole = piece["number"] == number and zlib.crc32(content) == piece["crc"]
    except (ValueError, TypeError, LookupError):
        is_whole = False
    if not is_whole:
        raise FrameError(f"Piece {number} of the frame arrived damaged. Running the cell again fetches it anew.")
    return content


def wait_for(future: concurrent.futures.Future[Any]) -> Any:
    """Its result; an interrupt of the main thread ends the wait within NOTICE_INTERRUPT_S."""
    while True:
        check_interrupted()
        done, _ = concurrent.futures.wait([future], timeout=NOTICE_INTERRUPT_S)
        if done:
            return future.result()


# ------------------------------------------------------------------------------------------------ to Spark
def send(call: AgentCall, table: pa.Table, name: str, on_bytes: OnBytes | None = None) -> dict[str, Any]:
    """Makes a table of `conversion.to_arrow` the temporary view `name` of the session; returns its rows and schema."""
    frame = uuid.uuid4().hex
    pool = CallThreads(PARALLEL_CALLS)
    pending: deque[concurrent.futures.Future[Any]] = deque()
    number = sent_bytes = 0
    published = False
    try:
        for content, rows in _encoded_pieces(table):
            text = base64.b64encode(content).decode("ascii")
            pending.append(pool.submit(call, "receive", frame, number, zlib.crc32(content), text))
            number, sent_bytes = number + 1, sent_bytes + len(content)
            while len(pending) > PARALLEL_CALLS:
                wait_for(pending[0])
                pending.popleft()
            if on_bytes is not None:
                on_bytes(sent_bytes, 0, rows)
        while pending:
            wait_for(pending[0])
            pending.popleft()
        view: dict[str, Any] = wait_for(pool.submit(call, "publish", frame, number, name))
        published = True
    finally:
        if published:
            pool.end()
        else:
            _free_later(pool, pending, call, frame)
    if view["rows"] != table.num_rows:
        raise FrameError(f"{view['rows']} of {table.num_rows} rows arrived in Spark.")
    return view


def _encoded_pieces(table: pa.Table) -> Iterator[tuple[bytes, int]]:
    """The pieces of its Arrow stream, each with the number of rows encoded so far. Encodes on demand."""
    import pyarrow as pa

    table = to_jvm_table(table)
    sink = _PieceBuffer()
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))
    rows = 0
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema, options=options) as writer:
        for batch in jvm_batches(table):
            writer.write_batch(batch)
            rows += batch.num_rows
            while len(sink.content) >= PIECE_UP_BYTES:
                yield sink.take(PIECE_UP_BYTES), rows
    while sink.content:
        yield sink.take(PIECE_UP_BYTES), rows


def jvm_batches(table: pa.Table) -> list[Any]:
    """At least one: the JVM needs a batch even for a table without rows."""
    import pyarrow as pa

    if table.num_rows and table.column(0).num_chunks > 1 + table.num_rows // SMALL_BATCH_ROWS:
        table = table.combine_chunks()
    if table.num_rows:
        return list(table.to_batches(max_chunksize=ROWS_PER_BATCH))
    return [pa.RecordBatch.from_arrays([pa.array([], field.type) for field in table.schema], schema=table.schema)]


class _PieceBuffer:
    closed = False

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, part: Any) -> int:
        self.content += part
        return len(part)

    def flush(self) -> None:
        """Arrow calls it; nothing is buffered below."""

    def take(self, size_bytes: int) -> bytes:
        part = bytes(self.content[:size_bytes])
        del self.content[:size_bytes]
        return part
