"""Workspaces, lakehouses, tables, environments and capacities as Fabric's REST API shows them, and OneLake's table API.

Lists come in pages. A continuation token is opaque and has characters that a URL must quote, as Fabric's does.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from fabric_livy_magic.local.fabric.handler import FabricHandler
from fabric_livy_magic.local.lakehouse.workspaces import ROLES, Lakehouse, Named, Workspace
from fabric_livy_magic.local.server.tokens import STORAGE_AUDIENCES
from fabric_livy_magic.local.spark.catalog import FOLDER, DefinitionFiles
from fabric_livy_magic.local.spark.catalog_entries import BUILT_IN
from fabric_livy_magic.local.web.answers import Refusal

JsonObject = dict[str, Any]

# Delegated scopes by the reference of each call (learn.microsoft.com/rest/api/fabric).
LIST_SCOPES = ("Workspace.Read.All", "Workspace.ReadWrite.All")
LAKEHOUSE_SCOPES = ("Lakehouse.Read.All", "Lakehouse.ReadWrite.All", "Item.Read.All", "Item.ReadWrite.All")
TABLE_SCOPES = ("Lakehouse.Read.All", "Lakehouse.ReadWrite.All")
ENVIRONMENT_SCOPES = ("Environment.Read.All", "Environment.ReadWrite.All", "Item.Read.All", "Item.ReadWrite.All")
CAPACITY_SCOPES = ("Capacity.Read.All", "Capacity.ReadWrite.All")
MOST_TABLES = 100
ONELAKE = "onelake.dfs.fabric.microsoft.com"  # as Spark names it, here as well
TOKEN_START = "+RID:~"  # noqa: S105 - how a continuation token begins


class ListHandler(FabricHandler):
    """Answers a list by pages."""

    def answer_page(self, entries: Sequence[Any], key: str = "value", size: int | None = None) -> None:
        size = min(size or self.server.page_size, self.server.page_size)
        start = self._position("continuationToken", len(entries))
        view: JsonObject = {key: entries[start : start + size]}
        if start + size < len(entries):
            token = continuation(start + size)
            url = f"{self.origin}{self.request.path}"
            query = {name: self.get_query_argument(name) for name in self.request.query_arguments}
            view |= {
                "continuationToken": token,
                "continuationUri": f"{url}?{urlencode({**query, 'continuationToken': token})}",
            }
        self.answer(view)

    def _position(self, argument: str, length: int) -> int:
        token = self.get_query_argument(argument, "")
        start = position_of(token) if token else 0
        if start is None or start > length:
            raise Refusal(400, "the continuation token is none of this list", "InvalidParameter")
        return start


def continuation(position: int) -> str:
    return f"{TOKEN_START}{base64.b64encode(f'{position}//?'.encode()).decode()}=="


def position_of(token: str) -> int | None:
    text = token.removeprefix(TOKEN_START)
    if text == token or not text.endswith("=="):
        return None
    try:
        number, separator, _ = base64.b64decode(text[:-2], validate=True).decode("ascii").partition("//?")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return int(number) if separator and number.isdecimal() and len(number) < 10 else None


# ------------------------------------------------------------------------------------------------ the Fabric API
class WorkspacesHandler(ListHandler):
    def get(self) -> None:
        self.need_scope(*LIST_SCOPES)
        roles = {role for role in self.get_query_argument("roles", "").split(",") if role}
        if unknown := roles - set(ROLES):
            raise Refusal(400, f"{sorted(unknown)[0]!r} is no workspace role", "InvalidParameter")
        workspaces = self.server.workspaces.all
        self.answer_page([workspace_view(one) for one in workspaces if not roles or one.role in roles])


class WorkspaceHandler(FabricHandler):
    def get(self, workspace_id: str) -> None:
        self.need_scope(*LIST_SCOPES)
        workspace = self.workspace(workspace_id)
        view = workspace_view(workspace)
        if workspace.capacity:
            view["capacityAssignmentProgress"] = "Completed"
        self.answer(view)


class LakehousesHandler(ListHandler):
    def get(self, workspace_id: str) -> None:
        self.need_scope(*LIST_SCOPES)
        self.answer_page([lakehouse_view(one, self.onelake) for one in self.workspace(workspace_id).lakehouses])


class WithLakehouse(FabricHandler):
    def lakehouse(self, workspace_id: str, lakehouse_id: str) -> Lakehouse:
        """Also the one that a session works in whose notebook names it."""
        sessions = (one for one in self.server.sessions.all() if one.lakehouse.workspace_id == workspace_id.lower())
        of_sessions = (one.works_in for one in sessions if one.works_in.id == lakehouse_id.lower())
        lakehouse = self.workspace(workspace_id).lakehouse(lakehouse_id) or next(of_sessions, None)
        if lakehouse is None:
            raise Refusal(404, f"lakehouse {lakehouse_id} is not known", "ItemNotFound")
        return lakehouse


class LakehouseItemHandler(WithLakehouse):
    def get(self, workspace_id: str, lakehouse_id: str) -> None:
        self.need_scope(*LAKEHOUSE_SCOPES)
        self.answer(lakehouse_view(self.lakehouse(workspace_id, lakehouse_id), self.onelake))


class TablesHandler(WithLakehouse, ListHandler):
    def get(self, workspace_id: str, lakehouse_id: str) -> None:
        self.need_scope(*TABLE_SCOPES)
        lakehouse = self.lakehouse(workspace_id, lakehouse_id)
        size = _count(self, "maxResults")
        if lakehouse.default_schema:
            raise Refusal(
                400,
                "the operation is not supported for a lakehouse with schemas enabled",
                "UnsupportedOperationForSchemasEnabledLakehouse",
            )
        tables = [
            {
                "type": _kind(entry),
                "name": entry["name"],
                "location": _location(entry, lakehouse, f"abfss://{lakehouse.workspace_id}@{ONELAKE}/{lakehouse.id}"),
                "format": _format(entry),
            }
            for entry in tables_of(lakehouse.folder).get(BUILT_IN, [])
        ]
        self.answer_page(tables, "data", size)


class EnvironmentsHandler(ListHandler):
    def get(self, workspace_id: str) -> None:
        self.need_scope(*LIST_SCOPES)
        workspace = self.workspace(workspace_id)
        self.answer_page([item_view(one, "Environment", workspace_id) for one in workspace.environments])


class EnvironmentHandler(FabricHandler):
    def get(self, workspace_id: str, environment_id: str) -> None:
        self.need_scope(*ENVIRONMENT_SCOPES)
        environment = self.workspace(workspace_id).environment(environment_id)
        if environment is None:
            raise Refusal(404, f"environment {environment_id} is not known", "ItemNotFound")
        self.answer(item_view(environment, "Environment", workspace_id))


class CapacitiesHandler(ListHandler):
    def get(self) -> None:
        self.need_scope(*CAPACITY_SCOPES)
        found = {one.capacity.id: one.capacity for one in self.server.workspaces.all if one.capacity}
        self.answer_page(
            [{"id": one.id, "displayName": one.name, "sku": one.sku, "state": one.state} for one in found.values()]
        )


def item_view(item: Named, kind: str, workspace_id: str) -> JsonObject:
    return {
        "id": item.id,
        "type": kind,
        "displayName": item.name,
        "description": item.description,
        "workspaceId": workspace_id,
    }


def workspace_view(workspace: Workspace) -> JsonObject:
    view = {
        "id": workspace.id,
        "displayName": workspace.name,
        "description": workspace.description,
        "type": "Workspace",
    }
    return {**view, "capacityId": workspace.capacity.id} if workspace.capacity else view


def lakehouse_view(lakehouse: Lakehouse, onelake: str) -> JsonObject:
    """There is no SQL endpoint; clients that deploy wait until it is ready."""
    address = onelake_address(lakehouse, onelake)
    properties: JsonObject = {
        "oneLakeTablesPath": f"{address}/Tables",
        "oneLakeFilesPath": f"{address}/Files",
        "sqlEndpointProperties": {"id": None, "connectionString": None, "provisioningStatus": "Success"},
    }
    if lakehouse.default_schema:
        properties["defaultSchema"] = lakehouse.default_schema
    return {**item_view(lakehouse, "Lakehouse", lakehouse.workspace_id), "properties": properties}


# ------------------------------------------------------------------------------------------------ OneLake's table API
class UnityHandler(WithLakehouse):
    """Lists schemas and tables of lakehouses with schemas, in the form of Unity Catalog. Takes tokens for storage."""

    audiences = STORAGE_AUDIENCES

    def with_schemas(self, workspace_id: str, lakehouse_id: str) -> Lakehouse:
        lakehouse = self.lakehouse(workspace_id, lakehouse_id)
        if not lakehouse.default_schema:
            raise Refusal(400, "the lakehouse has no schemas", "SchemasNotEnabled")
        self.get_query_argument("catalog_name")
        return lakehouse

    def answer_list(self, entries: Sequence[Any], key: str) -> None:
        size = min(_count(self, "max_results") or self.server.page_size, self.server.page_size)
        token = self.get_query_argument("page_token", "")
        start = position_of(token) if token else 0
        if start is None or start > len(entries):
            raise Refusal(400, "the page token is none of this list", "InvalidParameter")
        after = continuation(start + size) if start + size < len(entries) else None
        self.answer({key: entries[start : start + size], "next_page_token": after})


class UnitySchemasHandler(UnityHandler):
    def get(self, workspace_id: str, lakehouse_id: str) -> None:
        lakehouse = self.with_schemas(workspace_id, lakehouse_id)
        catalog = self.get_query_argument("catalog_name")
        names = sorted({str(lakehouse.default_schema), *tables_of(lakehouse.folder)} - {BUILT_IN})
        schemas = [{"name": name, "catalog_name": catalog, "full_name": f"{catalog}.{name}"} for name in names]
        self.answer_list(schemas, "schemas")


class UnityTablesHandler(UnityHandler):
    def get(self, workspace_id: str, lakehouse_id: str) -> None:
        lakehouse = self.with_schemas(workspace_id, lakehouse_id)
        catalog, schema = self.get_query_argument("catalog_name"), self.get_query_argument("schema_name")
        by_schema = tables_of(lakehouse.folder)
        address = onelake_address(lakehouse, self.onelake)
        entries = by_schema.get(schema, [])
        if schema == lakehouse.default_schema:  # those that it had before it had schemas
            names = {entry["name"] for entry in entries}
            entries = [*entries, *(one for one in by_schema.get(BUILT_IN, []) if one["name"] not in names)]
        tables = [
            {
                "name": entry["name"],
                "catalog_name": catalog,
                "schema_name": schema,
                "table_type": _kind(entry).upper(),
                "data_source_format": _format(entry).upper(),
                "storage_location": _location(entry, lakehouse, address),
            }
            for entry in sorted(entries, key=lambda entry: entry["name"])
        ]
        self.answer_list(tables, "tables")


# ------------------------------------------------------------------------------------------------ what the folder holds
def tables_of(folder: Path) -> dict[str, list[JsonObject]]:
    """Schema → definitions of its tables, without views, sorted by name. Also of schemas without tables."""
    found: dict[str, list[JsonObject]] = {}
    for path in DefinitionFiles(folder / FOLDER).stamps():
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            # `database` is the schema; in a schema's own definition it is its name.
            tables = found.setdefault(str(entry["database"]), [])
            if entry.get("kind") in {"managed", "external"}:
                tables.append({**entry, "name": str(entry["name"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # removed meanwhile, or broken: the next session that reads it logs that
    for tables in found.values():
        tables.sort(key=lambda entry: entry["name"])
    return found


def _kind(entry: JsonObject) -> str:
    return str(entry["kind"]).capitalize()


def _format(entry: JsonObject) -> str:
    return str(entry.get("provider", "")).lower()


def onelake_address(lakehouse: Lakehouse, onelake: str) -> str:
    """`onelake` is the address of this server's OneLake."""
    return f"{onelake}/{lakehouse.workspace_id}/{lakehouse.id}"


