"""A file or a frame of this machine as a table of a session's lakehouse: sent under a name of its own, read by Spark, removed."""

from __future__ import annotations

import contextlib
import json
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fabric_livy_magic.cells.file_options import format_of
from fabric_livy_magic.errors import FabricLivyError, SettingsError
from fabric_livy_magic.fabric import transfers
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.running.new_tables import (
    APPEND,
    NEW,
    OVERWRITE,
    NewTable,
    check_table,
    make_table,
    parquet_for_spark,
)
from fabric_livy_magic.running.repl import Repl

HEAD_BYTES = 1024 * 1024


def upload_table(
    repl: Repl,
    files: OneLake,
    source: Any,
    table: str,
    *,
    overwrite: bool = False,
    append: bool = False,
    on_progress: Listener | None = None,
) -> NewTable:
    """`source` is a path, or a pandas, Arrow or polars frame. The file in the lakehouse is gone at the end, however that comes."""
    if overwrite and append:
        raise SettingsError("Overwrite replaces the table, append adds to it: choose one of them.")
    if not all(part.strip() for part in table.split(".")):
        raise SettingsError(f"{table!r} is no name of a table: write it as table or schema.table.")
    how = OVERWRITE if overwrite else APPEND if append else NEW
    with _as_file(source) as file:
        kind = format_of(file.name)
        is_document = kind == "json" and is_json_document(file)
        check_table(repl, table, how, on_progress)
        path = f"{transfers.UPLOADS}/{uuid.uuid4().hex}{file.suffix.lower()}"
        try:
            files.upload(file, path, on_progress=on_progress)
            return make_table(
                repl, files.abfss(path), kind, table, how, is_document=is_document, on_progress=on_progress
            )
        finally:
            with contextlib.suppress(FabricLivyError):  # it is swept with a later upload
                files.delete(path)
            transfers.sweep(files)


@contextlib.contextmanager
def _as_file(source: Any) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fabric-livy-") as folder:
        if not isinstance(source, str | Path):
            yield parquet_for_spark(source, Path(folder))
            return
        file = _checked_file(Path(source).expanduser())
        yield parquet_for_spark(file, Path(folder)) if format_of(file.name) == "parquet" else file


def _checked_file(file: Path) -> Path:
    if file.is_dir():
        raise SettingsError(f"{file} is a folder; a table is made of one file.")
    if not file.is_file():
        raise SettingsError(f"There is no file {file} on this machine.")
    if file.stat().st_size == 0:
        raise SettingsError(f"{file} is empty, so no table can be made of it.")
    return file


def is_json_document(file: Path) -> bool:
    """Whether a JSON file is one document: its first line is no whole value, or is an array."""
    try:
        with file.open(encoding="utf-8-sig") as lines:
            first = next((line for line in iter(lambda: lines.readline(HEAD_BYTES), "") if line.strip()), "")
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} cannot be read as JSON: {error}.") from error
    try:
        return isinstance(json.loads(first), list)
    except ValueError:
        return len(first) < HEAD_BYTES or first.lstrip().startswith("[")
