"""Tables of a Spark session as Arrow, in pieces of text, and back. Runs in the session's Python.

    open_sql, open_expression → piece, piece, … → close_frame        down
    receive, receive, … → publish                                     up
    preview                                                           the first rows, in one answer

A frame is one Arrow IPC stream (zstd, level 1), cut at fixed sizes wherever a cut falls, so no batch and no cell is too
large for an answer. Its columns have positional names, c0, c1, …, and types that Arrow carries; the client puts names
and types back by the frame's `schema`, Spark's schema JSON. Work with types is done on that JSON and in SQL text made
from it: PySpark's own classes know fewer types than Spark (before 4.0 no year-month interval, for one).
"""

import base64
import binascii
import datetime
import decimal
import itertools
import json
import re
import threading
import time

PIECE_BYTES = 6 * 1024 * 1024  # 8 MiB of base64; Livy refuses an answer of 20,000,000 characters
FORGOTTEN_AFTER_S = 1800  # a frame whose client went away
ROWS_PER_BATCH = 65536

_lock = threading.Lock()
_numbers = itertools.count(1)
_frames = {}  # type: dict  # id → [time of last use, list of pieces]
_uploads = {}  # type: dict  # id → [time of last use, {number: piece}]


class Refused(Exception):  # noqa: N818 - the client shows the name as what happened
    """What the user can mend: the message is for them."""


class NoArrow(Refused):
    """There is no PyArrow in this session, so the client takes another road."""


# ------------------------------------------------------------------------------------------------ down
def open_sql(spark, text, parameters=None, limit=None):
    """The result of one SQL statement; `parameters` are typed values, see `typed`. A command runs once."""
    _arrow()
    if not parameters:
        return _opened(spark.sql(text), limit)
    if _version(spark) < (3, 4):
        raise Refused("SQL parameters need Spark 3.4 or later; this session has %s." % spark.version)
    return _opened(spark.sql(text, args={name: _argument(spark, value) for name, value in parameters.items()}), limit)


def open_expression(namespace, spark, expression, limit=None):
    """The value of a Python expression: a Spark, pandas, Arrow or polars frame."""
    _arrow()
    value = eval(compile(expression.strip(), "<expression>", "eval"), namespace)  # noqa: S307 - the user's own code
    library = type(value).__module__.split(".")[0]
    if library == "pyspark" and hasattr(value, "to_spark"):
        value = value.to_spark()
    if library == "pyspark" and hasattr(value, "toDF") and hasattr(value, "schema"):
        return _opened(value, limit)
    table = _local_table(value, library, limit)
    if table is None:
        raise Refused(
            "%s is no DataFrame but %s. Frames of Spark, pandas, Arrow and polars can be fetched."
            % (expression.strip()[:80], type(value).__name__)
        )
    rows = table.num_rows if limit is None else min(limit, table.num_rows)
    sink, writer = _Pieces(), None
    writer = _stream(sink, table.schema)
    writer.write_table(table.slice(0, rows), max_chunksize=ROWS_PER_BATCH)
    writer.close()
    return _header(sink, rows, table.num_rows > rows, None, None)


def preview(frame, rows):
    """The first `rows` rows of a Spark DataFrame, fewer where they do not fit into one answer; all of it in `first`."""
    _arrow()
    while True:
        header = _opened(frame, rows)
        if header["pieces"] <= 1:
            return header
        close_frame(header["frame"])
        rows //= 2


def piece(frame, number):
    """One piece of an open frame."""
    with _lock:
        held = _frames.get(frame)
        if held is None:
            raise Refused("The frame is not here any more (the session was idle for long, or its Python restarted).")
        held[0] = time.monotonic()
        content = held[1][number]
    return _told(number, content)


def close_frame(frame):
    """Frees a frame, of either direction."""
    with _lock:
        _frames.pop(frame, None)
        _uploads.pop(frame, None)


def _told(number, content):
    return {
        "number": number,
        "crc": binascii.crc32(content) & 0xFFFFFFFF,
        "text": base64.b64encode(content).decode("ascii"),
    }


def _opened(frame, limit):
    schema = _schema(frame)
    batches = _collected(_carrier(frame if limit is None else frame.limit(limit + 1), schema["fields"]))
    found = sum(batch.num_rows for batch in batches)
    rows = found if limit is None else min(limit, found)
    left, sink, writer = rows, _Pieces(), None
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


def _header(sink, rows, more, schema, zone):
    """`zone` is the session's, for a frame without rows, which has no pieces."""
    pieces = sink.cut()
    first = _told(0, pieces[0]) if pieces else None
    frame = None
    if len(pieces) > 1:
        now = time.monotonic()
        with _lock:
            _forget(now)
            frame = "f%d" % next(_numbers)
            _frames[frame] = [now, pieces]
    return {
        "frame": frame,
        "pieces": len(pieces),
        "bytes": sum(map(len, pieces)),
        "rows": rows,
        "more": more,
        "schema": schema,
        "zone": zone,
        "first": first,
    }


