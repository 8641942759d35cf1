"""Transfers frames of a Spark session as Arrow, in pieces of base64, in both directions.

    open_sql, open_expression → piece, piece, … → close_frame        to the client
    receive, receive, … → publish, or publish_files                   to Spark
    preview                                                           the first rows, in one reply

A frame is one Arrow IPC stream (zstd, level 1), cut every `PIECE_BYTES`, so no batch and no value is too large for a
reply. Its columns have positional names, c0, c1, …, and types that Arrow supports; the client restores
names and types by the frame's `schema`, Spark's schema JSON (see `frame_types`). A large frame goes by way of files instead, in both
directions: see `frame_files`.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

from . import frame_files
from .errors import NoArrow, Refused
from .frame_types import schema_of, transferable_frame
from .parameters import argument, is_connect, version_of
from .replies import Base64

PIECE_BYTES = 6 * 1024 * 1024  # 8 MiB of base64; Livy refuses a reply of 20,000,000 characters
EXPIRES_AFTER_S = 1800  # since its last use: the client went away
ROWS_PER_BATCH = 65536
FEW_ROWS = 20  # which are looked at where Spark does not collect as many as wanted
MOST_ROWS_COLLECTED = 1001  # for more, Spark's `limit` as Arrow is faster

_lock = threading.Lock()
_numbers = itertools.count(1)
_frames: dict[str, list[Any]] = {}  # id → [time of last use, list of pieces]
_uploads: dict[str, list[Any]] = {}  # id → [time of last use, {number: piece}]


# ------------------------------------------------------------------------------------------------ to the client
def open_sql(
    spark: Any,
    text: str,
    parameters: dict[str, Any] | None = None,
    limit: int | None = None,
    most_bytes: int | None = None,
    files: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The result of one SQL statement. A command runs once. `most_bytes`: of rows that are only looked at. `files`: what a large
    frame may become instead, see `frame_files.taken`."""
    return _open_frame(sql_frame(spark, text, parameters), limit, most_bytes, files)


def sql_frame(spark: Any, text: str, parameters: dict[str, Any] | None = None) -> Any:
    """`parameters`: name → [type, text], see `parameters`."""
    _pyarrow()  # raises before anything runs
    if not parameters:
        return spark.sql(text)
    if version_of(spark) < (3, 4):
        raise Refused(f"SQL parameters need Spark 3.4 or later; this session has {spark.version}.")
    return spark.sql(text, args={name: argument(spark, value) for name, value in parameters.items()})


