"""Run Spark SQL, PySpark and Scala from a notebook: `%load_ext fabric_livy_magic`, or `connect(...)` without magics.

Importing this package loads none of pandas, pyarrow, requests or IPython; each comes with its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import FabricLivyError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from fabric_livy_magic.running.results import Result
    from fabric_livy_magic.sessions.connect import connect
    from fabric_livy_magic.sessions.session import Session

__version__ = "0.1.0"
__all__ = [
    "FabricLivyError",
    "Result",
    "Session",
    "connect",
    "load_ipython_extension",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    home = {"Result": "running.results", "Session": "sessions.session", "connect": "sessions.connect"}.get(name)
    if home:
        return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by `%load_ext fabric_livy_magic`."""
    from fabric_livy_magic.own_imports import no_working_folder

    with no_working_folder():
        from fabric_livy_magic.magics import magics

        magics.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Called by `%unload_ext fabric_livy_magic`: stops the sessions that this notebook started."""
    from fabric_livy_magic.magics import magics

    magics.unload(shell)
