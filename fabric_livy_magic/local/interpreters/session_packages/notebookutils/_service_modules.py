"""`import sempy` and other modules of Fabric's runtime, in a session.

`sempy`, semantic link, has the ids and names that the embedded Fabric knows (`_item_functions`). Where the user has
installed the real one, that is imported, and those functions of it answer for the embedded Fabric's own workspaces. The
others raise an ImportError with what they need. A module that the user has installed under such a name is imported as usual.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import os
import sys
from typing import Any, Callable, List

MODULES = {
    "sempy_labs": "semantic link labs works on semantic models and on Fabric's own REST",
    "synapse": "SynapseML for Fabric is a part of its runtime",
    "com": "com.microsoft.spark.fabric, the connector of warehouses, is a part of Fabric's runtime",
    "trident": "it is a part of Fabric's runtime",
    "chat_magics": "it is Copilot's",
    "fabric": "it is a part of Fabric's runtime",
    "fmlv": "it is a part of Fabric's runtime; CREATE MATERIALIZED LAKE VIEW in SQL is there",
}
SEMPY, SEMPY_FABRIC, SEMPY_LAKEHOUSE = "sempy", "sempy.fabric", "sempy.fabric.lakehouse"
OWN_SEMPY = os.path.join(os.path.dirname(__file__), "_semantic_link", SEMPY)


class ServiceModules(importlib.abc.MetaPathFinder):
    """The last finder, called only for modules that no other one found."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if is_find_spec_call():
            return None
        if name == SEMPY:
            return importlib.machinery.PathFinder.find_spec(SEMPY, [os.path.dirname(OWN_SEMPY)])
        if name.startswith(f"{SEMPY}.") and is_own(sys.modules.get(SEMPY)):
            raise missing(name, "this part of semantic link works on semantic models and on Fabric's own REST")
        if name in MODULES:
            raise missing(name, MODULES[name])
        return None


def missing(name: str, why: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(
        f"No module named {name!r}: {why}. The embedded Fabric does not have it; the notebook runs on Fabric "
        "itself. Keep the import in a cell or function that is only used there.",
        name=name,
    )


def is_own(module: Any) -> bool:
    return OWN_SEMPY in list(getattr(module, "__path__", []))


class InstalledSempy(importlib.abc.MetaPathFinder):
    """The first finder: `sempy.fabric` of the real semantic link, with what the embedded Fabric knows better."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in (SEMPY_FABRIC, SEMPY_LAKEHOUSE) or is_own(sys.modules.get(SEMPY)):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = Combining(spec.loader)
        return spec


class Combining(importlib.abc.Loader):
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        from notebookutils import _item_functions

        self._loader.exec_module(module)
        of_module: List[Any] = (
            _item_functions.OF_FABRIC if module.__name__ == SEMPY_FABRIC else _item_functions.OF_LAKEHOUSE
        )
        for own in of_module:
            installed = getattr(module, own.__name__, None)
            if installed is not None:
                setattr(module, own.__name__, combined(own, installed))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)  # as `get_source`, for tracebacks


def combined(own: Callable[..., Any], installed: Callable[..., Any]) -> Callable[..., Any]:
    """Answers for the embedded Fabric's workspaces; another workspace is asked for at the service, by the real function."""

    @functools.wraps(installed)
    def answer(*arguments: Any, **named: Any) -> Any:
        from notebookutils._item_functions import exception

        try:
            return own(*arguments, **named)
        except exception("WorkspaceNotFoundException"):
            return installed(*arguments, **named)

    return answer


def is_find_spec_call() -> bool:
    """Whether `importlib.util.find_spec` calls, with which libraries check what is installed."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("importlib"):
        if frame.f_globals["__name__"] == "importlib.util":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def install() -> None:
    sys.meta_path.insert(0, InstalledSempy())
    sys.meta_path.append(ServiceModules())
