"""What a section of the panel of `%livy ui` is made of: the `%livy` lines whose lists it shows, and the lines that its buttons run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Picked = Mapping[str, str]
"""What was chosen and typed in a section, by the name of the choice."""
Record = Mapping[str, Any]
INTERRUPT = "the notebook's interrupt"  # no line: the panel's own


@dataclass(frozen=True)
class Action:
    """A button. It runs `line`, once all that it `needs` was chosen. `sets`: fields of text that it fills before that. With
    `asks` a person has to agree first."""

    label: str
    line: Callable[[Picked], str]
    needs: tuple[str, ...] = ()
    sets: Callable[[Picked], Picked] = lambda picked: {}
    asks: str = ""

    def line_for(self, picked: Picked) -> str:
        """Empty while something is missing."""
        return self.line(picked) if all(picked.get(name) for name in self.needs) else ""


@dataclass(frozen=True)
class Row:
    """A choice, a field of text or both, with buttons. The choices are made by `option`, as (label, value), from the records that a
    line gives which begins with `fed_by`."""

    actions: tuple[Action, ...]
    choice: str = ""
    fed_by: str = ""
    option: Callable[[Record], tuple[str, str] | None] = lambda record: (str(record["name"]), str(record["name"]))
    text: str = ""
    filled: str = ""
    """What the field of text has at first."""


@dataclass(frozen=True)
class Section:
    title: str
    rows: tuple[Row, ...]
    lines: tuple[str, ...] = ()
    """Run when the section is looked at, and after each of its actions."""
    line_of: Callable[[Picked], str] | None = None
    """In place of `lines`, where the list depends on what was chosen."""

    def lines_for(self, picked: Picked) -> tuple[str, ...]:
        return (self.line_of(picked),) if self.line_of else self.lines


def word(text: str) -> str:
    """As one word of a `%livy` line."""
    return shlex.quote(text)


def livy(command: str, *names: str) -> Callable[[Picked], str]:
    """The line of `%livy` with what was chosen by these names."""
    return lambda picked: " ".join([f"%livy {command}", *(word(picked[name]) for name in names)])
