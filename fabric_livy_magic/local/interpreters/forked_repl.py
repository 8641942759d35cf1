"""The Python of a REPL, made by a fork of a process that has loaded PySpark. Started as a script, with the descriptor of `serve`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from fabric_livy_magic.forks import serve, use_environment


def main(descriptor: int) -> list[str] | None:
    """The arguments of the worker in a new process; None at the end of this one."""
    request = serve(descriptor, load)
    return None if request is None else prepare_repl(*request)


def load() -> None:
    import pyspark.sql
    import pyspark.streaming  # noqa: F401

    import fabric_livy_magic.local.interpreters.pyshell
    import fabric_livy_magic.local.interpreters.worker
    import fabric_livy_magic.local.spark.gateway  # noqa: F401


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


if __name__ == "__main__":
    # Called from here, so that code of notebooks has as many calls below it as in a worker that was started: a recursion ends as early.
    if (arguments := main(int(sys.argv[1]))) is not None:
        sys.modules["fabric_livy_magic.local.interpreters.worker"].main(arguments)
