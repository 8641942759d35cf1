"""Lakehouses of the embedded Fabric. `id`, `displayName` and `properties` are what most notebooks ask for."""

from __future__ import annotations

import os
import sys
from typing import Any, Dict, List, NoReturn

from notebookutils import _help
from notebookutils._context import Lakehouse, find_lakehouse, find_workspace, session_context
from notebookutils._errors import ServiceNeeded


class Properties(Dict[str, str]):
    """A dict whose entries are attributes as well: both forms are in use."""

    def __getattr__(self, name: str) -> str:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Artifact:
    """A lakehouse as Fabric tells it."""

    def __init__(self, found: Lakehouse) -> None:
        self.id = found.id
        self.displayName = found.name
        self.description = found.description
        self.type = "Lakehouse"
        self.workspaceId = found.workspace_id
        self.properties = Properties(
            abfsPath=found.url,
            oneLakeTablesPath=f"{found.url}/Tables",
            oneLakeFilesPath=f"{found.url}/Files",
        )
        if found.default_schema:
            self.properties["defaultSchema"] = found.default_schema

    def __repr__(self) -> str:
        return (
            f"Artifact(id={self.id}, displayName={self.displayName}, type={self.type}, workspaceId={self.workspaceId})"
        )


def found(name: str, workspace: str) -> Lakehouse:
    """The session's own where there is no name."""
    return find_lakehouse(find_workspace(workspace), name) if name or workspace else session_context().lakehouse


def get(name: str = "", workspaceId: str = "") -> Artifact:
    """A lakehouse by its name or id; without one, the session's own."""
    return Artifact(found(name, workspaceId))


def getWithProperties(name: str = "", workspaceId: str = "") -> Artifact:
    """The same as `get`."""
    return get(name, workspaceId)


def list(workspaceId: str = "", maxResults: int = 1000) -> List[Artifact]:
    """The lakehouses of a workspace; without one, of the session's own."""
    return [Artifact(one) for one in find_workspace(workspaceId).lakehouses[:maxResults]]


def listTables(lakehouse: str = "", workspaceId: str = "", maxResults: int = 1000) -> List[Dict[str, Any]]:
    """The Delta tables of a lakehouse, by name. In one with schemas each has its `schema`."""
    one = found(lakehouse, workspaceId)
    tables = [{"name": name, "location": f"{one.url}/Tables/{name}"} for name in delta_tables(one, "")]
    if one.default_schema:
        tables = [{"schema": one.default_schema, **table} for table in tables]
        for schema in below(one, ""):
            names = delta_tables(one, schema)
            tables += [
                {"schema": schema, "name": name, "location": f"{one.url}/Tables/{schema}/{name}"} for name in names
            ]
    return [{"type": "Managed", "format": "delta", **table} for table in tables[:maxResults]]


def delta_tables(lakehouse: Lakehouse, schema: str) -> List[str]:
    """The names of those in a folder of `Tables/`, or in that itself."""
    folder = os.path.join(lakehouse.folder, "Tables", schema)
    return [name for name in below(lakehouse, schema) if os.path.isdir(os.path.join(folder, name, "_delta_log"))]


def below(lakehouse: Lakehouse, schema: str) -> List[str]:
    folder = os.path.join(lakehouse.folder, "Tables", schema)
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def create(name: str, description: str = "", definition: Any = None, workspaceId: str = "") -> NoReturn:
    """Not here: lakehouses are those that something names."""
    fixed("create", name)


def update(name: str, newName: str, description: str = "", workspaceId: str = "") -> NoReturn:
    """Not here, as `create`."""
    fixed("update", name)


def delete(name: str, workspaceId: str = "") -> NoReturn:
    """Not here, as `create`."""
    fixed("delete", name)


def fixed(verb: str, name: str) -> NoReturn:
    raise ServiceNeeded(
        f"lakehouse.{verb}({name!r}) is not possible on the embedded Fabric: its lakehouses are those that "
        "the notebook's metadata, %%configure and the repository's X.Lakehouse folders name, or the file of "
        "`fabric-livy serve --workspaces FILE`."
    )


def help(method_name: str = "") -> None:
    """What this module can do; with the name of a function, that one."""
    _help.overview(sys.modules[__name__], method_name)
