"""The items of a workspace, as Fabric's APIs list them: its lakehouses and, in the session's own workspace, what the repository
of its notebooks has.

A folder `<name>.<type>` of a repository is an item; its display name is that of `.platform`. An `.ipynb` is a notebook. Ids
are derived from the path, that of the folder for an item, as the server derives those of notebooks.
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

from notebookutils._context import Workspace, session_context

PLATFORM = ".platform"
# In lower case; other folders with a dot in their names are no items.
TYPES = {
    one.lower(): one
    for one in (
        "CopyJob", "Dashboard", "DataPipeline", "Dataflow", "Datamart", "Environment", "Eventhouse", "Eventstream",
        "GraphQLApi", "KQLDashboard", "KQLDatabase", "KQLQueryset", "MLExperiment", "MLModel", "MirroredDatabase",
        "MountedDataFactory", "Notebook", "PaginatedReport", "Reflex", "Report", "SQLDatabase", "SQLEndpoint",
        "SemanticModel", "SparkJobDefinition", "UserDataFunction", "VariableLibrary", "Warehouse",
    )
}  # fmt: skip
SKIPPED = {"node_modules", "__pycache__", "site-packages"}


class Item(NamedTuple):
    id: str
    name: str
    description: str
    type: str
    workspace_id: str


def items_of(workspace: Workspace) -> List[Item]:
    """By type and name."""
    found = [Item(one.id, one.name, one.description, "Lakehouse", workspace.id) for one in workspace.lakehouses]
    root = session_context().facts.get("notebooks")
    if root and workspace.id == session_context().workspace.id:
        found += items_of_repository(root, workspace.id)
    return sorted(found, key=lambda one: (one.type, one.name.casefold()))


def own_notebook_id() -> str | None:
    """Of the notebook that runs; where only its name is known, of the one notebook of that name in the repository."""
    facts = session_context().facts
    notebook, root = facts.get("notebook") or {}, facts.get("notebooks")
    if notebook.get("id") or not notebook.get("name") or not root:
        known: str | None = notebook.get("id")
        return known
    named = [one.id for one in items_of_repository(root, "") if (one.type, one.name) == ("Notebook", notebook["name"])]
    return named[0] if len(named) == 1 else None


def items_of_repository(root: str, workspace_id: str) -> Iterator[Item]:
    """Lakehouses are left out: which there are, the server knows."""
    for folder, below, files in os.walk(root):
        below[:] = sorted(one for one in below if not one.startswith(".") and one not in SKIPPED)
        stem, _, kind = os.path.basename(folder).rpartition(".")
        if stem and kind.lower() in TYPES:
            below.clear()
            platform = platform_of(folder)
            name, about = platform.get("displayName") or stem, platform.get("description") or ""
            yield Item(id_of(folder), str(name), str(about), TYPES[kind.lower()], workspace_id)
            continue
        for name in sorted(files):
            if name.lower().endswith(".ipynb"):
                yield Item(id_of(os.path.join(folder, name)), name[: -len(".ipynb")], "", "Notebook", workspace_id)


def id_of(path: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, Path(os.path.abspath(path)).as_uri()))


def platform_of(folder: str) -> Dict[str, object]:
    """The metadata of an item; empty where it has none that can be read."""
    try:
        with open(os.path.join(folder, PLATFORM), encoding="utf-8-sig") as opened:
            metadata = json.load(opened)["metadata"]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return metadata if isinstance(metadata, dict) else {}
