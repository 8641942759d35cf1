"""Notebooks that requests create, change and delete, as `fabric-cicd` does (learn.microsoft.com/rest/api/fabric/notebook/items)."""

from __future__ import annotations

from typing import Any

from fabric_livy_magic.local.fabric import notebook_store
from fabric_livy_magic.local.fabric.folders import WithFolders
from fabric_livy_magic.local.fabric.handler import FabricHandler
from fabric_livy_magic.local.fabric.lakehouse_changes import text_of
from fabric_livy_magic.local.fabric.lookups import JsonObject
from fabric_livy_magic.local.fabric.notebooks import (
    DEFINITION_SCOPES,
    DefinitionHandler,
    NotebookHandler,
    NotebooksHandler,
    WithNotebook,
    notebook_view,
    notebooks,
)
from fabric_livy_magic.local.fabric.operations import answer_operation
from fabric_livy_magic.local.sessions.notebook_context import notebook_id
from fabric_livy_magic.local.web.answers import Refusal
from fabric_livy_magic.notebooks.files import NotebookFile


class NotebookChanges(WithNotebook, WithFolders):
    def create_notebook(self, workspace_id: str, body: JsonObject) -> None:
        """Answers; with a definition by an operation."""
        name, description = text_of(body, "displayName"), text_of(body, "description", "")
        above = self.folder(text_of(body, "folderId", ""))
        parts = notebook_store.read_parts(body)
        if any(item.name == name for item, _ in notebooks().values()):
            raise notebook_store.name_taken(name)
        view = self.view_of(notebook_store.create(above, name, description, parts), workspace_id)
        if parts is None:
            self.answer(view, 201)
        else:
            answer_operation(self, view)

    def update_notebook(self, file: NotebookFile, body: JsonObject) -> None:
        parts = notebook_store.read_parts(body)
        if parts is None:
            raise Refusal(400, "definition is needed", "InvalidInput")
        with_metadata = self.get_query_argument("updateMetadata", "").lower() == "true"
        notebook_store.update(file, parts, with_metadata=with_metadata)
        answer_operation(self)

    def describe_notebook(self, file: NotebookFile, workspace_id: str, body: JsonObject) -> None:
        changes: dict[str, str] = {key: text_of(body, key, "") for key in ("displayName", "description") if key in body}
        if "displayName" in changes:
            notebook_store.folder_of(changes["displayName"])
            others = [item.name for item, one in notebooks().values() if one.path != file.path]
            if changes["displayName"] in others:
                raise notebook_store.name_taken(changes["displayName"])
        self.answer(self.view_of(notebook_store.describe(file, changes), workspace_id))

    def view_of(self, file: NotebookFile, workspace_id: str) -> dict[str, Any]:
        return notebook_view(*self.notebook(workspace_id, notebook_id(file.path)), workspace_id)


class AllNotebooksHandler(NotebooksHandler, NotebookChanges):
    def post(self, workspace_id: str) -> None:
        self.need_scope(*DEFINITION_SCOPES)
        self.create_notebook(self.changeable_workspace(workspace_id).id, self.json_body())


class OneNotebookHandler(NotebookHandler, NotebookChanges):
    def patch(self, workspace_id: str, notebook_id: str) -> None:
        self.need_scope(*DEFINITION_SCOPES)
        self.changeable_workspace(workspace_id)
        _, file = self.notebook(workspace_id, notebook_id)
        self.describe_notebook(file, workspace_id, self.json_body())

    def delete(self, workspace_id: str, notebook_id: str) -> None:
        self.need_scope(*DEFINITION_SCOPES)
        self.changeable_workspace(workspace_id)
        _, file = self.notebook(workspace_id, notebook_id)
        notebook_store.delete(file)
        self.answer({})


class UpdateDefinitionHandler(NotebookChanges):
    def post(self, workspace_id: str, notebook_id: str) -> None:
        self.need_scope(*DEFINITION_SCOPES)
        self.changeable_workspace(workspace_id)
        _, file = self.notebook(workspace_id, notebook_id)
        self.update_notebook(file, self.json_body())


def notebook_routes() -> list[tuple[str, type[FabricHandler]]]:
    workspace = r"/v1/workspaces/([^/]+)"
    return [
        (rf"{workspace}/notebooks", AllNotebooksHandler),
        (rf"{workspace}/notebooks/([^/]+)", OneNotebookHandler),
        (rf"{workspace}/(?:notebooks|items)/([^/]+)/getDefinition", DefinitionHandler),
        (rf"{workspace}/(?:notebooks|items)/([^/]+)/updateDefinition", UpdateDefinitionHandler),
    ]
