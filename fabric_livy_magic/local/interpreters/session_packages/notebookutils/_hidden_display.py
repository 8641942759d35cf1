"""`display` in a notebook that another one runs: nobody sees what it shows, so it shows nothing."""

from __future__ import annotations

import builtins
from typing import Any

from notebookutils._context import session_context


def display(*values: Any, **options: Any) -> None:
    """Shows nothing here: the notebook is run by another one."""


def install() -> None:
    """Among Python's builtins, so that user code may hide them. A notebook that runs by itself gets its own from its
    front end."""
    if (session_context().facts.get("notebook") or {}).get("above"):
        builtins.display = display  # type: ignore[attr-defined]
        builtins.displayHTML = display  # type: ignore[attr-defined]
