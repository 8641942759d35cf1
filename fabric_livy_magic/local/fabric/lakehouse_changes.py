"""Lakehouses that requests create, describe and delete (learn.microsoft.com/rest/api/fabric/lakehouse/items)."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from fabric_livy_magic.local.fabric.handler import FabricHandler
from fabric_livy_magic.local.fabric.lookups import (
    JsonObject,
    LakehouseItemHandler,
    LakehousesHandler,
    WithLakehouse,
    lakehouse_view,
)
from fabric_livy_magic.local.fabric.onelake import Store
from fabric_livy_magic.local.lakehouse.served_workspaces import InvalidName, NameTaken, ServedWorkspaces
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspace
from fabric_livy_magic.local.web.answers import Refusal

LOG = logging.getLogger("fabric_livy_magic.local")
CHANGE_SCOPES = ("Lakehouse.ReadWrite.All", "Item.ReadWrite.All")


class LakehouseChanges(WithLakehouse):
    def create_lakehouse(self, workspace: Workspace, body: JsonObject) -> Lakehouse:
        name, description = text_of(body, "displayName"), text_of(body, "description", "")
        if body.get("definition") is not None:
            raise Refusal(400, "a lakehouse here is created without a definition", "OperationNotSupportedForItem")
        if body.get("folderId"):
            raise Refusal(400, "lakehouses here are in no folder of the workspace", "OperationNotSupportedForItem")
        payload = body.get("creationPayload") or {}
        schemas = payload.get("enableSchemas", False) if isinstance(payload, dict) else None
        if not isinstance(schemas, bool):
            raise Refusal(400, "creationPayload has enableSchemas, which is true or false", "InvalidInput")
        try:
            return self.server.served.create(workspace, name, description, schemas=schemas)
        except InvalidName as problem:
            raise Refusal(400, str(problem), "InvalidInput") from problem
        except NameTaken as problem:
            raise Refusal(409, str(problem), "ItemDisplayNameAlreadyInUse") from problem

    def describe_lakehouse(self, lakehouse: Lakehouse, body: JsonObject) -> Lakehouse:
        """Its name stays: the folder is called by it."""
        name = text_of(body, "displayName", lakehouse.name)
        description = text_of(body, "description", lakehouse.description)
        if name != lakehouse.name:
            raise Refusal(400, "a lakehouse here keeps its name", "OperationNotSupportedForItem")
        if description == lakehouse.description:
            return lakehouse
        self._need_created(lakehouse, "describe")
        return self.server.served.describe(lakehouse, description)

    async def delete_lakehouse(self, lakehouse: Lakehouse) -> None:
        """What runs in it ends first, as its sessions do in Fabric."""
        self._need_created(lakehouse, "delete")
        if not self.server.served.remove(lakehouse):
            raise Refusal(404, f"lakehouse {lakehouse.id} is not known", "ItemNotFound")
        sessions = [
            one.id
            for one in self.server.sessions.all()
            if lakehouse.folder == one.works_in.folder or lakehouse.id == one.lakehouse.id
        ]
        batches = [one.id for one in self.server.batches.all() if one.lakehouse.id == lakehouse.id]
        ends = [partial(self.server.sessions.delete, one) for one in sessions]
        ends += [partial(self.server.batches.delete, one) for one in batches]
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(None, end) for end in ends))
        store: Store = self.settings["onelake"]
        store.uploads.forget(lakehouse.folder)
        store.blobs.forget(lakehouse.folder)
        await loop.run_in_executor(None, ServedWorkspaces.delete_folder, lakehouse)

    def _need_created(self, lakehouse: Lakehouse, verb: str) -> None:
        if not lakehouse.is_created:
            raise Refusal(
                400,
                f"{lakehouse.name!r} was there when the server started, so no request can {verb} it; only lakehouses that "
                "requests created",
                "OperationNotSupportedForItem",
            )


class AllLakehousesHandler(LakehousesHandler, LakehouseChanges):
    def post(self, workspace_id: str) -> None:
        self.need_scope(*CHANGE_SCOPES)
        made = self.create_lakehouse(self.changeable_workspace(workspace_id), self.json_body())
        self.answer(lakehouse_view(made, self.onelake), 201)


class OneLakehouseHandler(LakehouseItemHandler, LakehouseChanges):
    def patch(self, workspace_id: str, lakehouse_id: str) -> None:
        self.need_scope(*CHANGE_SCOPES)
        self.changeable_workspace(workspace_id)
        made = self.describe_lakehouse(self.lakehouse(workspace_id, lakehouse_id), self.json_body())
        self.answer(lakehouse_view(made, self.onelake))

    async def delete(self, workspace_id: str, lakehouse_id: str) -> None:
        self.need_scope(*CHANGE_SCOPES)
        self.changeable_workspace(workspace_id)
        await self.delete_lakehouse(self.lakehouse(workspace_id, lakehouse_id))
        self.answer({})


def text_of(body: JsonObject, key: str, default: str | None = None) -> str:
    """Raises Refusal where it is something else, or is missing."""
    value = body.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise Refusal(400, f"{key} is a text" if key in body else f"{key} is needed", "InvalidInput")
    return value


def lakehouse_routes() -> list[tuple[str, type[FabricHandler]]]:
    lakehouses = r"/v1/workspaces/([^/]+)/lakehouses"
    return [(lakehouses, AllLakehousesHandler), (rf"{lakehouses}/([^/]+)", OneLakehouseHandler)]
