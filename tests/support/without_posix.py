"""A Python without what Windows has not, as far as that can be had on another system: run as a program, it takes the names away, loads
all modules of the client and the kernel, and runs a first cell in IPython on the target of FABRIC_LIVY_TARGET.

`os.name` and `sys.platform` stay: libraries, `pathlib` among them, choose by them what this system cannot run. So do the names that
this package uses on the road of `os.name == "posix"` alone: `os.geteuid`, `grp` and `pwd` as imports within functions.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
import time
from pathlib import Path

# They have ways of their own for Windows, which they choose by `sys.platform`: they are loaded while all is there.
LIBRARIES = (
    "coverage ipykernel.kernelapp IPython.terminal.interactiveshell ipywidgets msal msal_extensions nbclient pandas psutil pyarrow pytest "
    "requests"
)
GONE = {
    os: "fork forkpty register_at_fork pidfd_open getgroups getpgid setpgid killpg setsid wait3 wait4 mkfifo "
    "chown lchown fchown sched_getaffinity uname statvfs getloadavg chroot nice sysconf posix_spawn",
    signal: "pthread_sigmask pthread_kill pidfd_send_signal sigwait sigpending setitimer alarm siginterrupt SIGHUP "
    "SIGKILL SIGCHLD SIGUSR1 SIGUSR2 SIGALRM SIGPIPE SIGQUIT SIGTSTP SIGSTOP SIGCONT SIG_BLOCK SIG_UNBLOCK SIG_SETMASK",
    time: "tzset",
}
NO_MODULES = ["fcntl", "resource", "termios", "tty", "pty", "syslog"]
# What runs on other systems alone: the embedded Fabric and the session's Python, which are never on Windows, and forked kernels; and the
# first lines of a batch, which start Spark.
ELSEWHERE = (
    "fabric_livy_magic.local.",
    "fabric_livy_magic.agent.remote.",
    "fabric_livy_magic.cells.batch_prelude",
    "fabric_livy_magic.kernel.ipykernel_launcher",
)


def take_away() -> None:
    for module, names in GONE.items():
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    for name in NO_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # `import` of it raises ImportError


def modules() -> list[str]:
    import fabric_livy_magic

    found = pkgutil.walk_packages([str(Path(fabric_livy_magic.__file__).parent)], "fabric_livy_magic.", onerror=_raise)
    return [one.name for one in found if not f"{one.name}.".startswith(ELSEWHERE) and not one.name.endswith("__main__")]


def _raise(name: str) -> None:
    raise ImportError(name)


def run_first_cell() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    for text in (
        "%load_ext fabric_livy_magic",
        "%livy start",
        "answer = %livy_pyspark 1+1",
        "%livy status",
        "%livy stop",
    ):
        shell.run_cell(text).raise_error()


def ask_for_an_embedded_fabric() -> None:
    """On a system that says of itself that it is Windows."""
    from fabric_livy_magic.cli.main import main
    from fabric_livy_magic.errors import LocalFabricError
    from fabric_livy_magic.local.server.launch import start_local_fabric

    lakehouse = Path("lakehouse")
    os.name = "nt"
    print("serve ends with", main(["serve"]))
    try:
        start_local_fabric(lakehouse)
    except LocalFabricError as error:
        print("use local:", error)
    os.name = "posix"


if __name__ == "__main__":
    for name in LIBRARIES.split():
        importlib.import_module(name)
    take_away()
    names = modules()
    for name in names:
        importlib.import_module(name)
    print("loaded", len(names))
    run_first_cell()
    ask_for_an_embedded_fabric()
