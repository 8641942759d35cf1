"""Forks Python processes that have loaded what they need: the REPLs of the embedded Fabric, the kernels of tests. Only on Linux.

To load it takes a new Python half a second of a core and more. `Forks` is of whoever wants such processes; `serve` runs in the process
that is forked, which inherits a descriptor: a socket. A request is the length of a JSON text with its descriptors, then the text. The
new process answers itself, with its id and a descriptor that stands for it. The end of the socket is the end of the process that
forks. It runs no thread: only the one that forks goes on in the new process, and only a process of one thread may enter a user
namespace. (NumPy's own threads end before a fork.)
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

LENGTH = struct.Struct("!Q")
MOST_DESCRIPTORS = 8


class ForkedProcess:
    """As much of a `subprocess.Popen` as is needed of a process that is no child of this one."""

    stdin = stdout = stderr = None

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

    def send_signal(self, number: int) -> None:
        """Of a process that has ended nothing is heard."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if not self._ended:
                signal.pidfd_send_signal(self._descriptor, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forks:
    """Of one program: `command` with the number of a descriptor runs `serve`. Its process starts with `start`, or at the first fork."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command, self._environment = tuple(command), environment
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
                [*self._command, str(its_end.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(its_end.fileno(),),
                env=dict(self._environment),
                start_new_session=True,
            )

    def fork(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> ForkedProcess | None:
        """The request is JSON. None where none can be made so: on other systems than Linux, and after its process has ended."""
        text = json.dumps(request).encode()
        with self._lock:
            self._start()
            if self._requests is None:
                return None
            try:
                socket.send_fds(self._requests, [LENGTH.pack(len(text))], list(descriptors))
                self._requests.sendall(text)
                pid, made, _, _ = socket.recv_fds(self._requests, LENGTH.size, 1)
            except OSError:
                made = []
            if not made:
                self._close()
                self._usable = False
                return None
            return ForkedProcess(LENGTH.unpack(pid)[0], made[0])

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


# ------------------------------------------------------------------------------------------- in the process that is forked
def serve(descriptor: int, load: Callable[[], object]) -> tuple[dict[str, Any], list[int]] | None:
    """In a new process: what was asked for, with its descriptors; SIGINT is blocked there and ignored. None at the end of this one."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load()
    if "numpy" in sys.modules:  # Python's own `random` seeds itself
        os.register_at_fork(after_in_child=sys.modules["numpy"].random.seed)
    gc.collect()
    gc.freeze()  # what the garbage collector does not touch stays shared between the processes
    signal.signal(signal.SIGCHLD, _reap)
    with socket.socket(fileno=descriptor) as requests:
        while (received := next_request(requests)) is not None:
            if os.fork() == 0:
                os.setsid()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                answer(requests)
                return received
            for its_descriptor in received[1]:
                os.close(its_descriptor)
    return None


def next_request(requests: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """None at the end."""
    size, descriptors, _, _ = socket.recv_fds(requests, LENGTH.size, MOST_DESCRIPTORS)
    if len(size) < LENGTH.size:
        return None
    text, (length,) = bytearray(), LENGTH.unpack(size)
    while len(text) < length:
        part = requests.recv(length - len(text))
        if not part:
            return None
        text += part
    return json.loads(text), descriptors


def _reap(_signal: int, _frame: FrameType | None) -> None:
    """Whoever waits for such a process has its descriptor."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def answer(requests: socket.socket) -> None:
    itself = os.pidfd_open(os.getpid())
    socket.send_fds(requests, [LENGTH.pack(os.getpid())], [itself])
    os.close(itself)


def use_environment(environment: Mapping[str, str]) -> None:
    """As if this process had been started with it; what was read of the old one while modules loaded stays."""
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    after = environment.get("PYTHONPATH", "").split(os.pathsep)
    rest = (one for one in sys.path if one not in {*before, *after})
    sys.path[:] = dict.fromkeys([*filter(None, after), *rest])  # once each, as `site` leaves them
    os.environ.clear()
    os.environ.update(environment)
