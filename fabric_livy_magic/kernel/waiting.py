"""A kernel that is started ahead, and waits for what it is to run in."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from fabric_livy_magic.forks import use_environment
from fabric_livy_magic.own_imports import install as install_own_imports

ENVIRONMENT_PIPE = "FABRIC_LIVY_ENVIRONMENT_PIPE"


def load() -> None:
    """What a first cell needs."""
    install_own_imports()
    import fabric_livy_magic.magics.magics
    import fabric_livy_magic.sessions.connections  # noqa: F401


def wait_if_started_ahead() -> None:
    descriptor = os.environ.pop(ENVIRONMENT_PIPE, None)
    if descriptor is not None:
        load()
        wait_for_environment(int(descriptor))


def wait_for_environment(descriptor: int) -> None:
    """Waits for the environment that this process is to have, JSON through a pipe. The end of the pipe without it ends the process.
    An interrupt is for a cell, and there is none yet."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(descriptor, encoding="utf-8") as pipe:
        text = pipe.read()
    if not text:
        sys.exit(0)
    use_environment(json.loads(text))
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
