"""A large frame as files: Parquet whose column `value` has bytes of Arrow streams, and `number` their order.

The agent says why in `agent/remote/agent/frame_files.py`. Each file is a stream of its own once the frame's `prefix`, the message
with the schema, is put before its values: so files are read side by side, and their tables joined in the end.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from fabric_livy_magic.errors import FabricLivyError, FrameError
from fabric_livy_magic.frames.arrow_stream import CheckedStream, MemoryLimit, PartsAsFile
from fabric_livy_magic.frames.arrow_types import empty_table, to_jvm_table
from fabric_livy_magic.frames.transfer import jvm_batches, read_tables
from fabric_livy_magic.livy.waiting import check_interrupted

if TYPE_CHECKING:
    import pyarrow as pa

PARTITION_BITS = 33  # in Spark's monotonically_increasing_id
END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"
SENT_TOGETHER_BYTES = 16 * 1024 * 1024  # of Arrow, in one file


class FilePart(NamedTuple):
    """What one file has of a frame: the numbers of its first and last value, and its rows."""

    first: int
    last: int
    table: pa.Table


class FrameInFiles:
    """The files that a header announces. Raises FrameError where that has another form."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        try:
            self.sizes = {str(name): int(size_bytes) for name, size_bytes in header["files"]}
            self.prefix = base64.b64decode(header["prefix"])
            self.path = str(header["path"])
        except (LookupError, TypeError, ValueError):
            raise FrameError(
                "The session announced a frame in files in a form that is not known. Its agent may be of another version."
            ) from None
        self._header = header
        self.parts: list[FilePart] = []
        """Of the files read so far; it is appended to by several threads."""

    @property
    def rows(self) -> int:
        return sum(part.table.num_rows for part in self.parts)

    def read(self, file: IO[bytes], memory: MemoryLimit) -> None:
        """Adds the rows of one file. Nothing of it is taken on trust. Raises FrameError."""
        import pyarrow as pa

        values = _Values(file, self.prefix)
        try:
            # PythonFile closes what it is given, and the reader of values is needed after that.
            stream = CheckedStream(values.read, values.size_bytes + len(self.prefix), memory)
            with pa.ipc.open_stream(pa.PythonFile(stream, mode="r")) as reader:
                received = reader.schema
                tables = list(read_tables(reader, self._header["schema"]))
                values.read(1)
        except (FabricLivyError, KeyboardInterrupt):
            raise
        except Exception as error:  # Arrow's own, and what Python says of values that do not fit
            raise FrameError(
                f"The frame did not arrive as it was sent: {str(error) or type(error).__name__}"
            ) from error
        if values.last >= 0:
            table = pa.concat_tables(tables) if tables else received.empty_table()
            self.parts.append(FilePart(values.first, values.last, table))

    def table(self, limit: int | None) -> tuple[pa.Table, bool]:
        """The rows of all files in order, at most `limit`, and whether there are more. Raises FrameError where a part is missing."""
        import pyarrow as pa

        parts = sorted(self.parts)
        for before, after in itertools.pairwise(parts):
            if after.first != before.last + 1 and (after.first % (1 << PARTITION_BITS) or after.first <= before.last):
                raise FrameError("Parts of the frame are missing, or twice, in its files.")
        schema, tables = self._header["schema"], [part.table for part in parts if part.table.num_rows]
        if not tables and schema is not None:
            return empty_table(schema, self._header.get("zone") or "UTC"), False
        table = pa.concat_tables(tables or [part.table for part in parts])
        if schema is not None and not schema["fields"]:
            table = table.select([])
        more = bool(self._header["more"]) or (limit is not None and table.num_rows > limit)
        return (table if limit is None else table.slice(0, limit)), more


class _Values(PartsAsFile):
    """The values of a file, one after the other, as one stream."""

    def __init__(self, file: IO[bytes], prefix: bytes) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        super().__init__()
        try:
            parquet = pq.ParquetFile(file)
        except (pa.ArrowException, OSError) as error:
            raise FrameError(f"A file of the frame is no Parquet file: {error}") from error
        if {field.name: str(field.type) for field in parquet.schema_arrow} != {"number": "int64", "value": "binary"}:
            raise FrameError("A file of the frame has other columns than one of a frame.")
        groups = range(parquet.num_row_groups)
        self.size_bytes = sum(parquet.metadata.row_group(number).total_byte_size for number in groups)
        self.first = self.last = -1
        self._rows = parquet.iter_batches(batch_size=1, use_threads=False)
        self._unread = memoryview(prefix)
        self._ended = False

    def _next_part(self) -> Any:
        return b"" if self._ended else self._next_value()

    def _next_value(self) -> Any:
        check_interrupted()
        row = next(self._rows, None)
        if row is None:
            self._ended = True
            return END_OF_STREAM
        number = row.column("number")[0].as_py()
        if number is None or number < 0 or (self.last >= 0 and number != self.last + 1):
            raise FrameError("Parts of a file of the frame are not in order.")
        self.first, self.last = number if self.last < 0 else self.first, number
        value = row.column("value")[0]
        if not value.is_valid:
            raise FrameError("A part of the frame is empty.")
        return value.as_buffer()


# ------------------------------------------------------------------------------------------------ to Spark
class FileToSend(NamedTuple):
    """Rows that go into one file, as batches of Spark's types."""

    name: str
    first: int
    batches: Sequence[Any]

    @property
    def size_bytes(self) -> int:
        return sum(batch.nbytes for batch in self.batches)

    def content(self) -> Any:
        """The file. Its values are messages of record batches, which Spark reads itself, so that the file alone is packed."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        numbers = pa.array(range(self.first, self.first + len(self.batches)), pa.int64())
        values = pa.array([batch.serialize().to_pybytes() for batch in self.batches], pa.binary())
        sink = pa.BufferOutputStream()
        pq.write_table(
            pa.table({"number": numbers, "value": values}),
            sink,
            compression="zstd",
            compression_level=1,
            use_dictionary=False,
            write_statistics=False,
        )
        return sink.getvalue()


def files_to_send(table: pa.Table) -> tuple[str, list[FileToSend]]:
    """A table of `conversion.to_arrow`: what the agent has to know of its types, and its files."""
    jvm_table = to_jvm_table(table)
    files: list[FileToSend] = []
    for number, batch in enumerate(jvm_batches(jvm_table)):
        if files and files[-1].size_bytes + batch.nbytes <= SENT_TOGETHER_BYTES:
            files[-1] = files[-1]._replace(batches=[*files[-1].batches, batch])
        else:
            files.append(FileToSend(f"{len(files):05}.parquet", number, [batch]))
    return jvm_table.schema.metadata[b"spark"].decode(), files


def batch_count(files: Sequence[FileToSend]) -> int:
    return sum(len(file.batches) for file in files)
