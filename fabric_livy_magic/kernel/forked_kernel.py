"""A kernel made by a fork of a process that has loaded all that its first cell needs. Started with the descriptor of `serve`.

A request has the arguments that the kernel would be started with, and its working folder; its descriptors are the pipe of its
environment, standard output and standard error.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from pathlib import Path

from fabric_livy_magic.forks import serve
from fabric_livy_magic.kernel import waiting

LOADED_WITH_A_KERNEL = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.magics.extension",
    "IPython.extensions.storemagic",
    "ipykernel.debugger",
    "sqlite3",
    "tornado.platform.asyncio",
    "traitlets.config.argcomplete_config",
)
"""By ipykernel and IPython, when a kernel starts: 60 ms of a core."""


def main(descriptor: int) -> None:
    # ipykernel reads it when it is loaded: a kernel ends with its parent, which is this process.
    os.environ["JPY_PARENT_PID"] = str(os.getpid())
    before = dict(os.environ)
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
    loaded = {name: value for name, value in os.environ.items() if name not in before}  # debugpy sets some
    waiting.wait_for_environment(environment)
    os.environ.update({**loaded, **os.environ})
    sys.modules["fabric_livy_magic.kernel.kernel"].launch()


def load() -> None:
    waiting.load()
    import fabric_livy_magic.kernel.kernel  # noqa: F401

    for name in LOADED_WITH_A_KERNEL:
        with contextlib.suppress(ImportError):  # of another release
            importlib.import_module(name)


if __name__ == "__main__":
    main(int(sys.argv[1]))
