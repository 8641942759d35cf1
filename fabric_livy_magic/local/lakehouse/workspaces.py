"""The workspaces of a server: one lakehouse in one folder, or what a workspace file names.

    service_principals = false              # the tenant setting that lets applications use Fabric's APIs; default: true

    [[workspaces]]
    name = "Sales / EMEA"                   # any text; the same name may come twice
    description = "…"                       # optional, as is everything below except the names
    id = "…"                                # a GUID; by default one that follows from file and name
    role = "Viewer"                         # of every caller; default: Admin
    capacity = { name = "f2", sku = "F2", state = "Inactive" }

    [[workspaces.lakehouses]]
    name = "Bronze"
    folder = "bronze"                       # relative to the file; default: the lakehouse's id
    schemas = true                          # the default schema is then dbo, as in Fabric

    [[workspaces.environments]]
    name = "Libraries"

JSON of the same structure is read, too.
"""

from __future__ import annotations

import json
import tomllib
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

API_VERSION = "2023-12-01"
ROLES = ("Admin", "Member", "Contributor", "Viewer")
MAY_RUN = ROLES[:3]
DEFAULT_SCHEMA = "dbo"


class BadWorkspaces(ValueError):  # noqa: N818 - says what is wrong
    pass


@dataclass(frozen=True, kw_only=True)
class Named:
    id: str
    name: str
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Capacity(Named):
    sku: str = "F2"
    state: str = "Active"


@dataclass(frozen=True, kw_only=True)
class Lakehouse(Named):
    workspace_id: str
    folder: Path
    default_schema: str | None = None
    missing_shortcuts: tuple[tuple[str, str], ...] = ()
    """Paths of shortcuts that lead out of this machine, with where they lead."""
    is_created: bool = False
    """By a request: see `served_workspaces`."""

    def livy_path(self) -> str:
        return f"workspaces/{self.workspace_id}/lakehouses/{self.id}/livyapi/versions/{API_VERSION}"


@dataclass(frozen=True, kw_only=True)
class Workspace(Named):
    role: str = "Admin"
    lakehouses: tuple[Lakehouse, ...] = ()
    environments: tuple[Named, ...] = ()
    capacity: Capacity | None = None

    def lakehouse(self, lakehouse_id: str) -> Lakehouse | None:
        return next((one for one in self.lakehouses if one.id == lakehouse_id.lower()), None)

    def environment(self, environment_id: str) -> Named | None:
        return next((one for one in self.environments if one.id == environment_id.lower()), None)


@dataclass(frozen=True, kw_only=True)
class Workspaces:
    """At least one has a lakehouse; the server announces the first one at its start."""

    all: tuple[Workspace, ...]
    service_principals: bool = True
    file: Path | None = None
    """That names them."""

    def workspace(self, workspace_id: str) -> Workspace | None:
        return next((one for one in self.all if one.id == workspace_id.lower()), None)

    @property
    def has_one_lakehouse(self) -> bool:
        """Then it is the place for all that notebooks name: see `notebook_lakehouses`."""
        return sum(not one.is_created for workspace in self.all for one in workspace.lakehouses) == 1

    def id_in_file(self, key: str) -> str:
        """Of an entry of the file that has none of its own."""
        assert self.file is not None
        return id_in_file(self.file, key)

    @property
    def first_lakehouse(self) -> Lakehouse:
        return next(one for workspace in self.all for one in workspace.lakehouses)

    def to_json(self) -> list[dict[str, Any]]:
        """What the Python and the JVM of a session read."""
        return [
            {
                "id": workspace.id,
                "name": workspace.name,
                "lakehouses": [
                    {
                        "id": one.id,
                        "name": one.name,
                        "description": one.description,
                        "folder": str(one.folder),
                        "default_schema": one.default_schema,
                        "missing_shortcuts": dict(one.missing_shortcuts),
                    }
                    for one in workspace.lakehouses
                ],
            }
            for workspace in self.all
        ]


def one_lakehouse(folder: Path, *, schemas: bool = False) -> Workspaces:
    """Its ids are derived from the folder, so that they survive restarts."""
    workspace_id, lakehouse_id, capacity_id = (
        str(uuid.uuid5(uuid.NAMESPACE_URL, f"{folder.as_uri()}#{kind}"))
        for kind in ("workspace", "lakehouse", "capacity")
    )
    lakehouse = Lakehouse(
        id=lakehouse_id,
        name=folder.name or "lakehouse",
        workspace_id=workspace_id,
        folder=folder,
        default_schema=DEFAULT_SCHEMA if schemas else None,
    )
    capacity = Capacity(id=capacity_id, name="local")  # clients that deploy refuse a workspace without one
    return Workspaces(all=(Workspace(id=workspace_id, name="local", lakehouses=(lakehouse,), capacity=capacity),))


