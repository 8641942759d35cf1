"""Transfers frames of a Spark session as Arrow, in pieces of base64, in both directions.

    open_sql, open_expression → piece, piece, … → close_frame        to the client
    receive, receive, … → publish                                     to Spark
    preview                                                           the first rows, in one reply

A frame is one Arrow IPC stream (zstd, level 1), cut every `PIECE_BYTES`, so no batch and no value is too large for a
reply. Its columns have positional names, c0, c1, …, and types that Arrow supports; the client restores
names and types by the frame's `schema`, Spark's schema JSON. Work with types is done on that JSON and in SQL text made
from it: PySpark's own classes know fewer types than Spark (before 4.0 no year-month interval, for one).
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

from .errors import NoArrow, Refused
from .parameters import argument, version_of
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
) -> dict[str, Any]:
    """The result of one SQL statement. A command runs once. `most_bytes`: of rows that are only looked at."""
    return _open_frame(sql_frame(spark, text, parameters), limit, most_bytes)


def sql_frame(spark: Any, text: str, parameters: dict[str, Any] | None = None) -> Any:
    """`parameters`: name → [type, text], see `parameters`."""
    _pyarrow()  # raises before anything runs
    if not parameters:
        return spark.sql(text)
    if version_of(spark) < (3, 4):
        raise Refused(f"SQL parameters need Spark 3.4 or later; this session has {spark.version}.")
    return spark.sql(text, args={name: argument(spark, value) for name, value in parameters.items()})


def open_expression(namespace: dict[str, Any], spark: Any, expression: str, limit: int | None = None) -> dict[str, Any]:
    """The value of a Python expression: a Spark, pandas, Arrow or polars frame."""
    _pyarrow()  # raises before any user code runs
    value = eval(compile(expression.strip(), "<expression>", "eval", dont_inherit=True), namespace)  # noqa: S307 - the user's own code
    return open_value(value, expression.strip()[:80], limit)


def open_value(value: Any, name: str, limit: int | None = None) -> dict[str, Any]:
    """`name` stands in the error message."""
    pa = _pyarrow()
    library = type(value).__module__.split(".")[0]
    frame = spark_frame_of(value, library)
    if frame is not None:
        return _open_frame(frame, limit)
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
    return _header_of(memoryview(sink.getvalue()), rows, table.num_rows > rows, None, None)


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


def _open_frame(frame: Any, limit: int | None, most_bytes: int | None = None) -> dict[str, Any]:
    schema = schema_of(frame)
    try:
        batches = _arrow_batches(frame if limit is None else _limited(frame, limit + 1), schema["fields"])
    except Exception as error:
        if most_bytes is None or limit is None or limit <= FEW_ROWS or "spark.driver.maxResultSize" not in str(error):
            raise
        return _open_frame(frame, FEW_ROWS, most_bytes)
    available = sum(batch.num_rows for batch in batches)
    rows = available if limit is None else min(limit, available)
    if most_bytes is None:
        content = _stream_of(batches, rows)
    else:
        content = _stream_of(list(batches), rows)
        while len(content) > most_bytes and rows > 1:
            rows = max(1, min(rows - 1, rows * most_bytes // len(content)))
            content = _stream_of(list(batches), rows)
    zone = frame.sparkSession.conf.get("spark.sql.session.timeZone")
    return _header_of(content, rows, available > rows, schema, zone)


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


def _header_of(stream: Any, rows: int, more: bool, schema: Any, zone: str | None) -> dict[str, Any]:
    """`zone` is the session's time zone: a frame without rows has no pieces that would say it."""
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
    if count > MOST_ROWS_COLLECTED or not hasattr(frame, "_jdf"):
        return limited_frame
    session, jvm_frame = frame.sparkSession, limited_frame._jdf.toDF()  # a DataFrame of rows, also of `spark.range`
    collected = session._jsparkSession.createDataFrame(jvm_frame.collectAsList(), jvm_frame.schema())
    return type(frame)(collected, session)


def _arrow_batches(frame: Any, fields: list[Any]) -> list[Any]:
    """The frame's rows as Arrow batches with the columns c0, c1, …"""
    transferable = _transferable_frame(frame, fields)
    if hasattr(transferable, "_collect_as_arrow"):
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


# ------------------------------------------------------------------------------------------------ types
def schema_of(frame: Any) -> Any:
    return json.loads(frame._jdf.schema().json() if hasattr(frame, "_jdf") else frame.schema.json())


def _transferable_frame(frame: Any, fields: list[Any]) -> Any:
    """The frame with positional names and types that Arrow supports."""
    if not fields:
        return frame.selectExpr("true AS c0")  # without a column, Arrow does not keep the number of rows
    names = [f"c{number}" for number in range(len(fields))]
    columns = [_transferable_column(field["type"], names[number]) for number, field in enumerate(fields)]
    if columns == names and len({field["name"] for field in fields}) == len(fields):
        return frame  # renaming makes Spark copy every row: 2.7 s of 4 for a million cached rows of 10 columns
    frame = frame.toDF(*names)
    return frame if columns == names else frame.selectExpr(*[f"{sql} AS c{n}" for n, sql in enumerate(columns)])


