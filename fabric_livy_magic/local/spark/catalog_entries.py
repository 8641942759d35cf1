"""Converts the entries of Spark's in-memory catalog to JSON objects and back, without loss.

No DDL is generated or run: a definition is restored as it was, also a managed table whose folder exists already, and a view
whose tables were dropped. The data of tables is not touched.
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
    """Of one lakehouse. Its databases have the `prefix` in Spark's catalog, but not in the files."""

    def __init__(self, jvm: SparkJvm, lakehouse: Path, unused_folder: Path, prefix: str = "") -> None:
        self._view = jvm.view
        self._prefix = prefix
        self._lakehouse = lakehouse
        self._root = f"file:{lakehouse}"
        self._unused_folder = unused_folder
        self.catalog = jvm.spark.sharedState().externalCatalog()
        self._catalyst = self._view.org.apache.spark.sql.catalyst
        self._mapper = self._view.com.fasterxml.jackson.databind.ObjectMapper()
        self._mapper.registerModule(self._view.com.fasterxml.jackson.module.scala.DefaultScalaModule())
        self._parameter_names: dict[str, list[str]] = {}
        self._map_class = self._view.java.lang.Class.forName("scala.collection.immutable.Map")

    # ---- reading

    def all_databases(self) -> list[str]:
        """Of all lakehouses, with their prefixes."""
        names: list[str] = self._to_python(self.catalog.listDatabases())
        return names

    def tables(self, database: str) -> Any:
        """A Scala Seq of CatalogTable; its hashCode changes whenever any of them does."""
        spark_name = self._prefix + database
        return self.catalog.getTablesByName(spark_name, self.catalog.listTables(spark_name))

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
            "properties": self._to_python(found.properties()),
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
            "partitionedBy": self._to_python(table.partitionColumnNames()),
            "bucketing": self._bucketing(table.bucketSpec()),
            "location": self._location_text(location.get()) if location.isDefined() else None,
            "options": self._to_python(storage.properties()),
            "properties": self._to_python(table.properties()),
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
            "columns": self._to_python(spec.bucketColumnNames()),
            "sortedBy": self._to_python(spec.sortColumnNames()),
        }

    def _to_python(self, value: Any) -> Any:
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

    def repaired(self, database: str, entry: Entry) -> Entry | None:
        """A Delta table's entry corrected by its log; None where it is correct.

        Columns, their partitioning and properties belong to the log. Delta leaves those of a REPLACE in the catalog, too, and
        then no stream can read the table, and no REPLACE can partition it otherwise. With a relative LOCATION the log is below
        the working folder, the lakehouse, as on Fabric, while Spark's catalog resolves the location in the schema's folder.
        """
        if entry.get("provider", "").lower() != "delta":
            return None
        properties = {k: v for k, v in entry.get("properties", {}).items() if not k.startswith("delta.")}
        repaired = {**entry, "columns": NO_COLUMNS, "properties": properties}
        repaired.pop("partitionedBy", None)
        if not properties:
            del repaired["properties"]
        if entry["kind"] == "external" and "location" in entry:
            repaired["location"] = self._location_of_log(database, entry["location"])
        return repaired if repaired != entry else None

    def _location_of_log(self, database: str, location: str) -> str:
        schema_folder = f"{self.describe_database(database)['location']}/"
        in_lakehouse = location.removeprefix(schema_folder)
        if in_lakehouse == location or (self._lakehouse / location / DELTA_LOG).exists():
            return location
        return in_lakehouse if (self._lakehouse / in_lakehouse / DELTA_LOG).exists() else location

    # ---- from JSON

    def put_database(self, entry: Entry) -> None:
        spark_name = self._prefix + entry["name"]
        made = self._catalyst.catalog.CatalogDatabase(
            spark_name,
            entry.get("description", ""),
            self._uri(entry["location"]),
            self._scala_map(entry["properties"]),
        )
        if self.catalog.databaseExists(spark_name):
            self.catalog.alterDatabase(made)
        else:
            self.catalog.createDatabase(made, True)

    def put_table(self, database: str, entry: Entry) -> None:
        spark_name = self._prefix + database
        if self._prefix and not self.catalog.databaseExists(spark_name):
            folder = "Tables" if database == BUILT_IN else f"Tables/{database}"
            self.put_database({"name": database, "location": folder, "properties": {}})
        made = self._table(spark_name, entry)
        if self.catalog.tableExists(spark_name, entry["name"]):
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

    def _construct(self, name: str, **by_name: Any) -> Any:
        """Creates a case class of Spark's catalog from keyword arguments; each Spark version has more parameters."""
        made = getattr(self._catalyst.catalog, name)
        names = self._parameters(name, "identifier")
        if unknown := by_name.keys() - set(names):
            raise TypeError(f"{name} of this Spark has no {', '.join(sorted(unknown))}")
        arguments = [
            by_name[key] if key in by_name else getattr(made, f"apply$default${position}")()
            for position, key in enumerate(names, 1)
        ]
        return made(*arguments)

    def _parameters(self, name: str, first: str) -> list[str]:
        """The parameter names of a case class. Scala compiles them to fields, in order; lazy values may come before."""
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
        by_name = {
            "locationUri": option(self._uri(entry["location"]) if "location" in entry else None),
            "properties": self._scala_map(entry.get("options", {})),
        }
        names = self._parameters("CatalogStorageFormat", "locationUri")
        arguments = [by_name[key] if key in by_name else getattr(empty, key)() for key in names]
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

    # ---- removing

    def forget_table(self, database: str, name: str) -> None:
        """From the catalog only: the session that dropped the table removed its data. A managed table is made external first,
        because Spark's catalog would delete the folder, which may belong to a new table meanwhile.
        """
        spark_name = self._prefix + database
        if not (self.catalog.databaseExists(spark_name) and self.catalog.tableExists(spark_name, name)):
            return
        entry = self.describe_table(self.catalog.getTable(spark_name, name))
        if entry["kind"] == "managed":
            self.put_table(database, {**entry, "kind": "external"})
        self.catalog.dropTable(spark_name, name, True, False)

    def forget_database(self, database: str) -> None:
        """From the catalog only. Spark would delete the database's folder, so its location is set to an unused folder first."""
        if self.catalog.databaseExists(self._prefix + database):
            entry = self.describe_database(database)
            self.put_database({**entry, "location": f"file:{self._unused_folder}"})
            self.catalog.dropDatabase(self._prefix + database, True, True)