def id_in_file(file: Path, key: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{file.as_uri()}#{key}"))


def read_workspaces(file: Path) -> Workspaces:
    """Raises BadWorkspaces, which names the place in the file, or OSError."""
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")  # editors of Windows begin a file with a mark
        content = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadWorkspaces(f"{file} cannot be read: {problem}") from problem
    workspaces = _Reader(file.absolute()).workspaces(content)
    if not any(workspace.lakehouses for workspace in workspaces.all):
        raise BadWorkspaces(f"{file} names no lakehouse")
    ids = Counter(one.id for workspace in workspaces.all for one in (workspace, *workspace.lakehouses))
    if duplicates := [one for one, times in ids.items() if times > 1]:
        raise BadWorkspaces(f"{file} gives the id {duplicates[0]} twice")
    return workspaces


Table = Mapping[str, Any]
Parsed = TypeVar("Parsed")


class _Reader:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._names: Counter[str] = Counter()

    def workspaces(self, content: Any) -> Workspaces:
        table = self._table(content, "the file", {"service_principals", "workspaces"})
        return Workspaces(
            all=self._list(table, "workspaces", "the file", self._workspace),
            service_principals=self._bool(table, "service_principals", "the file", default=True),
            file=self._file,
        )

    def _workspace(self, content: Any, where: str) -> Workspace:
        known = {"id", "name", "description", "role", "capacity", "lakehouses", "environments"}
        table = self._table(content, where, known)
        fields = self._common_fields(table, where, "workspace")
        role = self._text(table, "role", where, ROLES[0])
        if role not in ROLES:
            raise self._error(where, f"role is one of {', '.join(ROLES)}, not {role!r}")

        def lakehouse(content: Any, inner: str) -> Lakehouse:
            return self._lakehouse(content, inner, fields["id"])

        return Workspace(
            **fields,
            role=role,
            lakehouses=self._list(table, "lakehouses", where, lakehouse),
            environments=self._list(table, "environments", where, self._environment),
            capacity=self._capacity(table["capacity"], f"{where}.capacity") if "capacity" in table else None,
        )

    def _lakehouse(self, content: Any, where: str, workspace_id: str) -> Lakehouse:
        table = self._table(content, where, {"id", "name", "description", "folder", "schemas"})
        fields = self._common_fields(table, where, f"lakehouse of {workspace_id}")
        folder = self._file.parent / self._text(table, "folder", where, fields["id"])
        schemas = self._bool(table, "schemas", where, default=False)
        return Lakehouse(
            **fields,
            workspace_id=workspace_id,
            folder=folder.expanduser().resolve(),
            default_schema=DEFAULT_SCHEMA if schemas else None,
        )

    def _environment(self, content: Any, where: str) -> Named:
        return Named(
            **self._common_fields(self._table(content, where, {"id", "name", "description"}), where, f"in {where}")
        )

    def _capacity(self, content: Any, where: str) -> Capacity:
        table = self._table(content, where, {"id", "name", "description", "sku", "state"})
        # Derived from its name alone: several workspaces may have the same capacity.
        capacity_id = self._id(table, where, f"capacity {self._text(table, 'name', where)}")
        sku, state = self._text(table, "sku", where, "F2"), self._text(table, "state", where, "Active")
        return Capacity(id=capacity_id, name=self._text(table, "name", where), sku=sku, state=state)

    def _common_fields(self, table: Table, where: str, kind: str) -> dict[str, Any]:
        name = self._text(table, "name", where)
        key = f"{kind} {name}"
        self._names[key] += 1
        return {
            "id": self._id(table, where, f"{key} {self._names[key]}"),
            "name": name,
            "description": self._text(table, "description", where, ""),
        }

    def _id(self, table: Table, where: str, key: str) -> str:
        if "id" not in table:
            return id_in_file(self._file, key)
        try:
            return str(uuid.UUID(self._text(table, "id", where)))
        except ValueError:
            raise self._error(where, f"id {table['id']!r} is no GUID") from None

    def _list(self, table: Table, key: str, where: str, make: Callable[[Any, str], Parsed]) -> tuple[Parsed, ...]:
        content = table.get(key, [])
        if not isinstance(content, list):
            raise self._error(where, f"{key} is a list")
        return tuple(make(one, f"{key}[{position}]") for position, one in enumerate(content))

    def _table(self, content: Any, where: str, known: set[str]) -> Table:
        if not isinstance(content, dict):
            raise self._error(where, "a table is needed")
        if unknown := sorted(set(content) - known):
            raise self._error(where, f"{unknown[0]!r} is not known, only {', '.join(sorted(known))}")
        return content

    def _text(self, table: Table, key: str, where: str, default: str | None = None) -> str:
        value = table.get(key, default)
        if not isinstance(value, str) or (default is None and not value):
            raise self._error(where, f"{key} is a text" if key in table else f"{key} is needed")
        return value

    def _bool(self, table: Table, key: str, where: str, *, default: bool) -> bool:
        value = table.get(key, default)
        if not isinstance(value, bool):
            raise self._error(where, f"{key} is true or false")
        return value

    def _error(self, where: str, message: str) -> BadWorkspaces:
        return BadWorkspaces(f"{self._file}: {where}: {message}")