def _location(entry: JsonObject, lakehouse: Lakehouse, address: str) -> str:
    """Below the lakehouse's address; outside of its folder, as Spark knows it."""
    location = str(entry.get("location", ""))
    if location.startswith("file:"):
        file = PurePosixPath(unquote(urlsplit(location).path))
        return f"{address}/{file.relative_to(lakehouse.folder)}" if file.is_relative_to(lakehouse.folder) else location
    is_inside = location and not location.startswith("/") and ":" not in location.split("/", 1)[0]
    return f"{address}/{location}" if is_inside else location


def _count(handler: FabricHandler, argument: str) -> int | None:
    text = handler.get_query_argument(argument, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_TABLES):
        raise Refusal(400, f"{argument} is a whole number from 1 to {MOST_TABLES}, not {text!r}", "InvalidParameter")
    return int(text)


def lookup_routes() -> list[tuple[str, type[FabricHandler]]]:
    workspace = r"/v1/workspaces/([^/]+)"
    unity = r"/delta/([^/]+)/([^/]+)/api/2\.1/unity-catalog"
    return [
        (r"/v1/workspaces", WorkspacesHandler),
        (workspace, WorkspaceHandler),
        (rf"{workspace}/lakehouses/([^/]+)/tables", TablesHandler),
        (rf"{workspace}/environments", EnvironmentsHandler),
        (rf"{workspace}/environments/([^/]+)", EnvironmentHandler),
        (r"/v1/capacities", CapacitiesHandler),
        (rf"{unity}/schemas", UnitySchemasHandler),
        (rf"{unity}/tables", UnityTablesHandler),
    ]
