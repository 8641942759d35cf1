"""What is left of a debugger whose Python has ended, as with a session that is stopped, restarted or killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.agent_process import SHELL, AgentProcess
from tests.support.dap import DapClient


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", "-c", SHELL]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
    ) as one:
        yield one
        one.kill()


@pytest.mark.parametrize("has_client", [True, False])
def test_no_process_and_no_port_is_left_when_the_python_was_killed(
    process: subprocess.Popen[str], has_client: bool
) -> None:
    found = AgentProcess(process).call("debug", 0).value
    assert listening(found["port"])
    client = DapClient(found["host"], found["port"]) if has_client else None
    if client:
        client.attach()
    process.kill()
    if client:
        client.event("terminated")
        client.close()  # as VS Code does then
    until = time.monotonic() + 30
    while listening(found["port"]) and time.monotonic() < until:
        time.sleep(0.1)
    assert not listening(found["port"])


def listening(port: int) -> bool:
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in psutil.net_connections("tcp"))
