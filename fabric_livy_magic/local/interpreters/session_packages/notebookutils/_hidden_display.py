"""`display` in a child notebook, whose output is not shown: it does nothing."""

from __future__ import annotations

import builtins
from typing import Any

from notebookutils._context import session_context


def display(*values: Any, **options: Any) -> None:
    """Shows nothing here: the notebook is run by another one."""


def install() -> None:
    """Into Python's builtins, so that user code may define its own. Other notebooks get `display` from their front end."""
    if (session_context().facts.get("notebook") or {}).get("above"):
        builtins.display = display  # type: ignore[attr-defined]
        builtins.displayHTML = display  # type: ignore[attr-defined]
