"""SQL that makes a table of a schema: names of tables in parts, and Spark's types from its schema JSON. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fabric_livy_magic.cells.sql_text import quoted_name
from fabric_livy_magic.errors import SettingsError

_PART = re.compile(r"`(?:[^`]|``)+`|[^`.\s][^`.]*")
_DECIMAL = re.compile(r"decimal\(\d+,\s*-?\d+\)")
_TEXT = re.compile(r"(?:var)?char\(\d+\)")
TEXT_TYPE = "__CHAR_VARCHAR_TYPE_STRING"  # where Spark's schema keeps CHAR and VARCHAR
SQL_TYPES = {
    "boolean": "BOOLEAN",
    "byte": "TINYINT",
    "short": "SMALLINT",
    "integer": "INT",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "STRING",
    "binary": "BINARY",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamp_ntz": "TIMESTAMP_NTZ",
    "variant": "VARIANT",
}

# Delta takes columns of such names with this property alone.
ODD, COLUMN_MAPPING = frozenset(" ,;{}()\n\t="), " TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"


def name_parts(text: str) -> list[str]:
    """`dbo.trips` and `` `a b`.t `` in parts. Raises SettingsError for what is no name of a table."""
    parts, place = [], 0
    text = text.strip()
    while match := _PART.match(text, place):
        word = match[0]
        parts.append(word[1:-1].replace("``", "`") if word[0] == "`" else word.rstrip())
        place = match.end()
        if place == len(text):
            return parts
        if text[place] != ".":
            break
        place += 1
    raise SettingsError(
        f"{text!r} is no name of a table: write schema.table, with backticks around a part that has dots."
    )


def quoted(parts: Sequence[str]) -> str:
    return ".".join(map(quoted_name, parts))


def columns_of(schema: Mapping[str, Any]) -> Iterator[str]:
    """Each column's definition. Raises SettingsError for a type that a table does not have."""
    for field in schema["fields"]:
        comment = field.get("metadata", {}).get("comment")
        parts = [quoted_name(field["name"]), sql_type(field["type"], field.get("metadata", {}))]
        parts += [] if field.get("nullable", True) else ["NOT NULL"]
        parts += [f"COMMENT {sql_string(comment)}"] if isinstance(comment, str) else []
        yield " ".join(parts)


def sql_type(kind: Any, metadata: Mapping[str, Any] | None = None) -> str:
    declared = (metadata or {}).get(TEXT_TYPE)
    if kind == "string" and isinstance(declared, str) and _TEXT.fullmatch(declared):
        return declared.upper()
    if isinstance(kind, Mapping):
        match kind.get("type"):
            case "array":
                return f"ARRAY<{sql_type(kind['elementType'])}>"
            case "map":
                return f"MAP<{sql_type(kind['keyType'])}, {sql_type(kind['valueType'])}>"
            case "struct":
                return f"STRUCT<{', '.join(map(_struct_field, kind['fields']))}>"
    if isinstance(kind, str) and _DECIMAL.fullmatch(kind):
        return kind.upper()
    if isinstance(kind, str) and kind in SQL_TYPES:
        return SQL_TYPES[kind]
    raise SettingsError(f"A table has no column of the type {kind!r}.")


def _struct_field(field: Mapping[str, Any]) -> str:
    required = "" if field.get("nullable", True) else " NOT NULL"
    return f"{quoted_name(field['name'])}: {sql_type(field['type'], field.get('metadata', {}))}{required}"


def sql_string(text: str) -> str:
    """A literal of Spark SQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def create_table(parts: Sequence[str], schema: Mapping[str, Any], partitioned_by: Sequence[str]) -> str:
    """In the session's default format."""
    partitions = f" PARTITIONED BY ({', '.join(map(quoted_name, partitioned_by))})" if partitioned_by else ""
    mapping = COLUMN_MAPPING if _has_odd_name(schema) else ""
    return f"CREATE TABLE {quoted(parts)} ({', '.join(columns_of(schema))}){partitions}{mapping}"


def _has_odd_name(kind: Any) -> bool:
    if isinstance(kind, Sequence) and not isinstance(kind, str):
        return any(map(_has_odd_name, kind))
    if not isinstance(kind, Mapping):
        return False
    return bool(ODD.intersection(str(kind.get("name", "")))) or any(
        _has_odd_name(kind.get(key)) for key in ("fields", "type", "elementType", "keyType", "valueType")
    )


def insert_from(view: str, parts: Sequence[str], schema: Mapping[str, Any]) -> str:
    """From a view with the columns of that schema, by their names."""
    names = ", ".join(quoted_name(field["name"]) for field in schema["fields"])
    return f"INSERT INTO {quoted(parts)} ({names}) SELECT {names} FROM {quoted_name(view)}"  # noqa: S608 - quoted
