"""A kernel made by a fork of a process that has loaded all that its first cell needs. Started with the descriptor of `serve`.

A request has the arguments that the kernel would be started with, and its working folder; its descriptors are the pipe of its
environment, standard output and standard error.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from fabric_livy_magic.forks import serve
from fabric_livy_magic.kernel import waiting


def main(descriptor: int) -> None:
    # ipykernel reads it when it is loaded: a kernel ends with its parent, which is this process.
    os.environ["JPY_PARENT_PID"] = str(os.getpid())
    received = serve(descriptor, load)
    if received is None:
        return
    request, (environment, *shown) = received
    for number, its_descriptor in enumerate(shown, start=1):
        os.dup2(its_descriptor, number)
        os.close(its_descriptor)
    sys.argv = [str(Path(__file__).with_name("ipykernel_launcher.py")), *request["arguments"]]
    os.chdir(request["working_folder"])
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # ignored, as `serve` leaves it
    waiting.wait_for_environment(environment)
    sys.modules["fabric_livy_magic.kernel.kernel"].launch()


def load() -> None:
    waiting.load()
    import fabric_livy_magic.kernel.kernel  # noqa: F401


if __name__ == "__main__":
    main(int(sys.argv[1]))
