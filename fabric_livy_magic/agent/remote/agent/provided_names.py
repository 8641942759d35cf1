"""Names that a cell has without importing them: `display`, `displayHTML`, `get_ipython`, `input`.

They are builtins while a cell runs, so user code may shadow them and later has its own names again.
"""

from __future__ import annotations

import builtins
import functools
import logging
import sys
import threading
import traceback
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from . import displays, event_loop, library_functions, magics, origins
from .output import ERR, OUT, running

MISSING = object()
WITHOUT_USERS_CODE = ("threading", origins.__name__)


def no_input(prompt: object = "") -> str:
    raise RuntimeError(
        "input() cannot be answered here: this cell runs in the Spark session, which has no keyboard. "
        "Ask in a cell that runs in the notebook's own Python, and pass the value on."
    )


PROVIDED: dict[str, Callable[..., Any]] = {
    "display": displays.display,
    "displayHTML": displays.displayHTML,
    "input": no_input,
}


@contextmanager
def available(namespace: dict[str, Any]) -> Iterator[None]:
    """While a cell runs."""
    provided = {**PROVIDED, "get_ipython": magics.current_shell}
    magics.Shells.current = magics.InteractiveShell(namespace)
    previous: dict[str, Any] = {name: getattr(builtins, name, MISSING) for name in provided}
    for name, value in provided.items():
        setattr(builtins, name, value)
    try:
        yield
    finally:
        magics.Shells.current = None
        for name, value in previous.items():
            if value is MISSING:
                delattr(builtins, name)
            else:
                setattr(builtins, name, value)


def prepare() -> None:
    """Once, when the agent is installed."""
    library_functions.patch_modules()
    event_loop.patch_asyncio()
    origins.patch_threads()
    hear_threads()
    if "" not in sys.path:
        # A cell imports what an earlier one wrote. Last, so that no file of a lakehouse hides a library.
        sys.path.append("")
    chatter = logging.getLogger("py4j")
    if chatter.level == logging.NOTSET:
        # Else each call of Spark is told once a cell has chosen INFO or DEBUG for its own.
        chatter.setLevel(logging.WARNING)


def hear_threads() -> None:
    """What a thread prints between two cells: the shell's streams are then those of the next statement, or of nobody."""
    shown: Any = getattr(print, origins.ORIGINAL, print)

    @functools.wraps(shown)
    def print_anywhere(*values: Any, **options: Any) -> None:
        if options.get("file") is None and running.call is None and running.is_late():
            options["file"] = OUT
        shown(*values, **options)

    def tell(arguments: Any) -> None:
        if arguments.exc_type is SystemExit:
            return
        name = arguments.thread.name if arguments.thread else "?"
        trace = arguments.exc_traceback
        while (
            trace is not None and trace.tb_next and trace.tb_frame.f_globals.get("__name__", "") in WITHOUT_USERS_CODE
        ):
            trace = trace.tb_next
        lines = traceback.format_exception(arguments.exc_type, arguments.exc_value, trace)
        ERR.write(f"Exception in thread {name}:\n{''.join(lines)}")

    setattr(print_anywhere, origins.ORIGINAL, shown)
    builtins.print = print_anywhere
    threading.excepthook = tell
