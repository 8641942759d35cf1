"""The server's end of a REPL's Python process."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.interpreters import worker as worker_module
from fabric_livy_magic.local.interpreters.json_text import dumps
from fabric_livy_magic.local.interpreters.outputs import Output, error
from fabric_livy_magic.local.lakehouse.mounts import command_with_mount

POLL_INTERVAL_S = 0.25  # how soon a death is seen that leaves the pipe open, as when a child of the user's holds it
STDERR_TAIL = 8192


class WorkerDied(Exception):  # noqa: N818 - says what happened
    pass


class PythonProcess:
    """Starts at once; `attach` joins it to the JVM. `run` belongs to one thread, `interrupt` and `kill` to any."""

    script = worker_module.__file__
    replies_by_stdout = False  # otherwise descriptor 1 is, like 2, the capture file

    def __init__(
        self, folder: Path, cwd: Path, environment: Mapping[str, str], log: Path, watch_group: Callable[[int], None]
    ) -> None:
        self._stop = threading.Event()
        self._reason = ""
        self._mourned = False
        requests_in, self._requests = os.pipe()
        self._replies, replies_out = os.pipe()
        lifeline_in, self._lifeline = os.pipe()
        theirs = (requests_in, replies_out, lifeline_in)
        # Readable too: the worker takes back what was written during a statement.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._capture = os.open(folder / "python-output", flags, 0o600)
        self._process = subprocess.Popen(
            command_with_mount(cwd, folder / "root", [sys.executable, "-P", self.script, *map(str, theirs), str(log)]),
            stdin=subprocess.DEVNULL,
            stdout=replies_out if self.replies_by_stdout else self._capture,
            stderr=self._capture,
            pass_fds=theirs,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
        )
        for descriptor in theirs:
            os.close(descriptor)
        watch_group(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def attach(self, port: int, secret: str, session_id: str) -> None:
        """`session_id` is the id by which py4j knows the SparkSession of this REPL. Raises WorkerDied."""
        self._ask({"attach": {"port": port, "secret": secret, "session_id": session_id}})

    def run(self, code: str, group: str) -> Output:
        try:
            output: Output = json.loads(self._ask({"code": code, "group": group}))
        except WorkerDied as died:
            return self._death(str(died))
        return output

    def interrupt(self) -> None:
        """KeyboardInterrupt in the running statement. Between statements the process takes no notice of it."""
        if self.alive:
            os.kill(self._process.pid, signal.SIGINT)

    def kill(self, reason: str = "") -> None:
        """End the process and all it started in its process group. A waiting `run` returns soon."""
        self._reason = self._reason or reason
        self._stop.set()
        with contextlib.suppress(
            ProcessLookupError, PermissionError
        ):  # gone already; macOS says PermissionError of a zombie
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        self.kill()
        for descriptor in (self._requests, self._replies, self._lifeline, self._capture):
            with contextlib.suppress(OSError):  # closed before
                os.close(descriptor)

    def _death(self, last_words: str) -> Output:
        """As in Livy: what it wrote comes with the first statement that finds it dead."""
        told = "" if self._mourned else f"\n\n{last_words}" if last_words else "\n"
        self._mourned = True
        return error("Error", f"Interpreter died:\n{told}")

    def _ask(self, request: Mapping[str, Any]) -> bytes:
        """The line of the reply."""
        data = memoryview(dumps(request) + b"\n")
        try:
            while data:
                data = data[os.write(self._requests, data) :]
        except OSError as broken:
            raise WorkerDied(self._last_words()) from broken
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
                raise WorkerDied(self._last_words())
        part = os.read(self._replies, 1 << 20)
        if not part:
            raise WorkerDied(self._last_words())
        return part

    def _last_words(self) -> str:
        """Why it was ended, if we did it, and once the end of what it wrote to its standard error."""
        size = os.fstat(self._capture).st_size
        tail = os.pread(self._capture, STDERR_TAIL, max(0, size - STDERR_TAIL))
        os.ftruncate(self._capture, 0)
        parts = (self._reason, tail.decode("utf-8", errors="backslashreplace").rstrip())
        return "\n".join(part for part in parts if part)
