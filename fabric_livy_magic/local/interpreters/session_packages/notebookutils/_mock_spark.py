"""Spark's connectors with mocks: `synapsesql` of warehouses, Kusto, SQL databases, Event Hubs and JDBC as tables.

What a notebook writes to a mock is kept in the session, and is what it reads there from then on.
"""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.machinery
import os
import sys
import types
from typing import Any, Callable, Dict
from urllib.parse import urlsplit

from notebookutils import _mock_frames, _mocks
from notebookutils._context import session_context
from notebookutils._errors import NotebookUtilsError

CONNECTORS = ("com.microsoft.", "net.snowflake.", "mongodb", "cosmos.oltp", "eventhubs")
SECRET_OPTIONS = ("password", "token", "secret", "key", "accesstoken", "user")
CONSTANTS = ("WorkspaceId", "LakehouseId", "DatawarehouseId", "DatabaseName", "SchemaName", "TableName")
CONNECTOR_MODULES = ("com", "com.microsoft", "com.microsoft.spark", "com.microsoft.spark.fabric")


# ------------------------------------------------------------------------------------------------ which entry
def entry_of_warehouse(table: str) -> Any:
    for entry in _mocks.entries("warehouse"):
        if plain_name(entry.values["table"]) == plain_name(table):
            _mocks.note_used("warehouse", entry.values["table"], entry.file)
            return entry
    lines = f'[[warehouse]]\ntable = {_mocks.quoted(shown(table))}\nfile = "rows.csv"   # or .parquet, .json, or rows = [{{ … }}]'
    raise _mocks.missing("warehouse", shown(table), lines)


def plain_name(table: str) -> str:
    return " ".join(table.replace("[", "").replace("]", "").replace("`", "").split()).casefold()


def shown(text: str) -> str:
    return " ".join(text.split())


def entry_of_source(source: str, options: Dict[str, str]) -> Any:
    """None for a source that is there: a file format, or a database on this machine."""
    given = {key.lower(): " ".join(value.split()) for key, value in options.items()}
    for entry in _mocks.entries("spark"):
        wanted = entry.values.get("options", {})
        if _is_format(entry.values["format"], source) and all(
            given.get(key.lower()) == " ".join(str(value).split()) for key, value in wanted.items()
        ):
            _mocks.note_used("Spark source", named(source, options), entry.file)
            return entry
    if not is_outside(source, given):
        return None
    told = {key: " ".join(value.split()) for key, value in options.items() if not is_secret(key)}
    lines = ["[[spark]]", f"format = {_mocks.quoted(source)}", f"options = {_mocks.quoted_table(told)}"]
    lines.append('file = "rows.csv"   # or .parquet, .json, or rows = [{ … }]')
    raise _mocks.missing("Spark source", named(source, options), "\n".join(lines))


def _is_format(pattern: str, source: str) -> bool:
    """`com.microsoft.kusto.spark*` is whatever begins so."""
    return (
        source.lower().startswith(pattern[:-1].lower()) if pattern.endswith("*") else source.lower() == pattern.lower()
    )


def is_outside(source: str, options: Dict[str, str]) -> bool:
    if source.lower() != "jdbc":
        return source.lower().startswith(CONNECTORS)
    address = options.get("url", "")
    host = urlsplit(address.partition("jdbc:")[2]).hostname
    is_file = address.startswith(("jdbc:sqlite:", "jdbc:h2:", "jdbc:derby:", "jdbc:duckdb:"))
    return not is_file and host not in ("localhost", "127.0.0.1")


def is_secret(option: str) -> bool:
    return any(word in option.lower() for word in SECRET_OPTIONS)


def named(source: str, options: Dict[str, str]) -> str:
    words = ("dbtable", "query", "kustotable", "kustoquery", "kustodatabase")
    told = [" ".join(value.split()) for key, value in options.items() if key.lower() in words]
    return " ".join([source, *told])


# ------------------------------------------------------------------------------------------------ reading and writing
def kept_versions(entry: Any) -> str:
    """The folder of what was written to this mock; each write is a folder in it, with the next number."""
    key = hashlib.sha256(f"{entry.file}\0{sorted(entry.values.items(), key=str)}".encode()).hexdigest()[:16]
    return os.path.join(session_context().private, "mocks", key)


def last_version(folder: str) -> int:
    return max((int(one) for one in os.listdir(folder) if one.isdigit()), default=0) if os.path.isdir(folder) else 0


def read(spark: Any, entry: Any) -> Any:
    folder = kept_versions(entry)
    if number := last_version(folder):
        return spark.read.parquet(f"file://{folder}/{number}")
    return _mock_frames.spark_frame(spark, entry)


