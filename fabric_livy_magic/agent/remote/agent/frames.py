"""Tables of a Spark session as Arrow, in pieces of text, and back. Runs in the session's Python.

    open_sql, open_expression → piece, piece, … → close_frame        down
    receive, receive, … → publish                                     up
    preview                                                           the first rows, in one answer

A frame is one Arrow IPC stream (zstd, level 1), cut at fixed sizes wherever a cut falls, so no batch and no cell is too
large for an answer. Its columns have positional names, c0, c1, …, and types that Arrow carries; the client puts names
and types back by the frame's `schema`, Spark's schema JSON. Work with types is done on that JSON and in SQL text made
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

PIECE_BYTES = 6 * 1024 * 1024  # 8 MiB of base64; Livy refuses an answer of 20,000,000 characters
FORGOTTEN_AFTER_S = 1800  # a frame whose client went away
ROWS_PER_BATCH = 65536
TAKEN_ROWS = 1001  # more than these are cheaper by Spark's `limit`

_lock = threading.Lock()
_numbers = itertools.count(1)
_frames: dict[str, list[Any]] = {}  # id → [time of last use, list of pieces]
_uploads: dict[str, list[Any]] = {}  # id → [time of last use, {number: piece}]


# ------------------------------------------------------------------------------------------------ down
def open_sql(
    spark: Any, text: str, parameters: dict[str, Any] | None = None, limit: int | None = None
) -> dict[str, Any]:
    """The result of one SQL statement; `parameters` are typed values, see `typed`. A command runs once."""
    _arrow()
    if not parameters:
        return _opened(spark.sql(text), limit)
    if version_of(spark) < (3, 4):
        raise Refused(f"SQL parameters need Spark 3.4 or later; this session has {spark.version}.")
    return _opened(spark.sql(text, args={name: argument(spark, value) for name, value in parameters.items()}), limit)


def open_expression(namespace: dict[str, Any], spark: Any, expression: str, limit: int | None = None) -> dict[str, Any]:
    """The value of a Python expression: a Spark, pandas, Arrow or polars frame."""
    _arrow()  # nothing of the user's runs where it is missing
    value = eval(compile(expression.strip(), "<expression>", "eval"), namespace)  # noqa: S307 - the user's own code
    return open_value(value, expression.strip()[:80], limit)


def open_value(value: Any, name: str, limit: int | None = None) -> dict[str, Any]:
    """`name` is what a refusal calls it."""
    pa = _arrow()
    library = type(value).__module__.split(".")[0]
    if library == "pyspark" and hasattr(type(value), "to_spark"):
        value = value.to_spark()
    if (
        library == "pyspark" and hasattr(type(value), "toDF") and hasattr(type(value), "limit")
    ):  # not its schema, see above
        return _opened(value, limit)
    table = _local_table(value, library, limit)
    if table is None:
        raise Refused(
            f"{name} is no DataFrame but {type(value).__name__}. "
            "Frames of Spark, pandas, Arrow and polars can be fetched."
        )
    rows = table.num_rows if limit is None else min(limit, table.num_rows)
    sink = pa.BufferOutputStream()
    writer = _stream(sink, table.schema)
    writer.write_table(table.slice(0, rows), max_chunksize=ROWS_PER_BATCH)
    writer.close()
    return _header(sink, rows, table.num_rows > rows, None, None)


def preview(frame: Any, rows: int) -> dict[str, Any]:
    """The first `rows` rows of a Spark DataFrame, fewer where they do not fit into one answer; all of it in `first`."""
    _arrow()
    while True:
        header = _opened(frame, rows)
        if header["pieces"] <= 1:
            return header
        close_frame(header["frame"])
        rows //= 2


def piece(frame: str, number: int) -> dict[str, Any]:
    """One piece of an open frame."""
    with _lock:
        held = _frames.get(frame)
        if held is None:
            raise Refused("The frame is not here any more (the session was idle for long, or its Python restarted).")
        held[0] = time.monotonic()
        content = held[1][number]
    return _told(number, content)


def close_frame(frame: str) -> None:
    """Frees a frame, of either direction."""
    with _lock:
        _frames.pop(frame, None)
        _uploads.pop(frame, None)


def _told(number: int, content: Any) -> dict[str, Any]:
    return {
        "number": number,
        "crc": binascii.crc32(content) & 0xFFFFFFFF,
        "text": Base64(base64.b64encode(content)),
    }


def _opened(frame: Any, limit: int | None) -> dict[str, Any]:
    schema = _schema(frame)
    batches = _collected(frame if limit is None else _first_rows(frame, limit + 1), schema["fields"])
    found = sum(batch.num_rows for batch in batches)
    rows = found if limit is None else min(limit, found)
    left, sink, writer = rows, _arrow().BufferOutputStream(), None
    batches.reverse()
    while batches and left:
        batch = batches.pop()  # each is freed once it is encoded
        if writer is None:
            writer = _stream(sink, batch.schema)
        writer.write_batch(batch if batch.num_rows <= left else batch.slice(0, left))
        left -= min(left, batch.num_rows)
    if writer is not None:
        writer.close()
    zone = frame.sparkSession.conf.get("spark.sql.session.timeZone")
    return _header(sink, rows, found > rows, schema, zone)


def _header(sink: Any, rows: int, more: bool, schema: Any, zone: str | None) -> dict[str, Any]:
    """`zone` is the session's, for a frame without rows, which has no pieces."""
    content = memoryview(sink.getvalue()) if rows or schema is None else b""
    pieces = [content[start : start + PIECE_BYTES] for start in range(0, len(content), PIECE_BYTES)]
    frame = None
    if len(pieces) > 1:
        now = time.monotonic()
        with _lock:
            _forget(now)
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
        "first": _told(0, pieces[0]) if pieces else None,
    }


