"""A kernel that is started ahead, and waits for what it is to run in."""

from __future__ import annotations

import json
import os
import sys

ENVIRONMENT_PIPE = "FABRIC_LIVY_ENVIRONMENT_PIPE"


def wait_for_environment() -> None:
    """Of a kernel that is started ahead: it loads what its first cell needs, and waits for the environment that it is to have, JSON
    through a pipe. The end of the pipe without it is the end of this process."""
    descriptor = os.environ.pop(ENVIRONMENT_PIPE, None)
    if descriptor is None:
        return
    import fabric_livy_magic.magics.magics
    import fabric_livy_magic.sessions.connections  # noqa: F401

    with open(int(descriptor), encoding="utf-8") as pipe:  # noqa: PTH123 - a descriptor
        text = pipe.read()
    if not text:
        sys.exit(0)
    os.environ.clear()
    os.environ.update(json.loads(text))
