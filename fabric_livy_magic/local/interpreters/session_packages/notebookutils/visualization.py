"""`notebookutils.visualization`: what a cell has by these names anyway, and a switch that is always on."""

from __future__ import annotations

import builtins
from typing import Any


def display(*values: Any, **options: Any) -> None:
    _shown_by("display")(*values, **options)


def displayHTML(html: str) -> None:
    _shown_by("displayHTML")(html)


def enableMatplotlib() -> None:
    """Nothing to do: figures are shown in any case."""


def _shown_by(name: str) -> Any:
    """What shows values where the code runs: the agent's while a cell runs through it, else Python's `print`."""
    return getattr(builtins, name, print)