def open_expression(
    namespace: dict[str, Any],
    spark: Any,
    expression: str,
    limit: int | None = None,
    files: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The value of a Python expression: a Spark, pandas, Arrow or polars frame."""
    _pyarrow()  # raises before any user code runs
    value = eval(compile(expression.strip(), "<expression>", "eval", dont_inherit=True), namespace)  # noqa: S307 - the user's own code
    return open_value(value, expression.strip()[:80], limit, files)


def open_value(value: Any, name: str, limit: int | None = None, files: dict[str, Any] | None = None) -> dict[str, Any]:
    """`name` stands in the error message."""
    pa = _pyarrow()
    library = type(value).__module__.split(".")[0]
    frame = spark_frame_of(value, library)
    if frame is not None:
        return _open_frame(frame, limit, files=files)
    table = _local_table(value, library, limit)
    if table is None:
        raise Refused(
            f"{name} is no DataFrame but {type(value).__name__}. "
            "Frames of Spark, pandas, Arrow and polars can be fetched."
        )
    rows = table.num_rows if limit is None else min(limit, table.num_rows)
    sink = pa.BufferOutputStream()
    writer = _stream_writer(sink, table.schema)
    writer.write_table(table.slice(0, rows), max_chunksize=ROWS_PER_BATCH)
    writer.close()
    content = memoryview(sink.getvalue())
    in_files = frame_files.stored(content, files) if files else None
    return _header_of(content if in_files is None else b"", rows, table.num_rows > rows, None, None, in_files)


def spark_frame_of(value: Any, library: str) -> Any:
    """A Spark DataFrame, also of Spark Connect, or that of a frame of pandas on Spark; None for anything else."""
    if library != "pyspark":
        return None
    if hasattr(type(value), "to_spark"):
        value = value.to_spark()
    return value if hasattr(type(value), "toDF") and hasattr(type(value), "limit") else None


def preview(frame: Any, rows: int, most_bytes: int = PIECE_BYTES) -> dict[str, Any]:
    """The first `rows` rows of a Spark DataFrame, fewer where they have more bytes; all of it in `first`. One row may have more, but
    must fit into a reply."""
    _pyarrow()
    header = _open_frame(frame, rows, min(most_bytes, PIECE_BYTES))
    if header["pieces"] <= 1:
        return header
    close_frame(header["frame"])
    return _open_frame(frame, 0)


def piece(frame: str, number: int) -> dict[str, Any]:
    """One piece of an open frame."""
    with _lock:
        entry = _frames.get(frame)
        if entry is None:
            raise Refused("The frame is not here any more (the session was idle for long, or its Python restarted).")
        entry[0] = time.monotonic()
        content = entry[1][number]
    return _encoded_piece(number, content)


def close_frame(frame: str) -> None:
    """Frees a frame that is sent or received."""
    with _lock:
        _frames.pop(frame, None)
        _uploads.pop(frame, None)


def _encoded_piece(number: int, content: Any) -> dict[str, Any]:
    return {
        "number": number,
        "crc": binascii.crc32(content) & 0xFFFFFFFF,
        "text": Base64(base64.b64encode(content)),
    }


def open_files(spark: Any, header: dict[str, Any], limit: int | None = None) -> dict[str, Any]:
    """The frame that was written as the files of this header, for a client that cannot have them."""
    batches = frame_files.read_back(spark, header)
    rows, more = _rows_of(batches, limit)
    return _header_of(_stream_of(batches, rows), rows, more or header["more"], header["schema"], header["zone"])


def _rows_of(batches: list[Any], limit: int | None) -> tuple[int, bool]:
    available = sum(batch.num_rows for batch in batches)
    return (available, False) if limit is None else (min(limit, available), available > limit)


def _open_frame(
    frame: Any, limit: int | None, most_bytes: int | None = None, files: dict[str, Any] | None = None
) -> dict[str, Any]:
    schema = schema_of(frame)
    zone = frame.sparkSession.conf.get("spark.sql.session.timeZone")
    batches = None
    try:
        limited = frame if limit is None else _limited(frame, limit + 1)
        if files is not None:
            batches = frame_files.taken(transferable_frame(limited, schema["fields"]), zone, files)
        if batches is None:
            batches = _arrow_batches(limited, schema["fields"])
    except Exception as error:
        if most_bytes is None or limit is None or limit <= FEW_ROWS or "spark.driver.maxResultSize" not in str(error):
            raise
        return _open_frame(frame, FEW_ROWS, most_bytes)
    if isinstance(batches, dict):
        return _header_of(b"", 0, False, schema, zone, batches)
    rows, more = _rows_of(batches, limit)
    if most_bytes is None:
        content = _stream_of(batches, rows)
    else:
        content = _stream_of(list(batches), rows)
        while len(content) > most_bytes and rows > 1:
            rows = max(1, min(rows - 1, rows * most_bytes // len(content)))
            content = _stream_of(list(batches), rows)
            more = True
    return _header_of(content, rows, more, schema, zone)


def _stream_of(batches: list[Any], rows: int) -> Any:
    """The first rows, as an Arrow stream. It empties the list."""
    remaining, sink, writer = rows, _pyarrow().BufferOutputStream(), None
    batches.reverse()
    while batches and remaining:
        batch = batches.pop()  # its memory is freed once it is encoded
        if writer is None:
            writer = _stream_writer(sink, batch.schema)
        writer.write_batch(batch if batch.num_rows <= remaining else batch.slice(0, remaining))
        remaining -= min(remaining, batch.num_rows)
    if writer is not None:
        writer.close()
    return memoryview(sink.getvalue())


def _header_of(
    stream: Any, rows: int, more: bool, schema: Any, zone: str | None, in_files: dict[str, Any] | None = None
) -> dict[str, Any]:
    """`zone` is the session's time zone: a frame without rows has no pieces that would say it. Of a frame that is `in_files`, `rows` is
    0 where nobody has counted them."""
    content = stream if rows or schema is None else b""
    pieces = [content[start : start + PIECE_BYTES] for start in range(0, len(content), PIECE_BYTES)]
    frame = None
    if len(pieces) > 1:
        now = time.monotonic()
        with _lock:
            _drop_expired(now)
            frame = f"f{next(_numbers)}"
            _frames[frame] = [now, pieces]
    return {
        "frame": frame,
        "pieces": len(pieces),
        "bytes": len(content),
        "rows": rows,
        "more": more,
        "schema": schema,
        "zone": zone,
        "first": _encoded_piece(0, pieces[0]) if pieces else None,
        **(in_files or {}),
    }


def _drop_expired(now: float) -> None:
    for entries in (_frames, _uploads):
        for name in [name for name, entry in entries.items() if now - entry[0] > EXPIRES_AFTER_S]:
            del entries[name]


def _stream_writer(sink: Any, schema: Any) -> Any:
    pa = _pyarrow()
    codec = pa.Codec("zstd", compression_level=1) if pa.Codec.is_available("zstd") else None
    return pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression=codec))


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise NoArrow("There is no PyArrow in this session's Python.") from None
    return pyarrow


def _limited(frame: Any, count: int) -> Any:
    """A frame of at most `count` rows. Collected as Arrow, `limit` reads rows of every file of a table; `collect` reads one
    file, and more only if that was not enough."""
    limited_frame = frame.limit(count)
    if count > MOST_ROWS_COLLECTED or is_connect(frame):
        return limited_frame
    session, jvm_frame = frame.sparkSession, limited_frame._jdf.toDF()  # a DataFrame of rows, also of `spark.range`
    collected = session._jsparkSession.createDataFrame(jvm_frame.collectAsList(), jvm_frame.schema())
    return type(frame)(collected, session)


def _arrow_batches(frame: Any, fields: list[Any]) -> list[Any]:
    """The frame's rows as Arrow batches with the columns c0, c1, …"""
    transferable = transferable_frame(frame, fields)
    if not is_connect(transferable):
        batches = list(transferable._collect_as_arrow())
    else:  # Spark Connect, from 4.0
        batches = [batch for batch in transferable.toArrow().to_batches() if batch.num_rows]
    if not batches or transferable is not frame:
        return batches
    pa = _pyarrow()
    schema = pa.schema([field.with_name(f"c{number}") for number, field in enumerate(batches[0].schema)])
    return [pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in batches]


def _local_table(value: Any, library: str, limit: int | None) -> Any:
    """pandas, Arrow and polars frames as an Arrow table of at most `limit` + 1 rows; None for anything else."""
    pa = _pyarrow()
    most_rows = None if limit is None else limit + 1
    if library == "polars" and hasattr(value, "collect"):
        value = value.collect()
    if library == "pandas" and hasattr(value, "to_frame") and not hasattr(value, "columns"):
        value = value.to_frame()
    if library == "pandas" and hasattr(value, "columns"):
        try:
            return pa.Table.from_pandas(value if most_rows is None else value.head(most_rows))
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise Refused(f"The pandas frame has values without an Arrow type: {error}") from None
    if library == "polars":
        value = (value.to_frame() if hasattr(value, "to_frame") else value).to_arrow()
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    return value.slice(0, most_rows) if isinstance(value, pa.Table) else None


# ------------------------------------------------------------------------------------------------ to Spark
def receive(frame: str, number: int, crc: int, text: str) -> None:
    """Stores one piece of a frame from the client; a piece sent twice counts once."""
    content = base64.b64decode(text)
    if binascii.crc32(content) & 0xFFFFFFFF != crc:
        raise Refused(f"Piece {number} arrived damaged.")
    now = time.monotonic()
    with _lock:
        entry = _uploads.setdefault(frame, [now, {}])
        entry[0] = now
        entry[1][number] = content
        _drop_expired(now)


def publish(namespace: dict[str, Any], spark: Any, frame: str, pieces: int, name: str) -> dict[str, Any]:
    """The frame as temporary view `name` and, where that is an identifier, as the DataFrame of that name."""
    _pyarrow()
    with _lock:
        _, received = _uploads.pop(frame, [0, {}])
    missing = [number for number in range(pieces) if number not in received]
    if missing:
        raise Refused(f"{len(missing)} of {pieces} pieces of the frame did not arrive.")
    if is_connect(spark):
        raise Refused("This session speaks to Spark through Spark Connect, which cannot take frames this way.")
    batches, restored, rows = _received_batches(spark, received, pieces)
    return _published(namespace, spark, batches, restored, name, rows)


def publish_files(namespace: dict[str, Any], spark: Any, sent: dict[str, Any], name: str) -> dict[str, Any]:
    """As `publish`, of what the client has put into files: `uri`, `files`, `batches`, `rows`, and `spark`, which `publish` finds in the
    stream's schema."""
    batches = frame_files.sent_batches(spark, sent["uri"], sent["files"], sent["batches"])
    return _published(namespace, spark, batches, json.loads(sent["spark"]), name, sent["rows"])


def _published(
    namespace: dict[str, Any], spark: Any, batches: Any, restored: dict[str, Any], name: str, rows: int
) -> dict[str, Any]:
    from pyspark.sql.dataframe import DataFrame

    jvm = spark._jvm
    frame = DataFrame(jvm.PythonSQLUtils.toDataFrame(batches, restored["schema"], spark._jsparkSession), spark)
    published = frame.selectExpr(*restored["columns"]).toDF(*restored["names"])
    published.createOrReplaceTempView("`{}`".format(name.replace("`", "``")))
    if name.isidentifier():
        namespace[name] = published
    return {"rows": rows, "schema": schema_of(published)}


def _received_batches(spark: Any, received: dict[int, bytes], pieces: int) -> tuple[Any, Any, int]:
    """As PySpark itself converts pandas frames: Arrow batches into the JVM, one for each partition."""
    import pyarrow as pa
    from pyspark.sql.pandas.serializers import ArrowStreamSerializer

    reader = pa.ipc.open_stream(b"".join([received.pop(number) for number in range(pieces)]))
    row_count = 0

    def batches() -> Iterator[Any]:
        nonlocal row_count
        for batch in reader:
            row_count += batch.num_rows
            yield batch

    jvm = spark._jvm
    jbatches = spark.sparkContext._serialize_to_jvm(
        batches(), ArrowStreamSerializer(), jvm.PythonSQLUtils.readArrowStreamFromFile, jvm.ArrowIteratorServer
    )
    return jbatches, json.loads(reader.schema.metadata[b"spark"]), row_count
