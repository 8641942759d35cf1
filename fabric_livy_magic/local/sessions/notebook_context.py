"""The context of a session's notebook: the file that `notebookutils` reads in the session's Python, and that package's folder."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.lakehouse.notebook_lakehouses import Home, home_of
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspaces
from fabric_livy_magic.notebooks.files import display_name, is_git_folder
from fabric_livy_magic.notebooks.lakehouses import NamedLakehouses, read_named
from fabric_livy_magic.notebooks.mocks import facts_of
from fabric_livy_magic.notebooks.repository import repository_root
from fabric_livy_magic.notebooks.run_magic import RESOURCES

PACKAGES = Path(__file__).parents[1] / "interpreters" / "session_packages"  # importable in sessions, and nowhere else
CONTEXT_VARIABLE, MOCKS_VARIABLE = "NOTEBOOKUTILS_CONTEXT", "NOTEBOOKUTILS_MOCKS"
NOTEBOOKS_CONF, NOTEBOOKS_VARIABLE = "spark.fabric_livy.notebooks", "FABRIC_LIVY_NOTEBOOKS"
# The notebook file that this server was started for: set by `fabric-livy run`, or by Jupyter for its kernels.
NOTEBOOK_VARIABLES = ("FABRIC_LIVY_NOTEBOOK", "JPY_SESSION_NAME")
LAKEHOUSES_CONF = "spark.fabric_livy.lakehouses"
FOLDER_SUFFIX = ".Notebook"
NOTEBOOK_CONF, VALUE_SET_CONF = "spark.fabric_livy.notebook", "spark.fabric_livy.valueSet"
NOTEBOOK_FILE_CONF = "spark.fabric_livy.notebookFile"
SECRETS_VARIABLE, TOKEN_VARIABLES = "FABRIC_LIVY_SECRETS", "FABRIC_LIVY_TOKEN_"


def running_notebook() -> Path | None:
    named = (Path(text) for name in NOTEBOOK_VARIABLES if (text := os.environ.get(name)))
    return next((path for path in named if path.is_file()), None)


def notebooks_folder() -> Path | None:
    """The repository that this server was started for."""
    if named := os.environ.get(NOTEBOOKS_VARIABLE):
        return Path(named).expanduser().absolute()
    running = running_notebook()
    return repository_root(running) if running else None


def notebook_id(path: Path) -> str:
    """Derived from the path of the file with the cells; in the form of Git from the folder, whose content file may become one of
    another language."""
    path = path.absolute()
    return str(uuid.uuid5(uuid.NAMESPACE_URL, (path.parent if is_git_folder(path.parent) else path).as_uri()))


def notebooks_of(conf: Mapping[str, str]) -> Path | None:
    """The folder of the repository whose notebooks a session may run."""
    named = conf.get(NOTEBOOKS_CONF)
    return Path(named).expanduser().absolute() if named else notebooks_folder()


def _file_of(conf: Mapping[str, str]) -> Path | None:
    """That of the session's notebook: as its client says, else the one that this server was started for, if it has the name."""
    if file := conf.get(NOTEBOOK_FILE_CONF):
        return Path(file).expanduser().absolute()
    running, name = running_notebook(), conf.get(NOTEBOOK_CONF)
    return running.absolute() if running and name in (None, display_name(running)) else None


def home_of_request(workspaces: Workspaces, requested: Lakehouse, conf: Mapping[str, str]) -> Home:
    """The lakehouse that the session works in, and those that it can name, by its notebook and that one's repository."""
    named = read_named(conf.get(LAKEHOUSES_CONF, "{}"))
    return home_of(workspaces, requested, named, notebooks_of(conf), _file_of(conf))


def home_of_child(
    home: Home, workspaces: Workspaces, requested: Lakehouse, conf: Mapping[str, str], child: NamedLakehouses
) -> Home:
    """That of a notebook which one that works in `home` runs, and which names the default lakehouse of `child`: mostly one that the
    caller's can name, too. Of a file of workspaces it stays the caller's where the file has none of it."""
    default = child.default
    if default is None:
        return home
    workspace_id = default.workspace_id or home.lakehouse.workspace_id
    everywhere = [one for workspace in home.workspaces.all for one in workspace.lakehouses]
    by_id = (one for one in everywhere if one.id == default.id)
    by_name = (
        one for one in everywhere if one.workspace_id == workspace_id and one.name.casefold() == default.name.casefold()
    )
    if found := next(by_id, None) or next(by_name, None):
        return replace(home, lakehouse=found)
    if not workspaces.has_one_lakehouse:
        return home
    caller = read_named(conf.get(LAKEHOUSES_CONF, "{}"))
    named = NamedLakehouses(default, tuple(filter(None, (*child.known, caller.default, *caller.known))))
    return home_of(workspaces, requested, named, notebooks_of(conf), _file_of(conf))


@dataclass(frozen=True)
class NotebookContext:
    """Of one session. `conf` is the one in its client's request."""

    workspaces: Workspaces
    lakehouse: Lakehouse
    session_id: str
    user: str
    private: Path
    conf: Mapping[str, str]

    @property
    def notebooks(self) -> Path | None:
        """The folder of the repository whose notebooks this one may run."""
        return notebooks_of(self.conf)

    @property
    def notebook(self) -> dict[str, Any] | None:
        """The one that the session is for, where that is known."""
        file, name = _file_of(self.conf), self.conf.get(NOTEBOOK_CONF)
        if file is None:
            return {"name": name, "id": None, "file": None, "above": []} if name else None
        return {"name": name or display_name(file), "id": notebook_id(file), "file": str(file), "above": []}

    @property
    def resources(self) -> Path | None:
        """The `builtin` folder of the notebook, where its repository has one: beside its cells."""
        file = _file_of(self.conf)
        folders = [file.parent] if file else []
        if self.notebooks and (name := self.conf.get(NOTEBOOK_CONF)):
            folders.append(self.notebooks / f"{name}{FOLDER_SUFFIX}")
        return next((one / RESOURCES for one in folders if (one / RESOURCES).is_dir()), None)

    def environment(
        self, folder: Path, base: Mapping[str, str], child_runs: Mapping[str, Any], notebook: Mapping[str, Any] | None
    ) -> dict[str, str]:
        """Environment of the Python process of one REPL, in whose `folder` the context goes. Tokens and secrets do not reach the JVM."""
        file = folder / "context.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(self._to_json(child_runs, notebook)), encoding="utf-8")
        credentials = {
            key: value
            for key, value in os.environ.items()
            if key == SECRETS_VARIABLE or key.startswith(TOKEN_VARIABLES)
        }
        mocks = {MOCKS_VARIABLE: "1"} if facts_of(self.conf, self.private) else {}
        path = os.pathsep.join([*filter(None, [base.get("PYTHONPATH")]), str(PACKAGES)])
        return {**base, **credentials, **mocks, "PYTHONPATH": path, CONTEXT_VARIABLE: str(file)}

    def _to_json(self, child_runs: Mapping[str, Any], notebook: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            "workspaces": self.workspaces.to_json(),
            "workspace_id": self.lakehouse.workspace_id,
            "lakehouse_id": self.lakehouse.id,
            "private": str(self.private),
            "session_id": self.session_id,
            "user": self.user,
            "children": dict(child_runs),
            "notebooks": str(self.notebooks) if self.notebooks else None,
            "notebook": dict(notebook) if notebook else self.notebook,
            "value_set": self.conf.get(VALUE_SET_CONF),
            "mocks": facts_of(self.conf, self.private),
        }