def _forget(now):
    for held in (_frames, _uploads):
        for name in [name for name, one in held.items() if now - one[0] > FORGOTTEN_AFTER_S]:
            del held[name]


class _Pieces:
    """A sink of bytes that keeps them in pieces of a fixed size."""

    closed = False

    def __init__(self):
        self.pieces = []
        self.open = bytearray()

    def write(self, content):
        with memoryview(content) as view:
            self.open += view
            size = view.nbytes
        while len(self.open) >= PIECE_BYTES:
            self.pieces.append(bytes(memoryview(self.open)[:PIECE_BYTES]))
            self.open = self.open[PIECE_BYTES:]
        return size

    def flush(self):
        pass

    def cut(self):
        if self.open:
            self.pieces.append(bytes(self.open))
            self.open = bytearray()
        return self.pieces


def _stream(sink, schema):
    import pyarrow as pa

    codec = pa.Codec("zstd", compression_level=1) if pa.Codec.is_available("zstd") else None
    return pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression=codec))


def _arrow():
    try:
        import pyarrow
    except ImportError:
        raise NoArrow("There is no PyArrow in this session's Python.") from None
    return pyarrow


def _collected(frame):
    if hasattr(frame, "_collect_as_arrow"):
        return frame._collect_as_arrow()
    return [batch for batch in frame.toArrow().to_batches() if batch.num_rows]  # Spark Connect, from 4.0


def _local_table(value, library, limit):
    """pandas, Arrow and polars frames as an Arrow table of at most `limit` + 1 rows; None for anything else."""
    import pyarrow as pa

    asked = None if limit is None else limit + 1
    if library == "polars" and hasattr(value, "collect"):
        value = value.collect()
    if library == "pandas" and hasattr(value, "to_frame") and not hasattr(value, "columns"):
        value = value.to_frame()
    if library == "pandas" and hasattr(value, "columns"):
        try:
            return pa.Table.from_pandas(value if asked is None else value.head(asked))
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise Refused("The pandas frame has values without an Arrow type: %s" % error) from None
    if library == "polars":
        value = (value.to_frame() if hasattr(value, "to_frame") else value).to_arrow()
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    return value.slice(0, asked) if isinstance(value, pa.Table) else None


# ------------------------------------------------------------------------------------------------ types
def _schema(frame):
    return json.loads(frame._jdf.schema().json() if hasattr(frame, "_jdf") else frame.schema.json())


def _carrier(frame, fields):
    """The frame with positional names and types that Arrow carries."""
    if not fields:
        return frame.selectExpr("true AS c0")  # Arrow keeps the number of rows only where there is a column
    frame = frame.toDF(*["c%d" % number for number in range(len(fields))])
    columns = ["%s AS c%d" % (_carried_column(field["type"], "c%d" % n), n) for n, field in enumerate(fields)]
    plain = ["c%d AS c%d" % (number, number) for number in range(len(fields))]
    return frame if columns == plain else frame.selectExpr(*columns)


def _carried_column(kind, value):
    if not _uncarried(kind):
        return value
    if _nested(kind):  # positional names inside, so that doubles can be told apart
        value = "CAST(%s AS %s)" % (value, _ddl(kind))
    return _carried(kind, value, 0)


def _nested(kind):
    return isinstance(kind, dict) and kind.get("type") in ("array", "map", "struct")


def _uncarried(kind):
    """Whether anything in this type is not for Arrow: some intervals, variants, a struct with two fields of one name."""
    if isinstance(kind, dict):
        if kind["type"] == "array":
            return _uncarried(kind["elementType"])
        if kind["type"] == "map":
            return _uncarried(kind["keyType"]) or _uncarried(kind["valueType"])
        if kind["type"] == "struct":
            names = [field["name"] for field in kind["fields"]]
            return len(set(names)) < len(names) or any(_uncarried(field["type"]) for field in kind["fields"])
        return False  # a user-defined type: Spark gives the type that it is stored as
    return kind in ("interval", "variant") or _months(kind) or kind.startswith(("char(", "varchar("))


def _months(kind):
    return kind in ("interval year", "interval month", "interval year to month")