def _transferable_column(kind: Any, value: str) -> str:
    converted = _transferable(kind, value)
    if isinstance(kind, dict) and (
        converted != value or _has_duplicate_fields(kind)
    ):  # fields of one name differ by position
        return _transferable(kind, f"CAST({value} AS {_ddl(kind)})")
    return converted


def _has_duplicate_fields(kind: Any) -> bool:
    """Whether a struct in this type has two fields of one name, which Spark's Arrow writer refuses."""
    if isinstance(kind, list):
        return any(map(_has_duplicate_fields, kind))
    if not isinstance(kind, dict):
        return False
    names = [field["name"] for field in kind.get("fields", ())]
    return len(set(names)) < len(names) or any(map(_has_duplicate_fields, kind.values()))


def _transferable(kind: Any, value: str, depth: int = 0) -> str:
    """SQL for `value` in a type that Arrow supports; the fields of its structs are f0, f1, …"""
    if isinstance(kind, dict):
        return _transferable_nested(kind, value, depth)
    if kind in ("interval year", "interval month", "interval year to month"):
        return f"CAST(CAST({value} AS INTERVAL MONTH) AS INT)"
    if kind == "interval":
        year, month, day, hour, minute, second = [
            f"extract({unit} FROM {value})" for unit in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND")
        ]
        months, days = f"CAST({year} * 12 + {month} AS INT)", f"CAST({day} AS INT)"
        micros = f"({hour} * 3600 + {minute} * 60) * 1000000L + CAST({second} * 1000000 AS BIGINT)"
        return f"IF({value} IS NULL, NULL, named_struct('months', {months}, 'days', {days}, 'micros', {micros}))"
    if kind == "variant":
        return f"to_json({value})"
    return f"CAST({value} AS STRING)" if kind.startswith(("char(", "varchar(")) else value


def _transferable_nested(kind: Any, value: str, depth: int) -> str:
    item = f"x{depth}"  # the variable of a lambda, one name for each depth

    def each(inner: Any, values: str) -> str:
        converted = _transferable(inner, item, depth + 1)
        return values if converted == item else f"transform({values}, {item} -> {converted})"

    if kind["type"] == "array":
        return each(kind["elementType"], value)
    if kind["type"] == "map":
        keys, values = f"map_keys({value})", f"map_values({value})"
        converted = each(kind["keyType"], keys), each(kind["valueType"], values)
        return value if converted == (keys, values) else "map_from_arrays({}, {})".format(*converted)
    if kind["type"] != "struct":
        return value  # a user-defined type: Spark sends its storage type
    names = [f"{value}.f{number}" for number in range(len(kind["fields"]))]
    fields = [_transferable(field["type"], names[number], depth) for number, field in enumerate(kind["fields"])]
    inside = ", ".join(f"'f{number}', {field}" for number, field in enumerate(fields))
    return value if fields == names else f"IF({value} IS NULL, NULL, named_struct({inside}))"


def _ddl(kind: Any) -> str:
    """A type of the schema JSON in SQL, fields of structs by position."""
    if isinstance(kind, str):
        return {"byte": "TINYINT", "short": "SMALLINT", "integer": "INT", "long": "BIGINT"}.get(kind, kind)
    if kind["type"] == "array":
        return f"ARRAY<{_ddl(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"MAP<{_ddl(kind['keyType'])}, {_ddl(kind['valueType'])}>"
    if kind["type"] == "struct":
        return "STRUCT<{}>".format(", ".join(f"f{n}: {_ddl(field['type'])}" for n, field in enumerate(kind["fields"])))
    raise Refused("A user-defined type inside a column that must be rewritten for the transfer; select it by itself.")


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
    if not hasattr(spark, "_jsparkSession"):
        raise Refused("This session speaks to Spark through Spark Connect, which cannot take frames this way.")
    published, rows = _spark_frame(spark, received, pieces)
    published.createOrReplaceTempView("`{}`".format(name.replace("`", "``")))
    if name.isidentifier():
        namespace[name] = published
    return {"rows": rows, "schema": schema_of(published)}


def _spark_frame(spark: Any, received: dict[int, bytes], pieces: int) -> tuple[Any, int]:
    """As PySpark itself converts pandas frames: Arrow batches into the JVM, one for each partition."""
    import pyarrow as pa
    from pyspark.sql.dataframe import DataFrame
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
    restored = json.loads(reader.schema.metadata[b"spark"])
    frame = DataFrame(jvm.PythonSQLUtils.toDataFrame(jbatches, restored["schema"], spark._jsparkSession), spark)
    return frame.selectExpr(*restored["columns"]).toDF(*restored["names"]), row_count
