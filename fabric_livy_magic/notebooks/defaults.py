"""The defaults that a notebook's file sets for its sessions: default lakehouse, environment, and the folder of its repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.files import CONTENT, display_name, read_notebook
from fabric_livy_magic.notebooks.lakehouses import NamedLakehouses, lakehouses_of
from fabric_livy_magic.notebooks.model import Notebook
from fabric_livy_magic.notebooks.repository import repository_root

# Conf keys that are sent to the embedded Fabric only: their values are a path and a name on this machine.
REPOSITORY_CONF, NOTEBOOK_NAME_CONF = "spark.fabric_livy.notebooks", "spark.fabric_livy.notebook"
NOTEBOOK_FILE_CONF = "spark.fabric_livy.notebookFile"
LAKEHOUSES_CONF = "spark.fabric_livy.lakehouses"
VALUE_SET_CONF = "spark.fabric_livy.valueSet"

_IDS_OR_NAME = re.compile(r"[\w-]+/[\w][\w .()-]*")


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """Empty where the file sets nothing. `local_conf` is for an embedded Fabric on this machine."""

    target: str = ""
    environment_id: str = ""
    local_conf: Mapping[str, str]
    lakehouses: NamedLakehouses = field(default_factory=NamedLakehouses)
    problem: str = ""


def defaults_of(path: Path) -> Defaults:
    if not path.is_file() or not (path.suffix.lower() == ".ipynb" or path.stem == CONTENT):
        return Defaults(local_conf={})
    local_conf = {
        REPOSITORY_CONF: str(repository_root(path)),
        NOTEBOOK_NAME_CONF: display_name(path),
        NOTEBOOK_FILE_CONF: str(path.absolute()),
    }
    try:
        notebook = read_notebook(path)
    except NotebookError as error:
        return Defaults(local_conf=local_conf, problem=f"Its default lakehouse and environment are not known: {error}")
    environment = notebook.environment
    return Defaults(
        target=default_target(notebook),
        environment_id=environment.id if environment else "",
        local_conf=local_conf,
        lakehouses=lakehouses_of(notebook),
    )


def default_target(notebook: Notebook) -> str:
    """`workspace id/lakehouse` of its default lakehouse; empty where it does not name both."""
    lakehouse = notebook.default_lakehouse
    if lakehouse is None or not lakehouse.workspace_id or not (lakehouse.id or lakehouse.name):
        return ""
    target = f"{lakehouse.workspace_id}/{lakehouse.id or lakehouse.name}"
    # Ids, and names as Fabric allows them. A notebook may be anybody's: `https://…` as an id would make its host the target.
    return target if _IDS_OR_NAME.fullmatch(target) else ""
