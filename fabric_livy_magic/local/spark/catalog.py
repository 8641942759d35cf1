"""Keeps tables across sessions and shares them between sessions: one small JSON file per database, table and view.

A Hive metastore on Derby, Spark's own solution, admits one JVM at a time, and several notebooks on one lakehouse are normal.
So each session has Spark's in-memory catalog. What a statement changed is written to `<lakehouse>/.catalog` before the
statement becomes `available`, and every other session reads it before its next statement. Temporary views are not written.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from py4j.protocol import Py4JError, Py4JJavaError, Py4JNetworkError

from fabric_livy_magic.local.spark.catalog_entries import BUILT_IN, CatalogEntries, Entry, SparkJvm

FOLDER = ".catalog"
MISSING_SHORTCUT = (
    "fabric_livy_magic.local.MissingShortcut"  # of a table that a repository's shortcuts have, and no folder
)
LONGEST_NAME = 180  # file systems take 255 bytes

Stamp = tuple[int, int, int]  # inode, time of change, size: a renamed-in file has a new inode
Key = tuple[str, str]  # database and table; the table is "" for the database itself

_draft_numbers = itertools.count()


def stamp_of(stat: os.stat_result) -> Stamp:
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def file_name(name: str) -> str:
    quoted = quote(name, safe="")
    if len(quoted) > LONGEST_NAME:
        quoted = f"{quoted[:100]}~{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    return f"{quoted}.json"


class DefinitionFiles:
    """`<database>.json` for a database, `<database>/<table>.json` for a table or view."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def stamps(self) -> dict[Path, Stamp]:
        found: dict[Path, Stamp] = {}
        for folder in (self._folder, *self._subfolders()):
            try:
                entries = list(os.scandir(folder))
            except (FileNotFoundError, NotADirectoryError):
                continue  # nothing was saved yet, or another session is removing the folder
            for entry in entries:
                if entry.name.endswith(".json"):
                    try:
                        stat = entry.stat()
                    except FileNotFoundError:
                        continue
                    found[Path(entry.path)] = stamp_of(stat)
        return found

    def _subfolders(self) -> list[Path]:
        try:
            return [Path(entry.path) for entry in os.scandir(self._folder) if entry.is_dir()]
        except FileNotFoundError:
            return []

    def path(self, key: Key) -> Path:
        database, table = key
        if not table:
            return self._folder / file_name(database)
        return self._folder / file_name(database).removesuffix(".json") / file_name(table)

    def write(self, key: Key, entry: Entry) -> Stamp:
        """Atomic: a reader sees the old file or the new one. Returns the stamp of the new one."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{os.getpid()}-{next(_draft_numbers)}.draft")
        draft.write_text(json.dumps({"database": key[0], **entry}, indent=1, ensure_ascii=False), encoding="utf-8")
        stamp = stamp_of(draft.stat())
        draft.replace(path)
        return stamp

    def remove(self, key: Key) -> None:
        self.path(key).unlink(missing_ok=True)


@dataclass
class SyncState:
    """The state in which this session's catalog and the files were the same last."""

    stamps: dict[Path, Stamp] = field(default_factory=dict)
    keys: dict[Path, Key] = field(default_factory=dict)
    hashes: dict[Key, int] = field(default_factory=dict)  # by Spark's own hashCode
    database_hashes: dict[str, int] = field(default_factory=dict)  # of all tables of a database together


def use_default_schema(spark: Any, schema: str) -> None:
    """Creates the default schema of a lakehouse with schemas, in a folder of its name, and makes it the current one."""
    spark.sql(f"CREATE SCHEMA IF NOT EXISTS `{schema}` LOCATION '{schema}'")
    spark.catalog().setCurrentDatabase(schema)


class Catalogs:
    """The catalogs of the application's own lakehouse and of all others. Used by one thread at a time.

    Databases of other lakehouses have a prefix in Spark's catalog (`spark.lakehouse_classes`).
    """

    def __init__(
        self, jvm: SparkJvm, folders: Mapping[str, Path], unused_folder: Path, note: Callable[[str], None]
    ) -> None:
        """`folders` of the lakehouses by prefix; the prefix of the application's own is empty."""
        self._prefixes = [prefix for prefix in folders if prefix]
        self._by_prefix = {
            prefix: Catalog(CatalogEntries(jvm, folder, unused_folder, prefix), folder, note, by_path=bool(prefix))
            for prefix, folder in folders.items()
        }

    def refresh(self) -> None:
        """Applies what other sessions changed. Without changes it only lists the folders."""
        for catalog in self._by_prefix.values():
            catalog.refresh()

    def save(self) -> None:
        """Writes what this session's statements changed since the last call."""
        databases_by_prefix: dict[str, list[str]] = {prefix: [] for prefix in self._by_prefix}
        for name in self._by_prefix[""].all_databases():
            prefix = next((one for one in self._prefixes if name.startswith(one)), "")
            databases_by_prefix[prefix].append(name.removeprefix(prefix))
        for prefix, databases in databases_by_prefix.items():
            self._by_prefix[prefix].save(databases)


