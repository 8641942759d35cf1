"""Parquet files that Spark reads: of a frame of this Python, and of another program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames.conversion import to_arrow

ROWS_AT_ONCE = 65536


def write_parquet(frame: Any, file: Path) -> None:
    """Of types that Spark reads as it would take the frame itself. Raises FrameError for what no table holds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = to_arrow(frame)
    for field in table.schema:
        if pa.types.is_null(field.type):
            raise FrameError(
                f"Column {field.name!r} has nulls alone, so its type is not known: give it one, such as with astype."
            )
        if pa.types.is_duration(field.type) or pa.types.is_interval(field.type):
            raise FrameError(f"Column {field.name!r} has intervals, which no table holds. Make numbers of them first.")
    pq.write_table(table, file, compression="zstd", coerce_timestamps="us")


def readable_parquet(file: Path, folder: Path) -> Path:
    """The file, or a copy in `folder` with microseconds where it has nanoseconds, as pandas writes them: Spark reads none. Raises
    FrameError for what is no Parquet file, and for nanoseconds that would be lost."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as parquet:
            if "[ns" not in str(parquet.schema_arrow):
                return file
            copy = folder / "microseconds.parquet"
            options: dict[str, Any] = {"compression": "zstd", "coerce_timestamps": "us"}
            with pq.ParquetWriter(copy, parquet.schema_arrow, **options) as writer:
                for batch in parquet.iter_batches(ROWS_AT_ONCE):
                    writer.write_batch(batch)
            return copy
    except pa.ArrowInvalid as error:
        if "would lose data" in str(error):
            raise FrameError(
                f"{file} has times of nanoseconds, and Spark's have microseconds. Round them first."
            ) from error
        raise FrameError(f"{file} is no Parquet file: {error}.") from error
    except OSError as error:
        raise FrameError(f"{file} cannot be read: {error.strerror or error}.") from error
