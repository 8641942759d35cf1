"""Which sessions a notebook has, on disk: what its next kernel finds after this one died. No secrets, no code.

One file for each kernel, so that no two write to one, with mode 0600 in the user's state folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

STARTED_WITHIN_S = 2.0  # of each other: the same process; its start is told in ticks


@dataclass(frozen=True)
class RememberedSession:
    """`ours`: started by that notebook, and to be stopped with it. `server` is the Livy address, `target` what was typed."""

    id: str
    name: str
    target: str
    server: str
    ours: bool


@dataclass(frozen=True)
class RememberedKernel:
    file: Path
    notebook: str
    is_alive: bool
    sessions: tuple[RememberedSession, ...]


def notebook_path(names: Mapping[str, Any]) -> Path:
    """Of the notebook that this kernel belongs to, as far as its front end tells: VS Code sets a name, JupyterLab a variable.
    Without either, a file of no name in the current folder."""
    told = (
        os.environ.get("FABRIC_LIVY_NOTEBOOK") or names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    )
    return Path(str(told)).absolute() if told else Path.cwd() / "Untitled.ipynb"


def state_folder() -> Path:
    from platformdirs import user_state_path

    return user_state_path("fabric-livy-magic") / "sessions"


class Memory:
    """That of this kernel."""

    def __init__(self, notebook: Path) -> None:
        self.notebook = str(notebook)
        short = hashlib.sha256(self.notebook.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._file = state_folder() / f"{short}-{os.getpid()}.json"
        self._sessions: dict[str, RememberedSession] = {}

    def keep(self, session: RememberedSession) -> None:
        self._sessions[session.id] = session
        self._write()

    def drop(self, session_id: str) -> None:
        """Of this kernel, and of those that have ended."""
        if self._sessions.pop(session_id, None):
            self._write()
        for kernel in remembered():
            if not kernel.is_alive and any(one.id == session_id for one in kernel.sessions):
                left = tuple(one for one in kernel.sessions if one.id != session_id)
                _rewrite(kernel.file, left)

    def last(self) -> tuple[RememberedSession, ...]:
        """Those of this notebook's latest kernel that has ended and left some."""
        mine = [one for one in remembered() if one.notebook == self.notebook and not one.is_alive]
        return mine[0].sessions if mine else ()

    def _write(self) -> None:
        if not self._sessions:
            self._file.unlink(missing_ok=True)
            return
        content = {
            "notebook": self.notebook,
            "host": platform.node(),
            "pid": os.getpid(),
            "started": _started(os.getpid()),
            "sessions": [asdict(one) for one in self._sessions.values()],
        }
        _write_private(self._file, content)


def remembered() -> list[RememberedKernel]:
    """All kernels of this user that have sessions on record, the latest first. A file that cannot be read counts as none."""
    found = []
    for file in state_folder().glob("*.json"):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            content = json.loads(file.read_text(encoding="utf-8"))
            sessions = tuple(RememberedSession(**one) for one in content["sessions"])
            found.append((file.stat().st_mtime, RememberedKernel(file, content["notebook"], _lives(content), sessions)))
    return [kernel for _, kernel in sorted(found, key=lambda one: one[0], reverse=True)]


def _rewrite(file: Path, sessions: tuple[RememberedSession, ...]) -> None:
    if not sessions:
        file.unlink(missing_ok=True)
        return
    content = json.loads(file.read_text(encoding="utf-8"))
    _write_private(file, {**content, "sessions": [asdict(one) for one in sessions]})


def _write_private(file: Path, content: Mapping[str, Any]) -> None:
    """As a whole or not at all, and from the first byte on for this user only."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump(content, out, indent=1)
    new.replace(file)


def _lives(content: Mapping[str, Any]) -> bool:
    """Of another machine on the same home folder it cannot be told, so it counts as alive: nothing of it is taken away."""
    if content["host"] != platform.node():
        return True
    started = _started(content["pid"])
    return started is not None and abs(started - float(content["started"])) < STARTED_WITHIN_S


def _started(pid: int) -> float | None:
    """When that process began; None where there is none."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None
