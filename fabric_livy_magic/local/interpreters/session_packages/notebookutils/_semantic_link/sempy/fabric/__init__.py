"""Ids and names of workspaces, lakehouses and notebooks, from what the embedded Fabric has."""

from __future__ import annotations

from typing import Any

from notebookutils import _item_functions, _mock_semantic_link, _mocks

__all__ = [one.__name__ for one in _item_functions.OF_FABRIC]
SUBMODULES = ("exceptions", "lakehouse")


def __getattr__(name: str) -> Any:
    if name in SUBMODULES:
        import importlib

        return importlib.import_module(f"sempy.fabric.{name}")
    own = getattr(_item_functions, name) if name in __all__ else None
    if own is None and name.startswith("_"):
        raise AttributeError(f"module 'sempy.fabric' has no attribute {name!r}")
    if _mocks.is_active():
        return _mock_semantic_link.mocked(name, own) if own else _mock_semantic_link.name_in_fabric(name)
    if own:
        return own
    return needs_service(f"fabric.{name}")


def __dir__() -> list[str]:
    return sorted([*__all__, *SUBMODULES])


def needs_service(name: str) -> Any:
    """A class, so that `from sempy.fabric import X` works where X is only used on Fabric, as a function or as a type."""

    def use(*_arguments: Any, **_named: Any) -> Any:
        _item_functions.refuse(name)

    return type(name.rpartition(".")[2], (), {"__new__": use, "__doc__": "It needs Fabric's service."})
