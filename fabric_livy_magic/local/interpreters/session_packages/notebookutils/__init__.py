"""`notebookutils` in a session of the embedded Fabric: files, notebooks, lakehouses, secrets, as far as one machine has them.

A notebook finds the name without an import. Each module is loaded when it is first used. Python 3.8 to 3.13, standard
library and pyspark. What only the service can do is there by name, and says so when it is called.
"""

from __future__ import annotations

from typing import Any

MODULES = (
    "credentials",
    "env",
    "fs",
    "lakehouse",
    "notebook",
    "runtime",
    "session",
    "variableLibrary",
    "visualization",
)
NESTED = ("common", "mssparkutils")
SHOWING = ("display", "displayHTML", "enableMatplotlib")
SERVICE_ONLY = {
    "connections": "connections of the workspace",
    "data": "items such as warehouses and SQL databases, which are reached over the network",
    "udf": "user data functions, which run in the service",
}


def __getattr__(name: str) -> Any:
    if name in MODULES or name in NESTED:
        import importlib

        return importlib.import_module(f"notebookutils.{name}")
    if name in SHOWING:
        from notebookutils import visualization

        return getattr(visualization, name)
    if name == "nbResPath":
        from notebookutils._context import resources

        return resources()
    if name in SERVICE_ONLY:
        from notebookutils._errors import ServiceOnlyModule

        return ServiceOnlyModule(f"notebookutils.{name}", SERVICE_ONLY[name])
    raise AttributeError(f"module 'notebookutils' has no attribute {name!r}. It has: {', '.join(MODULES)}")


def __dir__() -> list[str]:
    return sorted([*MODULES, *SERVICE_ONLY, *SHOWING, "help", "mssparkutils", "nbResPath"])


def help(module: str = "") -> None:
    """What there is; with the name of a module, what it can do."""
    from notebookutils import _help

    if module:
        _help.of_module(module)
    else:
        _help.of_all(MODULES)
