"""Process groups that must not outlive the server."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path


class ProcessGroups:
    """Told to the process that ends them if the server is killed; see `reaper`. It removes `folder`, too."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("reaper.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), str(folder)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def watch(self, group: int) -> None:
        self._tell("watch", group)

    def forget(self, group: int) -> None:
        self._tell("forget", group)

    def _tell(self, verb: str, group: int) -> None:
        assert self._process.stdin is not None
        with self._lock:
            try:
                self._process.stdin.write(f"{verb} {group}\n")
                self._process.stdin.flush()
            except (BrokenPipeError, ValueError):
                pass  # it was killed, or we are at our own end; JVM and Python process watch for themselves, too

    def close(self) -> None:
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.close()
        self._process.wait()
