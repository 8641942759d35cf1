"""What a notebook's own file says of its sessions: the default lakehouse, the environment, and where its repository is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.files import CONTENT, display_name, read_notebook
from fabric_livy_magic.notebooks.model import Notebook
from fabric_livy_magic.notebooks.repository import repository_root

# What the embedded Fabric is told, and no other server: they are of this machine.
NOTEBOOKS_CONF, NOTEBOOK_CONF = "spark.fabric_livy.notebooks", "spark.fabric_livy.notebook"


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """Empty where the file says nothing. `local_conf` is for an embedded Fabric on this machine."""

    target: str = ""
    environment_id: str = ""
    local_conf: Mapping[str, str]
    problem: str = ""


def defaults_of(path: Path) -> Defaults:
    if not path.is_file() or not (path.suffix.lower() == ".ipynb" or path.stem == CONTENT):
        return Defaults(local_conf={})
    local = {NOTEBOOKS_CONF: str(repository_root(path)), NOTEBOOK_CONF: display_name(path)}
    try:
        notebook = read_notebook(path)
    except NotebookError as error:
        return Defaults(local_conf=local, problem=f"Its default lakehouse and environment are not known: {error}")
    environment = notebook.environment
    return Defaults(
        target=default_target(notebook), environment_id=environment.id if environment else "", local_conf=local
    )


def default_target(notebook: Notebook) -> str:
    """Its default lakehouse; empty where it names none in full."""
    lakehouse = notebook.default_lakehouse
    if lakehouse is None or not lakehouse.workspace_id or not (lakehouse.id or lakehouse.name):
        return ""
    return f"{lakehouse.workspace_id}/{lakehouse.id or lakehouse.name}"
