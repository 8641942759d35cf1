"""Of `sempy.fabric`, what needs no service: the ids and names of workspaces and items, with the signatures of the real one.

`credential` and the like are taken and not used: nothing is asked over the network.
"""

from __future__ import annotations

import importlib
from typing import Any, Dict, List, NoReturn, Tuple

from notebookutils._context import Workspace, session_context
from notebookutils._errors import ServiceNeeded
from notebookutils._items import Item, items_of, own_notebook_id

WORKSPACE_COLUMNS = {
    "Id": "object",
    "Is Read Only": "bool",
    "Is On Dedicated Capacity": "bool",
    "Capacity Id": "object",
    "Default Dataset Storage Format": "object",
    "Type": "object",
    "Name": "object",
}
ITEM_COLUMNS = ("Id", "Display Name", "Description", "Type", "Workspace Id", "Folder Id")


# ------------------------------------------------------------------------------------------------ of the session
def get_workspace_id() -> str:
    """The id of the default lakehouse's workspace."""
    return session_context().lakehouse.workspace_id


def get_notebook_workspace_id() -> str:
    """The id of the notebook's workspace."""
    return session_context().workspace.id


def get_lakehouse_id() -> str:
    """The id of the default lakehouse."""
    return session_context().lakehouse.id


def get_artifact_id() -> str:
    """The id of the notebook; empty where the session is for none."""
    return own_notebook_id() or ""


# ------------------------------------------------------------------------------------------------ workspaces
def exception(name: str) -> Any:
    """Of the `sempy` that the notebook imported, so that its `except` finds it."""
    return getattr(importlib.import_module("sempy.fabric.exceptions"), name)


def workspace_of(workspace: Any) -> Workspace:
    """By name or id; None is that of the default lakehouse. Raises the WorkspaceNotFoundException of `sempy.fabric`."""
    context = session_context()
    wanted = str(workspace if workspace is not None else get_workspace_id())
    by_id = [one for one in context.workspaces if one.id == wanted.lower()]
    found = by_id or [one for one in context.workspaces if one.name == wanted]
    if not found:
        known = ", ".join(repr(one.name) for one in context.workspaces)
        raise exception("WorkspaceNotFoundException")(
            wanted, f"Workspace '{wanted}' not found. This embedded Fabric has: {known}."
        )
    return found[0]


def resolve_workspace_name_and_id(workspace: Any = None, credential: Any = None) -> Tuple[str, str]:
    """The name and the id of a workspace, which is given by either."""
    found = workspace_of(workspace)
    return found.name, found.id


def resolve_workspace_id(workspace: Any = None, credential: Any = None) -> str:
    """The id of a workspace, which is given by its name or id."""
    return workspace_of(workspace).id


def resolve_workspace_name(workspace: Any = None, credential: Any = None) -> str:
    """The name of a workspace, which is given by its name or id."""
    return workspace_of(workspace).name


def list_workspaces(
    filter: str | None = None,
    top: int | None = None,
    skip: int | None = None,
    roles: str | None = None,
    endpoint: str | None = None,
    credential: Any = None,
) -> Any:
    """A pandas DataFrame with a row per workspace. `filter` is OData of the service, and is refused."""
    import pandas

    if filter:
        raise ServiceNeeded(
            f"The filter {filter!r} of list_workspaces is read by the service. Filter the frame of list_workspaces() instead."
        )
    first = skip or 0
    found = session_context().workspaces[first : None if top is None else first + top]
    rows = [(one.id, False, False, None, "Small", "Workspace", one.name) for one in found]
    return pandas.DataFrame(rows, columns=[*WORKSPACE_COLUMNS]).astype(WORKSPACE_COLUMNS)


# ------------------------------------------------------------------------------------------------ items
def list_items(
    item_type: str | None = None,
    workspace: Any = None,
    root_folder: Any = None,
    recursive: bool = True,
    credential: Any = None,
    **older: Any,
) -> Any:
    """A pandas DataFrame with a row per item of a workspace; with `item_type`, of those of that type."""
    import pandas

    item_type = renamed("list_items", "item_type", item_type, "type", older)
    refuse_unknown("list_items", older)
    if root_folder is not None:
        raise ServiceNeeded(
            "Folders of a workspace are the service's. Leave out root_folder, and all items are listed."
        )
    found = [one for one in items_of(workspace_of(workspace)) if is_of(one, item_type)]
    rows = [(one.id, one.name, one.description, one.type, one.workspace_id, None) for one in found]
    return pandas.DataFrame(rows, columns=[*ITEM_COLUMNS], dtype="object")


