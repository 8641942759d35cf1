"""Of `sempy.fabric.lakehouse`, the ids and names."""

from __future__ import annotations

import importlib
from typing import Any

from notebookutils import _item_functions

__all__ = [one.__name__ for one in _item_functions.OF_LAKEHOUSE]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(_item_functions, name)
    if name.startswith("_"):
        raise AttributeError(f"module 'sempy.fabric.lakehouse' has no attribute {name!r}")
    needed: Any = importlib.import_module("sempy.fabric").needs_service(f"fabric.lakehouse.{name}")
    return needed
