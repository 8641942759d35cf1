"""The lakehouses of one session: those of the server, and those that its notebook and the notebook's repository name.

A server with one lakehouse, which is what `local` starts, has all that a notebook names, each in a folder of its own:

    <lakehouse>/Tables, Files                                    the server's; and that of the notebook which first named one
    <lakehouse>/lakehouses/<repository or workspace>/<name>/…    every other

Notebooks of one Git repository share their lakehouses by name, whatever workspace ids they have. Outside of a repository those of
one workspace id do. A server with a workspace file has what the file says; there the lakehouse that the session was requested of
stands for a default lakehouse that the file does not name.

Names come from files that anybody may have written. None becomes a path: a folder's name has letters, digits and `_.-` alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fabric_livy_magic.local.lakehouse.shortcuts import with_shortcuts
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, Workspace, Workspaces
from fabric_livy_magic.notebooks.lakehouses import (
    CommittedLakehouse,
    NamedLakehouse,
    NamedLakehouses,
    default_lakehouses_below,
    find_lakehouses,
)
from fabric_livy_magic.notebooks.repository import distance

FOLDER = "lakehouses"
OWNER = ".lakehouse.json"  # in a server's lakehouse: whose it is
LONGEST_FOLDER_NAME = 80


@dataclass(frozen=True)
class Home:
    """The lakehouse that a session works in, and all that it can name."""

    lakehouse: Lakehouse
    workspaces: Workspaces


def home_of(
    workspaces: Workspaces,
    requested: Lakehouse,
    named: NamedLakehouses,
    repository: Path | None,
    notebook: Path | None = None,
) -> Home:
    """`requested` is the lakehouse in the address of the request. `notebook` is the notebook's file in the repository."""
    committed = _one_of_each_name(find_lakehouses(repository), notebook) if repository else []
    home = _home(workspaces, requested, named, repository, committed)
    with_links = with_shortcuts(home.workspaces, home.lakehouse.workspace_id, committed)
    return replace(home, workspaces=with_links)


def _one_of_each_name(found: Sequence[CommittedLakehouse], notebook: Path | None) -> list[CommittedLakehouse]:
    """The nearest to the notebook: a repository may hold a copy for each stage."""
    nearest_first = sorted(found, key=lambda one: distance(one.folder, notebook.parent)) if notebook else found
    chosen: dict[str, CommittedLakehouse] = {}
    for one in nearest_first:
        chosen.setdefault(one.name.casefold(), one)
    return [one for one in found if chosen[one.name.casefold()] is one]


def _home(
    workspaces: Workspaces,
    requested: Lakehouse,
    named: NamedLakehouses,
    repository: Path | None,
    committed: Sequence[CommittedLakehouse],
) -> Home:
    if not workspaces.has_one_lakehouse:
        return _with_stand_in(workspaces, requested, named.default)
    if not (named.default or named.known or committed):
        return Home(requested, workspaces)
    is_repository = repository is not None and (committed or (repository / ".git").exists())
    elsewhere = default_lakehouses_below(repository) if repository and is_repository else []
    key = _key(repository, named, committed)
    return _Places(workspaces, requested, named, committed, elsewhere, key).home()


def place_of_created(workspaces: Workspaces, name: str, repository: Path | None) -> Lakehouse:
    """The lakehouse that a request creates on a server with one: in the folder, and with the id, of the one that a notebook of the
    repository, or of the server's workspace, names so."""
    root = workspaces.first_lakehouse
    named = NamedLakehouses(NamedLakehouse(name, workspace_id=root.workspace_id))
    key = key_of_created(workspaces, repository)
    elsewhere = default_lakehouses_below(repository) if repository and key != root.workspace_id else []
    places = _Places(workspaces, root, named, (), elsewhere, key)
    return replace(places.lakehouse(NamedLakehouse(name), root.workspace_id), is_created=True)