def item_of(item: Any, item_type: str | None, workspace: Any) -> Item:
    """By id or name. Raises the ItemNotFoundException of `sempy.fabric`."""
    where = workspace_of(workspace)
    listed = [one for one in items_of(where) if is_of(one, item_type)]
    by_id = [one for one in listed if one.id == str(item).lower()]
    found = by_id or [one for one in listed if one.name == str(item)]
    if not found:
        raise exception("ItemNotFoundException")(str(item), item_type=item_type, workspace=where.name)
    return found[0]


def is_of(item: Item, item_type: str | None) -> bool:
    return item_type is None or item.type.casefold() == item_type.casefold()


def resolve_item_id(
    item: Any = None, item_type: str | None = None, workspace: Any = None, credential: Any = None, **older: Any
) -> str:
    """The id of an item, which is given by its name or id."""
    item, item_type = item_and_type("resolve_item_id", item, "item_name", item_type, older)
    return item_of(item, item_type, workspace).id


def resolve_item_name(
    item: Any = None, item_type: str | None = None, workspace: Any = None, credential: Any = None, **older: Any
) -> str:
    """The name of an item, which is given by its name or id."""
    item, item_type = item_and_type("resolve_item_name", item, "item_id", item_type, older)
    return item_of(item, item_type, workspace).name


def get_item(
    item: Any,
    item_type: str | None = None,
    workspace: Any = None,
    return_dataframe: bool = True,
    credential: Any = None,
) -> Any:
    """One item, as a pandas DataFrame with one row or as the dict that the service answers."""
    found = item_of(item, item_type, workspace)
    if return_dataframe:
        frame = list_items(found.type, workspace)
        return frame[frame["Id"] == found.id].drop(columns="Folder Id").reset_index(drop=True)
    answer: Dict[str, str] = {
        "id": found.id,
        "type": found.type,
        "displayName": found.name,
        "description": found.description,
        "workspaceId": found.workspace_id,
    }
    return answer


def item_and_type(function: str, item: Any, older_item: str, item_type: Any, older: Dict[str, Any]) -> Tuple[Any, Any]:
    item = renamed(function, "item", item, older_item, older)
    item_type = renamed(function, "item_type", item_type, "type", older)
    refuse_unknown(function, older)
    if item is None:
        raise TypeError(f"{function}() missing required argument: 'item'")
    return item, item_type


def renamed(function: str, name: str, value: Any, older_name: str, older: Dict[str, Any]) -> Any:
    """The value of a parameter that had another name in earlier releases, which still works."""
    if older_name not in older:
        return value
    if value is not None:
        raise TypeError(f"{function}() takes {name!r} or {older_name!r}, not both")
    return older.pop(older_name)


def refuse_unknown(function: str, older: Dict[str, Any]) -> None:
    if older:
        raise TypeError(f"{function}() got unexpected keyword argument(s): {[*older]}")


# ------------------------------------------------------------------------------------------------ what is there of lakehouses
def resolve_lakehouse_id(lakehouse: Any = None, workspace: Any = None, credential: Any = None) -> str:
    """The id of a lakehouse; without one, of the default lakehouse."""
    return get_lakehouse_id() if lakehouse is None else item_of(lakehouse, "Lakehouse", workspace).id


def resolve_lakehouse_name(lakehouse: Any = None, workspace: Any = None, credential: Any = None) -> str:
    """The name of a lakehouse; without one, of the default lakehouse."""
    return session_context().lakehouse.name if lakehouse is None else item_of(lakehouse, "Lakehouse", workspace).name


OF_FABRIC: List[Any] = [
    get_workspace_id, get_notebook_workspace_id, get_lakehouse_id, get_artifact_id, resolve_workspace_name_and_id,
    resolve_workspace_id, resolve_workspace_name, list_workspaces, list_items, resolve_item_id, resolve_item_name, get_item,
]  # fmt: skip
OF_LAKEHOUSE: List[Any] = [resolve_lakehouse_id, resolve_lakehouse_name]


def refuse(name: str) -> NoReturn:
    """For a name of semantic link that is not among these."""
    raise ServiceNeeded(
        f"sempy.{name} needs Fabric's service: semantic models, reports and the REST APIs are not in the embedded Fabric. Run it "
        "on Fabric itself, let a mock answer (`%livy config mocks FOLDER`), or `%pip install semantic-link` and sign in with its own "
        "credential."
    )
