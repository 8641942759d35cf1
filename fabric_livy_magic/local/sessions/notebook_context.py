"""What a session's Python is told about the place it runs in: the file that `notebookutils` reads, and where that package is."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces
from fabric_livy_magic.notebooks.files import display_name
from fabric_livy_magic.notebooks.repository import repository_root

PACKAGES = Path(__file__).parents[1] / "interpreters" / "session_packages"  # importable in sessions, and nowhere else
VARIABLE = "NOTEBOOKUTILS_CONTEXT"
NOTEBOOKS_CONF, NOTEBOOKS_VARIABLE = "spark.fabric_livy.notebooks", "FABRIC_LIVY_NOTEBOOKS"
# The file that this server was started for: told by `fabric-livy run`, or by Jupyter to its kernels.
NOTEBOOK_VARIABLES = ("FABRIC_LIVY_NOTEBOOK", "JPY_SESSION_NAME")
NOTEBOOK_CONF, VALUE_SET_CONF = "spark.fabric_livy.notebook", "spark.fabric_livy.valueSet"
SECRETS_VARIABLE, TOKEN_VARIABLES = "FABRIC_LIVY_SECRETS", "FABRIC_LIVY_TOKEN_"


def running_notebook() -> Path | None:
    named = (Path(text) for name in NOTEBOOK_VARIABLES if (text := os.environ.get(name)))
    return next((path for path in named if path.is_file()), None)


def notebooks_folder() -> Path | None:
    """Of the repository that this server was started for."""
    if named := os.environ.get(NOTEBOOKS_VARIABLE):
        return Path(named).expanduser().absolute()
    running = running_notebook()
    return repository_root(running) if running else None


@dataclass(frozen=True)
class NotebookContext:
    """Of one session. `conf` is what its client asked for."""

    workspaces: Workspaces
    lakehouse: Lakehouse
    session_id: str
    user: str
    private: Path
    conf: Mapping[str, str]

    @property
    def notebooks(self) -> Path | None:
        """The folder of the repository whose notebooks this one may run."""
        named = self.conf.get(NOTEBOOKS_CONF)
        return Path(named).expanduser().absolute() if named else notebooks_folder()

    @property
    def notebook(self) -> dict[str, Any] | None:
        """The one that the session is for, where its client said so."""
        running = running_notebook()
        name = self.conf.get(NOTEBOOK_CONF) or (display_name(running) if running else None)
        return {"name": name, "above": []} if name else None

    def environment(
        self, folder: Path, base: Mapping[str, str], children: Mapping[str, Any], notebook: Mapping[str, Any] | None
    ) -> dict[str, str]:
        """Of the Python process of one REPL, whose folder it is. Tokens and secrets are for it alone, not for the JVM."""
        file = folder / "context.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(self._facts(children, notebook)), encoding="utf-8")
        given = {
            key: value
            for key, value in os.environ.items()
            if key == SECRETS_VARIABLE or key.startswith(TOKEN_VARIABLES)
        }
        path = os.pathsep.join([*filter(None, [base.get("PYTHONPATH")]), str(PACKAGES)])
        return {**base, **given, "PYTHONPATH": path, VARIABLE: str(file)}

    def _facts(self, children: Mapping[str, Any], notebook: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            "workspaces": self.workspaces.to_json(),
            "workspace_id": self.lakehouse.workspace_id,
            "lakehouse_id": self.lakehouse.id,
            "private": str(self.private),
            "session_id": self.session_id,
            "user": self.user,
            "children": dict(children),
            "notebooks": str(self.notebooks) if self.notebooks else None,
            "notebook": dict(notebook) if notebook else self.notebook,
            "value_set": self.conf.get(VALUE_SET_CONF),
        }
