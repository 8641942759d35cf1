"""What a process of the embedded Fabric started ends with it, and its folder goes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.timing import eventually

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the embedded Fabric needs POSIX")

RUN = """
import subprocess, sys, time
from fabric_livy_magic.local.spark.process_groups import folder_of_run
with folder_of_run() as (folder, groups):
    (folder / "lakehouse").mkdir()
    started = subprocess.Popen(["sleep", "600"], start_new_session=True)
    groups.watch(started.pid)
    print(folder, started.pid, flush=True)
    sys.stdin.read()
    started.kill()
    groups.forget(started.pid)
"""


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "to its end"])
def test_a_run_leaves_neither_folder_nor_process(killed: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        assert run.stdin
        folder, started = run.stdout.readline().split()
        assert Path(folder).stat().st_mode & 0o777 == 0o700
        if killed:
            run.kill()
        run.stdin.close()
        assert eventually(lambda: not Path(folder).exists() and not psutil.pid_exists(int(started)))
