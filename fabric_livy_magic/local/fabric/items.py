"""Items of a workspace, whatever their type (learn.microsoft.com/rest/api/fabric/core/items).

Lakehouses and notebooks can be changed, by these paths and by those of their own type; environments are as the file of
workspaces has them.
"""

from __future__ import annotations

from collections.abc import Iterator

from fabric_livy_magic.local.fabric import notebook_store
from fabric_livy_magic.local.fabric.handler import FabricHandler
from fabric_livy_magic.local.fabric.lakehouse_changes import CHANGE_SCOPES, LakehouseChanges, text_of
from fabric_livy_magic.local.fabric.lookups import LIST_SCOPES, JsonObject, ListHandler, item_view
from fabric_livy_magic.local.fabric.notebook_changes import NotebookChanges
from fabric_livy_magic.local.fabric.notebooks import DEFINITION_SCOPES, notebook_view, notebooks
from fabric_livy_magic.local.lakehouse.workspaces import Workspace
from fabric_livy_magic.local.web.answers import Refusal

ITEM_SCOPES = ("Item.Read.All", "Item.ReadWrite.All")
LAKEHOUSE, NOTEBOOK, ENVIRONMENT = "Lakehouse", "Notebook", "Environment"


def items_of(workspace: Workspace) -> Iterator[JsonObject]:
    for lakehouse in workspace.lakehouses:
        yield item_view(lakehouse, LAKEHOUSE, workspace.id)
    for environment in workspace.environments:
        yield item_view(environment, ENVIRONMENT, workspace.id)
    for named, file in notebooks().values():
        yield notebook_view(named, file, workspace.id)


class ItemChanges(LakehouseChanges, NotebookChanges):
    def item(self, workspace: Workspace, item_id: str) -> JsonObject:
        found = next((one for one in items_of(workspace) if one["id"] == item_id.lower()), None)
        if found is None:
            raise Refusal(404, f"item {item_id} is not known", "ItemNotFound")
        return found

    def refuse_type(self, kind: str) -> Refusal:
        return Refusal(
            400, f"requests change lakehouses and notebooks here, and no {kind}", "OperationNotSupportedForItem"
        )


class ItemsHandler(ListHandler, ItemChanges):
    def get(self, workspace_id: str) -> None:
        self.need_scope(*LIST_SCOPES)
        wanted = self.get_query_argument("type", "").casefold()
        views = items_of(self.workspace(workspace_id))
        self.answer_page([one for one in views if wanted in ("", one["type"].casefold())])

    def post(self, workspace_id: str) -> None:
        body = self.json_body()
        workspace = self.changeable_workspace(workspace_id)
        match text_of(body, "type"):
            case "Lakehouse":
                self.need_scope(*CHANGE_SCOPES)
                self.answer(item_view(self.create_lakehouse(workspace, body), LAKEHOUSE, workspace.id), 201)
            case "Notebook":
                self.need_scope(*DEFINITION_SCOPES)
                self.create_notebook(workspace.id, body)
            case kind:
                raise self.refuse_type(kind)


class ItemHandler(ItemChanges):
    def get(self, workspace_id: str, item_id: str) -> None:
        self.need_scope(*ITEM_SCOPES)
        self.answer(self.item(self.workspace(workspace_id), item_id))

    def patch(self, workspace_id: str, item_id: str) -> None:
        self.need_scope("Item.ReadWrite.All")
        workspace = self.changeable_workspace(workspace_id)
        match self.item(workspace, item_id)["type"]:
            case "Lakehouse":
                made = self.describe_lakehouse(self.lakehouse(workspace.id, item_id), self.json_body())
                self.answer(item_view(made, LAKEHOUSE, workspace.id))
            case "Notebook":
                self.describe_notebook(self.notebook(workspace.id, item_id)[1], workspace.id, self.json_body())
            case kind:
                raise self.refuse_type(kind)

    async def delete(self, workspace_id: str, item_id: str) -> None:
        self.need_scope("Item.ReadWrite.All")
        workspace = self.changeable_workspace(workspace_id)
        match self.item(workspace, item_id)["type"]:
            case "Lakehouse":
                await self.delete_lakehouse(self.lakehouse(workspace.id, item_id))
            case "Notebook":
                notebook_store.delete(self.notebook(workspace.id, item_id)[1])
            case kind:
                raise self.refuse_type(kind)
        self.answer({})


def item_routes() -> list[tuple[str, type[FabricHandler]]]:
    items = r"/v1/workspaces/([^/]+)/items"
    return [(items, ItemsHandler), (rf"{items}/([^/]+)", ItemHandler)]
