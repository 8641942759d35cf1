"""What `%run` names, and which notebook of a repository that is."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import NotebookError
from fabric_livy_magic.notebooks.files import NotebookFile, find_notebooks
from fabric_livy_magic.notebooks.json_text import read_json

_RUN = re.compile(
    r"""(?:(?P<options>(?:-\w+\s+)+))?(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^{"']*?))\s*(?P<json>\{.*\})?\s*""",
    re.DOTALL,
)


@dataclass(frozen=True)
class RunTarget:
    """`%run name {"parameter": value}`."""

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    is_script: bool = False
    """A file of the notebook's resources, which are in no Git file."""


def read_run(arguments: str) -> RunTarget:
    """What stands behind `%run`. Raises NotebookError where it names no notebook or its parameters are no JSON."""
    match = _RUN.fullmatch(arguments.strip())
    name = next((one for one in (match["double"], match["single"], match["bare"]) if one), "") if match else ""
    if not match or not name.strip():
        raise NotebookError(f'%run takes a notebook and its parameters: %run name {{"a": 1}}. This is: {arguments!r}')
    try:
        parameters = read_json(match["json"] or "{}")
    except ValueError as error:
        raise NotebookError(f"The parameters of %run {name} are no JSON: {error}") from None
    is_script = bool(match["options"]) or name.lower().endswith((".py", ".sql"))
    return RunTarget(name.strip(), parameters, is_script)


@dataclass(frozen=True)
class Found:
    """`file` is None where no notebook has the name; then `similar` are names that are nearly it."""

    file: NotebookFile | None
    similar: tuple[str, ...] = ()


class Repository:
    """The notebooks below a folder, by the names that `%run` uses."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @cached_property
    def files(self) -> list[NotebookFile]:
        return find_notebooks(self.root)

    @cached_property
    def _by_name(self) -> dict[str, list[NotebookFile]]:
        found: dict[str, list[NotebookFile]] = {}
        for file in self.files:
            found.setdefault(file.name.strip().casefold(), []).append(file)
        return found

    def find(self, name: str, caller: Path) -> Found:
        """By display name, exact or else in another case; of several (a repository may hold copies for each stage) the
        nearest to the caller.

        A leading `/` or `./` says nothing in Fabric, and of a path only the last word counts.
        """
        wanted = re.sub(r"^(?:\./|/)+", "", name)
        for key in (wanted.strip(), wanted.rpartition("/")[2].strip()):
            same = self._by_name.get(key.casefold(), [])
            exact = [file for file in same if file.name.strip() == key]
            if same:
                return Found(_nearest(exact or same, caller.absolute()))
        names = sorted({file.name for file in self.files})
        return Found(None, tuple(difflib.get_close_matches(wanted, names, n=2)))


def circle_from(
    start: NotebookFile, runs: Callable[[NotebookFile], Iterable[NotebookFile]], free: set[NotebookFile]
) -> list[NotebookFile]:
    """The first circle of `%run` that is met from here on, its first notebook again at its end; empty where none is.

    `free` are notebooks that lead to none; those found to be so are added.
    """
    above, waiting = [start], [iter(runs(start))]
    while above:
        target = next(waiting[-1], None)
        if target is None:
            free.add(above.pop())
            waiting.pop()
        elif target in above:
            return [*above[above.index(target) :], target]
        elif target not in free:
            above.append(target)
            waiting.append(iter(runs(target)))
    return []


def repository_root(path: Path) -> Path:
    """The folder with `.git` above a notebook, else the folder that it is kept in."""
    path = path.absolute()
    for folder in (path, *path.parents):
        if (folder / ".git").exists():
            return folder
    return path if path.is_dir() else NotebookFile(path, "").folder


def _nearest(files: Sequence[NotebookFile], caller: Path) -> NotebookFile:
    """By the number of folders between the two."""

    def distance(file: NotebookFile) -> int:
        shared = os.path.commonpath([file.folder, caller.parent])
        return len(file.folder.parts) - 2 * len(Path(shared).parts)

    return min(files, key=distance)
