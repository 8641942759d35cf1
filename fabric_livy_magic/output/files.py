"""Folders of a lakehouse as lists, for notebooks and terminals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fabric_livy_magic.output.lists import ListColumn, OwnList
from fabric_livy_magic.output.short_texts import bytes_text, counted

if TYPE_CHECKING:
    from fabric_livy_magic.fabric.onelake_calls import Entry
    from fabric_livy_magic.running.new_tables import NewTable
    from fabric_livy_magic.sessions.file_copies import Copies
    from fabric_livy_magic.sessions.lakehouse_files import FolderSize

MOST_LISTED = 1000  # entries that a person looks at
ENTRIES = (
    ListColumn("name", "name"),
    ListColumn("kind", "kind"),
    ListColumn("size_bytes", "size", "bytes"),
    ListColumn("age_s", "age", "age"),
)
SIZES = (ListColumn("name", "name"), ListColumn("files", "files", "count"), ListColumn("size_bytes", "size", "bytes"))


def entries_list(entries: Sequence[Entry], path: str, now: datetime | None = None) -> OwnList:
    """Names are below `path`. A folder has a slash behind its name, and no size."""
    now = now or datetime.now(UTC)
    folder = f"{path.strip('/')}/"
    records = [
        {
            "name": entry.path.removeprefix(folder) + ("/" if entry.is_folder else ""),
            "path": entry.path,
            "kind": "folder" if entry.is_folder else "file",
            "size_bytes": None if entry.is_folder else entry.size_bytes,
            "modified": entry.modified.isoformat() if entry.modified else None,
            "age_s": _age_s(entry, now),
        }
        for entry in entries
    ]
    return OwnList(ENTRIES, records, f"Nothing is in {path or 'the lakehouse'}.")


def cut_list(entries: Sequence[Entry], path: str) -> OwnList:
    """As `entries_list`, as many of them as a person looks at."""
    shown = entries_list(entries[:MOST_LISTED], path)
    if len(entries) <= MOST_LISTED:
        return shown
    caption = f"The first {MOST_LISTED:,}; `--json` has all of them."
    return OwnList(shown.columns, shown.records, caption=caption)


def _age_s(entry: Entry, now: datetime) -> float | None:
    """A folder of Fabric's own has no time of its own."""
    if entry.modified is None or entry.modified.timestamp() <= 0:
        return None
    return max(0.0, round((now - entry.modified).total_seconds(), 1))


def sizes_list(sizes: Sequence[FolderSize], path: str) -> OwnList:
    """The largest first."""
    folder = f"{path.strip('/')}/"
    records = [
        {
            "name": one.path.removeprefix(folder) + ("/" if one.is_folder else ""),
            "path": one.path,
            "files": one.files,
            "size_bytes": one.size_bytes,
        }
        for one in sorted(sizes, key=lambda one: (-one.size_bytes, one.path))
    ]
    files, size_bytes = sum(one.files for one in sizes), sum(one.size_bytes for one in sizes)
    caption = f"{counted(files, 'file')}, {bytes_text(size_bytes)} in {path or 'the lakehouse'}"
    return OwnList(SIZES, records, f"Nothing is in {path or 'the lakehouse'}.", caption=caption)


def copied_line(copies: Copies, target: str, elapsed_s: float) -> str:
    """What a copy has done, with its rate where that says anything."""
    size = bytes_text(copies.size_bytes)
    rate = f", {bytes_text(int(copies.size_bytes / elapsed_s))}/s" if elapsed_s >= 1 else ""
    return f"Copied {counted(len(copies.files), 'file')} ({size}{rate}) to {target}"


def table_line(made: NewTable, source: str, *, inferred: bool) -> str:
    """What an upload has made."""
    columns = ", ".join(f"{name} {kind}" for name, kind in made.columns)
    types = ", types inferred by Spark" if inferred else ""
    if made.new_rows != made.rows:
        return f"{made.name}: {counted(made.new_rows, 'row')} of {source} added, {counted(made.rows, 'row')} now"
    return f"{made.name}: {counted(made.rows, 'row')} ({columns}), a table made of {source}{types}"
