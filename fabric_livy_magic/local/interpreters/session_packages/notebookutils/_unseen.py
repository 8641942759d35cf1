"""What a notebook that another one runs shows: nobody sees it, so it is not made."""

from __future__ import annotations

import builtins
from typing import Any

from notebookutils._surroundings import surroundings


def display(*values: Any, **options: Any) -> None:
    """Shows nothing here: the notebook is run by another one."""


def offer() -> None:
    """Among Python's builtins, so that user code may hide them. A notebook that runs by itself gets its own from its
    front end."""
    if (surroundings().facts.get("notebook") or {}).get("above"):
        builtins.display = display  # type: ignore[attr-defined]
        builtins.displayHTML = display  # type: ignore[attr-defined]
