"""Notebooks on disk: `x.ipynb`, or a folder `x.Notebook` with `notebook-content.py` and `.platform` as Fabric commits it."""

from __future__ import annotations

import html
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import NotebookError, SettingsError
from fabric_livy_magic.notebooks.committed_form import with_committed_form, write_committed
from fabric_livy_magic.notebooks.git_format import SUFFIXES, read_git
from fabric_livy_magic.notebooks.ipynb import SUFFIX, read_ipynb, write_ipynb
from fabric_livy_magic.notebooks.json_text import read_json, write_json
from fabric_livy_magic.notebooks.model import Notebook

FOLDER_SUFFIX = ".notebook"  # in any case
CONTENT = "notebook-content"
PLATFORM = ".platform"
_CONTENT_NAMES = [f"{CONTENT}{suffix}" for suffix in (*SUFFIXES.values(), SUFFIX)]
PLATFORM_SCHEMA = (
    "https://developer.microsoft.com/json-schemas/fabric/gitIntegration/platformProperties/2.0.0/schema.json"
)
MOST_BYTES = 1_000_000  # of a file that describes an item
# Folders of a repository that hold no notebooks of its own, and may be large.
SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages"})


@dataclass(frozen=True)
class NotebookFile:
    """`path` is the file with the cells, `name` the display name in the portal."""

    path: Path
    name: str

    @property
    def folder(self) -> Path:
        """The folder that holds the notebook: for the Git format the parent of its `.Notebook` folder."""
        return self.path.parent.parent if is_git_folder(self.path.parent) else self.path.parent

    def read(self) -> Notebook:
        return read_notebook(self.path)


def is_git_folder(path: Path) -> bool:
    return path.suffix.lower() == FOLDER_SUFFIX


def notebook_file(path: Path) -> NotebookFile:
    """The notebook at a path: an `.ipynb`, a content file or the folder of one.

    Raises SettingsError for a path that is none of these.
    """
    path = path.absolute()
    if path.is_dir():
        contents = [path / name for name in _CONTENT_NAMES if (path / name).is_file()]
        if not contents:
            raise SettingsError(f"{path} is no folder of a notebook: there is no {CONTENT}.py in it.")
        path = contents[0]
    elif not path.is_file():
        raise SettingsError(f"There is no notebook {path}.")
    if path.suffix.lower() not in {SUFFIX, *SUFFIXES.values()}:
        raise SettingsError(f"{path} is no notebook: one is an .ipynb, or a folder with {CONTENT}.py.")
    return NotebookFile(path, display_name(path))


def display_name(content: Path) -> str:
    """That of `.platform`, by which `%run` finds a notebook: the folder may have another name."""
    if content.name not in _CONTENT_NAMES:
        return content.stem
    folder = content.parent
    return item_name(folder, html.unescape(folder.stem if is_git_folder(folder) else folder.name))


def item_name(folder: Path, otherwise: str) -> str:
    """The display name in an item's `.platform`."""
    metadata = json_object(folder / PLATFORM).get("metadata")
    name = metadata.get("displayName") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else otherwise


def json_object(path: Path) -> dict[str, Any]:
    """Of a file that anybody may have written. Empty where there is none."""
    content = json_content(path)
    return content if isinstance(content, dict) else {}


def json_content(path: Path) -> Any:
    """Of a file that anybody may have written. None where there is none."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return None
        return read_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None


def read_notebook(path: Path) -> Notebook:
    """Raises SettingsError where there is no file at the path, NotebookError where the file is no notebook."""
    path = notebook_file(path).path
    try:
        text = path.read_bytes().decode("utf-8")
        return read_ipynb(text) if path.suffix.lower() == SUFFIX else read_git(text, path.suffix)
    except UnicodeDecodeError as error:
        raise NotebookError(f"{path}: a notebook is UTF-8, and this file is not ({error.reason}).") from None
    except (NotebookError, OSError) as error:
        raise NotebookError(f"{path}: {error}") from error


def target_file(path: Path, notebook: Notebook) -> Path:
    """The file that the notebook goes into. Raises SettingsError for a path that is no form of a notebook."""
    suffix = SUFFIXES[notebook.primary]
    if path.suffix.lower() == SUFFIX:
        return path
    if is_git_folder(path):
        return path / f"{CONTENT}{suffix}"
    if path.stem == CONTENT and path.suffix in SUFFIXES.values():
        if path.suffix != suffix:
            raise SettingsError(
                f"{path} is no file for a notebook whose language is {notebook.primary}: that is {CONTENT}{suffix}."
            )
        return path
    raise SettingsError(f"{path} is no form of a notebook: name an .ipynb, a folder x.Notebook, or {CONTENT}{suffix}.")


def write_notebook(path: Path, notebook: Notebook) -> None:
    """In the form that the path names, with a `.platform` beside a content file that has none.

    A folder keeps one content file: that of another language is deleted.
    """
    path = target_file(path, notebook)
    is_git = path.suffix.lower() != SUFFIX
    try:
        text = write_committed(notebook) if is_git else write_ipynb(with_committed_form(notebook))
        content = text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotebookError(
            f"{path}: the notebook holds half a character (a lone surrogate), which is no text."
        ) from None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if is_git:
            leave_one_content(path.parent, path.name)
            _write_platform(path.parent)
    except OSError as error:
        raise NotebookError(f"{path} could not be written: {error}") from error


def leave_one_content(folder: Path, name: str) -> None:
    """A folder keeps one content file."""
    for other in set(_CONTENT_NAMES) - {name}:
        (folder / other).unlink(missing_ok=True)


def _write_platform(folder: Path) -> None:
    path = folder / PLATFORM
    if path.exists():
        return
    value = {
        "$schema": PLATFORM_SCHEMA,
        "metadata": {"type": "Notebook", "displayName": folder.stem if is_git_folder(folder) else folder.name},
        "config": {"version": "2.0", "logicalId": str(uuid.uuid4())},
    }
    path.write_bytes(write_json(value, indent=2).encode("utf-8"))  # Fabric ends it without a line break


def find_notebooks(folder: Path) -> list[NotebookFile]:
    """All notebooks below the folder, sorted. Hidden folders and those of packages are left out, links are not followed."""
    return [NotebookFile(path, display_name(path)) for path in sorted(_walk(folder.absolute()))]


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS]
        for name in names:
            if name in _CONTENT_NAMES or name.lower().endswith(SUFFIX):
                yield Path(parent, name)
