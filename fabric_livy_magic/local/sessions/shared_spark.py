"""One Spark application that the sessions of a server share, each as a guest with its own catalog, Python and lakehouse.

Its own lakehouse is a folder of two links, which lead to the lakehouse of the guest that came last.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from py4j.protocol import Py4JError

from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse, one_lakehouse
from fabric_livy_magic.local.sessions.session import MakeApplication, Session
from fabric_livy_magic.local.spark.guests import HOST_CONF, GuestApplication, point_to
from fabric_livy_magic.local.spark.jvm import JvmGone
from fabric_livy_magic.local.spark.session_request import SessionRequest

REQUEST = SessionRequest(name="shared-spark", conf=HOST_CONF)


class SharedSpark:
    """`new_session` gives a session that is not started, for a request and a lakehouse."""

    def __init__(self, folder: Path, new_session: Callable[[SessionRequest, Lakehouse], Session]) -> None:
        self._anchor = folder / "shared-lakehouse"
        self._new_session = new_session
        self._lock = threading.Lock()
        self._host: Session | None = None
        self._closed = False
        self.starts = 0
        """How many applications there were: more than one after one that user code stopped, or whose JVM ended."""

    @property
    def alive(self) -> int:
        """How many applications there are now."""
        host = self._host
        return int(host is not None and not host.ended)

    def start(self) -> None:
        """Begins to start it; returns at once."""
        self._running_host()

    def application_of(self, lakehouse: Lakehouse) -> MakeApplication:
        """Makes the application of one more guest, which works in this lakehouse."""
        (lakehouse.folder / "Files").mkdir(parents=True, exist_ok=True)
        (lakehouse.folder / "Tables").mkdir(exist_ok=True)

        def host() -> Session:
            found = self._running_host()
            point_to(self._anchor, lakehouse.folder)
            return found

        return partial(GuestApplication, host)

    def _running_host(self) -> Session:
        """Raises JvmGone when the server stops."""
        with self._lock:
            if self._closed:
                raise JvmGone("the server is stopping")
            if self._host is not None and not _is_usable(self._host):
                self._host.stop()
                self._host.remove_files()
                self._host = None
            if self._host is None:
                self._make_anchor()
                self._host = self._new_session(REQUEST, one_lakehouse(self._anchor).first_lakehouse)
                self._host.start()
                self.starts += 1
            return self._host

    def _make_anchor(self) -> None:
        nowhere = self._anchor / "nowhere"
        for name in ("Files", "Tables"):
            (nowhere / name).mkdir(parents=True, exist_ok=True)
        point_to(self._anchor, nowhere)

    def close(self) -> None:
        with self._lock:
            self._closed = True
        if self._host is not None:
            self._host.stop()


def _is_usable(host: Session) -> bool:
    if host.ended:
        return False
    if not host.was_idle:
        return True  # it still starts
    try:
        return not host.application.jvm.spark.sparkContext().isStopped()
    except (Py4JError, OSError):
        return False
