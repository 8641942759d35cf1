"""Samples of tables: rows for the client in which columns are masked or hashed before they leave Spark, and tables made of such rows.

take → piece, piece, …                    to the client
receive, receive, … → publish → load      to a table
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

from . import frames
from .errors import Refused
from .frame_types import schema_of

SEED = 7  # the same rows each time
DECLARED = "__CHAR_VARCHAR_TYPE_STRING"  # where Spark's schema keeps CHAR and VARCHAR
LARGEST_KEY = 2147483647  # of INT: a key may be INT in one table and BIGINT in another
REBASE = ("spark.sql.parquet.datetimeRebaseModeInWrite", "spark.sql.parquet.int96RebaseModeInWrite")
SQL_NAMES = {"integer": "INT", "long": "BIGINT"}  # of a decimal the same in both
NO_SCHEMA = ("SCHEMA_NOT_FOUND", "NoSuchDatabase", "NoSuchNamespace")


# ------------------------------------------------------------------------------------------------ to the client
def take(spark: Any, request: dict[str, Any]) -> dict[str, Any]:
    """The header of the rows, and in `about` what they are: schema, partitioned_by, of_rows, changed. `request`: table, rows, where, salt
    (hexadecimal), and the paths of columns to mask, mask_shape and hash."""
    frame = spark.table(request["table"])
    schema = schema_of(frame)
    if request["where"]:
        frame = frame.where(request["where"])
    total, rows = frame.count(), request["rows"]
    if total > rows:
        fraction = (rows + 5 * math.sqrt(rows) + 10) / total
        frame = frame.sample(min(1.0, fraction), SEED).limit(rows)
    changes = Changes(request)
    columns = [
        f"{changes.column(field, quoted(field['name']), [])} AS {quoted(field['name'])}" for field in schema["fields"]
    ]
    about = {
        "schema": schema,
        "partitioned_by": partitions_of(spark, request["table"]),
        "of_rows": total,
        "changed": changes.made,
    }
    return {
        **frames.open_value(frame.selectExpr(*columns) if changes.made else frame, request["table"]),
        "about": about,
    }


def partitions_of(spark: Any, table: str) -> list[str]:
    """Empty for a view."""
    return [one.name for one in spark.catalog.listColumns(table) if one.isPartition]


class Changes:
    """SQL of columns, and in `made` what was changed: mask, mask_shape or hash → paths, as they were asked for."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.made: dict[str, list[list[str]]] = {}
        self._salt = request["salt"]
        self._wanted = {
            tuple(one.lower() for one in path): (word, path)
            for word in ("mask", "mask_shape", "hash")
            for path in request[word]
        }

    def column(self, field: dict[str, Any], value: str, above: list[str]) -> str:
        """A masked one may be null from now on, and its field says so."""
        path, kind = [*above, field["name"].lower()], field["type"]
        word, asked = self._wanted.get(tuple(path), ("", []))
        if word:
            self.made.setdefault(word, []).append(asked)
            return self._changed(word, field, value)
        if not self._has_below(path) or not isinstance(kind, dict) or kind["type"] != "struct":
            return value
        parts = [f"{self.column(one, f'{value}.{name}', path)} AS {name}" for one, name in named(kind["fields"])]
        return f"IF({value} IS NULL, NULL, struct({', '.join(parts)}))"

    def _has_below(self, path: list[str]) -> bool:
        return any(list(one[: len(path)]) == path for one in self._wanted)

    def _changed(self, word: str, field: dict[str, Any], value: str) -> str:
        if word == "mask":
            field["nullable"] = True
            return f"IF(true, NULL, {value})"  # of its type
        return shape(field, value) if word == "mask_shape" else self._hash(field, value)

    def _hash(self, field: dict[str, Any], value: str) -> str:
        digest = f"sha2(concat('{self._salt}', CAST({value} AS STRING)), 256)"
        if is_text(field["type"]):
            digits = "".join(filter(str.isdigit, field.get("metadata", {}).get(DECLARED, "")))
            return f"left({digest}, {min(64, int(digits or 64))})"
        if not is_key(field["type"]):
            raise Refused(
                f"{field['name']} is {name_of(field['type'])}. Text, INT, BIGINT and DECIMAL(10 or more, 0) can be hashed; "
                "--mask makes it null."
            )
        number = f"CAST(conv(left({digest}, 15), 16, 10) AS BIGINT) % {LARGEST_KEY}"
        return f"CAST({number} AS {SQL_NAMES.get(field['type'], field['type'])})"


def shape(field: dict[str, Any], value: str) -> str:
    if not is_text(field["type"]):
        raise Refused(f"{field['name']} is {name_of(field['type'])}: only text has a shape. --mask makes it null.")
    for pattern, sign in ((r"\\p{Lu}", "X"), (r"[\\p{L}&&[^X]]", "x"), (r"\\p{N}", "0")):
        value = f"regexp_replace({value}, '{pattern}', '{sign}')"
    return value


def named(fields: list[Any]) -> list[tuple[Any, str]]:
    return [(one, quoted(one["name"])) for one in fields]


def is_text(kind: Any) -> bool:
    return isinstance(kind, str) and kind.startswith(("string", "char(", "varchar("))


def is_key(kind: Any) -> bool:
    if not isinstance(kind, str) or not kind.startswith("decimal("):
        return kind in ("integer", "long")
    precision, scale = kind[len("decimal(") : -1].split(",")
    return int(scale) == 0 and int(precision) >= 10


def name_of(kind: Any) -> str:
    return str(kind["type"] if isinstance(kind, dict) else kind)


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


# ------------------------------------------------------------------------------------------------ to a table
def existing(spark: Any, tables: list[str]) -> list[str]:
    return [one for one in tables if spark.catalog.tableExists(one)]


def load(namespace: dict[str, Any], spark: Any, request: dict[str, Any]) -> dict[str, bool]:
    """Makes `table` of the rows of `view`, by the SQL of `create` and `insert`; in the place of one that is there. Of a table that could
    not be filled nothing is left."""
    table, is_replaced = request["table"], spark.catalog.tableExists(request["table"])
    if is_replaced:
        spark.sql(f"DROP TABLE {table}")
    try:
        created_schema = create(spark, request)
        try:
            with written_as_they_are(spark):
                spark.sql(request["insert"])
        except Exception:
            spark.sql(f"DROP TABLE IF EXISTS {table}")
            raise
    finally:
        spark.catalog.dropTempView(request["view"])
        namespace.pop(request["view"], None)
    return {"replaced": is_replaced, "created_schema": created_schema}


@contextlib.contextmanager
def written_as_they_are(spark: Any) -> Iterator[None]:
    """Dates before 1582 and times before 1900: Spark refuses to write them until somebody says by which calendar they count."""
    before = {name: spark.conf.get(name, None) for name in REBASE}
    try:
        for name in REBASE:
            spark.conf.set(name, "CORRECTED")
        yield
    finally:
        for name, value in before.items():
            spark.conf.set(name, value) if value else spark.conf.unset(name)


def create(spark: Any, request: dict[str, Any]) -> bool:
    """Whether its schema had to be made, too."""
    try:
        spark.sql(request["create"])
    except Exception as error:
        if not request["schema"] or not any(one in f"{type(error).__name__}{error}" for one in NO_SCHEMA):
            raise
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {request['schema']}")
        spark.sql(request["create"])
        return True
    return False