def write(frame: Any, entry: Any, mode: str, name: str) -> None:
    folder = kept_versions(entry)
    exists = bool(last_version(folder)) or "file" in entry.values or "rows" in entry.values
    mode = mode.lower()
    if exists and mode in ("", "error", "errorifexists", "default"):
        raise NotebookUtilsError(
            f"{name} is there already: its mock has rows. .mode('append') or .mode('overwrite') writes."
        )
    if exists and mode == "ignore":
        return
    if exists and mode == "append":
        frame = read(frame.sparkSession, entry).unionByName(frame)
    frame.write.parquet(f"file://{folder}/{last_version(folder) + 1}")


# ------------------------------------------------------------------------------------------------ in PySpark
def remember(kind: Any, method: str, noted: Callable[..., Dict[str, str]]) -> None:
    """PySpark keeps what a reader was told in the JVM alone."""
    real = getattr(kind, method)

    def told(self: Any, *arguments: Any, **named: Any) -> Any:
        vars(self).setdefault("_mock_told", {}).update(noted(*arguments, **named))
        return real(self, *arguments, **named)

    setattr(kind, method, told)


def texts(options: Dict[str, Any]) -> Dict[str, str]:
    return {key: str(value) for key, value in options.items() if value is not None}


def told_of(reader: Any, **more: Any) -> Dict[str, str]:
    return {**vars(reader).get("_mock_told", {}), **texts(more)}


def patch_reader(reader: Any) -> None:
    load, jdbc = reader.load, reader.jdbc

    def mocked(self: Any, told: Dict[str, str]) -> Any:
        source = told.pop(FORMAT, "")
        entry = entry_of_source(source, told) if source else None
        return None if entry is None else read(self._spark, entry)

    def loading(self: Any, path: Any = None, format: Any = None, schema: Any = None, **options: Any) -> Any:
        told = told_of(self, **options, **{FORMAT: format})
        frame = mocked(self, told)
        return load(self, path, format, schema, **options) if frame is None else frame

    def by_jdbc(self: Any, url: str, table: str, *arguments: Any, **named: Any) -> Any:
        frame = mocked(self, told_of(self, url=url, dbtable=table, **{FORMAT: "jdbc"}))
        return jdbc(self, url, table, *arguments, **named) if frame is None else frame

    reader.load, reader.jdbc = loading, by_jdbc
    reader.synapsesql = lambda self, table: read(self._spark, entry_of_warehouse(table))


FORMAT = "\0format"  # no name of an option


def patch_writer(writer: Any) -> None:
    save, jdbc = writer.save, writer.jdbc

    def mocked(self: Any, told: Dict[str, str], mode: Any) -> bool:
        source, chosen = told.pop(FORMAT, ""), told.pop(MODE, "")
        entry = entry_of_source(source, told) if source else None
        if entry is not None:
            write(self._df, entry, mode or chosen, source)
        return entry is not None

    def saving(
        self: Any, path: Any = None, format: Any = None, mode: Any = None, partitionBy: Any = None, **options: Any
    ) -> None:
        if not mocked(self, told_of(self, **options, **{FORMAT: format}), mode):
            save(self, path, format, mode, partitionBy, **options)

    def by_jdbc(self: Any, url: str, table: str, mode: Any = None, properties: Any = None) -> None:
        if not mocked(self, told_of(self, url=url, dbtable=table, **{FORMAT: "jdbc"}), mode):
            jdbc(self, url, table, mode, properties)

    def synapsesql(self: Any, table: str) -> None:
        write(self._df, entry_of_warehouse(table), told_of(self).get(MODE, ""), table)

    writer.save, writer.jdbc, writer.synapsesql = saving, by_jdbc, synapsesql


MODE = "\0mode"


class ConnectorModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """`import com.microsoft.spark.fabric`, with which a notebook gets `synapsesql`, and its Constants."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name in CONNECTOR_MODULES or name == f"{CONNECTOR_MODULES[-1]}.Constants":
            return importlib.machinery.ModuleSpec(name, self, is_package=name in CONNECTOR_MODULES)
        return None

    def create_module(self, spec: Any) -> Any:
        return None

    def exec_module(self, module: Any) -> None:
        if module.__name__.endswith((".Constants", ".fabric")):
            module.Constants = types.SimpleNamespace(**{one: one for one in CONSTANTS})


def install() -> None:
    from pyspark.sql.readwriter import DataFrameReader, DataFrameWriter

    for kind in (DataFrameReader, DataFrameWriter):
        remember(kind, "format", lambda source: {FORMAT: str(source)})
        remember(kind, "option", lambda key, value: texts({key: value}))
        remember(kind, "options", lambda **options: texts(options))
    remember(DataFrameWriter, "mode", lambda saveMode: texts({MODE: saveMode}))
    patch_reader(DataFrameReader)
    patch_writer(DataFrameWriter)
    sys.meta_path.insert(0, ConnectorModules())
