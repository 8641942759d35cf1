"""Variable libraries of a repository, as Git holds them: folders `<name>.VariableLibrary`. Values of `$(/**/library/variable)`.

The session's own reader, `notebookutils.variableLibrary`, is a module of its own: it runs where this package may be missing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebooks.files import item_name
from fabric_livy_magic.notebooks.json_text import read_json
from fabric_livy_magic.notebooks.repository import distance

SUFFIX = ".variablelibrary"  # in any case
REFERENCE = re.compile(r"\$\(/\*\*/([^/]+)/([^/)]+)\)")


def variable_value(root: Path, reference: str, value_set: str = "", notebook: Path | None = None) -> Any:
    """A text, a number or a boolean. Of libraries with one name (a repository may hold a copy for each stage) the nearest to the
    notebook's file counts. Raises SettingsError, with what there is instead."""
    match = REFERENCE.fullmatch(reference.strip())
    if not match:
        raise SettingsError(f"A variable is written $(/**/library/variable), and this is {reference!r}.")
    library, name = match.groups()
    beside = (notebook or root).absolute().parent
    nearest_last = sorted(_libraries(root.absolute()), key=lambda one: -distance(one[1].parent, beside))
    libraries = dict(nearest_last)
    if library not in libraries:
        there = ", ".join(sorted(libraries)) or "none"
        raise SettingsError(f"There is no variable library {library!r} below {root}. There are: {there}.")
    variables = _entries(libraries[library] / "variables.json", "variables")
    if value_set:
        variables |= _entries(libraries[library] / "valueSets" / f"{value_set}.json", "variableOverrides")
    if name not in variables:
        there = ", ".join(sorted(variables)) or "none"
        raise SettingsError(f"The variable library {library!r} has no variable {name!r}. It has: {there}.")
    return variables[name]


def _libraries(root: Path) -> Iterator[tuple[str, Path]]:
    """Display names and folders."""
    for parent, folders, _files in os.walk(root):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for folder in folders:
            if folder.lower().endswith(SUFFIX):
                path = Path(parent, folder)
                yield item_name(path, folder[: -len(SUFFIX)]), path


def _entries(file: Path, key: str) -> dict[str, Any]:
    try:
        return {one["name"]: one["value"] for one in read_json(file.read_text(encoding="utf-8-sig")).get(key, [])}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as problem:
        raise SettingsError(f"The variable library cannot be read: {file}: {problem}.") from problem