class Catalog:
    """The catalog of one lakehouse. With `by_path` Delta tables in their default folders are left out: Spark finds them there."""

    def __init__(
        self, entries: CatalogEntries, lakehouse: Path, note: Callable[[str], None], *, by_path: bool = False
    ) -> None:
        self._entries = entries
        self._files = DefinitionFiles(lakehouse / FOLDER)
        self._synced = SyncState()
        self._note = note
        self._by_path = by_path

    def all_databases(self) -> list[str]:
        return self._entries.all_databases()

    # ---- files → session

    def refresh(self) -> None:
        stamps = self._files.stamps()
        if stamps == self._synced.stamps:
            return
        gone = [path for path in self._synced.stamps if path not in stamps]
        new = [path for path, stamp in stamps.items() if self._synced.stamps.get(path) != stamp]
        read = [
            (path, entry)
            for path in new
            if (entry := self._read(path)) is not None and not self._is_found_by_path(entry)
        ]
        for path in gone:
            self._attempt(path, partial(self._forget, path))
        for path, entry in sorted(read, key=lambda item: len(item[0].parts)):  # databases first
            self._attempt(path, partial(self._put, path, entry))
        self._synced.stamps = dict(stamps)
        self._synced.database_hashes = {}

    def _read(self, path: Path) -> Entry | None:
        try:
            entry: Entry = json.loads(path.read_text(encoding="utf-8"))
            self._synced.keys[path] = _key(path, self._files, entry)
        except FileNotFoundError:
            return None  # removed meanwhile: the next refresh sees it
        except (OSError, ValueError, KeyError, TypeError) as problem:
            self._note(f"catalog: {path.name} cannot be read: {problem}")
            return None
        return entry

    def _put(self, path: Path, entry: Entry) -> None:
        database, table = key = self._synced.keys[path]
        if table:
            self._entries.put_table(database, entry)
            self._synced.hashes[key] = self._entries.table_hash(database, table)
        else:
            self._entries.put_database(entry)
            self._synced.hashes[key] = self._entries.database_hash(database)

    def _forget(self, path: Path) -> None:
        key = self._synced.keys.pop(path, None)
        if key is None:
            return
        self._synced.hashes.pop(key, None)
        if key[1]:
            self._entries.forget_table(*key)
        else:
            self._entries.forget_database(key[0])

    def _attempt(self, path: Path, work: Callable[[], None]) -> None:
        try:
            work()
        except Py4JNetworkError:
            raise  # the JVM has ended; the definition is not at fault
        except Py4JJavaError as problem:
            self._note(f"catalog: {path.name} cannot be applied: {problem.java_exception.toString()}")
        except Py4JError as problem:
            self._note(f"catalog: {path.name} does not fit this Spark: {str(problem).splitlines()[0]}")
        except (KeyError, TypeError, AttributeError) as problem:
            self._note(f"catalog: {path.name} is no definition of ours: {type(problem).__name__}: {problem}")

    # ---- session → files

    def _is_found_by_path(self, entry: Entry) -> bool:
        if entry.get("provider") == MISSING_SHORTCUT:
            return True
        return self._by_path and entry.get("kind") == "managed" and entry.get("provider", "").lower() == "delta"

    def save(self, databases: Sequence[str]) -> None:
        for database in databases:
            tables = self._entries.tables(database)
            total = int(tables.hashCode())
            if self._synced.database_hashes.get(database) != total:
                self._save_tables(database, tables)
                self._synced.database_hashes[database] = total
            if database != BUILT_IN:
                self._save_database(database)
        for key in [key for key in self._synced.hashes if key[0] not in databases]:
            self._remove(key)

    def _save_database(self, database: str) -> None:
        key, now = (database, ""), self._entries.database_hash(database)
        if self._synced.hashes.get(key) != now:
            self._write(key, self._entries.describe_database(database), now)

    def _save_tables(self, database: str, tables: Any) -> None:
        present: set[Key] = set()
        for index in range(tables.size()):
            table = tables.apply(index)
            key, now = (database, str(table.identifier().table())), int(table.hashCode())
            present.add(key)
            if self._synced.hashes.get(key) != now:
                entry = self._entries.describe_table(table)
                if self._is_found_by_path(entry):
                    continue
                if repaired := self._entries.repaired(database, entry):
                    self._entries.put_table(database, repaired)
                    entry, now = repaired, self._entries.table_hash(*key)
                self._write(key, entry, now)
        for key in [key for key in self._synced.hashes if key[0] == database and key[1] and key not in present]:
            self._remove(key)

    def _write(self, key: Key, entry: Entry, now: int) -> None:
        path = self._files.path(key)
        self._synced.stamps[path] = self._files.write(key, entry)
        self._synced.hashes[key] = now
        self._synced.keys[path] = key

    def _remove(self, key: Key) -> None:
        self._files.remove(key)
        path = self._files.path(key)
        self._synced.stamps.pop(path, None)
        self._synced.keys.pop(path, None)
        self._synced.hashes.pop(key, None)
        self._synced.database_hashes.pop(key[0], None)


def _key(path: Path, files: DefinitionFiles, entry: Entry) -> Key:
    """From the content. Raises ValueError for a file that was copied under another name."""
    database, name = str(entry["database"]), str(entry["name"])
    for key in ((database, name), (database, "")):
        if files.path(key) == path:
            return key
    raise ValueError("its name does not fit its content")
