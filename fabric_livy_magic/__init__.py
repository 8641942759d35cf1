"""Run Spark SQL, PySpark and Scala from a notebook: `%load_ext fabric_livy_magic`, or `connect(...)` without magics.

Importing this package loads none of pandas, pyarrow, requests or IPython; each comes with its first use.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.errors import FabricLivyError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from fabric_livy_magic.python_api import connect
    from fabric_livy_magic.results import Result
    from fabric_livy_magic.session import Session

__version__ = "0.1.0"
__all__ = [
    "FabricLivyError",
    "Result",
    "Session",
    "connect",
    "load_ipython_extension",
    "unload_ipython_extension",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent until somebody asks: `%livy log`


def __getattr__(name: str) -> Any:
    home = {"Result": "results", "Session": "session", "connect": "python_api"}.get(name)
    if home:
        return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Called by `%load_ext fabric_livy_magic`."""
    from fabric_livy_magic import magics

    magics.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Called by `%unload_ext fabric_livy_magic`: stops the sessions that this notebook started."""
    from fabric_livy_magic import magics

    magics.unload(shell)
