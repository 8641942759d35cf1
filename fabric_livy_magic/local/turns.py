"""When a statement of one session ends, its tables must be there for the next statement of any other.

Definitions are written after a statement is `available`, so that nobody waits for it who does not care. Until they are
written, the session holds a shared lock on one file of the lakehouse; a session that begins a statement passes that
file once with an exclusive lock, and so waits for all that are still writing, also in other server processes.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

LONGEST_WAIT_S = 2.0  # then the statement goes on: better with a table too old than not at all
LOOK_EVERY_S = 0.001


class Turns:
    def __init__(self, lock_file: Path) -> None:
        self._path = lock_file
        self._held: int | None = None

    def hold(self) -> None:
        """From now on others wait, until `release`."""
        if self._held is None:
            self._held = self._open()
            self._lock(self._held, fcntl.LOCK_SH)

    def release(self) -> None:
        if self._held is not None:
            os.close(self._held)  # the lock goes with it, as it does when the process dies
            self._held = None

    def wait_for_others(self) -> None:
        descriptor = self._open()
        try:
            self._lock(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _lock(self, descriptor: int, kind: int) -> None:
        until = time.monotonic() + LONGEST_WAIT_S
        while True:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    return
                time.sleep(LOOK_EVERY_S)
            else:
                return
