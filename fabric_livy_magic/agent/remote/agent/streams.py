"""Rows of a SQL statement as a stream, for results of any size: neither the session nor the client ever holds all of them.

    open_stream → stream_piece, stream_piece, … → close_stream

The stream is one Arrow IPC stream as in `frames`, cut at any byte, but its partitions are computed as the client asks for
pieces: one at first, so that the first rows come soon, then as many side by side as fit into `GROUP_BYTES`. A shuffle is
computed once, as Spark keeps its files for the jobs that follow.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

from . import frames
from .errors import Refused
from .frame_files import schema_message
from .frame_types import schema_of, transferable_frame
from .parameters import is_connect

GROUP_BYTES = 32 * 1024 * 1024  # of Arrow, not packed: what the driver's JVM holds of the partitions of one job
MOST_GROWTH = 4  # from one job to the next, as Spark's own `take` does
KEPT_PIECES = 4  # the client asks for two side by side, and again for one whose answer was lost

_lock = threading.Lock()
_numbers = itertools.count(1)
_streams: dict[str, _Stream] = {}


def open_stream(
    spark: Any, text: str, parameters: dict[str, Any] | None = None, limit: int | None = None
) -> dict[str, Any]:
    """Runs one SQL statement; the header has the first piece, which may be all. A command runs once and gives no rows."""
    frame = frames.sql_frame(spark, text, parameters)
    schema = schema_of(frame)
    header = {"stream": None, "schema": schema, "zone": None, "first": None}
    if not schema["fields"]:
        return header
    header["zone"] = zone = frame.sparkSession.conf.get("spark.sql.session.timeZone")
    stream = _Stream(_pieces(_record_batches(frame, schema["fields"], zone), limit))
    header["first"] = stream.piece(0)
    if not stream.has_ended:
        with _lock:
            _drop_expired(time.monotonic())
            header["stream"] = name = f"s{next(_numbers)}"
            _streams[name] = stream
    return header


def stream_piece(name: str, number: int) -> dict[str, Any]:
    with _lock:
        stream = _streams.get(name)
    if stream is None:
        raise Refused("The result is not here any more (the session was idle for long, or its Python restarted).")
    return stream.piece(number)


def close_stream(name: str) -> None:
    with _lock:
        _streams.pop(name, None)


def _drop_expired(now: float) -> None:
    for name in [name for name, one in _streams.items() if now - one.used_at > frames.EXPIRES_AFTER_S]:
        del _streams[name]


class _Stream:
    """Pieces in their order, made on demand; the last few are kept."""

    def __init__(self, pieces: Iterator[dict[str, Any]]) -> None:
        self._pieces = pieces
        self._kept: dict[int, dict[str, Any]] = {}
        self._made = 0
        self.used_at = time.monotonic()
        self.has_ended = False

    def piece(self, number: int) -> dict[str, Any]:
        """An interrupt or an error while it is made ends the stream: the generator has lost its place."""
        while self._made <= number and not self.has_ended:
            made = next(self._pieces, None)
            if made is None:
                raise Refused("The result ended early: making its last piece was interrupted.")
            self._kept[self._made] = made
            self._kept.pop(self._made - KEPT_PIECES, None)
            self._made += 1
            self.has_ended = made["is_last"]
        self.used_at = time.monotonic()
        if number in self._kept:
            return self._kept[number]
        if self.has_ended and number >= self._made:
            return {"is_beyond": True}
        raise Refused(f"Piece {number} of the result is not kept any more.")


def _pieces(batches: Iterator[Any], limit: int | None) -> Iterator[dict[str, Any]]:
    """The last one says how many rows and bytes there are in all."""
    pa, number, rows, sent = frames._pyarrow(), 0, 0, 0
    sink, writer = _Sink(), None
    for batch in batches:
        if limit is not None and rows + batch.num_rows > limit:
            batch = batch.slice(0, limit - rows)
        if writer is None:
            writer = frames._stream_writer(pa.PythonFile(sink, mode="w"), batch.schema)
        writer.write_batch(batch)
        rows += batch.num_rows
        if limit is not None and rows >= limit:
            break
        while len(sink.content) > frames.PIECE_BYTES:
            sent += frames.PIECE_BYTES
            yield {**frames._encoded_piece(number, sink.take(frames.PIECE_BYTES)), "is_last": False}
            number += 1
    assert writer is not None
    writer.close()
    while True:
        content = sink.take(frames.PIECE_BYTES)
        sent += len(content)
        is_last = not sink.content
        totals = {"rows": rows, "bytes": sent} if is_last else {}
        yield {**frames._encoded_piece(number, content), "is_last": is_last, **totals}
        if is_last:
            return
        number += 1


class _Sink:
    closed = False

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, part: Any) -> int:
        self.content += part
        return len(part)

    def flush(self) -> None:
        """Arrow calls it; nothing is buffered below."""

    def take(self, size: int) -> bytes:
        part = bytes(self.content[:size])
        del self.content[:size]
        return part


# ------------------------------------------------------------------------------------------------ from Spark
def _record_batches(frame: Any, fields: list[Any], zone: str) -> Iterator[Any]:
    """At least one, which may be without rows. Where partitions cannot be had one by one (Spark Connect), all are collected."""
    pa, transferable = frames._pyarrow(), transferable_frame(frame, fields)
    if is_connect(transferable):
        yield from frames._arrow_batches(frame, fields) or [_empty(pa, transferable.limit(0).toArrow().schema)]
        return
    first = _empty(pa, pa.ipc.read_schema(pa.py_buffer(schema_message(transferable, zone))))
    yield first
    for content in _computed(frame.sparkSession.sparkContext, transferable._jdf.toArrowBatchRdd().toJavaRDD()):
        yield pa.ipc.read_record_batch(pa.py_buffer(content), first.schema)


def _empty(pa: Any, schema: Any) -> Any:
    names = [f"c{number}" for number in range(len(schema))]
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], names)


def _computed(context: Any, rdd: Any) -> Iterator[Any]:
    """The serialized batches of all partitions, in order: each job computes as many partitions as have few bytes."""
    from pyspark.rdd import _load_from_socket
    from pyspark.serializers import NoOpSerializer

    jvm, count = context._jvm, rdd.getNumPartitions()
    begin, group = 0, 1
    while begin < count:
        end = min(count, begin + group)
        partitions = jvm.java.util.ArrayList()
        for number in range(begin, end):
            partitions.add(number)
        size = 0
        for content in _load_from_socket(jvm.PythonRDD.runJob(context._jsc.sc(), rdd, partitions), NoOpSerializer()):
            size += len(content)
            yield content
        fits = GROUP_BYTES * (end - begin) // max(1, size)
        begin, group = end, max(1, min(group * MOST_GROWTH, fits))
