"""Kills a server's process groups and removes its temporary folder when the server has ended, also after a SIGKILL.

A script in its own process. Its standard input is a pipe from the server, with lines `watch PGID` and `forget PGID`; the end
of the pipe means that the server ended.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys


def main(folder: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        command, number = line.split()
        if command == "watch":
            groups.add(int(number))
        else:
            groups.discard(int(number))
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # gone already
            os.killpg(group, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
