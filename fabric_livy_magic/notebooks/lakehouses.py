"""The lakehouses that a repository holds and a notebook names. Everything here was written by others: it is read as data.

A lakehouse is committed as a folder `X.Lakehouse` with `.platform` (its name), `lakehouse.metadata.json` (which has a default
schema where the lakehouse has schemas) and `shortcuts.metadata.json`. A notebook names lakehouses in its metadata, by ids.
"""

from __future__ import annotations

import html
import json
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from fabric_livy_magic.notebooks.files import (
    MOST_BYTES,
    PLATFORM,
    SKIPPED_FOLDERS,
    find_notebooks,
    is_git_folder,
    item_name,
    json_object,
)
from fabric_livy_magic.notebooks.json_text import read_json
from fabric_livy_magic.notebooks.model import Notebook
from fabric_livy_magic.notebooks.shortcuts import Shortcut, read_shortcuts

SUFFIX = ".lakehouse"  # in any case
METADATA = "lakehouse.metadata.json"
MOST_LAKEHOUSES = 200  # a session looks at each before each statement
MOST_FOLDERS = 5_000  # a notebook may lie in a home folder; this takes a second
_LONGEST_NAME = 256  # as Fabric has it
_ZERO_ID = str(uuid.UUID(int=0))  # "the notebook's own workspace"
_WORKSPACE_KEY = "default_lakehouse_workspace_id"
_SCHEMA = re.compile(r"\w{1,128}")


@dataclass(frozen=True)
class CommittedLakehouse:
    """`folder` is the one in the repository; `default_schema` is None where the lakehouse has no schemas."""

    name: str
    folder: Path
    default_schema: str | None = None
    logical_id: str = ""
    shortcuts: tuple[Shortcut, ...] = ()


@dataclass(frozen=True)
class NamedLakehouse:
    """As a notebook names it: by name, id, or both. Ids are GUIDs in lower case, or empty."""

    name: str = ""
    id: str = ""
    workspace_id: str = ""


@dataclass(frozen=True)
class NamedLakehouses:
    """A notebook's default lakehouse, and others that it names: the `known_lakehouses` of its metadata."""

    default: NamedLakehouse | None = None
    known: tuple[NamedLakehouse, ...] = ()


def find_lakehouses(root: Path) -> list[CommittedLakehouse]:
    """Those committed below a folder, sorted by path. Links are not followed; what cannot be read counts as nothing."""
    found: list[CommittedLakehouse] = []
    for folder in _folders(root.absolute()):
        name = item_name(folder, html.unescape(folder.name[: -len(SUFFIX)]))
        schema = json_object(folder / METADATA).get("defaultSchema")
        has_schemas = isinstance(schema, str) and _SCHEMA.fullmatch(schema)
        if is_name(name):
            default_schema = str(schema).lower() if has_schemas else None
            found.append(CommittedLakehouse(name, folder, default_schema, logical_id(folder), read_shortcuts(folder)))
        if len(found) == MOST_LAKEHOUSES:
            break
    return found


def _folders(root: Path) -> Iterator[Path]:
    for parent, folders, files in islice(os.walk(root), MOST_FOLDERS):
        if Path(parent) != root and (".git" in folders or ".git" in files):
            folders.clear()  # another repository
            continue
        lakehouses = [name for name in folders if name.lower().endswith(SUFFIX) and not name.startswith(".")]
        yield from (path for name in sorted(lakehouses) if not (path := Path(parent, name)).is_symlink())
        folders[:] = sorted(
            name
            for name in folders
            if name not in lakehouses
            and not name.startswith(".")
            and name not in SKIPPED_FOLDERS
            and not is_git_folder(Path(name))
        )


def is_name(text: str) -> bool:
    """Whether a lakehouse may be called so here: Fabric's own names are narrower."""
    return bool(text.strip()) and text.isprintable() and len(text) <= _LONGEST_NAME


def named_lakehouse(name: str = "", lakehouse_id: str = "", workspace_id: str = "") -> NamedLakehouse | None:
    """None for what names nothing. A name that is none, and an id that is no GUID, count as missing."""
    one = NamedLakehouse(name if is_name(name) else "", _guid(lakehouse_id), _guid(workspace_id))
    return one if one.name or one.id else None


def logical_id(folder: Path) -> str:
    """By which items of a repository name each other; it is in an item's `.platform`."""
    config = json_object(folder / PLATFORM).get("config")
    found = config.get("logicalId") if isinstance(config, dict) else None
    return _guid(found) if isinstance(found, str) else ""


def _guid(text: str) -> str:
    try:
        found = str(uuid.UUID(text)) if re.fullmatch(r"[0-9A-Fa-f-]{32,36}", text) else ""
    except ValueError:
        return ""
    return "" if found == _ZERO_ID else found


def lakehouses_of(notebook: Notebook) -> NamedLakehouses:
    item = notebook.default_lakehouse
    default = named_lakehouse(item.name, item.id, item.workspace_id) if item else None
    workspace_id = default.workspace_id if default else ""
    known = [named_lakehouse("", one, workspace_id) for one in notebook.known_lakehouse_ids[:MOST_LAKEHOUSES]]
    return NamedLakehouses(default, tuple(one for one in known if one and (default is None or one.id != default.id)))


_NAMED = re.compile(r'"(default_lakehouse(?:_name|_workspace_id)?)"\s*:\s*("(?:[^"\\]|\\.)*")')


def default_lakehouses_below(root: Path) -> list[NamedLakehouse]:
    """The default lakehouses of all notebooks below a folder. By their text: reading hundreds of notebooks takes seconds."""
    found: dict[NamedLakehouse, None] = {}
    for file in find_notebooks(root):
        try:
            if not file.path.is_file() or file.path.stat().st_size > MOST_BYTES:
                continue
            text = file.path.read_bytes().decode("utf-8", errors="replace")
            values = {key: json.loads(value) for key, value in reversed(_NAMED.findall(text))}
        except (OSError, ValueError):
            continue
        words = (values.get(key, "") for key in ("default_lakehouse_name", "default_lakehouse", _WORKSPACE_KEY))
        if one := named_lakehouse(*words):
            found[one] = None
        if len(found) == MOST_LAKEHOUSES:
            break
    return list(found)


# ------------------------------------------------------------------------------------------------ as the conf of a session
def write_named(named: NamedLakehouses) -> str:
    """For the embedded Fabric alone."""
    first = asdict(named.default) if named.default else None
    return json.dumps({"default": first, "known": [asdict(one) for one in named.known]}, ensure_ascii=False)


def read_named(text: str) -> NamedLakehouses:
    """What `write_named` wrote. What is of another form counts as nothing."""
    try:
        content = read_json(text)
    except ValueError:
        return NamedLakehouses()
    if not isinstance(content, dict):
        return NamedLakehouses()
    listed = content.get("known")
    known = [_read_one(one) for one in listed[:MOST_LAKEHOUSES]] if isinstance(listed, list) else []
    return NamedLakehouses(_read_one(content.get("default")), tuple(one for one in known if one))


def _read_one(value: Any) -> NamedLakehouse | None:
    if not isinstance(value, dict):
        return None
    texts = [value.get(key) for key in ("name", "id", "workspace_id")]
    return named_lakehouse(*(text if isinstance(text, str) else "" for text in texts))
