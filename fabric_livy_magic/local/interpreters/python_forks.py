"""The processes that `fork_server` makes, as the server of the embedded Fabric sees them."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from fabric_livy_magic.local.interpreters import fork_server
from fabric_livy_magic.local.interpreters.json_text import dumps
from fabric_livy_magic.local.spark.submit import python_environment


class ForkedProcess:
    """As much of a `subprocess.Popen` as is needed of a process that is no child of this one."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._ended = False

    def poll(self) -> int | None:
        """None while it runs. Of its exit code nobody knows here."""
        return self._wait(0)

    def wait(self) -> int:
        return self._wait(None) or 0

    def _wait(self, timeout_ms: int | None) -> int | None:
        with self._lock:
            if not self._ended:
                waiting = select.poll()
                waiting.register(self._descriptor, select.POLLIN)
                if not waiting.poll(timeout_ms):
                    return None
                self._ended = True
                os.close(self._descriptor)
            return 0


class PythonForks:
    """Of one server. Its process starts with `start`, or at the first fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._usable = sys.platform == "linux" and hasattr(os, "pidfd_open")

    def start(self) -> None:
        """Returns at once."""
        with self._lock:
            self._start()

    def _start(self) -> None:
        if not self._usable or self._process is not None:
            return
        self._requests, its_end = socket.socketpair()
        with its_end:
            self._process = subprocess.Popen(
                [sys.executable, "-P", fork_server.__file__, str(its_end.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(its_end.fileno(),),
                env=python_environment(),
                start_new_session=True,
            )

    def fork(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> ForkedProcess | None:
        """None where none can be made so: on other systems than Linux, and after its process has ended."""
        text = dumps(request)
        with self._lock:
            self._start()
            if self._requests is None:
                return None
            try:
                socket.send_fds(self._requests, [fork_server.LENGTH.pack(len(text))], list(descriptors))
                self._requests.sendall(text)
                pid, made, _, _ = socket.recv_fds(self._requests, fork_server.LENGTH.size, 1)
            except OSError:
                made = []
            if not made:
                self._close()
                self._usable = False
                return None
            return ForkedProcess(fork_server.LENGTH.unpack(pid)[0], made[0])

    def close(self) -> None:
        with self._lock:
            self._usable = False
            self._close()

    def _close(self) -> None:
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            self._process = None
