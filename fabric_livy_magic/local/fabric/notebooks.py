"""Notebooks as items of a workspace: those of the repository that this server was started for, and their definitions.

learn.microsoft.com/rest/api/fabric/notebook/items/get-notebook-definition: the response is the definition, or 202 and
a long-running operation that returns it later (…/rest/api/fabric/articles/long-running-operations). Here large ones do.
"""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import FabricLivyError
from fabric_livy_magic.local.fabric.handler import FabricHandler
from fabric_livy_magic.local.fabric.lookups import LIST_SCOPES, ListHandler, item_view
from fabric_livy_magic.local.fabric.operations import answer_operation
from fabric_livy_magic.local.lakehouse.workspaces import Named
from fabric_livy_magic.local.sessions.notebook_context import notebook_id, notebooks_folder
from fabric_livy_magic.local.web.answers import Refusal
from fabric_livy_magic.notebooks.files import PLATFORM, NotebookFile, find_notebooks, is_git_folder, json_object
from fabric_livy_magic.notebooks.ipynb import SUFFIX, write_ipynb

NOTEBOOK_SCOPES = ("Notebook.Read.All", "Notebook.ReadWrite.All", "Item.Read.All", "Item.ReadWrite.All")
DEFINITION_SCOPES = ("Notebook.ReadWrite.All", "Item.ReadWrite.All")
IPYNB, GIT = "ipynb", "fabricGitSource"
MAX_IMMEDIATE_BYTES = 4096


def notebooks() -> dict[str, tuple[Named, NotebookFile]]:
    """By id."""
    folder = notebooks_folder()
    found = find_notebooks(folder) if folder else []
    ids = [notebook_id(one.path) for one in found]
    return {item_id: (_named(item_id, one), one) for item_id, one in zip(ids, found, strict=True)}


def _named(item_id: str, file: NotebookFile) -> Named:
    metadata = json_object(file.path.parent / PLATFORM).get("metadata") if is_git_folder(file.path.parent) else None
    about = metadata.get("description") if isinstance(metadata, dict) else None
    return Named(id=item_id, name=file.name, description=about if isinstance(about, str) else "")


def notebook_view(item: Named, file: NotebookFile, workspace_id: str) -> dict[str, Any]:
    view = item_view(item, "Notebook", workspace_id)
    folder = folder_id(file.folder)
    return {**view, "folderId": folder} if folder else view


def folder_id(folder: Path) -> str | None:
    """Of a folder of the repository; None for the repository's own."""
    return None if folder == notebooks_folder() else str(uuid.uuid5(uuid.NAMESPACE_URL, folder.as_uri()))


created_folders: set[Path] = set()
"""By requests. They hold nothing yet, so that nothing else tells that they are there."""


def folders() -> list[Path]:
    """Those of the repository that notebooks are in, or that requests created, and what is above them, sorted by path."""
    root = notebooks_folder()
    holding = {file.folder for _, file in notebooks().values()} | {one for one in created_folders if one.is_dir()}
    found = {above for one in holding for above in (one, *one.parents)}
    return sorted(one for one in found if root is not None and one != root and one.is_relative_to(root))


class NotebooksHandler(ListHandler):
    def get(self, workspace_id: str) -> None:
        self.need_scope(*LIST_SCOPES)
        workspace = self.workspace(workspace_id)
        self.answer_page([notebook_view(*one, workspace.id) for one in notebooks().values()])


class WithNotebook(FabricHandler):
    def notebook(self, workspace_id: str, notebook_id: str) -> tuple[Named, NotebookFile]:
        self.workspace(workspace_id)
        found = notebooks().get(notebook_id.lower())
        if found is None:
            raise Refusal(404, f"notebook {notebook_id} is not known", "ItemNotFound")
        return found


class NotebookHandler(WithNotebook):
    def get(self, workspace_id: str, notebook_id: str) -> None:
        self.need_scope(*NOTEBOOK_SCOPES)
        self.answer(notebook_view(*self.notebook(workspace_id, notebook_id), workspace_id))


class DefinitionHandler(WithNotebook):
    def post(self, workspace_id: str, notebook_id: str) -> None:
        self.need_scope(*DEFINITION_SCOPES)
        _, file = self.notebook(workspace_id, notebook_id)
        view = definition_view(file, self.get_query_argument("format", ""))
        if len(view["definition"]["parts"][0]["payload"]) <= MAX_IMMEDIATE_BYTES:
            return self.answer(view)
        return answer_operation(self, view)


def definition_view(file: NotebookFile, format_name: str) -> dict[str, Any]:
    """Fabric's default is its Git format."""
    if format_name not in {"", IPYNB, GIT}:
        raise Refusal(400, f"format {format_name!r} is none of {IPYNB}, {GIT}", "InvalidDefinitionFormat")
    is_git = is_git_folder(file.path.parent)
    try:
        if format_name == IPYNB or not is_git:
            content = {f"notebook-content{SUFFIX}": write_ipynb(file.read()).encode("utf-8")}
        else:
            content = {file.path.name: file.path.read_bytes()}
        platform = _bytes_of(file.path.parent / PLATFORM) if is_git else b""
    except (FabricLivyError, OSError) as problem:
        raise Refusal(500, f"the notebook cannot be read: {problem}", "CorruptedPayload") from problem
    parts = {**content, **({PLATFORM: platform} if platform else {})}
    listed = [
        {"path": path, "payload": base64.b64encode(data).decode("ascii"), "payloadType": "InlineBase64"}
        for path, data in parts.items()
    ]
    return {"definition": {"format": format_name or (GIT if is_git else IPYNB), "parts": listed}}


def _bytes_of(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
