"""The sessions that a notebook has, on record in a file: what its next kernel finds after this one died. No secrets, no code.

One file for each kernel, so that no two write to one, with mode 0600 in the user's state folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.own_folders import user_folder, write_private

STARTED_WITHIN_S = 2.0  # of each other: the same process; the system counts its start in ticks


@dataclass(frozen=True)
class SessionRecord:
    """`ours` (its name in the file): started by that notebook, and to be stopped with it. `server` is the Livy address,
    `target` what was typed."""

    id: str
    name: str
    target: str
    server: str
    ours: bool


@dataclass(frozen=True)
class KernelRecord:
    file: Path
    notebook: str
    is_alive: bool
    sessions: tuple[SessionRecord, ...]


def notebook_path(names: Mapping[str, Any]) -> Path:
    """Of the notebook that this kernel belongs to, as far as its front end says: VS Code sets a name, JupyterLab an environment
    variable. Without either, a file of no name in the current folder."""
    name = (
        os.environ.get("FABRIC_LIVY_NOTEBOOK") or names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    )
    return Path(str(name)).absolute() if name else Path.cwd() / "Untitled.ipynb"


def state_folder() -> Path:
    return user_folder("state") / "sessions"


class SessionRecords:
    """The file of this kernel."""

    def __init__(self, notebook: Path) -> None:
        self.notebook = str(notebook)
        short = hashlib.sha256(self.notebook.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._file = state_folder() / f"{short}-{os.getpid()}.json"
        self._sessions: dict[str, SessionRecord] = {}
        self._lock = threading.Lock()  # sessions that are stopped side by side are removed side by side

    def add(self, session: SessionRecord) -> None:
        with self._lock:
            self._sessions[session.id] = session
            self._write()

    def remove(self, session_id: str) -> None:
        """Of this kernel, and of those that have ended."""
        with self._lock:
            if self._sessions.pop(session_id, None):
                self._write()
            forget(session_id)

    def of_last_kernel(self) -> tuple[SessionRecord, ...]:
        """Those of this notebook's latest kernel that has ended and left some."""
        ended = [one for one in kernel_records() if one.notebook == self.notebook and not one.is_alive]
        return ended[0].sessions if ended else ()

    def _write(self) -> None:
        if not self._sessions:
            self._file.unlink(missing_ok=True)
            return
        content = {
            "notebook": self.notebook,
            "host": platform.node(),
            "pid": os.getpid(),
            "started": process_start(os.getpid()),
            "sessions": [asdict(one) for one in self._sessions.values()],
        }
        write_private(self._file, json.dumps(content, indent=1))


def forget(session_id: str) -> None:
    """From the records of all kernels that have ended."""
    for kernel in kernel_records():
        if not kernel.is_alive and any(one.id == session_id for one in kernel.sessions):
            left = tuple(one for one in kernel.sessions if one.id != session_id)
            _rewrite(kernel.file, left)


def kernel_records() -> list[KernelRecord]:
    """All kernels of this user that have sessions on record, the latest first. A file that cannot be read counts as none."""
    found = []
    for file in state_folder().glob("*.json"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            content = json.loads(file.read_text(encoding="utf-8"))
            sessions = tuple(SessionRecord(**one) for one in content["sessions"])
            found.append((file.stat().st_mtime, KernelRecord(file, content["notebook"], _is_alive(content), sessions)))
    return [kernel for _, kernel in sorted(found, key=lambda one: one[0], reverse=True)]


def _rewrite(file: Path, sessions: tuple[SessionRecord, ...]) -> None:
    if not sessions:
        file.unlink(missing_ok=True)
        return
    content = json.loads(file.read_text(encoding="utf-8"))
    write_private(file, json.dumps({**content, "sessions": [asdict(one) for one in sessions]}, indent=1))


def _is_alive(content: Mapping[str, Any]) -> bool:
    """A kernel of another machine that shares the home folder counts as alive, since nobody can see from here: its record stays."""
    if content["host"] != platform.node():
        return True
    return is_running(content["pid"], float(content["started"]))


def is_running(pid: int, began: float) -> bool:
    """Whether the process of that number is the one that began then."""
    started = process_start(pid)
    return started is not None and abs(started - began) < STARTED_WITHIN_S


def process_start(pid: int) -> float | None:
    """When that process began; None where there is none."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None
