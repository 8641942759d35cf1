"""What the session of a tested notebook keeps for the report: the parts of each `assert`, and which lines ran."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fabric_livy_magic.agent.client import FIRST_CALLS_VARIABLE
from fabric_livy_magic.testing.notebook_reports import CellLines


@dataclass(frozen=True)
class WhatRan:
    """`cells`: the text of a cell as the session got it → its lines. `files`: None where `coverage` was not there to say so."""

    cells: Mapping[str, CellLines] = field(default_factory=dict)
    files: Mapping[str, tuple[int, ...]] | None = None

    def lines_of(self, source: str) -> CellLines | None:
        """Those of a cell of the notebook, whose text may begin with a magic. None where its lines are not known."""
        text = source.strip()
        for code, lines in self.cells.items():
            if code.strip() and text.endswith(code.strip()) and is_rest(text, code.strip()):
                before = source[: source.rindex(code.strip())].count("\n") - (len(code) - len(code.lstrip("\n")))
                return CellLines(_moved(lines.statements, before), _moved(lines.ran, before))
        return None

    def without(self, sources: Iterable[str]) -> dict[str, CellLines]:
        """Those of other cells than these."""
        texts = [source.strip() for source in sources]
        return {
            code: lines
            for code, lines in self.cells.items()
            if not any(text.endswith(code.strip()) and is_rest(text, code.strip()) for text in texts)
        }


def is_rest(text: str, code: str) -> bool:
    """Whether the code is all of the text, or all below its magic."""
    before = text[: len(text) - len(code)].strip()
    return not before or (before.startswith("%%") and "\n" not in before)


def _moved(lines: Iterable[int], by: int) -> tuple[int, ...]:
    return tuple(line + by for line in lines)


@dataclass(frozen=True)
class Watching:
    """Of one run. `file` is where the session says which lines ran; None where nobody asks."""

    file: Path | None = None
    folders: Sequence[str] = ()

    def environ(self) -> dict[str, str]:
        """For the notebook's kernel."""
        calls: list[list[Any]] = [["watch_asserts"]]
        if self.file is not None:
            folders = sorted({*self.folders, *map(os.path.realpath, self.folders)})
            calls.append(["watch_lines", folders, str(self.file)])
        return {FIRST_CALLS_VARIABLE: json.dumps(calls)}

    def what_ran(self) -> WhatRan:
        """Empty where the session could not say so: it is on another machine, or ended with its first cell."""
        if self.file is None or not self.file.exists():
            return WhatRan()
        said = json.loads(self.file.read_text(encoding="utf-8"))
        cells = {one["code"]: CellLines(tuple(one["lines"]), tuple(one["ran"])) for one in said["cells"]}
        files = said["files"]
        return WhatRan(cells, None if files is None else {path: tuple(lines) for path, lines in files.items()})
