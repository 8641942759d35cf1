"""A sample of a table as files: `data.parquet` with the rows, and `schema.json`, for people and for the exact types.

A sample is a folder, named after its table; a folder of samples has one for each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fabric_livy_magic.errors import FrameError

if TYPE_CHECKING:
    import pyarrow as pa

DATA, SCHEMA = "data.parquet", "schema.json"


@dataclass(frozen=True)
class Sample:
    """`schema` is Spark's schema JSON. `columns` say the same for people. `changed`: masked and hashed columns."""

    table: str
    schema: Mapping[str, Any]
    columns: Sequence[str]
    partitioned_by: Sequence[str]
    rows: int
    of_rows: int
    changed: Mapping[str, Sequence[str]]


def folder_name(parts: Sequence[str]) -> str:
    return ".".join(quote(part, safe=" ").replace(".", "%2E") for part in parts)


def write_sample(folder: Path, sample: Sample, rows: pa.Table) -> None:
    """Over an earlier one. Raises FrameError for a folder that is none, and for a type that Parquet has not."""
    if folder.exists() and not (folder / SCHEMA).is_file():
        raise FrameError(f"{folder} is there, and is no sample of a table. Choose another folder with --to.")
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / DATA, rows)
    text = json.dumps(vars(sample), indent=2, ensure_ascii=False)
    (folder / SCHEMA).write_text(f"{text}\n", encoding="utf-8")


def write_rows(file: Path, rows: pa.Table) -> None:
    """As Parquet, as a whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        pq.write_table(rows, draft)
        draft.replace(file)
    except pa.ArrowNotImplementedError as error:
        raise FrameError(f"{file}: Parquet has no such type: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


def sample_folders(folder: Path) -> list[Path]:
    """The folder itself, or those in it. Raises FrameError where there is none."""
    if (folder / SCHEMA).is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{SCHEMA}"))
    if not found:
        raise FrameError(f"{folder} has no sample of a table: `fabric-livy pull TABLE --to {folder}` puts one there.")
    return found


def read_sample(folder: Path) -> tuple[Sample, pa.Table]:
    """Raises FrameError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = json.loads((folder / SCHEMA).read_text(encoding="utf-8"))
        sample = Sample(**{name: found[name] for name in Sample.__annotations__})
        fields = [(str(field["name"]), field["type"]) for field in sample.schema["fields"]]
        # Partitions of a folder's name (`day=1`) are none of the columns.
        rows = pq.ParquetFile(folder / DATA).read()
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
        raise FrameError(f"The sample {folder} cannot be read: {error}") from error
    if [name for name, _ in fields] != rows.column_names:
        raise FrameError(f"The sample {folder} cannot be read: {SCHEMA} and {DATA} have other columns.")
    return sample, rows
