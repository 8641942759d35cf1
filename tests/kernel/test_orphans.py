"""A notebook that dies leaves nothing running: no server, no JVM, no worker."""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.local.sessions.class_data_archive import exclusive_lock
from tests.support.kernels import Kernel
from tests.support.processes import MARK, marked, still_running_after

pytestmark = [pytest.mark.spark, pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")]


@pytest.fixture(autouse=True)
def no_archive_run() -> Iterator[None]:
    """It would rightly be there for half a minute after a session's end."""
    with exclusive_lock():
        yield


@pytest.fixture
def mark() -> str:
    return uuid.uuid4().hex


def started_kernel(mark: str, tmp_path: Path, *, busy: bool) -> Kernel:
    kernel = Kernel({MARK: mark, "FABRIC_LIVY_LAKEHOUSE": str(tmp_path / "lakehouse")}, tmp_path)
    assert kernel.run("%load_ext fabric_livy_magic\n%livy use local").status == "ok"
    assert kernel.run("%livy_pyspark 1 + 1").status == "ok"
    if busy:
        kernel.send(
            "%%livy_pyspark\nimport subprocess, time\nsubprocess.Popen(['sleep', '300'])\nwhile True: time.sleep(0.01)"
        )
        time.sleep(1.5)
    commands = " ".join(marked(mark).values())
    assert "fabric_livy_magic.local" in commands
    assert "java" in commands
    return kernel


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "while a cell runs"])
def test_sigkill_of_the_kernel_leaves_no_process_behind(mark: str, tmp_path: Path, busy: bool) -> None:
    kernel = started_kernel(mark, tmp_path, busy=busy)
    os.kill(kernel.pid, signal.SIGKILL)
    try:
        assert still_running_after(mark, within_s=10) == {}
    finally:
        kernel.close()


def test_shutdown_of_the_kernel_leaves_no_process_behind(mark: str, tmp_path: Path) -> None:
    kernel = started_kernel(mark, tmp_path, busy=False)
    kernel.manager.shutdown_kernel()
    kernel.close()
    assert still_running_after(mark, within_s=10) == {}


def test_sigkill_of_the_kernel_while_the_session_starts_leaves_no_process_behind(mark: str, tmp_path: Path) -> None:
    kernel = Kernel({MARK: mark, "FABRIC_LIVY_LAKEHOUSE": str(tmp_path / "lakehouse")}, tmp_path)
    kernel.run("%load_ext fabric_livy_magic\n%livy use local")
    kernel.send("%livy start")
    until = time.monotonic() + 20
    while "java" not in " ".join(marked(mark).values()) and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(kernel.pid, signal.SIGKILL)
    try:
        assert still_running_after(mark, within_s=10) == {}
    finally:
        kernel.close()
