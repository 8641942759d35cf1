"""The Python process of a REPL, as the server controls it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fabric_livy_magic.forks import Forks
from fabric_livy_magic.local.interpreters import forked_repl
from fabric_livy_magic.local.interpreters import worker as worker_module
from fabric_livy_magic.local.interpreters.json_text import dumps
from fabric_livy_magic.local.interpreters.outputs import Output, error
from fabric_livy_magic.local.lakehouse.mounts import command_with_mount
from fabric_livy_magic.local.spark.settings import SessionFolders
from fabric_livy_magic.local.spark.submit import python_environment

POLL_INTERVAL_S = 0.25  # for a death that leaves the pipe open, as when a child process of user code holds it
STDERR_TAIL = 8192


class WorkerDied(Exception):  # noqa: N818 - says what happened
    pass


class PythonProcess:
    """Starts at once; `attach` connects it to the JVM. `run` is for one thread, `interrupt` and `kill` for any."""

    script = worker_module.__file__
    replies_by_stdout = False  # if not, descriptor 1 is the capture file, as is 2

    def __init__(
        self,
        folder: Path,
        folders: SessionFolders,
        environment: Mapping[str, str],
        watch_group: Callable[[int], None],
        forks: Forks | None = None,
    ) -> None:
        self._stop = threading.Event()
        self._reason = ""
        self._death_reported = False
        requests_in, self._requests = os.pipe()
        self._replies, replies_out = os.pipe()
        lifeline_in, self._lifeline = os.pipe()
        interrupts_in, self._interrupts = os.pipe()
        os.set_blocking(self._interrupts, False)
        # Readable, too: the worker reads what was written during a statement.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._capture = os.open(folder / "python-output", flags, 0o600)
        jobs_in, self._jobs = os.pipe()
        worker_ends = (requests_in, replies_out, lifeline_in, interrupts_in, jobs_in)
        forked = (
            forks.fork(_fork_request(folder, folders, environment), [*worker_ends, self._capture]) if forks else None
        )
        self._process = forked or self._started(folder, folders, environment, worker_ends)
        for descriptor in worker_ends:
            os.close(descriptor)
        watch_group(self._process.pid)

    def _started(
        self, folder: Path, folders: SessionFolders, environment: Mapping[str, str], worker_ends: Sequence[int]
    ) -> subprocess.Popen[bytes]:
        shown = (folders.log, folders.lakehouse, folders.resources)
        return subprocess.Popen(
            command_with_mount(
                folders.lakehouse,
                folder / "root",
                [sys.executable, "-P", self.script, *map(str, (*worker_ends, *shown))],
                folders.resources,
            ),
            stdin=subprocess.DEVNULL,
            stdout=worker_ends[1] if self.replies_by_stdout else self._capture,
            stderr=self._capture,
            pass_fds=worker_ends,
            cwd=folders.work,
            env=dict(environment),
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def attach(self, port: int, secret: str, session_id: str) -> None:
        """`session_id` is the id by which py4j knows the SparkSession of this REPL. Raises WorkerDied."""
        self._request({"attach": {"port": port, "secret": secret, "session_id": session_id}})

    def run(self, code: str, group: str) -> Output:
        try:
            output: Output = json.loads(self._request({"code": code, "group": group}))
        except WorkerDied as died:
            return self._death_output(str(died))
        return output

    def run_job(self, request_file: str) -> None:
        """Beside what it runs: see `pyjobs`. Does nothing where the process has ended."""
        with contextlib.suppress(OSError):
            os.write(self._jobs, f"{request_file}\n".encode())

    def interrupt(self) -> None:
        """Raises KeyboardInterrupt in the running statement. Between statements the process ignores it.

        Announced first, as SIGINT may come from others, too: VS Code sends it to each descendant of a kernel.
        """
        if self.alive:
            with contextlib.suppress(OSError):  # full: it is announced already; closed: the process ends
                os.write(self._interrupts, b"!")
            os.kill(self._process.pid, signal.SIGINT)

    def kill(self, reason: str = "") -> None:
        """Ends the process and all others of its process group. A waiting `run` returns within POLL_INTERVAL_S."""
        self._reason = self._reason or reason
        self._stop.set()
        with contextlib.suppress(
            ProcessLookupError, PermissionError
        ):  # gone already; macOS says PermissionError of a zombie
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        self.kill()
        for descriptor in (self._requests, self._replies, self._lifeline, self._interrupts, self._jobs, self._capture):
            with contextlib.suppress(OSError):  # closed before
                os.close(descriptor)

    def _death_output(self, reason: str) -> Output:
        """As in Livy: only the first statement after the death has the reason."""
        details = "" if self._death_reported else f"\n\n{reason}" if reason else "\n"
        self._death_reported = True
        return error("Error", f"Interpreter died:\n{details}")

    def _request(self, request: Mapping[str, Any]) -> bytes:
        """Returns the line of the reply."""
        data = memoryview(dumps(request) + b"\n")
        try:
            while data:
                data = data[os.write(self._requests, data) :]
        except OSError as broken:
            raise WorkerDied(self._death_reason()) from broken
        return self._read_line()

    def _read_line(self) -> bytes:
        parts = [self._read_part()]
        while not parts[-1].endswith(b"\n"):  # one reply per request: nothing follows its newline
            parts.append(self._read_part())
        return b"".join(parts)

    def _read_part(self) -> bytes:
        waiting = select.poll()
        waiting.register(self._replies, select.POLLIN)
        while not waiting.poll(POLL_INTERVAL_S * 1000):
            if not self.alive or self._stop.is_set():
                raise WorkerDied(self._death_reason())
        part = os.read(self._replies, 1 << 20)
        if not part:
            raise WorkerDied(self._death_reason())
        return part

    def _death_reason(self) -> str:
        """The reason of `kill`, and the end of the output in the capture file, which is emptied."""
        size = os.fstat(self._capture).st_size
        tail = os.pread(self._capture, STDERR_TAIL, max(0, size - STDERR_TAIL))
        os.ftruncate(self._capture, 0)
        parts = (self._reason, tail.decode("utf-8", errors="backslashreplace").rstrip())
        return "\n".join(part for part in parts if part)


def repl_forks() -> Forks:
    """Of one server. The first REPL that is forked waits for PySpark to load, unless it was told to `start` before."""
    return Forks([sys.executable, "-P", forked_repl.__file__], python_environment())


def _fork_request(folder: Path, folders: SessionFolders, environment: Mapping[str, str]) -> dict[str, Any]:
    mount_point = folder / "root"
    mount_point.mkdir(exist_ok=True)
    return {
        "environment": dict(environment),
        "working_folder": str(folders.work),
        "log": str(folders.log),
        "lakehouse": str(folders.lakehouse),
        "resources": str(folders.resources),
        "mount_point": str(mount_point),
    }
