"""The workspaces of a server, with the lakehouses that requests create and delete.

A server with one lakehouse keeps a created one where it keeps one of that name that a notebook names, and with that id: see
`notebook_lakehouses`. With a file of workspaces it is beside the file, in a folder of its id, as one that the file names without
a folder. `.created.json` in its folder says that it was created, so that a server that starts later has it as well.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.lakehouse.notebook_lakehouses import FOLDER, key_of_created, place_of_created
from fabric_livy_magic.local.lakehouse.workspaces import DEFAULT_SCHEMA, Lakehouse, Workspace, Workspaces

RECORD = ".created.json"
MOST_NAME = 256  # characters
_NAME = re.compile(r"\w+", re.ASCII)  # Fabric takes no hyphens and no blanks: a lakehouse is a database as well


class InvalidName(ValueError):  # noqa: N818 - says what is wrong
    pass


class NameTaken(ValueError):  # noqa: N818 - says what is wrong
    pass


class ServedWorkspaces:
    def __init__(self, workspaces: Workspaces, repository: Path | None) -> None:
        """`repository` is the one that the server was started for."""
        self._repository = repository
        self._lock = threading.Lock()
        self.now = workspaces
        """As they are at this moment. A session keeps those of its start."""
        for one in self._recorded():
            self._add(one)

    def create(self, workspace: Workspace, name: str, description: str, *, schemas: bool) -> Lakehouse:
        """Raises InvalidName, NameTaken or OSError."""
        if not _NAME.fullmatch(name) or len(name) > MOST_NAME:
            raise InvalidName(
                f"DisplayName is Invalid for ArtifactType. DisplayName: {name!r}. The name of a lakehouse has letters, "
                f"digits and underscores, and {MOST_NAME} characters at most"
            )
        with self._lock:
            made = self._new(self.now.workspace(workspace.id) or workspace, name)
            made = replace(made, name=name, description=description, default_schema=DEFAULT_SCHEMA if schemas else None)
            for area in ("Files", "Tables"):
                (made.folder / area).mkdir(parents=True, exist_ok=True)
            _write(made)
            self._add(made)
        return made

    def describe(self, lakehouse: Lakehouse, description: str) -> Lakehouse:
        with self._lock:
            made = replace(lakehouse, description=description)
            _write(made)
            self._without(lakehouse)
            self._add(made)
        return made

    def remove(self, lakehouse: Lakehouse) -> bool:
        """From the list, so that no session can start in it any more. False where another request did that."""
        with self._lock:
            before = self.now
            self._without(lakehouse)
            return self.now != before

    @staticmethod
    def delete_folder(lakehouse: Lakehouse) -> None:
        """Once nothing works in it. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(lakehouse.folder)
        if lakehouse.folder.parent.parent.name == FOLDER:
            for empty in lakehouse.folder.parents[:2]:
                with contextlib.suppress(OSError):  # another lakehouse is there
                    empty.rmdir()

    # ---- places

    def _new(self, workspace: Workspace, name: str) -> Lakehouse:
        if any(one.name.casefold() == name.casefold() for one in workspace.lakehouses):
            raise NameTaken(f"Requested '{name}' is already in use")
        if self.now.file is None:
            made = place_of_created(self.now, name, self._repository)
            if made.folder == self.now.first_lakehouse.folder:
                raise NameTaken(
                    f"Requested '{name}' is already in use: notebooks name {workspace.lakehouses[0].name!r} so"
                )
        else:
            lakehouse_id = self.now.id_in_file(f"lakehouse of {workspace.id} {name} 1")
            folder = self.now.file.parent.resolve() / lakehouse_id
            made = Lakehouse(id=lakehouse_id, name=name, workspace_id=workspace.id, folder=folder, is_created=True)
        if any(made.id == one.id for each in self.now.all for one in each.lakehouses):
            raise NameTaken(f"Requested '{name}' is already in use: another lakehouse has its id")
        return made

    def _add(self, lakehouse: Lakehouse) -> None:
        self.now = replace(
            self.now,
            all=tuple(
                replace(one, lakehouses=(*one.lakehouses, lakehouse)) if one.id == lakehouse.workspace_id else one
                for one in self.now.all
            ),
        )

    def _without(self, lakehouse: Lakehouse) -> None:
        self.now = replace(
            self.now,
            all=tuple(
                replace(one, lakehouses=tuple(each for each in one.lakehouses if each.id != lakehouse.id))
                for one in self.now.all
            ),
        )

    # ---- records

    def _recorded(self) -> Iterator[Lakehouse]:
        """Those of earlier servers, in the order of their names."""
        if self.now.file is None:
            key = key_of_created(self.now, self._repository)
            above = self.now.first_lakehouse.folder / FOLDER / key
        else:
            above = self.now.file.parent
        seen = {one.id for workspace in self.now.all for one in workspace.lakehouses}
        found = [made for file in above.glob(f"*/{RECORD}") if (made := _read(file))]
        for one in sorted(found, key=lambda one: one.name.casefold()):
            if one.id not in seen and self.now.workspace(one.workspace_id):
                seen.add(one.id)
                yield one


def _write(lakehouse: Lakehouse) -> None:
    record = {
        "workspace_id": lakehouse.workspace_id,
        "id": lakehouse.id,
        "name": lakehouse.name,
        "description": lakehouse.description,
        "schemas": lakehouse.default_schema is not None,
    }
    draft = lakehouse.folder / f"{RECORD}.{uuid.uuid4()}"
    draft.write_text(json.dumps(record), encoding="utf-8")
    draft.replace(lakehouse.folder / RECORD)


def _read(file: Path) -> Lakehouse | None:
    """None for one that this module did not write."""
    try:
        record: Any = json.loads(file.read_text(encoding="utf-8"))
        texts = {key: record[key] for key in ("workspace_id", "id", "name", "description")}
        if not all(isinstance(text, str) for text in texts.values()) or not _NAME.fullmatch(texts["name"]):
            return None
        return Lakehouse(
            id=str(uuid.UUID(texts.pop("id"))),
            **texts,
            folder=file.parent,
            default_schema=DEFAULT_SCHEMA if record["schemas"] is True else None,
            is_created=True,
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None
