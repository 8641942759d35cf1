"""Forks the Python processes of REPLs. It has loaded what each of them needs, which takes a new Python half a second of a core.

Started as a script by `python_forks` on Linux, with an inherited descriptor: a socket. A request is the length of a JSON text with its
descriptors, then the text. The new process answers itself, with its id and a descriptor that stands for it. The end of the socket
is the end of this process. It runs no thread: only the one that forks goes on in the new process, and only a process of one thread
may enter a user namespace. (NumPy's own threads end before a fork.)
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

LENGTH = struct.Struct("!Q")
MOST_DESCRIPTORS = 8


def main(descriptor: int) -> list[str] | None:
    """The arguments of the worker in a new process; None at the end of this one."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load()
    signal.signal(signal.SIGCHLD, _reap)
    with socket.socket(fileno=descriptor) as requests:
        while (received := next_request(requests)) is not None:
            if os.fork() == 0:
                os.setsid()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                answer(requests)
                break
            for descriptor in received[1]:
                os.close(descriptor)
    return None if received is None else prepare_repl(*received)


def load() -> None:
    import pyspark.sql
    import pyspark.streaming  # noqa: F401

    import fabric_livy_magic.local.interpreters.pyshell
    import fabric_livy_magic.local.interpreters.worker
    import fabric_livy_magic.local.spark.gateway  # noqa: F401

    if "numpy" in sys.modules:  # PySpark has loaded it; Python's own `random` seeds itself
        os.register_at_fork(after_in_child=sys.modules["numpy"].random.seed)
    gc.collect()
    gc.freeze()  # what the garbage collector does not touch stays shared between the processes


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


def prepare_repl(request: Mapping[str, Any], descriptors: list[int]) -> list[str]:
    """`descriptors`: those of the worker in its order, then the capture file."""
    from fabric_livy_magic.local.lakehouse import mounts

    *of_worker, capture = descriptors
    for shown in (1, 2):
        os.dup2(capture, shown)
    os.close(capture)
    use_environment(request["environment"])
    os.chdir(request["working_folder"])
    mounts.enter(request["lakehouse"], request["resources"], request["mount_point"])
    return [*map(str, of_worker), request["log"], request["lakehouse"], request["resources"]]


def use_environment(environment: Mapping[str, str]) -> None:
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    after = environment.get("PYTHONPATH", "").split(os.pathsep)
    rest = (one for one in sys.path if one not in {*before, *after})
    sys.path[:] = dict.fromkeys([*filter(None, after), *rest])  # once each, as `site` leaves them
    os.environ.clear()
    os.environ.update(environment)


if __name__ == "__main__":
    # Called from here, so that code of notebooks has as many calls below it as in a worker that was started: a recursion ends as early.
    if (arguments := main(int(sys.argv[1]))) is not None:
        sys.modules["fabric_livy_magic.local.interpreters.worker"].main(arguments)
