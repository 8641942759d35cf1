"""The rooms of the package, from the bottom to the top, with what each may import: the one table that the architecture test
holds and that the picture in docs/architecture.md is drawn from.

    python -m tests.support.rooms          prints the picture; --write puts it into that page
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "fabric_livy_magic"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: drawn by `python -m tests.support.rooms --write` -->\n", "<!-- end of rooms -->"

ROOMS: Mapping[str, frozenset[str]] = {
    room: frozenset(below.split())
    for room, below in {
        "printable": "",
        "remote_errors": "",
        "errors": "printable remote_errors",
        "logs": "printable errors",
        "clouds": "",
        "own_imports": "",
        "own_folders": "",
        "started_processes": "",
        "forks": "",
        "settings": "errors",
        "trust": "errors clouds own_folders settings",
        "settings_files": "errors own_folders settings trust",
        "notebooks": "errors",
        "livy": "errors settings",
        "cells": "errors settings notebooks",
        "signin": "errors clouds own_imports own_folders settings livy",
        "fabric": "errors livy notebooks",
        "frames": "errors livy",
        "agent": "errors livy",
        "running": "errors settings livy cells fabric frames agent",
        "sessions": "errors clouds started_processes own_folders settings settings_files notebooks livy cells signin fabric frames running local",
        "output": "printable errors livy signin fabric running sessions",
        "widgets": "printable errors own_imports livy cells fabric running sessions output",
        "completion": "errors own_imports settings cells sessions",
        "magics": "printable errors logs own_imports settings settings_files notebooks livy cells signin fabric running sessions output widgets completion",
        "kernel": "printable errors own_imports forks notebooks livy cells sessions completion magics",
        "notebook_runs": "printable errors forks settings notebooks agent output kernel",
        "testing": "printable errors notebooks livy cells signin frames agent sessions output notebook_runs local",
        "cli": "printable errors own_imports settings trust settings_files notebooks livy cells signin frames running sessions output kernel notebook_runs testing local",
    }.items()
}
# The embedded Fabric stands beside: it reads the API on its own, so that client and server check each other.
LOCAL_MAY_IMPORT = frozenset({"errors", "own_folders", "started_processes", "forks", "notebooks"})
LOCAL_ROOMS: Mapping[str, frozenset[str]] = {
    room: frozenset(below.split())
    for room, below in {
        "lakehouse": "",
        "spark": "lakehouse",
        "faults": "spark",
        "interpreters": "lakehouse spark",
        "sessions": "lakehouse spark faults interpreters",
        "batches": "lakehouse spark sessions",
        "server": "lakehouse spark faults sessions batches",
        "web": "faults interpreters sessions server",
        "apache": "lakehouse spark interpreters sessions batches server web",
        "fabric": "lakehouse spark interpreters sessions batches server web",
        "serve": "lakehouse spark faults sessions batches server apache fabric",
    }.items()
}
MODULES_AT_ROOT = {
    "__init__",
    "__main__",
    "printable",
    "remote_errors",
    "errors",
    "logs",
    "clouds",
    "own_imports",
    "own_folders",
    "started_processes",
    "forks",
    "settings",
    "trust",
    "settings_files",
}
MODULES_OF_LOCAL = {"__init__", "__main__", "serve"}


def docstring_of(room: Path) -> str:
    """That of a room's `__init__`, or of a module."""
    file = room / "__init__.py" if room.is_dir() else room.with_suffix(".py")
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""


def may_import_line(below: frozenset[str], rooms: Mapping[str, frozenset[str]]) -> str:
    """How a room's docstring says it, in the order of the table."""
    names = [name for name in [*rooms, "local"] if name in below]
    return f"May import: {', '.join(names) or 'nothing of this package'}."


def sentence_of(room: Path) -> str:
    return docstring_of(room).split("\n\n")[0].replace("\n", " ")


def floors(rooms: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """A room stands one floor above the highest that it may import."""
    found: dict[str, int] = {}
    for room, below in rooms.items():
        found[room] = 1 + max((found[one] for one in below if one in found), default=0)
    return found


def picture() -> str:
    lines = ["```"]
    for folder, rooms in ((PACKAGE, ROOMS), (PACKAGE / "local", LOCAL_ROOMS)):
        floor_of = floors(rooms)
        wide = max(map(len, rooms)) + 2
        for room in sorted(rooms, key=lambda room: (-floor_of[room], room)):
            lines.append(f"{floor_of[room]:>3}  {room:<{wide}}{sentence_of(folder / room)}")
        if folder == PACKAGE:
            lines += ["", f"beside them  local/  {sentence_of(folder / 'local')}"]
    return "\n".join([*lines, "```"]) + "\n"


def page_with_picture(text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + picture() + END + rest.partition(END)[2]


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page_with_picture(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(picture())
