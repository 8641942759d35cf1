"""Where a notebook runs that another one runs: in the caller's Spark application, or, where its metadata names another default
lakehouse, in one of its own, which works in that lakehouse.

There is one for each lakehouse. It starts with the first notebook that needs it, and ends with the session of the caller.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from fabric_livy_magic.local.lakehouse.notebook_lakehouses import Home
from fabric_livy_magic.local.sessions.repl import Repl
from fabric_livy_magic.local.spark.end_reason import EndReason
from fabric_livy_magic.local.spark.jvm import JvmGone
from fabric_livy_magic.notebooks.lakehouses import NamedLakehouses


class ChildHost(Protocol):
    """A session, as far as it runs notebooks for others."""

    settled: threading.Event
    end_reason: EndReason

    @property
    def ended(self) -> bool: ...
    def open_repl(self, repl_id: str, notebook: Mapping[str, Any] | None = None) -> Repl: ...
    def close_repl(self, repl_id: str) -> None: ...
    def stop(self) -> None: ...
    def remove_files(self) -> None: ...


class ChildSessions:
    """`own` is the folder of the caller's lakehouse; `home_of` says where a notebook works, and `start` starts a session there."""

    def __init__(
        self, own: Path, home_of: Callable[[NamedLakehouses], Home], start: Callable[[Home], ChildHost]
    ) -> None:
        self._own = own
        self._home_of = home_of
        self._start = start
        self._by_folder: dict[Path, ChildHost] = {}
        self._closed = False
        self._lock = threading.Lock()

    def host_of(self, named: NamedLakehouses) -> ChildHost | None:
        """None for the caller's own; else it waits until the session is ready. Raises JvmGone."""
        home = self._home_of(named)
        folder = home.lakehouse.folder
        if folder == self._own:
            return None
        with self._lock:
            if self._closed:
                raise JvmGone("the session ended meanwhile")
            host = self._by_folder.get(folder)
            if host is None or host.ended:
                host = self._by_folder[folder] = self._start(home)
        host.settled.wait()
        if host.ended:
            raise JvmGone(host.end_reason.message or "the session ended meanwhile")
        return host

    def close(self) -> None:
        with self._lock:
            self._closed = True
        for host in self._by_folder.values():
            host.stop()
            host.remove_files()
