"""The process groups that must end with the server."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from fabric_livy_magic.started_processes import started_environment


class ProcessGroups:
    """Sends them to a `reaper` process, which kills them, and removes `folder`, when the server has ended."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("reaper.py")
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), str(folder)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=started_environment(),
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def watch(self, group: int) -> None:
        self._send("watch", group)

    def forget(self, group: int) -> None:
        self._send("forget", group)

    def _send(self, command: str, group: int) -> None:
        assert self._reaper.stdin is not None
        with self._lock:
            try:
                self._reaper.stdin.write(f"{command} {group}\n")
                self._reaper.stdin.flush()
            except (BrokenPipeError, ValueError):
                pass  # the reaper was killed, or is closed; JVM and Python also end by themselves when the server is gone

    def close(self) -> None:
        assert self._reaper.stdin is not None
        with self._lock:
            self._reaper.stdin.close()
        self._reaper.wait()


@contextlib.contextmanager
def folder_of_run() -> Iterator[tuple[Path, ProcessGroups]]:
    """A temporary folder, for this user alone, and process groups: both end with this, also where the process is killed."""
    folder = Path(tempfile.mkdtemp(prefix="fabric-livy-"))
    groups = ProcessGroups(folder)
    try:
        yield folder, groups
    finally:
        groups.close()
        shutil.rmtree(folder, ignore_errors=True)
