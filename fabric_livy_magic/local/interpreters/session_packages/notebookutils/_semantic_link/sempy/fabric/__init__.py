"""Ids and names of workspaces, lakehouses and notebooks, from what the embedded Fabric has."""

from __future__ import annotations

from typing import Any

from notebookutils import _item_functions

__all__ = [one.__name__ for one in _item_functions.OF_FABRIC]
SUBMODULES = ("exceptions", "lakehouse")


def __getattr__(name: str) -> Any:
    if name in SUBMODULES:
        import importlib

        return importlib.import_module(f"sempy.fabric.{name}")
    if name in __all__:
        return getattr(_item_functions, name)
    if name.startswith("_"):
        raise AttributeError(f"module 'sempy.fabric' has no attribute {name!r}")
    return needs_service(f"fabric.{name}")


def __dir__() -> list[str]:
    return sorted([*__all__, *SUBMODULES])


def needs_service(name: str) -> Any:
    """A class, so that `from sempy.fabric import X` works where X is only used on Fabric, as a function or as a type."""

    def use(*_arguments: Any, **_named: Any) -> Any:
        _item_functions.refuse(name)

    return type(name.rpartition(".")[2], (), {"__new__": use, "__doc__": "It needs Fabric's service."})