def _forget(now: float) -> None:
    for held in (_frames, _uploads):
        for name in [name for name, one in held.items() if now - one[0] > FORGOTTEN_AFTER_S]:
            del held[name]


def _stream(sink: Any, schema: Any) -> Any:
    pa = _arrow()
    codec = pa.Codec("zstd", compression_level=1) if pa.Codec.is_available("zstd") else None
    return pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression=codec))


def _arrow() -> Any:
    try:
        import pyarrow
    except ImportError:
        raise NoArrow("There is no PyArrow in this session's Python.") from None
    return pyarrow


def _first_rows(frame: Any, count: int) -> Any:
    """A frame of at most `count` rows. Spark's `limit`, collected as Arrow, reads some rows of every file of a table; its
    `collect` reads one file, and more only if that was not enough."""
    limited = frame.limit(count)
    if count > TAKEN_ROWS or not hasattr(frame, "_jdf"):
        return limited
    session, jvm_frame = frame.sparkSession, limited._jdf.toDF()  # of rows, also where it is of numbers
    made = session._jsparkSession.createDataFrame(jvm_frame.collectAsList(), jvm_frame.schema())
    return type(frame)(made, session)


def _collected(frame: Any, fields: list[Any]) -> list[Any]:
    """The frame's rows as Arrow batches with the columns c0, c1, …"""
    carrier = _carrier(frame, fields)
    if hasattr(carrier, "_collect_as_arrow"):
        batches = list(carrier._collect_as_arrow())
    else:  # Spark Connect, from 4.0
        batches = [batch for batch in carrier.toArrow().to_batches() if batch.num_rows]
    if not batches or carrier is not frame:
        return batches
    pa = _arrow()
    schema = pa.schema([field.with_name(f"c{number}") for number, field in enumerate(batches[0].schema)])
    return [pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in batches]


def _local_table(value: Any, library: str, limit: int | None) -> Any:
    """pandas, Arrow and polars frames as an Arrow table of at most `limit` + 1 rows; None for anything else."""
    pa = _arrow()
    asked = None if limit is None else limit + 1
    if library == "polars" and hasattr(value, "collect"):
        value = value.collect()
    if library == "pandas" and hasattr(value, "to_frame") and not hasattr(value, "columns"):
        value = value.to_frame()
    if library == "pandas" and hasattr(value, "columns"):
        try:
            return pa.Table.from_pandas(value if asked is None else value.head(asked))
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise Refused(f"The pandas frame has values without an Arrow type: {error}") from None
    if library == "polars":
        value = (value.to_frame() if hasattr(value, "to_frame") else value).to_arrow()
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    return value.slice(0, asked) if isinstance(value, pa.Table) else None


# ------------------------------------------------------------------------------------------------ types
def _schema(frame: Any) -> Any:
    return json.loads(frame._jdf.schema().json() if hasattr(frame, "_jdf") else frame.schema.json())


def _carrier(frame: Any, fields: list[Any]) -> Any:
    """The frame with positional names and types that Arrow carries."""
    if not fields:
        return frame.selectExpr("true AS c0")  # Arrow keeps the number of rows only where there is a column
    names = [f"c{number}" for number in range(len(fields))]
    columns = [_carried_column(field["type"], names[number]) for number, field in enumerate(fields)]
    if columns == names and len({field["name"] for field in fields}) == len(fields):
        return frame  # a new name costs Spark a copy of every row: measured 2.7 s of 4 for a million cached rows of 10 columns
    frame = frame.toDF(*names)
    return frame if columns == names else frame.selectExpr(*[f"{sql} AS c{n}" for n, sql in enumerate(columns)])


