"""A large frame as files in the lakehouse: its executors write them in parallel, the driver's memory does not hold the frame.

    taken                      Arrow batches of a frame that turned out small, else files of it for the client
    stored                     a file of an Arrow stream that the driver holds
    read_back                  the batches of such files, for a client that gets no token for storage
    sent_batches               what a client has put into files, in the memory of the driver, as of a frame that came in pieces
    removed                    the folder is gone

Each file is Parquet with two columns: `value` has bytes of one Arrow stream, `number` their order, also that of the files, in
Spark's form: the partition above 33 bits, the place in it below. The batches are those that a frame in pieces consists of, so that types and
values are the same on both roads. Parquet is the container since any Spark writes it to any file system, in the JVM.
"""

from __future__ import annotations

import base64
import contextlib
from typing import Any

from .errors import Refused
from .parameters import is_connect, version_of

# The size of a frame is estimated by Spark, often at too much (a filter is taken to keep all rows) and for compressed files at too
# little. So from this part of the limit on it is measured.
MEASURED_FROM = 1 / 8
STREAM_PIECE_BYTES = 4 * 1024 * 1024  # to the JVM at a time, as base64
COLLECTED_AT_ONCE_BYTES = 256 * 1024 * 1024  # below spark.driver.maxResultSize, 1 GiB by default
WRITE_OPTIONS = {
    "parquet.compression.codec.zstd.level": "1",
    "parquet.enable.dictionary": "false",
    "parquet.page.row.count.limit": "1",  # a value may have 100 MB
    "parquet.page.size.row.check.min": "1",
    "parquet.vorder.enabled": "false",  # Fabric's V-Order sorts rows
    "maxRecordsPerFile": "0",
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "mapreduce.fileoutputcommitter.algorithm.version": "2",  # one rename less; nobody reads before the job's end
}


# ------------------------------------------------------------------------------------------------ to the client
def taken(frame: Any, zone: str, request: dict[str, Any]) -> Any:
    """A list of Arrow batches, or a dict: the part of a header that says which files there are. `request` has the folder's `path` in the lakehouse,
    its `uri`, and `above_bytes`: what a frame has to have to become files; 0: it becomes them."""
    above_bytes = request["above_bytes"]
    if is_connect(frame):
        if above_bytes:
            return None
        raise Refused("This session speaks to Spark through Spark Connect, from which frames go inline alone.")
    if above_bytes and _estimated_bytes(frame) < above_bytes * MEASURED_FROM:
        return None
    spark = frame.sparkSession
    prefix = schema_message(frame, zone)
    batches = frame._jdf.toArrowBatchRdd()
    values = _frame_of(spark, batches)
    if not above_bytes:
        return _written(spark, values, prefix, request)
    batches.persist(spark._jvm.org.apache.spark.storage.StorageLevel.MEMORY_AND_DISK())
    try:
        is_large = (values.selectExpr("sum(length(value))").first()[0] or 0) > above_bytes
        if is_large and _can_write(spark, request["uri"]):
            return _written(spark, values, prefix, request)
        return _batches_of(prefix, [row[0] for row in values.collect()])
    finally:
        batches.unpersist(False)


def stored(content: Any, request: dict[str, Any]) -> dict[str, Any] | None:
    """The stream of a frame that the driver's Python has, of which it has been written. None: it goes inline."""
    above_bytes = request["above_bytes"]
    if above_bytes and len(content) <= above_bytes:
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyspark.sql import SparkSession

    spark: Any = SparkSession.getActiveSession()
    if spark is None:
        raise Refused("There is no Spark here that could write the frame as a file.")
    if above_bytes and not _can_write(spark, request["uri"]):
        return None
    values = [content[start : start + STREAM_PIECE_BYTES] for start in range(0, len(content), STREAM_PIECE_BYTES)]
    table = pa.table({"number": pa.array(range(len(values)), pa.int64()), "value": pa.array(values, pa.binary())})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="none", use_dictionary=False, write_statistics=False, row_group_size=1)
    file = memoryview(sink.getvalue())
    with _removed_after_error(spark, request["uri"]) as (file_system, folder):
        out = file_system.create(spark._jvm.org.apache.hadoop.fs.Path(folder, "frame.parquet"))
        try:
            for start in range(0, len(file), STREAM_PIECE_BYTES):
                out.write(bytes(file[start : start + STREAM_PIECE_BYTES]))
        finally:
            out.close()
        return _header_part(file_system, folder, b"", request)


def read_back(spark: Any, header: dict[str, Any]) -> Any:
    """The Arrow batches of files that were written here, which are gone then."""
    try:
        rows = spark.read.parquet(header["uri"]).orderBy("number").collect()
        return _batches_of(base64.b64decode(header["prefix"]), [row["value"] for row in rows])
    finally:
        removed(spark, header["uri"])


def removed(spark: Any, uri: str) -> None:
    file_system, folder = _folder_of(spark, uri)
    with contextlib.suppress(Exception):  # what went wrong before matters more, and the client removes it, too
        file_system.delete(folder, True)
        for _ in range(2):  # our own folders above it, which are refused while anything is in them
            folder = folder.getParent()
            file_system.delete(folder, False)


