"""Notebooks that are items of a workspace: what `%run` means where its repository has no such notebook."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from fabric_livy_magic.errors import NotebookError, NotLivyError
from fabric_livy_magic.fabric.api import FabricApi
from fabric_livy_magic.fabric.models import Item
from fabric_livy_magic.fabric.names import items_named
from fabric_livy_magic.livy.answers import Accepted
from fabric_livy_magic.livy.waiting import SESSION_PAUSES, interruptible_sleep, wait_until
from fabric_livy_magic.notebooks.git_format import SUFFIXES, read_git
from fabric_livy_magic.notebooks.ipynb import SUFFIX, read_ipynb
from fabric_livy_magic.notebooks.model import Notebook

OPERATION_WAIT_S = 120.0
_NOT_FINISHED = {"NotStarted", "Running", "Undefined"}


class WorkspaceNotebooks:
    """The notebooks of one workspace. Each is fetched once, so that a session sees one version of it."""

    def __init__(self, api: FabricApi, workspace_id: str) -> None:
        self._api = api
        self._workspace_id = workspace_id
        self._listed: list[Item] | None = None
        self._notebooks: dict[str, Notebook] = {}

    def find(self, name: str) -> tuple[str, Notebook] | None:
        """Its display name and its content, or None. Raises NotebookError where the name means two, or it cannot be read;
        HttpError where it cannot be fetched."""
        if self._listed is None:
            self._listed = self._api.notebooks(self._workspace_id)
        found = items_named(name.lstrip("./").rpartition("/")[2].strip(), self._listed)
        if len(found) > 1:
            raise NotebookError(
                f"{len(found)} notebooks of the workspace are called {name!r}; names differ in case alone."
            )
        if not found:
            return None
        item = found[0]
        if item.id not in self._notebooks:
            self._notebooks[item.id] = read_definition(fetch_definition(self._api, self._workspace_id, item), item.name)
        return item.name, self._notebooks[item.id]


def fetch_definition(
    api: FabricApi,
    workspace_id: str,
    item: Item,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = interruptible_sleep,
) -> Any:
    """Its definition as JSON; waits for a long-running operation. Raises NotebookError where that fails."""
    answer = api.notebook_definition(workspace_id, item.id)
    if not isinstance(answer, Accepted):
        return answer
    operation = wait_until(
        lambda: _status(api.operation(answer.operation_id)),
        lambda status: status["status"] not in _NOT_FINISHED,
        timeout_s=OPERATION_WAIT_S,
        what=f"the definition of the notebook {item.name!r}",
        pauses=SESSION_PAUSES,
        clock=clock,
        sleep=sleep,
    )
    if operation["status"] != "Succeeded":
        error = operation.get("error")
        reason = (
            f"{error.get('errorCode', '')}: {error.get('message', '')}".strip(": ")
            if isinstance(error, Mapping)
            else ""
        )
        raise NotebookError(
            f"The workspace did not give its notebook {item.name!r}: {reason or operation['status']}. A notebook with a "
            "sensitivity label that is encrypted is given to nobody."
        )
    return api.operation_result(answer.operation_id)


def _status(answer: Any) -> Mapping[str, Any]:
    if isinstance(answer, Mapping) and isinstance(answer.get("status"), str):
        return answer
    raise NotLivyError("The Fabric API answered with JSON that is no operation.")


def read_definition(answer: Any, name: str) -> Notebook:
    """The notebook among the parts of a definition. Raises NotebookError."""
    for path, text in _parts(answer, name):
        suffix = PurePosixPath(path).suffix.lower()
        if suffix == SUFFIX:
            return read_ipynb(text)
        if suffix in SUFFIXES.values() and PurePosixPath(path).stem.lower() in {"notebook-content", "artifact.content"}:
            return read_git(text, suffix)
    raise NotebookError(f"The definition of the workspace's notebook {name!r} holds no notebook.")


def _parts(answer: Any, name: str) -> list[tuple[str, str]]:
    try:
        parts = answer["definition"]["parts"]
        return [
            (str(one["path"]), base64.b64decode(one["payload"], validate=True).decode("utf-8"))
            for one in parts
            if str(one["path"]) != ".platform"
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise NotebookError(
            f"The definition of the workspace's notebook {name!r} is none that is known: {error}"
        ) from None
