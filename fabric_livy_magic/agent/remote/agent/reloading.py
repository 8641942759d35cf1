"""`%autoreload` of the session's modules, by IPython's own code for it, where the session's Python has IPython."""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any

from .errors import Refused

ALL, NONE = ("2", "3", "all", "complete"), ("0", "off")


class Reloading:
    reloader: Any = None
    checks_all = False


def autoreload(namespace: dict[str, Any], line: str) -> None:
    """`%autoreload` reloads now what has changed, `%autoreload 2` before each cell from now on, `%autoreload 0` no longer."""
    word = line.strip().lower() or "now"
    if word not in (*ALL, *NONE, "now"):
        raise Refused("%autoreload takes 2 (all modules, before each cell), 0 (none), or nothing (now).")
    if Reloading.reloader is None:
        Reloading.reloader = new_reloader()
    Reloading.checks_all = word in ALL if word != "now" else Reloading.checks_all
    # The first look only notes the times of the files.
    Reloading.reloader.check(check_all=True, do_reload=word == "now")


def new_reloader() -> Any:
    try:
        from IPython.extensions.autoreload import ModuleReloader
    except ImportError:
        raise Refused(
            "%autoreload needs IPython, which this session's Python has not. `importlib.reload` reloads one module."
        ) from None
    return ModuleReloader()


def reload_changed() -> None:
    """Before each cell. A module that cannot be loaded is told, and the cell runs with what there was."""
    importlib.invalidate_caches()  # a file of a moment ago may not be known to the finders
    if Reloading.checks_all:
        try:
            Reloading.reloader.check(check_all=True)
        except Exception:  # noqa: BLE001 - of the user's module
            traceback.print_exc(file=sys.stderr)
