"""Which processes come from a test: all that inherited a marker in their environment. Linux only (/proc)."""

from __future__ import annotations

import time
import uuid
from contextlib import ExitStack
from pathlib import Path

from fabric_livy_magic.local.sessions.class_data_archive import exclusive_lock
from tests.support import service
from tests.support.service import Session

FORK_SERVER = "interpreters/forked_repl.py"
MARK = "TEST_RUN_MARK"  # not FABRIC_LIVY_…: the embedded Fabric keeps those from its sessions


def marked(mark: str) -> dict[int, str]:
    """Process id → command line of every live process with this mark."""
    found = {}
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            alive = "\nState:\tZ" not in (folder / "status").read_text()
            if alive and wanted in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = description(folder)
        except OSError:
            continue  # it ended while we looked
    return found


def description(folder: Path) -> str:
    """Its command line. The Python of a REPL has that of the process that forked it, unless that ended."""
    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200]
    status = (folder / "status").read_text()
    parent = Path("/proc", status.partition("\nPPid:\t")[2].partition("\n")[0])
    is_fork = FORK_SERVER in words and FORK_SERVER.encode() in (parent / "cmdline").read_bytes()
    return f"interpreters/worker.py, forked by {words}" if is_fork else words


def still_running_after(mark: str, within_s: float) -> dict[int, str]:
    """The marked processes that are still there after at most `within_s`; empty as soon as none is."""
    until = time.monotonic() + within_s
    while (remaining := marked(mark)) and time.monotonic() < until:
        time.sleep(0.2)
    return remaining


class MarkedServer:
    """A server whose processes, down to the last child, can be told from all others."""

    def __init__(self, tmp_path: Path, *options: str) -> None:
        self.mark = uuid.uuid4().hex
        self.temp = tmp_path / "temp"
        self.temp.mkdir()
        environment = {MARK: self.mark, "TMPDIR": str(self.temp)}
        self._archive_lock = ExitStack()  # it would rightly be there for half a minute after a session's end
        self._archive_lock.enter_context(exclusive_lock())
        self.process, self.api = service.start(tmp_path / "lake", *options, extra_env=environment)

    def session(self) -> Session:
        session = self.api.start_session()
        session.wait_for("idle")
        return session

    def pid_of(self, word: str) -> int:
        return next(pid for pid, command in marked(self.mark).items() if word in command)

    def wait_for_process(self, word: str) -> None:
        until = time.monotonic() + 20
        while not any(word in command for command in marked(self.mark).values()):
            assert time.monotonic() < until
            time.sleep(0.02)

    def remaining(self, within_s: float = 10) -> tuple[dict[int, str], list[Path]]:
        processes = still_running_after(self.mark, within_s)
        until = time.monotonic() + 5
        while (files := list(self.temp.glob("fabric-livy-*"))) and time.monotonic() < until:
            time.sleep(0.1)
        return processes, files

    def close(self) -> None:
        self.api.http.close()
        service.close(self.process)
        self._archive_lock.close()
