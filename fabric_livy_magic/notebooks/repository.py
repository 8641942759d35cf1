"""The notebooks of a Git repository, found by display name as `%run` names them."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fabric_livy_magic.notebooks.files import NotebookFile, find_notebooks
from fabric_livy_magic.notebooks.lakehouses import (
    CommittedLakehouse,
    NamedLakehouse,
    default_lakehouses_below,
    find_lakehouses,
)


@dataclass(frozen=True)
class NotebookMatch:
    """`file` is None where no notebook has the name; `similar` are then the closest names."""

    file: NotebookFile | None
    similar: tuple[str, ...] = ()


class Repository:
    """The notebooks below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @cached_property
    def files(self) -> list[NotebookFile]:
        return find_notebooks(self.root)

    @cached_property
    def lakehouses(self) -> list[CommittedLakehouse]:
        return find_lakehouses(self.root)

    @cached_property
    def default_lakehouses(self) -> list[NamedLakehouse]:
        """Of all its notebooks."""
        return default_lakehouses_below(self.root)

    @cached_property
    def lakehouse_ids(self) -> frozenset[str]:
        """By which the repository's items and notebooks name lakehouses."""
        named = (one.id for one in self.default_lakehouses)
        return frozenset(filter(None, (*named, *(one.logical_id for one in self.lakehouses))))

    @cached_property
    def _by_name(self) -> dict[str, list[NotebookFile]]:
        by_name: dict[str, list[NotebookFile]] = {}
        for file in self.files:
            by_name.setdefault(file.name.strip().casefold(), []).append(file)
        return by_name

    def find(self, name: str, caller: Path) -> NotebookMatch:
        """By display name, exact or else ignoring case; of several (a repository may hold a copy for each stage) the nearest
        to the caller.

        As in Fabric, a leading `/` or `./` is ignored, and of a path only the last part counts.
        """
        path = re.sub(r"^(?:\./|/)+", "", name)
        for key in (path.strip(), path.rpartition("/")[2].strip()):
            candidates = self._by_name.get(key.casefold(), [])
            exact = [file for file in candidates if file.name.strip() == key]
            if candidates:
                beside = caller.absolute().parent
                return NotebookMatch(min(exact or candidates, key=lambda file: distance(file.folder, beside)))
        names = sorted({file.name for file in self.files})
        return NotebookMatch(None, tuple(difflib.get_close_matches(path, names, n=2)))


def repository_root(path: Path) -> Path:
    """The folder with `.git` above a notebook, else the folder that holds it."""
    path = path.absolute()
    for folder in (path, *path.parents):
        if (folder / ".git").exists():
            return folder
    return path if path.is_dir() else NotebookFile(path, "").folder


def distance(folder: Path, beside: Path) -> int:
    """How far a folder is from another, for a comparison: the fewer folders between them, the nearer."""
    shared = os.path.commonpath([folder, beside])
    return len(folder.parts) - 2 * len(Path(shared).parts)