def key_of_created(workspaces: Workspaces, repository: Path | None) -> str:
    named = NamedLakehouses(NamedLakehouse("", workspace_id=workspaces.first_lakehouse.workspace_id))
    return _key(repository, named, find_lakehouses(repository) if repository else [])


def _key(repository: Path | None, named: NamedLakehouses, committed: Sequence[CommittedLakehouse]) -> str:
    """What keeps lakehouses of the same name apart that have nothing to do with each other."""
    workspace_id = _workspace_id(named)
    if repository is None or (workspace_id and not committed and not (repository / ".git").exists()):
        return workspace_id or "notebooks"
    digest = hashlib.sha256(os.fsencode(repository.resolve())).hexdigest()[:8]
    return f"{folder_name(repository.name)}-{digest}"


def _workspace_id(named: NamedLakehouses) -> str:
    ids = [one.workspace_id for one in (named.default, *named.known) if one]
    return next(filter(None, ids), "")


def folder_name(name: str) -> str:
    """The same for all spellings that name one lakehouse, another for every other."""
    folded = name.casefold()
    plain = re.sub(r"[^\w.-]", "_", folded, flags=re.ASCII).strip(".")[:LONGEST_FOLDER_NAME]
    if plain and plain == folded:
        return plain
    return f"{plain}~{hashlib.sha256(folded.encode('utf-8')).hexdigest()[:8]}"


# ------------------------------------------------------------------------------------------------ a server with one lakehouse
@dataclass(frozen=True)
class _Places:
    workspaces: Workspaces
    requested: Lakehouse
    named: NamedLakehouses
    committed: Sequence[CommittedLakehouse]
    elsewhere: Sequence[NamedLakehouse]
    """What other notebooks of the repository name."""
    key: str

    def home(self) -> Home:
        workspace_id = _workspace_id(self.named) or self.requested.workspace_id
        default = self.lakehouse(self.named.default, workspace_id, may_own=True) if self.named.default else None
        by_name = {default.name.casefold(): default} if default else {}
        for one in (*self.named.known, *(NamedLakehouse(each.name) for each in self.committed), *self.elsewhere):
            made = self.lakehouse(one, workspace_id)
            by_name.setdefault(made.name.casefold(), made)
        for one_created in self._created:
            by_name.setdefault(one_created.name.casefold(), replace(one_created, workspace_id=workspace_id))
        others = tuple(by_name.values())
        if default is None:
            first = {one.folder: one for one in (self.requested, self.root)}
            others = (*first.values(), *(one for one in others if one.folder not in first))
        return Home(default or self.requested, replace(self.workspaces, all=self._workspaces(workspace_id, others)))

    def _workspaces(self, workspace_id: str, lakehouses: tuple[Lakehouse, ...]) -> tuple[Workspace, ...]:
        """Each workspace id that is named has them all: clones of a repository name different ones."""
        before = self.workspaces.workspace(self.requested.workspace_id)
        assert before is not None
        if workspace_id == before.id:
            own = [replace(before, lakehouses=lakehouses)]
        else:
            own = [Workspace(id=workspace_id, name=self._workspace_name(before, workspace_id), lakehouses=lakehouses)]
        named = (self.named.default, *self.named.known, *self.elsewhere)
        others = dict.fromkeys(one.workspace_id for one in named if one and one.workspace_id)
        made = [
            Workspace(id=id_, name=id_, lakehouses=tuple(replace(one, workspace_id=id_) for one in lakehouses))
            for id_ in others
            if id_ not in {workspace_id, before.id}
        ]
        return (*own, *made, *(one for one in self.workspaces.all if one.id != workspace_id))

    def _workspace_name(self, before: Workspace, workspace_id: str) -> str:
        """Metadata has its id alone."""
        name = self.key.rpartition("-")[0] if self.key != workspace_id else ""
        return name if name and name != before.name.casefold() else workspace_id

    @property
    def root(self) -> Lakehouse:
        """That of the server: a created one lies in its folder."""
        return self.workspaces.first_lakehouse if self.requested.is_created else self.requested

    @property
    def _created(self) -> list[Lakehouse]:
        return [one for each in self.workspaces.all for one in each.lakehouses if one.is_created]

    def lakehouse(self, one: NamedLakehouse, workspace_id: str, *, may_own: bool = False) -> Lakehouse:
        name = one.name or self._name_of_id(one.id)
        committed = next((each for each in self.committed if each.name.casefold() == name.casefold()), None)
        folder = self._folder(name, may_own=may_own)
        return Lakehouse(
            id=one.id or self._id_of_name(name) or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{folder.as_uri()}#lakehouse")),
            name=committed.name if committed else name,
            workspace_id=workspace_id,
            folder=folder,
            default_schema=self._schema_of(folder, committed),
        )

    def _schema_of(self, folder: Path, committed: CommittedLakehouse | None) -> str | None:
        created = next((one for one in self._created if one.folder == folder), None)
        if created:
            return created.default_schema
        return committed.default_schema if committed else self.root.default_schema

    def _name_of_id(self, lakehouse_id: str) -> str:
        """Its id where no notebook gives the name."""
        known = [
            one.name for one in (self.named.default, *self.elsewhere) if one and one.id == lakehouse_id and one.name
        ]
        created = [one.name for one in self._created if one.id == lakehouse_id]
        return next(iter([*known, *created]), lakehouse_id)

    def _id_of_name(self, name: str) -> str:
        known = (one for one in (self.named.default, *self.elsewhere) if one and one.name.casefold() == name.casefold())
        return next((one.id for one in known if one.id), "")

    def _folder(self, name: str, *, may_own: bool) -> Path:
        owner = json.dumps({"of": self.key, "name": name.casefold()})
        file = self.root.folder / OWNER
        if may_own and not file.exists():
            _create(file, owner)
        try:
            is_owner = file.read_text(encoding="utf-8") == owner
        except (OSError, ValueError):
            is_owner = False
        return self.root.folder if is_owner else self.root.folder / FOLDER / self.key / folder_name(name)