def _estimated_bytes(frame: Any) -> int:
    return int(str(frame._jdf.queryExecution().optimizedPlan().stats().sizeInBytes()))


def schema_message(frame: Any, zone: str) -> bytes:
    """The first message of an Arrow stream of the frame: Spark's batches come without."""
    jvm = frame.sparkSession._jvm
    to_arrow, schema = jvm.org.apache.spark.sql.util.ArrowUtils.toArrowSchema, frame._jdf.schema()
    large = str(frame.sparkSession.conf.get("spark.sql.execution.arrow.useLargeVarTypes", "false")).lower() == "true"
    version = version_of(frame.sparkSession)
    more = (False, large) if version >= (3, 5) else (False,) if version >= (3, 4) else ()
    ipc, out = jvm.org.apache.arrow.vector.ipc, jvm.java.io.ByteArrayOutputStream()
    channel = ipc.WriteChannel(jvm.java.nio.channels.Channels.newChannel(out))
    ipc.message.MessageSerializer.serialize(channel, to_arrow(schema, zone, *more))
    return bytes(out.toByteArray())


def _frame_of(spark: Any, batches: Any) -> Any:
    """A frame of one column of an RDD of byte arrays."""
    from pyspark.sql.dataframe import DataFrame

    encoder = spark._jvm.org.apache.spark.sql.Encoders.BINARY()
    return DataFrame(spark._jsparkSession.createDataset(batches, encoder).toDF(), spark)  # its name is `value`


def _can_write(spark: Any, uri: str) -> bool:
    """Makes the folder. A session that may not write into its lakehouse still has frames."""
    file_system, folder = _folder_of(spark, uri)
    try:
        return bool(file_system.mkdirs(folder))
    except Exception:  # noqa: BLE001 - Java's, of whichever file system: the frame goes inline then
        return False


def _written(spark: Any, values: Any, prefix: bytes, request: dict[str, Any]) -> dict[str, Any]:
    with _removed_after_error(spark, request["uri"]) as (file_system, folder):
        numbered = values.selectExpr("monotonically_increasing_id() AS number", "value")
        # Random numbers, 10 M rows of 56 bytes on two cores: 10 s and 387 MiB, with zstd 20 s and 310 MiB.
        codec = "lz4_raw" if version_of(spark) >= (3, 5) else "zstd"
        numbered.write.mode("append").options(compression=codec, **WRITE_OPTIONS).parquet(request["uri"])
        return _header_part(file_system, folder, prefix, request)


def _header_part(file_system: Any, folder: Any, prefix: bytes, request: dict[str, Any]) -> dict[str, Any]:
    found = [(one.getPath().getName(), int(one.getLen())) for one in file_system.listStatus(folder)]
    files = sorted((name, size) for name, size in found if name.endswith(".parquet"))
    return {
        "path": request["path"],
        "uri": request["uri"],
        "files": files,
        "bytes": sum(size for _, size in files),
        "prefix": base64.b64encode(prefix).decode("ascii"),
    }


def _batches_of(prefix: bytes, values: list[bytes]) -> list[Any]:
    import pyarrow as pa

    reader = pa.ipc.open_stream(prefix + b"".join(values))
    return [batch for batch in reader if batch.num_rows]


@contextlib.contextmanager
def _removed_after_error(spark: Any, uri: str) -> Any:
    """Else the client removes it. Where that was killed, the folder goes with the session."""
    file_system, folder = _folder_of(spark, uri)
    try:
        yield file_system, folder
        file_system.deleteOnExit(folder)
    except BaseException:  # also an interrupt; it is raised again
        removed(spark, uri)
        raise


def _folder_of(spark: Any, uri: str) -> Any:
    folder = spark._jvm.org.apache.hadoop.fs.Path(uri)
    return folder.getFileSystem(spark._jsc.hadoopConfiguration()), folder


# ------------------------------------------------------------------------------------------------ to Spark
def sent_batches(spark: Any, uri: str, files: list[Any], count: int) -> Any:
    """The `count` batches in the files, (name, bytes of its batches) each, as Spark makes a frame of them. They are in the driver's memory
    then: the files may go."""
    jvm, held = spark._jvm, spark._jvm.java.util.ArrayList()
    together, size_bytes = [], 0
    for place, (name, file_bytes) in enumerate(files, 1):
        together.append(f"{uri}/{name}")
        size_bytes += file_bytes
        if place == len(files) or size_bytes >= COLLECTED_AT_ONCE_BYTES:
            values = spark.read.parquet(*together).orderBy("number").select("value")
            held.addAll(getattr(values._jdf, "as")(jvm.org.apache.spark.sql.Encoders.BINARY()).collectAsList())
            together, size_bytes = [], 0
    if held.size() != count:
        raise Refused(f"{held.size()} of {count} parts of the frame are in its files.")
    if version_of(spark) < (3, 4):
        return spark._jsc.parallelize(held, max(1, count))
    return jvm.scala.collection.JavaConverters.asScalaIterator(held.iterator())
