"""Folders of a workspace: those of the repository that notebooks are in (learn.microsoft.com/rest/api/fabric/core/folders)."""

from __future__ import annotations

import re
from pathlib import Path

from fabric_livy_magic.local.fabric.handler import FabricHandler
from fabric_livy_magic.local.fabric.lakehouse_changes import text_of
from fabric_livy_magic.local.fabric.lookups import JsonObject, ListHandler
from fabric_livy_magic.local.fabric.notebooks import created_folders, folder_id, folders
from fabric_livy_magic.local.sessions.notebook_context import NOTEBOOKS_VARIABLE, notebooks_folder
from fabric_livy_magic.local.web.answers import Refusal
from fabric_livy_magic.notebooks.files import SKIPPED_FOLDERS

READ_SCOPES = ("Workspace.Read.All", "Workspace.ReadWrite.All")
CHANGE_SCOPES = ("Workspace.ReadWrite.All",)
# Of a folder's name on Fabric, and what no file system and no item takes: a first dot hides, a last one or a dot inside may be an item's.
_NAME = re.compile(r"[^\x00-\x1f~\"#.&*:<>?/\\{|}]{1,255}")


class WithFolders(FabricHandler):
    def folder(self, wanted: str) -> Path:
        """Of the repository, by its id; the repository's own without one."""
        root = notebooks_folder()
        if root is None:
            raise Refusal(
                400,
                "this server was started for no repository, so it has no place for notebooks: start it with "
                f"{NOTEBOOKS_VARIABLE}=FOLDER",
                "OperationNotSupportedForItem",
            )
        found = {folder_id(one): one for one in folders()}.get(wanted.lower()) if wanted else root
        if found is None:
            raise Refusal(404, f"folder {wanted} is not known", "FolderNotFound")
        return found


class FoldersHandler(ListHandler, WithFolders):
    def get(self, workspace_id: str) -> None:
        self.need_scope(*READ_SCOPES)
        workspace = self.workspace(workspace_id)
        top = self.get_query_argument("rootFolderId", "").lower() or None
        deep = self.get_query_argument("recursive", "true").lower() != "false"
        views = [folder_view(one, workspace.id) for one in folders()]
        by_id = {one["id"]: one for one in views}
        if top and top not in by_id:
            raise Refusal(404, f"folder {top} is not known", "FolderNotFound")

        def is_below(view: JsonObject) -> bool:
            above = view.get("parentFolderId")
            return above == top or (deep and above is not None and is_below(by_id[above]))

        self.answer_page([one for one in views if is_below(one)])

    def post(self, workspace_id: str) -> None:
        self.need_scope(*CHANGE_SCOPES)
        workspace = self.changeable_workspace(workspace_id)
        body = self.json_body()
        above, name = self.folder(text_of(body, "parentFolderId", "")), text_of(body, "displayName")
        if not _NAME.fullmatch(name) or name != name.strip() or name in SKIPPED_FOLDERS:
            raise Refusal(400, f"{name[:80]!r} is no name of a folder", "InvalidInput")
        folder = above / name
        if folder in folders():
            raise Refusal(409, f"Requested '{name}' is already in use", "FolderDisplayNameAlreadyInUse")
        folder.mkdir(exist_ok=True)
        created_folders.add(folder)
        self.answer(folder_view(folder, workspace.id), 201)


class FolderHandler(WithFolders):
    def get(self, workspace_id: str, wanted: str) -> None:
        self.need_scope(*READ_SCOPES)
        workspace = self.workspace(workspace_id)
        self.answer(folder_view(self.folder(wanted), workspace.id))

    def delete(self, workspace_id: str, wanted: str) -> None:
        self.need_scope(*CHANGE_SCOPES)
        self.changeable_workspace(workspace_id)
        folder = self.folder(wanted)
        try:
            folder.rmdir()
        except OSError as problem:
            raise Refusal(400, f"the folder {folder.name!r} is not empty", "FolderNotEmpty") from problem
        created_folders.discard(folder)
        self.answer({})


def folder_view(folder: Path, workspace_id: str) -> JsonObject:
    view = {"id": folder_id(folder), "displayName": folder.name, "workspaceId": workspace_id}
    above = folder_id(folder.parent)
    return {**view, "parentFolderId": above} if above else view


def folder_routes() -> list[tuple[str, type[FabricHandler]]]:
    of_all = r"/v1/workspaces/([^/]+)/folders"
    return [(of_all, FoldersHandler), (rf"{of_all}/([^/]+)", FolderHandler)]