def claim(folder: Path, owner: NamedLakehouse | None, repository: Path) -> None:
    """Says whose the folder of a server's one lakehouse is, before the first session does: that of a repository's lakehouse, or nobody's."""
    if owner is None:
        _create(folder / OWNER, "{}")
        return
    key = _key(repository, NamedLakehouses(owner), find_lakehouses(repository))
    _create(folder / OWNER, json.dumps({"of": key, "name": (owner.name or owner.id).casefold()}))


def _create(file: Path, text: str) -> None:
    """At one blow, and only if there is none: two kernels may start at the same time, and only one can own the folder."""
    draft = file.with_name(f"{file.name}.{uuid.uuid4()}")
    draft.write_text(text, encoding="utf-8")
    try:
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    except OSError:  # a file system without hard links
        with contextlib.suppress(FileExistsError), file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    finally:
        draft.unlink()


# ------------------------------------------------------------------------------------------------ a server with a workspace file
def _with_stand_in(workspaces: Workspaces, requested: Lakehouse, default: NamedLakehouse | None) -> Home:
    if default is None or workspaces.workspace(default.workspace_id) is not None:
        return Home(requested, workspaces)
    own = workspaces.workspace(requested.workspace_id)
    assert own is not None
    known = [
        one
        for one in own.lakehouses
        if one.id == default.id or (default.name and one.name.casefold() == default.name.casefold())
    ]
    meant = known[0] if known else requested
    alias = replace(meant, id=default.id or meant.id, name=default.name or default.id)
    made = [
        replace(one, lakehouses=(*one.lakehouses, alias)) if one.id == own.id and not known else one
        for one in workspaces.all
    ]
    if default.workspace_id:
        elsewhere = replace(alias, workspace_id=default.workspace_id)
        made.append(Workspace(id=default.workspace_id, name=default.workspace_id, lakehouses=(elsewhere,)))
    return Home(requested, replace(workspaces, all=tuple(made)))
