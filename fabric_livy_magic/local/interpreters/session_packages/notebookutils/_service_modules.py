"""`import sempy` and other modules that need the service raise an ImportError with that reason.

A module that the user has installed under such a name is imported as usual.
"""

from __future__ import annotations

import importlib.abc
import sys
from typing import Any

MODULES = {
    "sempy": "semantic link works on semantic models and on Fabric's own REST",
    "sempy_labs": "semantic link labs works on semantic models and on Fabric's own REST",
    "synapse": "SynapseML for Fabric is a part of its runtime",
    "com": "com.microsoft.spark.fabric, the connector of warehouses, is a part of Fabric's runtime",
    "trident": "it is a part of Fabric's runtime",
    "chat_magics": "it is Copilot's",
    "fabric": "it is a part of Fabric's runtime",
}


class ServiceModules(importlib.abc.MetaPathFinder):
    """The last finder, called only for modules that no other one found."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name in MODULES and not is_find_spec_call():
            raise ModuleNotFoundError(
                f"No module named {name!r}: {MODULES[name]}. The embedded Fabric does not have it; the notebook runs on Fabric "
                "itself. Keep the import in a cell or function that is only used there.",
                name=name,
            )
        return None


def is_find_spec_call() -> bool:
    """Whether `importlib.util.find_spec` calls, with which libraries check what is installed."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("importlib"):
        if frame.f_globals["__name__"] == "importlib.util":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def install() -> None:
    sys.meta_path.append(ServiceModules())
