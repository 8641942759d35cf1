"""Spark's catalog entries as JSON objects, and back: exactly what the session's in-memory catalog holds.

No DDL is generated or run: a definition is restored as it was, also a managed table whose folder is there already, and
a view whose tables are gone. Nothing here touches the data of a table.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.jvm import Jvm

Entry = dict[str, Any]
KINDS = {"MANAGED": "managed", "EXTERNAL": "external", "VIEW": "view"}
FORMAT = 1

# Positions of org.apache.spark.sql.catalyst.catalog.CatalogTable's parameters, the same in Spark 3.5 and 4.
TYPE, STORAGE = 1, 2
NAMED_PARAMETERS = 20


class CatalogEntries:
    def __init__(self, jvm: Jvm, lakehouse: Path, nowhere: Path) -> None:
        self._view = jvm.view
        self._root = f"file:{lakehouse}"
        self._nowhere = nowhere
        self.catalog = jvm.spark.sharedState().externalCatalog()
        self._catalyst = self._view.org.apache.spark.sql.catalyst
        self._mapper = self._view.com.fasterxml.jackson.databind.ObjectMapper()
        self._mapper.registerModule(self._view.com.fasterxml.jackson.module.scala.DefaultScalaModule())
        self._map_class = self._view.java.lang.Class.forName("scala.collection.immutable.Map")

    # ---- looking

    def databases(self) -> list[str]:
        names: list[str] = self._plain(self.catalog.listDatabases())
        return names

    def tables(self, database: str) -> Any:
        """A Scala Seq of CatalogTable; its hashCode changes whenever any of them does."""
        return self.catalog.getTablesByName(database, self.catalog.listTables(database))

    def database_hash(self, database: str) -> int:
        return int(self.catalog.getDatabase(database).hashCode())

    def table_hash(self, database: str, name: str) -> int:
        return int(self.catalog.getTable(database, name).hashCode())

    # ---- to JSON

    def describe_database(self, database: str) -> Entry:
        found = self.catalog.getDatabase(database)
        return {
            "format": FORMAT,
            "name": database,
            "description": found.description(),
            "location": self._location_text(found.locationUri()),
            "properties": self._plain(found.properties()),
        }

    def describe_table(self, table: Any) -> Entry:
        storage = table.storage()
        location = storage.locationUri()
        entry = {
            "format": FORMAT,
            "name": table.identifier().table(),
            "kind": KINDS[table.tableType().name()],
            "provider": self._optional(table.provider()),
            "columns": json.loads(table.schema().json()),
            "partitionedBy": self._plain(table.partitionColumnNames()),
            "bucketing": self._bucketing(table.bucketSpec()),
            "location": self._location_text(location.get()) if location.isDefined() else None,
            "options": self._plain(storage.properties()),
            "properties": self._plain(table.properties()),
            "comment": self._optional(table.comment()),
            "viewText": self._optional(table.viewText()),
            "viewOriginalText": self._optional(table.viewOriginalText()),
            "owner": table.owner(),
            "createdMs": table.createTime(),
        }
        return {key: value for key, value in entry.items() if value not in (None, {}, [], "")}

    def _bucketing(self, found: Any) -> Entry | None:
        if not found.isDefined():
            return None
        spec = found.get()
        return {
            "buckets": spec.numBuckets(),
            "columns": self._plain(spec.bucketColumnNames()),
            "sortedBy": self._plain(spec.sortColumnNames()),
        }

    def _plain(self, value: Any) -> Any:
        return json.loads(self._mapper.writeValueAsString(value))

    def _optional(self, option: Any) -> Any:
        return option.get() if option.isDefined() else None

    def _location_text(self, uri: Any) -> str:
        """Relative inside the lakehouse, so that the folder can be moved."""
        text: str = self._catalyst.catalog.CatalogUtils.URIToString(uri)
        inside = f"{self._root}/"
        return text[len(inside) :] if text.startswith(inside) else text

    # ---- from JSON

    def put_database(self, entry: Entry) -> None:
        made = self._catalyst.catalog.CatalogDatabase(
            entry["name"],
            entry.get("description", ""),
            self._uri(entry["location"]),
            self._scala_map(entry["properties"]),
        )
        if self.catalog.databaseExists(entry["name"]):
            self.catalog.alterDatabase(made)
        else:
            self.catalog.createDatabase(made, True)

    def put_table(self, database: str, entry: Entry) -> None:
        made = self._table(database, entry)
        if self.catalog.tableExists(database, entry["name"]):
            self.catalog.alterTable(made)
        else:
            self.catalog.createTable(made, False)

    def _table(self, database: str, entry: Entry) -> Any:
        catalog, option = self._catalyst.catalog, self._view.scala.Option.apply
        defaults = {
            position: getattr(catalog.CatalogTable, f"apply$default${position}")()
            for position in (8, 10, 11, *range(16, self._parameter_count() + 1))
            if position != NAMED_PARAMETERS
        }
        made = {
            1: self._catalyst.TableIdentifier(entry["name"], option(database)),
            2: self._table_type(entry["kind"]),
            3: self._storage(entry),
            4: self._view.org.apache.spark.sql.types.DataType.fromJson(json.dumps(entry["columns"])),
            5: option(entry.get("provider")),
            6: self._seq(entry.get("partitionedBy", [])),
            7: option(self._bucket_spec(entry.get("bucketing"))),
            8: entry.get("owner", ""),
            9: entry.get("createdMs", 0),
            12: self._scala_map(entry.get("properties", {})),
            13: option(None),
            14: option(entry.get("viewText")),
            15: option(entry.get("comment")),
            NAMED_PARAMETERS: option(entry.get("viewOriginalText")),
        }
        arguments = {**defaults, **made}
        return catalog.CatalogTable(*(arguments[position] for position in sorted(arguments)))

    def _parameter_count(self) -> int:
        found = self._view.java.lang.Class.forName("org.apache.spark.sql.catalyst.catalog.CatalogTable")
        return int(found.getConstructors()[0].getParameterCount())

    def _table_type(self, kind: str) -> Any:
        types = self._catalyst.catalog.CatalogTableType
        return {"managed": types.MANAGED, "external": types.EXTERNAL, "view": types.VIEW}[kind]()

    def _storage(self, entry: Entry) -> Any:
        option = self._view.scala.Option.apply
        location = option(self._uri(entry["location"]) if "location" in entry else None)
        nothing = option(None)
        options = self._scala_map(entry.get("options", {}))
        return self._catalyst.catalog.CatalogStorageFormat(location, nothing, nothing, nothing, False, options)

    def _bucket_spec(self, found: Entry | None) -> Any:
        if found is None:
            return None
        columns, sorted_by = self._seq(found["columns"]), self._seq(found.get("sortedBy", []))
        return self._catalyst.catalog.BucketSpec(found["buckets"], columns, sorted_by)

    def _uri(self, location: str) -> Any:
        outside = location.startswith("/") or ":" in location.split("/", 1)[0]
        return self._catalyst.catalog.CatalogUtils.stringToURI(location if outside else f"{self._root}/{location}")

    def _scala_map(self, items: dict[str, str]) -> Any:
        return self._mapper.readValue(json.dumps(items), self._map_class)

    def _seq(self, items: list[str]) -> Any:
        return self._view.org.apache.spark.api.python.PythonUtils.toSeq(items).toList()

    # ---- forgetting

    def forget_table(self, database: str, name: str) -> None:
        """Out of the catalog; whoever dropped it has dealt with its data. A managed table is made external first,
        because Spark's catalog would delete the folder, which may belong to a new table by now.
        """
        if not (self.catalog.databaseExists(database) and self.catalog.tableExists(database, name)):
            return
        entry = self.describe_table(self.catalog.getTable(database, name))
        if entry["kind"] == "managed":
            self.put_table(database, {**entry, "kind": "external"})
        self.catalog.dropTable(database, name, True, False)

    def forget_database(self, database: str) -> None:
        """Spark would delete the database's folder with it, so the folder is named elsewhere first: `nowhere`."""
        if self.catalog.databaseExists(database):
            entry = self.describe_database(database)
            self.put_database({**entry, "location": f"file:{self._nowhere}"})
            self.catalog.dropDatabase(database, True, True)
