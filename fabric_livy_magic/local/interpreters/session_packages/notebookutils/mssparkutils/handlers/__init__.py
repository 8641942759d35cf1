"""Where Fabric keeps the types that notebooks catch: `notebookutils.mssparkutils.handlers.notebookHandler`."""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("fsHandler", "notebookHandler"):
        return importlib.import_module(f"notebookutils.mssparkutils.handlers.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
