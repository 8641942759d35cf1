"""SQL statements: `spark.sql` in the session's JVM, the first rows as JSON."""

from __future__ import annotations

import io
import json
import pickle
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, BinaryIO

from py4j.protocol import Py4JJavaError

from fabric_livy_magic.local.interpreters.json_text import RawJson
from fabric_livy_magic.local.interpreters.outputs import Output, error, ok
from fabric_livy_magic.local.interpreters.sqlcells import table_text
from fabric_livy_magic.local.spark.jvm import Jvm

ROWS = 1000  # Livy's `livy.rsc.sql.num-rows`
ROWS_WAIT_S = 60


class SqlInterpreter:
    needs_spark = True

    def __init__(self, jvm: Jvm) -> None:
        self._jvm = jvm

    def run(self, code: str, spark: Any) -> Output:
        try:
            return ok({"application/json": RawJson(self._table(spark.sql(code)))})
        except Py4JJavaError as failure:
            return java_error(self._jvm, failure)

    def complete(self, code: str, cursor: int, spark: Any) -> list[str]:
        return []

    def _table(self, frame: Any) -> str:
        schema: dict[str, Any] = json.loads(frame.schema().json())
        if not schema["fields"]:
            return table_text(schema, [])
        return table_text(schema, self._rows(frame, schema))

    def _rows(self, frame: Any, schema: Mapping[str, Any]) -> Iterable[Any]:
        port, secret = port_and_secret(frame.limit(ROWS).collectToPython())
        return read_rows(port, secret)


def port_and_secret(answer: Any) -> tuple[int, str]:
    return int(answer[0]), str(answer[1])


def read_rows(port: int, secret: str) -> Iterator[Any]:
    """Rows of `collectToPython`, which Spark serves on a new socket, as batches of pickled lists."""
    with socket.create_connection(("127.0.0.1", port), timeout=ROWS_WAIT_S) as link, link.makefile("rwb") as stream:
        _write_text(stream, secret)
        stream.flush()
        if _read_exactly(stream, _read_length(stream)) != b"ok":
            raise OSError("Spark did not accept the secret of its own result")
        while head := stream.read(4):
            batch = _read_exactly(stream, struct.unpack(">i", head)[0])
            yield from RowUnpickler(io.BytesIO(batch)).load()


def _write_text(stream: BinaryIO | Any, text: str) -> None:
    data = text.encode("utf-8")
    stream.write(struct.pack(">i", len(data)) + data)


def _read_length(stream: Any) -> int:
    length: int = struct.unpack(">i", _read_exactly(stream, 4))[0]
    return length


def _read_exactly(stream: Any, size: int) -> bytes:
    data: bytes = stream.read(size)
    if len(data) < size:
        raise OSError("Spark's result ended early")
    return data


def _row(*_schema: Any) -> Any:
    return lambda *values: values


class RowUnpickler(pickle.Unpickler):
    """Reads Spark's pickles without PySpark: rows become tuples. Every other class is refused."""

    ALLOWED: dict[tuple[str, str], Any] = {  # noqa: RUF012 - a table, never changed
        ("pyspark.sql.types", "_parse_datatype_json_string"): json.loads,
        ("pyspark.sql.types", "_create_row_inbound_converter"): _row,
        ("pyspark.sql.types", "Row"): _row,
        ("decimal", "Decimal"): Decimal,
        ("builtins", "bytearray"): bytearray,
        ("__builtin__", "bytearray"): bytearray,
        ("builtins", "bytes"): bytes,
        ("__builtin__", "bytes"): bytes,
    }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} in a row of a result") from None


def java_error(jvm: Jvm, failure: Py4JJavaError) -> Output:
    """As Livy formats it: the message, and the frames of the exception without its causes and without `at`."""
    exception = failure.java_exception
    text: str = jvm.view.org.apache.spark.util.Utils.exceptionString(exception)
    frames: list[str] = []
    for line in text.splitlines():
        if line.startswith("\tat "):
            frames.append(line[4:])
        elif frames:
            break  # a cause
    return error("Error", exception.getMessage() or exception.toString(), frames)
