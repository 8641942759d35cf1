"""The place of a Scala error as a line of the cell, as the user wrote it.

A Livy server counts lines of its own above those of the cell, and one statement at a time (`<console>:23: error: …`); below stands
the line itself. An embedded Fabric counts the cell's. Both name lines of the text that was sent (`cells.scala_lines`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, zip_longest

from fabric_livy_magic.errors import StatementError

PLACE = re.compile(r"<console>:(\d+): ")


def placed(error: StatementError, code: str, sent: str) -> StatementError:
    """The error with the cell's line number and text, where they can be told."""
    lines = sent.split("\n")
    evalue = error.evalue
    if (place := PLACE.match(evalue)) and (line := _line_of(_echo(error.traceback), int(place[1]), lines)):
        evalue = f"<console>:{line}: {evalue[place.end() :]}"
    traceback = _as_written(error.traceback, code.split("\n"), lines)
    if (evalue, traceback) == (error.evalue, error.traceback):
        return error
    return StatementError(error.ename, evalue, traceback, error.printed, parts=error.parts)


def _echo(traceback: Sequence[str]) -> str:
    """The cell's line as the compiler shows it: above a caret, below what it found and what it requires."""
    shown = [line.rstrip("\n") for one in traceback for line in one.rstrip("\n").split("\n")]
    return next((line for line, below in pairwise(shown) if below.strip() == "^"), shown[0] if shown else "")


def _line_of(echo: str, claimed: int, lines: Sequence[str]) -> int:
    """Of the cell's line that the compiler shows, from 1; 0 where none or several are it."""
    same = [number for number, line in enumerate(lines, 1) if line.strip() == echo.strip()]
    return claimed if claimed in same else same[0] if len(same) == 1 else 0


def _as_written(traceback: Sequence[str], written: Sequence[str], sent: Sequence[str]) -> list[str]:
    """With the lines that were changed for Livy's shell as they stand in the cell; a caret below stays below its word."""
    shown = list(traceback)
    changed = [
        (one, other) for one, other in zip_longest(written, sent, fillvalue="") if one != other and other.strip()
    ]
    for index, frame in enumerate(traceback):
        for own, other in changed:
            if other in frame:
                shown[index] = frame.replace(other, own)
                if other.startswith("*/") and not own.startswith("  ") and index + 1 < len(shown):
                    shown[index + 1] = shown[index + 1].removeprefix("  ")
                break
            if frame.endswith(f": {other.strip()}\n"):
                shown[index] = frame.removesuffix(f"{other.strip()}\n") + f"{own.strip()}\n"
                break
    return shown
