"""Items and tables of Fabric, from the JSON of its REST API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JsonObject = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Item:
    """A workspace, lakehouse or environment. `workspace_id` is empty for a workspace."""

    id: str
    name: str
    kind: str = ""
    workspace_id: str = ""
    description: str = ""
    properties: JsonObject = field(default_factory=dict, repr=False)

    @property
    def default_schema(self) -> str | None:
        """None for a lakehouse without schemas. Only `FabricApi.lakehouse` and `lakehouses` return it."""
        return text_of(self.properties, "defaultSchema") or None


@dataclass(frozen=True, kw_only=True)
class Table:
    """`schema` is None in a lakehouse without schemas; `kind` is Managed or External, where the server says so."""

    name: str
    schema: str | None = None
    kind: str = ""
    format: str = ""
    location: str = ""


def item_from_json(entry: Any) -> Item:
    entry = entry if isinstance(entry, Mapping) else {}
    known = {"id", "displayName", "type", "workspaceId", "description", "properties"}
    inner = entry.get("properties")
    rest = {key: value for key, value in entry.items() if key not in known}
    return Item(
        id=text_of(entry, "id"),
        name=text_of(entry, "displayName"),
        kind=text_of(entry, "type"),
        workspace_id=text_of(entry, "workspaceId"),
        description=text_of(entry, "description"),
        properties={**rest, **(inner if isinstance(inner, Mapping) else {})},
    )


def table_from_json(entry: JsonObject) -> Table:
    return Table(
        name=text_of(entry, "name"),
        schema=text_of(entry, "schemaName") or None,
        kind=text_of(entry, "type"),
        format=text_of(entry, "format"),
        location=text_of(entry, "location"),
    )


def text_of(entry: JsonObject, key: str) -> str:
    value = entry.get(key)
    return "" if value is None else str(value)
