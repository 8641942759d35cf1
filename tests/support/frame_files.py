"""Frames by files between Spark and this process, with a folder of this machine in the place of OneLake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from fabric_livy_magic.frames.arrow_stream import MemoryLimit
from fabric_livy_magic.frames.stream_files import FrameInFiles, batch_count, files_to_send
from tests.support.in_process import InProcessAgent

MUCH = MemoryLimit(2**40)


def request(folder: Path, above_bytes: int = 0) -> dict[str, Any]:
    return {"path": f"Files/{folder.name}", "uri": folder.as_uri(), "above_bytes": above_bytes}


def read_files(header: Mapping[str, Any], folder: Path, limit: int | None = None) -> tuple[pa.Table, bool]:
    frame = FrameInFiles(header)
    assert frame.sizes == {file.name: file.stat().st_size for file in folder.glob("*.parquet")}
    for name in frame.sizes:
        with (folder / name).open("rb") as file:
            frame.read(file, MUCH)
    return frame.table(limit)


def send_files(agent: InProcessAgent, table: pa.Table, name: str, folder: Path) -> dict[str, Any]:
    spark_types, files = files_to_send(table)
    folder.mkdir()
    for file in files:
        (folder / file.name).write_bytes(file.content())
    named = [[file.name, file.size_bytes] for file in files]
    sent = {"uri": folder.as_uri(), "files": named, "batches": batch_count(files), "rows": table.num_rows}
    view: dict[str, Any] = agent("publish_files", {**sent, "spark": spark_types}, name)
    for file in files:
        (folder / file.name).unlink()
    return view