def _carried_column(kind: Any, value: str) -> str:
    changed = _carried(kind, value)
    if isinstance(kind, dict) and (changed != value or _has_doubles(kind)):  # by position, doubles can be told apart
        return _carried(kind, f"CAST({value} AS {_ddl(kind)})")
    return changed


def _has_doubles(kind: Any) -> bool:
    """Whether a struct in this type has two fields of one name, which Arrow in Spark refuses."""
    if isinstance(kind, list):
        return any(map(_has_doubles, kind))
    if not isinstance(kind, dict):
        return False
    names = [field["name"] for field in kind.get("fields", ())]
    return len(set(names)) < len(names) or any(map(_has_doubles, kind.values()))


def _carried(kind: Any, value: str, depth: int = 0) -> str:
    """SQL for `value` in a type that Arrow carries; the fields of its structs are f0, f1, …"""
    if isinstance(kind, dict):
        return _carried_nested(kind, value, depth)
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


def _carried_nested(kind: Any, value: str, depth: int) -> str:
    one = f"x{depth}"  # the variable of a lambda, one name for each depth

    def each(inner: Any, values: str) -> str:
        changed = _carried(inner, one, depth + 1)
        return values if changed == one else f"transform({values}, {one} -> {changed})"

    if kind["type"] == "array":
        return each(kind["elementType"], value)
    if kind["type"] == "map":
        keys, values = f"map_keys({value})", f"map_values({value})"
        changed = each(kind["keyType"], keys), each(kind["valueType"], values)
        return value if changed == (keys, values) else "map_from_arrays({}, {})".format(*changed)
    if kind["type"] != "struct":
        return value  # a user-defined type: Spark gives the type that it is stored as
    names = [f"{value}.f{number}" for number in range(len(kind["fields"]))]
    fields = [_carried(field["type"], names[number], depth) for number, field in enumerate(kind["fields"])]
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


# ------------------------------------------------------------------------------------------------ up
def receive(frame: str, number: int, crc: int, text: str) -> None:
    """Keeps one piece of a frame that comes up; a piece sent twice counts once."""
    content = base64.b64decode(text)
    if binascii.crc32(content) & 0xFFFFFFFF != crc:
        raise Refused(f"Piece {number} arrived damaged.")
    now = time.monotonic()
    with _lock:
        held = _uploads.setdefault(frame, [now, {}])
        held[0] = now
        held[1][number] = content
        _forget(now)


def publish(namespace: dict[str, Any], spark: Any, frame: str, pieces: int, name: str) -> dict[str, Any]:
    """The frame as temporary view `name` and, where that is an identifier, as the DataFrame of that name."""
    _arrow()
    with _lock:
        _, held = _uploads.pop(frame, [0, {}])
    missing = [number for number in range(pieces) if number not in held]
    if missing:
        raise Refused(f"{len(missing)} of {pieces} pieces of the frame did not arrive.")
    if not hasattr(spark, "_jsparkSession"):
        raise Refused("This session speaks to Spark through Spark Connect, which cannot take frames this way.")
    made, rows = _spark_frame(spark, held, pieces)
    made.createOrReplaceTempView("`{}`".format(name.replace("`", "``")))
    if name.isidentifier():
        namespace[name] = made
    return {"rows": rows, "schema": _schema(made)}


def _spark_frame(spark: Any, held: dict[int, bytes], pieces: int) -> tuple[Any, int]:
    """By the road of PySpark's own conversion of pandas: Arrow batches into the JVM, one for each partition."""
    import pyarrow as pa
    from pyspark.sql.dataframe import DataFrame
    from pyspark.sql.pandas.serializers import ArrowStreamSerializer

    reader = pa.ipc.open_stream(b"".join([held.pop(number) for number in range(pieces)]))
    counted = [0]

    def batches() -> Iterator[Any]:
        for batch in reader:
            counted[0] += batch.num_rows
            yield batch

    jvm = spark._jvm
    jbatches = spark.sparkContext._serialize_to_jvm(
        batches(), ArrowStreamSerializer(), jvm.PythonSQLUtils.readArrowStreamFromFile, jvm.ArrowIteratorServer
    )
    told = json.loads(reader.schema.metadata[b"spark"])
    frame = DataFrame(jvm.PythonSQLUtils.toDataFrame(jbatches, told["schema"], spark._jsparkSession), spark)
    return frame.selectExpr(*told["columns"]).toDF(*told["names"]), counted[0]
