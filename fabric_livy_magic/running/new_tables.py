"""Tables that a session makes of files in its lakehouse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import NoAgent, SettingsError
from fabric_livy_magic.frames.parquet import readable_parquet, write_parquet
from fabric_livy_magic.livy.statements import Listener
from fabric_livy_magic.running.repl import Repl

NEW, OVERWRITE, APPEND = "new", "overwrite", "append"


@dataclass(frozen=True)
class NewTable:
    """`columns` are (name, Spark's type)."""

    name: str
    rows: int
    new_rows: int
    columns: tuple[tuple[str, str], ...]


def parquet_for_spark(source: Any, folder: Path) -> Path:
    """Of a frame, or of a Parquet file, which may be that itself. Raises FrameError for what no table holds."""
    if isinstance(source, Path):
        return readable_parquet(source, folder)
    write_parquet(source, folder / "frame.parquet")
    return folder / "frame.parquet"


def check_table(repl: Repl, table: str, how: str, on_progress: Listener | None = None) -> None:
    """Before a file for it is sent. Raises StatementError where it is there and `how` is NEW."""
    _answer(repl, on_progress, "check_table", table, how)


def make_table(
    repl: Repl,
    uri: str,
    file_format: str,
    table: str,
    how: str,
    *,
    is_document: bool = False,
    on_progress: Listener | None = None,
) -> NewTable:
    """`file_format` is parquet, csv or json; `is_document`: the JSON is not one value a line. Raises StatementError."""
    made = _answer(repl, on_progress, "make_table", uri, file_format, table, how, is_document)
    return NewTable(table, made["rows"], made["new"], tuple((name, kind) for name, kind in made["columns"]))


def _answer(repl: Repl, on_progress: Listener | None, operation: str, *arguments: Any) -> Any:
    try:
        return repl.value_in_turn(operation, *arguments, needs="An upload into a table needs", on_progress=on_progress)
    except NoAgent as missing:
        raise SettingsError(f"An upload into a table needs PySpark in the session: {missing}.") from missing
