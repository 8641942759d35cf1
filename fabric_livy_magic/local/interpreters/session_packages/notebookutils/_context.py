"""The context of a session's Python: one JSON file from the server, read at its first use."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, NamedTuple

from notebookutils._errors import NoPlace, NotebookUtilsError

VARIABLE = "NOTEBOOKUTILS_CONTEXT"
HOST = "onelake.dfs.fabric.microsoft.com"
SUFFIX = ".lakehouse"


class Lakehouse(NamedTuple):
    id: str
    name: str
    description: str
    folder: str
    default_schema: str | None
    workspace_id: str
    missing_shortcuts: Dict[str, str]

    @property
    def url(self) -> str:
        """By ids, as Fabric writes it."""
        return f"abfss://{self.workspace_id}@{HOST}/{self.id}"


class Workspace(NamedTuple):
    id: str
    name: str
    lakehouses: List[Lakehouse]


class SessionContext(NamedTuple):
    workspaces: List[Workspace]
    workspace: Workspace
    lakehouse: Lakehouse
    private: str
    """The session's folder, which is removed with it."""
    facts: Dict[str, Any]
    """session_id, user, notebook (name, path of reference runs), children (port, secret), notebooks."""


class Cache:
    session_context: SessionContext | None = None


def session_context() -> SessionContext:
    if Cache.session_context is None:
        file = os.environ.get(VARIABLE)
        if not file:
            raise NotebookUtilsError(
                "notebookutils works inside a session of the embedded Fabric, and this Python process is in none. "
                "Start one with `%livy use local` or `fabric-livy serve`."
            )
        with open(file, encoding="utf-8") as opened:
            Cache.session_context = read(json.load(opened))
    return Cache.session_context


def read(facts: Dict[str, Any]) -> SessionContext:
    workspaces = [
        Workspace(one["id"], one["name"], [Lakehouse(**each, workspace_id=one["id"]) for each in one["lakehouses"]])
        for one in facts["workspaces"]
    ]
    workspace = next(one for one in workspaces if one.id == facts["workspace_id"])
    lakehouse = next(one for one in workspace.lakehouses if one.id == facts["lakehouse_id"])
    return SessionContext(workspaces, workspace, lakehouse, facts["private"], facts)


def find_workspace(name: str) -> Workspace:
    """By id or name, in any letter case; empty is the session's own. Raises NoPlace."""
    context = session_context()
    if not name:
        return context.workspace
    found = [one for one in context.workspaces if name.casefold() in (one.id, one.name.casefold())]
    if len(found) == 1:
        return found[0]
    if found:
        raise NoPlace(f"{len(found)} workspaces are called {name!r}. Use the id of the one that is meant.")
    known = ", ".join(repr(one.name) for one in context.workspaces)
    raise NoPlace(f"There is no workspace {name!r} on this embedded Fabric. It has: {known}.")


def find_lakehouse(workspace: Workspace, item: str) -> Lakehouse:
    """By id or name, with or without `.Lakehouse`; empty is the session's own. Raises NoPlace."""
    if not item:
        return session_context().lakehouse
    name = item[: -len(SUFFIX)] if item.lower().endswith(SUFFIX) else item
    found = [one for one in workspace.lakehouses if name.casefold() in (one.id, one.name.casefold())]
    if len(found) == 1:
        return found[0]
    if found:
        raise NoPlace(f"{len(found)} lakehouses are called {item!r}. Use the id of the one that is meant.")
    known = ", ".join(repr(one.name) for one in workspace.lakehouses) or "none"
    raise NoPlace(f"There is no lakehouse {item!r} in the workspace {workspace.name!r}. It has: {known}.")


def resources() -> str:
    """The folder of the notebook's resources, `builtin` and `env`, which the server made (`SessionFolders`)."""
    return os.path.join(session_context().private, "nb_resource")
