"""The class data archive that the embedded Fabric makes in the background for later sessions, made early in a run of all tests.

With it a session starts in about half the CPU time. The server makes it at the lowest priority and within a few minutes, too
little while tests keep all cores busy.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
END_S = 10


@contextmanager
def in_the_making() -> Iterator[None]:
    """While the first tests run: those of the largest files, which are quick and need no Spark."""
    if find_spec("pyspark") is None:
        yield
        return
    maker = subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(maker.pid, signal.SIGKILL)
        maker.wait(END_S)


def main() -> None:
    from fabric_livy_magic.local.sessions.class_data_archive import build_what_is_missing
    from fabric_livy_magic.local.spark.delta import DeltaMissing, delta_jars
    from fabric_livy_magic.local.spark.process_groups import ProcessGroups
    from fabric_livy_magic.local.spark.settings import SparkSettings
    from fabric_livy_magic.local.spark.source_jars import with_sources

    with tempfile.TemporaryDirectory(prefix="fabric-livy-") as folder:
        groups = ProcessGroups(Path(folder) / "groups")
        try:
            with suppress(DeltaMissing):  # they belong on the class path that the archive is for
                delta_jars({}, groups)
            with_sources(SparkSettings(1), groups)
        finally:
            groups.close()
    build_what_is_missing()


if __name__ == "__main__":
    main()
