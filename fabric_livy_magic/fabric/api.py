"""Fabric's REST API: one method per endpoint of workspaces, lakehouses, tables, environments and notebooks.

A new endpoint is one method of `FabricApi`, with a test in `tests/fabric` against the server of `tests/support/lists.py` or
`tests/support/fakes.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fabric_livy_magic.errors import HttpError, SettingsError
from fabric_livy_magic.fabric.models import Item, JsonObject, Table, item_from_json, table_from_json, text_of
from fabric_livy_magic.fabric.names import find_item
from fabric_livy_magic.fabric.paging import UNITY_CATALOG, pages
from fabric_livy_magic.fabric.targets import url_path
from fabric_livy_magic.livy.http import LivyHttp

# What `…/tables` answers for a lakehouse with schemas; OneLake's table API lists those.
HAS_SCHEMAS = "UnsupportedOperationForSchemasEnabledLakehouse"


class FabricApi:
    """`http` has the base `…/v1`. `onelake`, with a token for storage and the base `…/delta` of OneLake's table API,
    lists the tables of lakehouses with schemas, which the Fabric API itself does not list."""

    def __init__(self, http: LivyHttp, onelake: LivyHttp | None = None) -> None:
        self._http = http
        self._onelake = onelake

    def __repr__(self) -> str:
        return f"FabricApi({self._http.base_url!r})"

    # ------------------------------------------------------------------------------------------- lists
    def workspaces(self, *roles: str) -> list[Item]:
        """All that the signed-in account can see, or those where it has one of `roles` (Admin, Member, Contributor, Viewer)."""
        return self._items("/workspaces", {"roles": ",".join(roles)} if roles else {})

    def workspace(self, workspace_id: str) -> Item:
        return item_from_json(self._http.get(url_path("workspaces", workspace_id)))

    def lakehouses(self, workspace_id: str) -> list[Item]:
        return self._items(url_path("workspaces", workspace_id, "lakehouses"))

    def lakehouse(self, workspace_id: str, lakehouse_id: str) -> Item:
        return item_from_json(self._http.get(url_path("workspaces", workspace_id, "lakehouses", lakehouse_id)))

    def environments(self, workspace_id: str) -> list[Item]:
        return self._items(url_path("workspaces", workspace_id, "environments"))

    def environment(self, workspace_id: str, environment_id: str) -> Item:
        return item_from_json(self._http.get(url_path("workspaces", workspace_id, "environments", environment_id)))

    def notebooks(self, workspace_id: str) -> list[Item]:
        return self._items(url_path("workspaces", workspace_id, "notebooks"))

    def notebook_definition(self, workspace_id: str, notebook_id: str) -> Any:
        """JSON, or `Accepted`: then `operation_result` has it once the operation has succeeded."""
        return self._http.post(url_path("workspaces", workspace_id, "notebooks", notebook_id, "getDefinition"))

    def operation(self, operation_id: str) -> Any:
        return self._http.get(url_path("operations", operation_id))

    def operation_result(self, operation_id: str) -> Any:
        return self._http.get(url_path("operations", operation_id, "result"))

    def capacities(self) -> list[Item]:
        """`properties` holds sku, region and state, which is Inactive while a capacity is paused."""
        return self._items("/capacities")

    def tables(self, workspace_id: str, lakehouse_id: str) -> list[Table]:
        """Raises SettingsError for a lakehouse with schemas without `onelake`."""
        path = url_path("workspaces", workspace_id, "lakehouses", lakehouse_id, "tables")
        try:
            return [table_from_json(one) for one in pages(self._http, path, {"maxResults": 100}, "data")]
        except HttpError as error:
            if error.code != HAS_SCHEMAS:
                raise
        if self._onelake is None:
            raise SettingsError(
                "This lakehouse has schemas, whose tables the Fabric API does not list. `SHOW TABLES IN <schema>` in a "
                "%%livy_sql cell lists them."
            )
        return list(self._tables_by_schema(self._onelake, workspace_id, lakehouse_id))

    def _tables_by_schema(self, onelake: LivyHttp, workspace_id: str, lakehouse_id: str) -> Iterator[Table]:
        base = url_path(workspace_id, lakehouse_id, "api", "2.1", "unity-catalog")
        where = {"catalog_name": lakehouse_id}
        for schema in list(pages(onelake, f"{base}/schemas", where, "schemas", UNITY_CATALOG)):
            name = text_of(schema, "name")
            for one in pages(onelake, f"{base}/tables", {**where, "schema_name": name}, "tables", UNITY_CATALOG):
                yield Table(
                    name=text_of(one, "name"),
                    schema=name,
                    kind=text_of(one, "table_type").capitalize(),
                    format=text_of(one, "data_source_format").lower(),
                    location=text_of(one, "storage_location"),
                )

    def _items(self, path: str, params: JsonObject | None = None) -> list[Item]:
        return [item_from_json(one) for one in pages(self._http, path, params or {}, "value")]

    # ------------------------------------------------------------------------------------------- by name or id
    def find_workspace(self, name_or_id: str) -> Item:
        """The exact name first, then the name in another case. Raises SettingsError where it means none or several."""
        return find_item("workspace", name_or_id, self.workspace, self.workspaces)

    def find_lakehouse(self, workspace_id: str, name_or_id: str) -> Item:
        return find_item(
            "lakehouse",
            name_or_id,
            lambda name: self.lakehouse(workspace_id, name),
            lambda: self.lakehouses(workspace_id),
        )

    def find_environment(self, workspace_id: str, name_or_id: str) -> Item:
        return find_item(
            "environment",
            name_or_id,
            lambda name: self.environment(workspace_id, name),
            lambda: self.environments(workspace_id),
        )
