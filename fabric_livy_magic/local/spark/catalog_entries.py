"""Spark's catalog entries as JSON objects, and back: exactly what the session's in-memory catalog holds.

No DDL is generated or run: a definition is restored as it was, also a managed table whose folder is there already, and
a view whose tables are gone. Nothing here touches the data of a table.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

from fabric_livy_magic.local.lakehouse.mounts import MOUNT

Entry = dict[str, Any]
BUILT_IN = "default"
DELTA_LOG = "_delta_log"
KINDS = {"MANAGED": "managed", "EXTERNAL": "external", "VIEW": "view"}
FORMAT = 1
NO_COLUMNS: Entry = {"type": "struct", "fields": []}


class SparkJvm(Protocol):
    """A JVM with Spark in it: `view` is py4j's `jvm`, `spark` the SparkSession."""

    @property
    def view(self) -> Any: ...
    @property
    def spark(self) -> Any: ...


class CatalogEntries:
    """Of one lakehouse. `prefix` is what its databases' names begin with in Spark's catalog, and in nothing that is kept."""

    def __init__(self, jvm: SparkJvm, lakehouse: Path, nowhere: Path, prefix: str = "") -> None:
        self._view = jvm.view
        self._prefix = prefix
        self._lakehouse = lakehouse
        self._root = f"file:{lakehouse}"
        self._nowhere = nowhere
        self.catalog = jvm.spark.sharedState().externalCatalog()
        self._catalyst = self._view.org.apache.spark.sql.catalyst
        self._mapper = self._view.com.fasterxml.jackson.databind.ObjectMapper()
        self._mapper.registerModule(self._view.com.fasterxml.jackson.module.scala.DefaultScalaModule())
        self._parameter_names: dict[str, list[str]] = {}
        self._map_class = self._view.java.lang.Class.forName("scala.collection.immutable.Map")

    # ---- looking

    def all_databases(self) -> list[str]:
        """Of all lakehouses, as Spark knows them."""
        names: list[str] = self._plain(self.catalog.listDatabases())
        return names

    def tables(self, database: str) -> Any:
        """A Scala Seq of CatalogTable; its hashCode changes whenever any of them does."""
        in_spark = self._prefix + database
        return self.catalog.getTablesByName(in_spark, self.catalog.listTables(in_spark))

    def database_hash(self, database: str) -> int:
        return int(self.catalog.getDatabase(self._prefix + database).hashCode())

    def table_hash(self, database: str, name: str) -> int:
        return int(self.catalog.getTable(self._prefix + database, name).hashCode())

    # ---- to JSON

    def describe_database(self, database: str) -> Entry:
        found = self.catalog.getDatabase(self._prefix + database)
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
        for inside in (f"{self._root}/", *([] if self._prefix else [f"file:{MOUNT}/"])):
            if text.startswith(inside):
                return text[len(inside) :]
        return text

    def mended(self, database: str, entry: Entry) -> Entry | None:
        """A Delta table's entry as its log has it; None where there is nothing to mend.

        Columns and properties belong to the log. Delta leaves those of a REPLACE in the catalog, too, and then no stream
        can read the table. With a relative LOCATION its log is in the working folder, the lakehouse, as on Fabric, while
        Spark's catalog takes the location for one in the schema's folder.
        """
        if entry.get("provider", "").lower() != "delta":
            return None
        properties = {k: v for k, v in entry.get("properties", {}).items() if not k.startswith("delta.")}
        mended = {**entry, "columns": NO_COLUMNS, "properties": properties}
        if not properties:
            del mended["properties"]
        if entry["kind"] == "external" and "location" in entry:
            mended["location"] = self._with_log(database, entry["location"])
        return mended if mended != entry else None

    def _with_log(self, database: str, location: str) -> str:
        schema_folder = f"{self.describe_database(database)['location']}/"
        meant = location.removeprefix(schema_folder)
        if meant == location or (self._lakehouse / location / DELTA_LOG).exists():
            return location
        return meant if (self._lakehouse / meant / DELTA_LOG).exists() else location

    # ---- from JSON

    def put_database(self, entry: Entry) -> None:
        in_spark = self._prefix + entry["name"]
        made = self._catalyst.catalog.CatalogDatabase(
            in_spark,
            entry.get("description", ""),
            self._uri(entry["location"]),
            self._scala_map(entry["properties"]),
        )
        if self.catalog.databaseExists(in_spark):
            self.catalog.alterDatabase(made)
        else:
            self.catalog.createDatabase(made, True)

    def put_table(self, database: str, entry: Entry) -> None:
        in_spark = self._prefix + database
        if self._prefix and not self.catalog.databaseExists(in_spark):
            folder = "Tables" if database == BUILT_IN else f"Tables/{database}"
            self.put_database({"name": database, "location": folder, "properties": {}})
        made = self._table(in_spark, entry)
        if self.catalog.tableExists(in_spark, entry["name"]):
            self.catalog.alterTable(made)
        else:
            self.catalog.createTable(made, False)

    def _table(self, database: str, entry: Entry) -> Any:
        option = self._view.scala.Option.apply
        return self._construct(
            "CatalogTable",
            identifier=self._catalyst.TableIdentifier(entry["name"], option(database)),
            tableType=self._table_type(entry["kind"]),
            storage=self._storage(entry),
            schema=self._view.org.apache.spark.sql.types.DataType.fromJson(json.dumps(entry["columns"])),
            provider=option(entry.get("provider")),
            partitionColumnNames=self._seq(entry.get("partitionedBy", [])),
            bucketSpec=option(self._bucket_spec(entry.get("bucketing"))),
            owner=entry.get("owner", ""),
            createTime=entry.get("createdMs", 0),
            properties=self._scala_map(entry.get("properties", {})),
            viewText=option(entry.get("viewText")),
            comment=option(entry.get("comment")),
            viewOriginalText=option(entry.get("viewOriginalText")),
        )

    def _construct(self, name: str, **named: Any) -> Any:
        """A case class of Spark's catalog by its parameters' names. Each Spark version has some more of them."""
        made = getattr(self._catalyst.catalog, name)
        names = self._parameters(name, "identifier")
        if unknown := named.keys() - set(names):
            raise TypeError(f"{name} of this Spark has no {', '.join(sorted(unknown))}")
        arguments = [
            named[key] if key in named else getattr(made, f"apply$default${position}")()
            for position, key in enumerate(names, 1)
        ]
        return made(*arguments)

    def _parameters(self, name: str, first: str) -> list[str]:
        """Names of a case class's parameters. Scala writes them as fields, in order; lazy values may stand before."""
        if name not in self._parameter_names:
            found = self._view.java.lang.Class.forName(f"org.apache.spark.sql.catalyst.catalog.{name}")
            count = found.getConstructors()[0].getParameterCount()
            fields = [field.getName() for field in found.getDeclaredFields()]
            start = fields.index(first)
            self._parameter_names[name] = fields[start : start + count]
        return self._parameter_names[name]

    def _table_type(self, kind: str) -> Any:
        types = self._catalyst.catalog.CatalogTableType
        return {"managed": types.MANAGED, "external": types.EXTERNAL, "view": types.VIEW}[kind]()

    def _storage(self, entry: Entry) -> Any:
        option = self._view.scala.Option.apply
        empty = self._catalyst.catalog.CatalogStorageFormat.empty()
        named = {
            "locationUri": option(self._uri(entry["location"]) if "location" in entry else None),
            "properties": self._scala_map(entry.get("options", {})),
        }
        names = self._parameters("CatalogStorageFormat", "locationUri")
        arguments = [named[key] if key in named else getattr(empty, key)() for key in names]
        return empty.copy(*arguments)

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
        in_spark = self._prefix + database
        if not (self.catalog.databaseExists(in_spark) and self.catalog.tableExists(in_spark, name)):
            return
        entry = self.describe_table(self.catalog.getTable(in_spark, name))
        if entry["kind"] == "managed":
            self.put_table(database, {**entry, "kind": "external"})
        self.catalog.dropTable(in_spark, name, True, False)

    def forget_database(self, database: str) -> None:
        """Spark would delete the database's folder with it, so the folder is named elsewhere first: `nowhere`."""
        if self.catalog.databaseExists(self._prefix + database):
            entry = self.describe_database(database)
            self.put_database({**entry, "location": f"file:{self._nowhere}"})
            self.catalog.dropDatabase(self._prefix + database, True, True)
