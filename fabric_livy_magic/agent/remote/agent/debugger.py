"""Lets a debugger attach to this Python: debugpy listens on this machine for a client of the Debug Adapter Protocol, as VS Code is.

A cell is compiled under the name that its tracebacks show, `<cell 3>`. For a client it is a file as well, in which breakpoints
are set; debugpy is told which lines of which file the name means. The file is named by the cell's text, so that its breakpoints
hold when the same cell runs again. (ipykernel does the same, and debugpy has the source map for it: `setPydevdSourceMap`.)

What debugpy does not offer in its own API is done by that of pydevd, which it is made of (1.8.0 to 1.8.22 are alike in it).
"""

from __future__ import annotations

import hashlib
import importlib
import linecache
import os
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"  # and no other: whoever attaches runs code here
SHELL = "<stdin>"  # what Livy's shell calls a statement, and so the call of the agent
LIFELINE = "lifeline"  # the thread that ends an embedded Fabric's Python with its server
ANSWERS_WITHIN_S = 5.0
MOMENT_S = 0.2
CELL = re.compile(r"<(cell \d+(?: \(\d+\))?)>")
NOT_INSTALLED = (
    "The session's Python has no debugpy, the debugger of VS Code. `pip install 'fabric-livy-magic[debug]'` into the environment that the "
    "embedded Fabric runs in, then `%livy restart`."
)


class NoDebugger(Exception):  # noqa: N818 - what is missing
    pass


class Debugger:
    """Of this Python process. debugpy is loaded with the first `start`."""

    def __init__(self) -> None:
        self._address: tuple[str, int] | None = None
        self._folder: Path | None = None
        self._files: dict[str, str] = {}  # by the name of the cell

    def start(self, port: int) -> dict[str, Any]:
        """Where it listens, and the cells so far; also where it listens already. Port 0: any that is free. Raises NoDebugger."""
        if self._address is not None and not is_answered(self._address):
            self.stop()
        if self._address is None:
            self._address = listen(port)
            scratch = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0]  # it is removed with the session
            self._folder = Path(tempfile.mkdtemp(prefix="cells-", dir=scratch if Path(scratch).is_dir() else None))
            for name, entry in list(linecache.cache.items()):
                if CELL.fullmatch(name) and len(entry) > 2:
                    self.tell(name, "".join(entry[2]))
        cells = [[match[1], path] for name, path in self._files.items() if (match := CELL.fullmatch(name))]
        return {"host": self._address[0], "port": self._address[1], "folder": str(self._folder), "cells": cells}

    def stop(self) -> bool:
        """Ends it, and the connection of a client; False where nobody listened."""
        if self._address is None:
            return False
        sys.modules["pydevd"].stoptrace()
        importlib.import_module("debugpy.server.api").listen.called = False
        shutil.rmtree(self._folder or "", ignore_errors=True)
        self._address, self._folder, self._files = None, None, {}
        return True

    def begin_cell(self, name: str, code: str) -> None:
        """Before the cell runs. An interrupt of a cell that stood at a breakpoint has ended the tracing of its thread."""
        if self._address is None:
            return
        self.tell(name, code)
        if sys.gettrace() is None:
            restore_tracing()

    def tell(self, name: str, code: str) -> None:
        assert self._folder is not None
        path = self._folder / f"cell_{hashlib.sha256(code.encode('utf-8', 'replace')).hexdigest()[:12]}.py"
        path.write_bytes(code.encode("utf-8", "replace"))
        for earlier in [one for one, its_path in self._files.items() if its_path == str(path)]:
            del self._files[earlier]  # the file now means the cell that ran last
        self._files[name] = str(path)
        source_map = importlib.import_module("_pydevd_bundle.pydevd_source_mapping")
        lines = code.count("\n") + 1
        entry = source_map.SourceMappingEntry(line=1, end_line=lines, runtime_line=1, runtime_source=name)
        api().set_source_mapping(global_debugger(), str(path), [entry])


def listen(port: int) -> tuple[str, int]:
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # else it warns that frozen modules have no files
    try:
        debugpy = importlib.import_module("debugpy")
    except ImportError:
        raise NoDebugger(NOT_INSTALLED) from None
    debugpy.configure(subProcess=False)  # processes that user code starts are not debugged
    try:
        host, found = debugpy.listen((HOST, port))
    except RuntimeError as error:
        raise NoDebugger(f"debugpy cannot listen at {HOST}:{port}: {error}") from None
    # What is stepped into: neither debugpy itself nor this package, from which a cell is called.
    packages = [debugpy, sys.modules.get("fabric_livy_magic")]
    own = [f"{Path(one.__file__).parent}{os.sep}" for one in packages if one is not None and one.__file__]
    api().set_dont_trace_start_end_patterns(
        global_debugger(), (*own, f"<{__package__}", SHELL), ("debugpy_launcher.py",)
    )
    for thread in threading.enumerate():
        if thread.name == LIFELINE:
            leave_alone(thread)
    return host, found


def is_answered(address: tuple[str, int]) -> bool:
    """debugpy's process takes no client any more after one that came while it forgot the one before, or that left while it was greeted:
    the thread that accepts them ends (1.8.22). This one waits for the greeting, three events, and for the end of the connection."""
    try:
        with socket.create_connection(address, timeout=ANSWERS_WITHIN_S) as client:
            if not client.recv(1 << 16):
                return False
            time.sleep(MOMENT_S)
            client.shutdown(socket.SHUT_WR)
            while client.recv(1 << 16):
                pass
        time.sleep(MOMENT_S)
    except OSError:
        return False
    return True


def leave_alone(thread: threading.Thread) -> None:
    """A breakpoint stops all threads but those that a debugger knows as its own."""
    thread.pydev_do_not_trace = thread.is_pydev_daemon_thread = True  # type: ignore[attr-defined]


def restore_tracing() -> None:
    constants = importlib.import_module("_pydevd_bundle.pydevd_constants")
    info = getattr(threading.current_thread(), "additional_info", None)
    if info is not None:  # of a thread that has been traced
        info.pydev_state, info.pydev_step_cmd, info.pydev_step_stop = constants.STATE_RUN, -1, None
    importlib.import_module("debugpy").trace_this_thread(True)


def api() -> Any:
    return importlib.import_module("_pydevd_bundle.pydevd_api").PyDevdAPI()


def global_debugger() -> Any:
    return importlib.import_module("_pydevd_bundle.pydevd_constants").get_global_debugger()


debugger = Debugger()