def _carried(kind, value, depth):
    """SQL for `value` in a type that Arrow carries. Fields of structs are f0, f1, … already."""
    if _nested(kind):
        return _carried_nested(kind, value, depth)
    if isinstance(kind, dict):
        return value
    if _months(kind):
        return "CAST(CAST(%s AS INTERVAL MONTH) AS INT)" % value
    if kind == "interval":
        part = "extract(%s FROM {0})"
        return (
            "IF({0} IS NULL, NULL, named_struct("
            "'months', CAST(%s * 12 + %s AS INT), 'days', CAST(%s AS INT), 'micros', "
            "CAST(%s AS BIGINT) * 3600000000 + CAST(%s AS BIGINT) * 60000000 + CAST(%s * 1000000 AS BIGINT)))"
            % tuple(part % unit for unit in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"))
        ).format(value)
    if kind == "variant":
        return "to_json(%s)" % value
    return "CAST(%s AS STRING)" % value if kind.startswith(("char(", "varchar(")) else value


def _carried_nested(kind, value, depth):
    one = "x%d" % depth  # the variable of a lambda, one name for each depth

    def each(inner, values):
        changed = _carried(inner, one, depth + 1)
        return values if changed == one else "transform(%s, %s -> %s)" % (values, one, changed)

    if kind["type"] == "array":
        return each(kind["elementType"], value)
    if kind["type"] == "map":
        keys, values = "map_keys(%s)" % value, "map_values(%s)" % value
        new_keys, new_values = each(kind["keyType"], keys), each(kind["valueType"], values)
        unchanged = (new_keys, new_values) == (keys, values)
        return value if unchanged else "map_from_arrays(%s, %s)" % (new_keys, new_values)
    fields = [_carried(field["type"], "%s.f%d" % (value, n), depth) for n, field in enumerate(kind["fields"])]
    if fields == ["%s.f%d" % (value, n) for n in range(len(fields))]:
        return value
    inside = ", ".join("'f%d', %s" % (number, field) for number, field in enumerate(fields))
    return "IF(%s IS NULL, NULL, named_struct(%s))" % (value, inside)


_SQL_NAMES = {"byte": "TINYINT", "short": "SMALLINT", "integer": "INT", "long": "BIGINT"}


def _ddl(kind):
    """A type of the schema JSON in SQL, fields of structs by position."""
    if not isinstance(kind, dict):
        return _SQL_NAMES.get(kind, kind)
    if kind["type"] == "array":
        return "ARRAY<%s>" % _ddl(kind["elementType"])
    if kind["type"] == "map":
        return "MAP<%s, %s>" % (_ddl(kind["keyType"]), _ddl(kind["valueType"]))
    if kind["type"] == "struct":
        return "STRUCT<%s>" % ", ".join("f%d: %s" % (n, _ddl(field["type"])) for n, field in enumerate(kind["fields"]))
    raise Refused("A user-defined type inside a column that has to be rewritten for the transfer; select it by itself.")


# ------------------------------------------------------------------------------------------------ parameters
def _argument(spark, value):
    """A typed value as a literal column, the only kind of argument that Spark 3 takes."""
    column = typed(value)
    if value[0] != "list" or _version(spark) >= (4,):
        return column
    from pyspark.sql import Column

    plan = spark.range(1).select(column)._jdf.queryExecution().optimizedPlan()  # folded to one literal, elements cast
    literal = plan.expressions().head().child()
    return Column(spark._jvm.org.apache.spark.sql.Column(literal))


def typed(value):
    """[type, text] as a column. Text goes into SQL only after Python has read it as a value of its type."""
    from pyspark.sql import functions as F  # noqa: N812 - its name everywhere

    kind, told = value
    if kind == "null":
        return F.lit(None)
    if kind in ("bool", "str"):
        return F.lit(told)
    if kind == "int":
        number = int(told)
        return F.lit(number if -(2**63) <= number < 2**63 else decimal.Decimal(number))
    if kind == "float":
        return F.lit(float.fromhex(told))
    if kind == "decimal":
        return F.lit(decimal.Decimal(format(decimal.Decimal(told), "f")))  # 1E+3 has a scale that Spark has not
    if kind == "date":
        return F.expr("DATE '%s'" % datetime.date.fromisoformat(told).isoformat())
    if kind == "datetime":
        moment = datetime.datetime.fromisoformat(told)
        return F.expr("%s '%s'" % ("TIMESTAMP_LTZ" if moment.tzinfo else "TIMESTAMP_NTZ", moment.isoformat(" ")))
    if kind == "bytes":
        return F.expr("X'%s'" % binascii.hexlify(base64.b64decode(told)).decode("ascii"))
    if kind == "timedelta":
        days, seconds, micros = map(int, told.split())
        return F.expr(_day_time((days * 86400 + seconds) * 1000000 + micros))
    if kind == "list":
        return F.array(*[typed(one) for one in told])
    raise Refused("A parameter of an unknown type %r: the client is newer than its agent." % kind)


def _day_time(micros):
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    seconds, micros = divmod(micros, 1000000)
    days, seconds = divmod(seconds, 86400)
    clock = "%02d:%02d:%02d.%06d" % (seconds // 3600, seconds // 60 % 60, seconds % 60, micros)
    return "INTERVAL '%s%d %s' DAY TO SECOND" % (sign, days, clock)


def _version(spark):
    return tuple(int(part) for part in re.findall(r"\d+", spark.version)[:2])


# ------------------------------------------------------------------------------------------------ up
def receive(frame, number, crc, text):
    """Keeps one piece of a frame that comes up; a piece sent twice counts once."""
    content = base64.b64decode(text)
    if binascii.crc32(content) & 0xFFFFFFFF != crc:
        raise Refused("Piece %d arrived damaged." % number)
    now = time.monotonic()
    with _lock:
        held = _uploads.setdefault(frame, [now, {}])
        held[0] = now
        held[1][number] = content
        _forget(now)


def publish(namespace, spark, frame, pieces, name):
    """The frame as temporary view `name` and, where that is an identifier, as the DataFrame of that name."""
    _arrow()
    with _lock:
        _, held = _uploads.pop(frame, (0, {}))
    missing = [number for number in range(pieces) if number not in held]
    if missing:
        raise Refused("%d of %d pieces of the frame did not arrive." % (len(missing), pieces))
    if not hasattr(spark, "_jsparkSession"):
        raise Refused("This session speaks to Spark through Spark Connect, which cannot take frames this way.")
    frame, rows = _spark_frame(spark, held, pieces)
    frame.createOrReplaceTempView(name)
    if name.isidentifier():
        namespace[name] = frame
    return {"rows": rows, "schema": _schema(frame)}


def _spark_frame(spark, held, pieces):
    """By the road of PySpark's own conversion of pandas: Arrow batches into the JVM, one for each partition."""
    import pyarrow as pa
    from pyspark.sql.dataframe import DataFrame
    from pyspark.sql.pandas.serializers import ArrowStreamSerializer

    reader = pa.ipc.open_stream(_Joined(held, pieces))
    counted = [0]

    def batches():
        empty = True
        for batch in reader:
            counted[0] += batch.num_rows
            empty = False
            yield batch
        if empty:  # the JVM wants a stream with a schema, also without rows
            yield pa.RecordBatch.from_arrays([pa.array([], field.type) for field in reader.schema], schema=reader.schema)

    jvm = spark._jvm
    jbatches = spark.sparkContext._serialize_to_jvm(
        batches(), ArrowStreamSerializer(), jvm.PythonSQLUtils.readArrowStreamFromFile, jvm.ArrowIteratorServer
    )
    no_columns = (reader.schema.metadata or {}).get(b"columns") == b"0"
    fields = [_spark_field(field) for field in reader.schema]
    schema = json.dumps({"type": "struct", "fields": fields})
    frame = DataFrame(jvm.PythonSQLUtils.toDataFrame(jbatches, schema, spark._jsparkSession), spark)
    return (frame.select() if no_columns else frame), counted[0]


class _Joined:
    """The pieces of an upload as a file to read from; each is freed once it is read."""

    closed = False

    def __init__(self, held, pieces):
        self.held, self.next, self.last, self.rest = held, 0, pieces, memoryview(b"")

    def read(self, size=-1):
        found = []
        while size:
            if not self.rest:
                if self.next == self.last:
                    break
                self.rest = memoryview(self.held.pop(self.next))
                self.next += 1
            part = self.rest if size < 0 else self.rest[:size]
            self.rest = self.rest[len(part) :]
            size -= 0 if size < 0 else len(part)
            found.append(part)
        return b"".join(found)


_SPARK_NAMES = {
    "bool": "boolean",
    "int8": "byte",
    "int16": "short",
    "int32": "integer",
    "int64": "long",
    "float": "float",
    "double": "double",
    "string": "string",
    "binary": "binary",
    "date32[day]": "date",
    "timestamp[us]": "timestamp_ntz",
    "duration[us]": "interval day to second",
    "null": "void",
    "time64[ns]": "time(6)",
}


def _spark_field(field):
    return {"name": field.name, "type": _spark_type(field.type), "nullable": True, "metadata": {}}


def _spark_type(arrow):
    """Spark's type for an Arrow type that the client sends; it sends these only."""
    import pyarrow.types as t

    if t.is_list(arrow):
        return {"type": "array", "elementType": _spark_type(arrow.value_type), "containsNull": True}
    if t.is_map(arrow):
        key, value = _spark_type(arrow.key_type), _spark_type(arrow.item_type)
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
    if t.is_struct(arrow):
        return {"type": "struct", "fields": [_spark_field(arrow.field(n)) for n in range(arrow.num_fields)]}
    if t.is_decimal(arrow):
        return "decimal(%d,%d)" % (arrow.precision, arrow.scale)
    if t.is_timestamp(arrow) and arrow.tz is not None:
        return "timestamp"
    return _SPARK_NAMES[str(arrow)]
