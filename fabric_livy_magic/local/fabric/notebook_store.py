"""Notebooks that requests create, change and delete: files of the repository that this server was started for.

A definition is a list of parts, each a path and its bytes in base64
(learn.microsoft.com/rest/api/fabric/articles/item-management/definitions/notebook-definition). It is written as Fabric
commits notebooks, an `.ipynb` as well. What is in a notebook's folder besides its definition, its resources, stays.
"""

from __future__ import annotations

import base64
import binascii
import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import NotebookError, SettingsError
from fabric_livy_magic.local.lakehouse.onelake_paths import BadPath, path_within, segments
from fabric_livy_magic.local.web.answers import Refusal
from fabric_livy_magic.notebooks.files import (
    CONTENT,
    PLATFORM,
    PLATFORM_SCHEMA,
    NotebookFile,
    is_git_folder,
    json_object,
    leave_one_content,
    notebook_file,
    write_notebook,
)
from fabric_livy_magic.notebooks.git_format import SUFFIXES, read_git
from fabric_livy_magic.notebooks.ipynb import SUFFIX, read_ipynb
from fabric_livy_magic.notebooks.json_text import write_json
from fabric_livy_magic.notebooks.model import Notebook

MOST_NAME = 256  # characters
FOLDER_SUFFIX = ".Notebook"
UNFIT = '<>:"/\\|?*&.'  # in names of files on some system; Fabric commits them as character references, too
Parts = Mapping[str, bytes]
JsonObject = dict[str, Any]


def read_parts(body: JsonObject) -> Parts | None:
    """The definition in a request; None where it has none. Raises Refusal."""
    definition = body.get("definition")
    if definition is None:
        return None
    listed = definition.get("parts") if isinstance(definition, dict) else None
    if not isinstance(listed, list):
        raise _corrupted("a definition has a list of parts")
    parts: dict[str, bytes] = {}
    for one in listed:
        path, payload = (one.get(key) if isinstance(one, dict) else None for key in ("path", "payload"))
        if not isinstance(path, str) or not isinstance(payload, str) or one.get("payloadType") != "InlineBase64":
            raise _corrupted("each part has a path, a payload and the payloadType InlineBase64")
        try:
            parts["/".join(_segments(path))] = base64.b64decode(payload, validate=True)
        except binascii.Error:
            raise _corrupted(f"the payload of {path!r} is no base64") from None
    content_of(parts)
    return parts


def content_of(parts: Parts) -> tuple[str, Notebook]:
    """The path of the part with the cells, and the notebook. Raises Refusal."""
    of_git = [f"{CONTENT}{suffix}" for suffix in SUFFIXES.values()]
    found = [path for path in parts if path in of_git or ("/" not in path and path.lower().endswith(SUFFIX))]
    if len(found) != 1:
        raise _corrupted(f"a notebook has one part with its cells, such as {CONTENT}.py or {CONTENT}{SUFFIX}")
    path = found[0]
    try:
        text = parts[path].decode("utf-8")
        return path, read_ipynb(text) if path.lower().endswith(SUFFIX) else read_git(text, Path(path).suffix)
    except (UnicodeDecodeError, NotebookError) as problem:
        raise _corrupted(f"{path} is no notebook: {problem}") from problem


def create(above: Path, name: str, description: str, parts: Parts | None) -> NotebookFile:
    """In a folder of the repository. Raises Refusal or OSError."""
    folder = above / folder_of(name)
    if folder.exists():
        raise name_taken(name)
    try:
        folder.mkdir(parents=True)
        _write_parts(folder, parts or {f"{CONTENT}.py": b"# Fabric notebook source\n"})
        set_metadata(folder, {"type": "Notebook", "displayName": name, "description": description})
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return notebook_file(folder)


