"""What is left of a debugger whose Python has ended, as with a session that is stopped, restarted or killed."""

from __future__ import annotations

import socket
import struct
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


def test_one_that_takes_no_client_any_more_is_started_again_when_it_is_asked_for(
    process: subprocess.Popen[str],
) -> None:
    agent = AgentProcess(process)
    found = agent.call("debug", 0).value
    until = time.monotonic() + 60
    while takes_a_client(found["port"]):
        assert time.monotonic() < until, "debugpy's process goes on taking clients"
        leave_at_once(found["port"])
    found = agent.call("debug", 0).value
    client = DapClient(found["host"], found["port"])
    client.attach()
    client.close()


def test_one_that_is_asked_for_again_keeps_its_client(process: subprocess.Popen[str]) -> None:
    agent = AgentProcess(process)
    found = agent.call("debug", 0).value
    client = DapClient(found["host"], found["port"])
    client.attach()
    assert agent.call("debug", 0).value["port"] == found["port"]
    assert client.request("threads")["threads"]
    client.close()


def leave_at_once(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # by a reset


def takes_a_client(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=3) as one:
        try:
            return bool(one.recv(1))
        except TimeoutError:
            return False


def listening(port: int) -> bool:
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in psutil.net_connections("tcp"))
