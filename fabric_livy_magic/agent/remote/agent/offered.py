"""What a cell finds without importing it: `display`, `displayHTML`, `get_ipython`; and what works here in another way: `input`, figures.

The names are put among Python's builtins while a cell runs, so that user code may hide them, and finds its own again.
"""

from __future__ import annotations

import builtins
import importlib.abc
import importlib.util
import sys
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from . import display, magics

MISSING = object()


def no_input(prompt: object = "") -> str:
    raise RuntimeError(
        "input() cannot be answered here: this cell runs in the Spark session, which has no keyboard. "
        "Ask in a cell that runs in the notebook's own Python, and pass the value on."
    )


OFFERED: dict[str, Callable[..., Any]] = {
    "display": display.display,
    "displayHTML": display.displayHTML,
    "input": no_input,
}


@contextmanager
def names(namespace: dict[str, Any]) -> Iterator[None]:
    offered = {**OFFERED, "get_ipython": lambda: magics.Notebook(namespace)}
    before: dict[str, Any] = {name: getattr(builtins, name, MISSING) for name in offered}
    for name, value in offered.items():
        setattr(builtins, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is MISSING:
                delattr(builtins, name)
            else:
                setattr(builtins, name, value)


# Modules whose functions would show nothing here: what to put in their place.
REPLACED: dict[str, dict[str, Callable[..., Any]]] = {
    "matplotlib.pyplot": {"show": display.show_figures},
    "plotly.io": {"show": display.display},  # its own would look for a browser on the driver
    "IPython.core.display_functions": {"display": display.display},
}


class AfterImport(importlib.abc.MetaPathFinder):
    """Replaces them when user code imports the module; importing it ahead of that would cost seconds."""

    def __init__(self) -> None:
        self._asking = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in REPLACED or self._asking:
            return None
        self._asking = True
        try:
            spec = importlib.util.find_spec(name)  # what the other finders say
        finally:
            self._asking = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                replace_in(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def replace_in(module: Any) -> None:
    for name, value in REPLACED[module.__name__].items():
        setattr(module, name, value)


def prepare_what_is_imported() -> None:
    for name in REPLACED:
        if name in sys.modules:
            replace_in(sys.modules[name])
    # An agent of another version may be there already; the newest one wins.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != AfterImport.__name__]
    sys.meta_path.insert(0, AfterImport())