def update(file: NotebookFile, parts: Parts, *, with_metadata: bool) -> None:
    """Also to another language: the content file is then another one. Raises Refusal or OSError."""
    _, notebook = content_of(parts)
    if not is_git_folder(file.path.parent):
        _written(file.path, notebook)
        return
    folder = file.path.parent
    before = json_object(folder / PLATFORM)
    _write_parts(folder, parts)
    metadata = json_object(folder / PLATFORM).get("metadata") if with_metadata else before.get("metadata")
    if isinstance(metadata, dict):
        set_metadata(folder, metadata)


def describe(file: NotebookFile, changes: Mapping[str, str]) -> NotebookFile:
    """`displayName` and `description`. Raises Refusal or OSError."""
    if is_git_folder(file.path.parent):
        set_metadata(file.path.parent, changes)
    elif changes.get("displayName", file.name) != file.name or changes.get("description"):
        raise Refusal(
            400,
            f"{file.path.name} is an {SUFFIX}, whose name is its file's, by which it has its id, and which has no description",
            "OperationNotSupportedForItem",
        )
    return notebook_file(file.path)


def delete(file: NotebookFile) -> None:
    """With its resources."""
    if is_git_folder(file.path.parent):
        shutil.rmtree(file.path.parent)
    else:
        file.path.unlink()


def folder_of(name: str) -> str:
    if not name.strip() or len(name) > MOST_NAME or any(ord(one) < 32 for one in name):
        raise Refusal(400, f"a notebook's name is a text of {MOST_NAME} characters at most", "InvalidInput")
    made = "".join(f"&#{ord(one)};" if one in UNFIT else one for one in name) + FOLDER_SUFFIX
    _segments(made)  # too many bytes
    return made


def set_metadata(folder: Path, changes: Mapping[str, Any]) -> None:
    """Of `.platform`; what it has besides stays."""
    before = json_object(folder / PLATFORM)
    metadata = before.get("metadata")
    known = {key: value for key, value in changes.items() if key in ("type", "displayName", "description")}
    merged = {**(metadata if isinstance(metadata, dict) else {}), **known}
    if not merged.get("description"):
        merged.pop("description", None)
    config = before.get("config") or {"version": "2.0", "logicalId": str(uuid.uuid4())}
    text = write_json({"$schema": PLATFORM_SCHEMA, **before, "metadata": merged, "config": config}, indent=2)
    (folder / PLATFORM).write_bytes(text.encode("utf-8"))


def _write_parts(folder: Path, parts: Parts) -> None:
    path, notebook = content_of(parts)
    is_ipynb = path.lower().endswith(SUFFIX)
    for part, data in parts.items():
        if part == PLATFORM:
            _check_platform(data)
        if part == path and is_ipynb:
            continue
        file = _within(folder, part)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    if is_ipynb:
        _written(folder, notebook)
    else:
        leave_one_content(folder, path)


def _written(path: Path, notebook: Notebook) -> None:
    try:
        write_notebook(path, notebook)
    except (NotebookError, SettingsError) as problem:
        raise _corrupted(str(problem)) from problem


def _check_platform(data: bytes) -> None:
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        content = None
    metadata = content.get("metadata") if isinstance(content, dict) else None
    if not isinstance(metadata, dict) or metadata.get("type") != "Notebook":
        raise _corrupted(f"{PLATFORM} is not that of a notebook")


def _segments(path: str) -> tuple[str, ...]:
    try:
        found = segments(path)
    except BadPath as problem:
        raise _corrupted(f"{path[:80]!r} is no path of a part: {problem}") from problem
    if not found or (found[0].startswith(".") and found != (PLATFORM,)):
        raise _corrupted(f"{path[:80]!r} is no path of a part")
    return found


def _within(folder: Path, part: str) -> Path:
    try:
        return path_within(folder, _segments(part))
    except BadPath as problem:
        raise _corrupted(str(problem)) from problem


def name_taken(name: str) -> Refusal:
    return Refusal(409, f"Requested '{name}' is already in use", "ItemDisplayNameAlreadyInUse")


def _corrupted(message: str) -> Refusal:
    return Refusal(400, message, "CorruptedPayload")
