"""`runtime.context`: which workspace, lakehouse, notebook and session the code runs in."""

from __future__ import annotations

from typing import Any, Dict

from notebookutils._context import session_context
from notebookutils._items import own_notebook_id


def __getattr__(name: str) -> Any:
    if name == "context":
        return made_context()
    raise AttributeError(f"module 'notebookutils.runtime' has no attribute {name!r}")


def made_context() -> Dict[str, Any]:
    """Fabric's keys. What only a pipeline or the service would know is None."""
    context = session_context()
    notebook = context.facts.get("notebook") or {}
    above = notebook.get("above") or []
    session = context.facts["session_id"]
    return {
        "currentWorkspaceId": context.workspace.id,
        "currentWorkspaceName": context.workspace.name,
        "currentNotebookId": own_notebook_id(),
        "currentNotebookName": notebook.get("name"),
        "defaultLakehouseId": context.lakehouse.id,
        "defaultLakehouseName": context.lakehouse.name,
        "defaultLakehouseWorkspaceId": context.workspace.id,
        "defaultLakehouseWorkspaceName": context.workspace.name,
        "activityId": notebook.get("run_id") or session,
        "currentRunId": notebook.get("run_id") or session,
        "parentRunId": notebook.get("parent_run_id"),
        "rootRunId": session,
        "rootNotebookName": above[0] if above else notebook.get("name"),
        "isReferenceRun": bool(above),
        "referenceTreePath": "/".join([*above, notebook["name"]]) if notebook else None,
        "isForPipeline": False,
        "isForInteractive": not above,
        "PipelineParentRunGuid": None,
        "clusterId": session,
        "poolName": None,
        "environmentId": None,
        "environmentWorkspaceId": None,
        "userId": None,
        "userName": context.facts.get("user"),
        "productType": "Fabric",
    }


def help(method_name: str = "") -> None:
    """The keys of `context`, with their values."""
    print("runtime.context is a dict:\n")
    for key, value in made_context().items():
        print(f"  {key}: {value}")
