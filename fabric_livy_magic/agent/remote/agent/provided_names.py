"""Names that a cell has without importing them: `display`, `displayHTML`, `get_ipython`, `input`; and how figures are shown.

They are builtins while a cell runs, so user code may shadow them and later has its own names again.
"""

from __future__ import annotations

import builtins
import importlib.abc
import importlib.util
import logging
import sys
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from . import display, event_loop, magics

MISSING = object()


def no_input(prompt: object = "") -> str:
    raise RuntimeError(
        "input() cannot be answered here: this cell runs in the Spark session, which has no keyboard. "
        "Ask in a cell that runs in the notebook's own Python, and pass the value on."
    )


PROVIDED: dict[str, Callable[..., Any]] = {
    "display": display.display,
    "displayHTML": display.displayHTML,
    "input": no_input,
}


@contextmanager
def available(namespace: dict[str, Any]) -> Iterator[None]:
    """While a cell runs."""
    provided = {**PROVIDED, "get_ipython": lambda: magics.InteractiveShell(namespace)}
    previous: dict[str, Any] = {name: getattr(builtins, name, MISSING) for name in provided}
    for name, value in provided.items():
        setattr(builtins, name, value)
    try:
        yield
    finally:
        for name, value in previous.items():
            if value is MISSING:
                delattr(builtins, name)
            else:
                setattr(builtins, name, value)


# Functions of libraries that would show nothing in a session, and their replacements.
REPLACEMENTS: dict[str, dict[str, Callable[..., Any]]] = {
    "matplotlib.pyplot": {"show": display.show_figures},
    "plotly.io": {"show": display.display},  # Plotly's own looks for a browser on the driver
    "IPython.core.display_functions": {"display": display.display},
}


class AfterImport(importlib.abc.MetaPathFinder):
    """Replaces them when user code imports the module; importing it in advance would cost seconds."""

    def __init__(self) -> None:
        self._searching = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in REPLACEMENTS or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec(name)  # by the other finders
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                replace_in(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def replace_in(module: Any) -> None:
    for name, value in REPLACEMENTS[module.__name__].items():
        setattr(module, name, value)


def prepare() -> None:
    """Once, when the agent is installed."""
    patch_modules()
    event_loop.patch_asyncio()
    if "" not in sys.path:
        # A cell imports what an earlier one wrote. Last, so that no file of a lakehouse hides a library.
        sys.path.append("")
    chatter = logging.getLogger("py4j")
    if chatter.level == logging.NOTSET:
        # Else each call of Spark is told once a cell has chosen INFO or DEBUG for its own.
        chatter.setLevel(logging.WARNING)


def patch_modules() -> None:
    for name in REPLACEMENTS:
        if name in sys.modules:
            replace_in(sys.modules[name])
    # An agent of another version may have been installed before; the newest one counts.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != AfterImport.__name__]
    sys.meta_path.insert(0, AfterImport())
