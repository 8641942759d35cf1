"""Variable libraries, as a repository of Fabric holds them: folders `<name>.VariableLibrary` beside the notebooks."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any, Dict, List

from notebookutils import _help
from notebookutils._context import session_context
from notebookutils._errors import NotebookUtilsError

SUFFIX = ".variablelibrary"  # in any case
REFERENCE = re.compile(r"\$\(/\*\*/([^/]+)/([^/)]+)\)")
VALUE_SET = "value_set"


class VariableLibrary:
    """Its variables are attributes."""

    def __init__(self, name: str, values: Dict[str, Any]) -> None:
        self._name = name
        self._values = values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._values:
            known = ", ".join(sorted(self._values)) or "none"
            raise AttributeError(f"The variable library {self._name!r} has no variable {name!r}. It has: {known}")
        return self._values[name]

    def getVariable(self, name: str) -> Any:
        return getattr(self, name)

    def __dir__(self) -> List[str]:
        return sorted(self._values)

    def __repr__(self) -> str:
        return f"VariableLibrary({self._name!r}, {', '.join(sorted(self._values))})"


def getLibrary(name: str) -> VariableLibrary:
    """A library by its name; its variables are attributes of the result."""
    folder = folder_of(name)
    listed = read(os.path.join(folder, "variables.json")).get("variables", [])
    values = {one["name"]: typed(one) for one in listed}
    chosen = session_context().facts.get(VALUE_SET)
    if chosen:
        kinds = {one["name"]: one.get("type") for one in listed}
        overrides = read(os.path.join(folder, "valueSets", f"{chosen}.json")).get("variableOverrides", [])
        values.update({one["name"]: typed({**one, "type": kinds.get(one["name"])}) for one in overrides})
    return VariableLibrary(name, values)


def get(reference: str) -> Any:
    """The value of `$(/**/library/variable)`."""
    match = REFERENCE.fullmatch(reference.strip())
    if not match:
        raise NotebookUtilsError(f"A variable is written $(/**/library/variable), and this is {reference!r}.")
    return getattr(getLibrary(match.group(1)), match.group(2))


def folder_of(name: str) -> str:
    root: str | None = session_context().facts.get("notebooks")
    if not root:
        raise NotebookUtilsError(
            f"There is no variable library {name!r}: the session knows no folder of a repository. Give it by the session's "
            "conf spark.fabric_livy.notebooks, or by FABRIC_LIVY_NOTEBOOKS where the server is started."
        )
    libraries = {}  # type: Dict[str, List[str]]
    for folder, below, _files in os.walk(root):
        below[:] = sorted(one for one in below if not one.startswith("."))
        for one in below:
            if one.lower().endswith(SUFFIX):
                path = os.path.join(folder, one)
                libraries.setdefault(display_name(path), []).append(path)
    if name not in libraries:
        known = ", ".join(libraries) or "none"
        raise NotebookUtilsError(f"There is no variable library {name!r} below {root}. There are: {known}.")
    return nearest(libraries[name], (session_context().facts.get("notebook") or {}).get("file"))


def nearest(folders: List[str], notebook: str | None) -> str:
    """Of several with one name (a repository may hold a copy for each stage) that with the fewest folders to the notebook."""
    if not notebook or len(folders) == 1:
        return folders[0]
    beside = os.path.dirname(notebook)

    def distance(folder: str) -> int:
        parent = os.path.dirname(folder)
        return parent.count(os.sep) - 2 * os.path.commonpath([parent, beside]).count(os.sep)

    return min(folders, key=distance)


def display_name(folder: str) -> str:
    try:
        name = read(os.path.join(folder, ".platform"))["metadata"]["displayName"]
    except (NotebookUtilsError, KeyError, TypeError):
        name = None
    return name if isinstance(name, str) else os.path.basename(folder)[: -len(SUFFIX)]


def read(file: str) -> Dict[str, Any]:
    try:
        with open(file, encoding="utf-8-sig") as opened:
            found = json.load(opened)
    except (OSError, ValueError) as problem:
        raise NotebookUtilsError(f"The variable library cannot be read: {file}: {problem}") from problem
    if not isinstance(found, dict):
        raise NotebookUtilsError(f"The variable library cannot be read: {file} is no JSON object.")
    return found


def typed(variable: Dict[str, Any]) -> Any:
    """Git keeps numbers and booleans as such; some tools write them as text."""
    value, kind = variable.get("value"), str(variable.get("type", "")).lower()
    if not isinstance(value, str):
        return value
    if kind in ("integer", "int"):
        return int(value)
    if kind == "number":
        return float(value)
    return value.strip().lower() == "true" if kind in ("boolean", "bool") else value


def help(method_name: str = "") -> None:
    """What this module can do; with the name of a function, that one."""
    _help.overview(sys.modules[__name__], method_name)
