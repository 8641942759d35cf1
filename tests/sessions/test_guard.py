"""The process that stops the sessions of a kernel which could not: what it is told, and what it makes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fabric_livy_magic.magics.end_signals import EndSignals
from fabric_livy_magic.sessions import guard_process
from fabric_livy_magic.sessions.guard_process import own_group
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.settings import SessionSpec
from fabric_livy_magic.signin.tokens import FABRIC, AccessToken
from tests.support.clients import client_of
from tests.support.fakes import FakeFabric
from tests.support.timing import eventually

LONG_S = 600.0


@pytest.fixture
def session(fabric: FakeFabric) -> str:
    return client_of(fabric).create_session(SessionSpec()).id


class Guard:
    """Told by this test as by a kernel; `own_life` is a process that stands for the kernel."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-S", guard_process.__file__],
            stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)},
        )
        self.kernel = subprocess.Popen(["sleep", "600"])

    def told(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()

    def entry(self, fabric: FakeFabric, *sessions: str, **more: Any) -> str:
        began = psutil.Process(self.kernel.pid).create_time()
        entries = [
            {
                "id": one,
                "server": fabric.url,
                "paths": [f"/sessions/{one}"],
                "authorization": f"Bearer {fabric.token}",
                "verify": True,
            }
            for one in sessions
        ]
        message = {"sessions": entries, "wait_s": 0.0, "at_once": False, "parent": None}
        return json.dumps({**message, "kernel": (self.kernel.pid, began), **more}) + "\n"


@pytest.fixture
def guard() -> Iterator[Guard]:
    guard = Guard()
    yield guard
    guard.end()
    guard.kernel.kill()
    guard.kernel.wait()
    guard.process.wait(10)


def test_what_it_was_told_last_counts(guard: Guard, fabric: FakeFabric, session: str) -> None:
    other = client_of(fabric).create_session(SessionSpec()).id
    guard.told(guard.entry(fabric, session, other))
    guard.told(guard.entry(fabric, other))
    guard.end()
    assert eventually(lambda: fabric.deleted == [other])


def test_a_line_that_the_kernel_s_death_cut_off_counts_for_nothing(
    guard: Guard, fabric: FakeFabric, session: str
) -> None:
    guard.told(guard.entry(fabric, session))
    guard.told(guard.entry(fabric)[:-20])
    guard.end()
    assert eventually(lambda: fabric.deleted == [session])


def test_a_kernel_that_is_told_to_end_has_no_successor_to_wait_for(
    guard: Guard, fabric: FakeFabric, session: str
) -> None:
    guard.told(guard.entry(fabric, session, wait_s=LONG_S, at_once=True))
    guard.end()
    assert eventually(lambda: fabric.deleted == [session])


def test_a_kernel_that_ended_counts_although_a_process_that_it_forked_holds_the_pipe(
    guard: Guard, fabric: FakeFabric, session: str
) -> None:
    guard.told(guard.entry(fabric, session))
    guard.kernel.kill()
    guard.kernel.wait()
    assert eventually(lambda: fabric.deleted == [session], 20)


def test_a_server_that_fails_for_a_moment_is_asked_again(guard: Guard, fabric: FakeFabric, session: str) -> None:
    fabric.fault("DELETE", "/sessions/", status=503, times=2)
    guard.told(guard.entry(fabric, session))
    guard.end()
    assert eventually(lambda: fabric.deleted == [session], 30)


@pytest.mark.parametrize(
    ("platform", "options"),
    [
        ("linux", {"start_new_session": True}),
        ("darwin", {"start_new_session": True}),
        ("win32", {"creationflags": 0x208}),  # without the kernel's console, in a process group of its own
    ],
)
def test_it_gets_no_signal_that_is_meant_for_the_kernel(platform: str, options: dict[str, Any]) -> None:
    assert own_group(platform) == options


def test_the_sessions_of_a_killed_program_are_stopped(fabric: FakeFabric, tmp_path: Path) -> None:
    fabric.session_goes("idle")
    code = (
        "import os, signal, sys; from fabric_livy_magic import connect\n"
        "session = connect(sys.argv[1])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environ = {**os.environ, "FABRIC_LIVY_TOKEN": fabric.token, "XDG_STATE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code, fabric.url], env=environ, check=False, timeout=30)
    assert len(fabric.sessions) == 1
    assert eventually(lambda: fabric.left_running == [], 20)


class NewTokens:
    """The server takes the last one only."""

    def __init__(self, fabric: FakeFabric) -> None:
        self._fabric = fabric
        self.count, self.lifetime_s = 0, 200.0  # such a token is renewed before the next request

    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        self.count += 1
        self._fabric.token = f"token-{self.count}"
        return AccessToken(self._fabric.token, time.time() + self.lifetime_s)


def test_a_notebook_at_rest_gives_its_guard_a_token_that_is_still_good(fabric: FakeFabric, tmp_path: Path) -> None:
    fabric.session_goes("idle")
    credential = NewTokens(fabric)
    runner = Runner({"target": fabric.url, "stop_orphan_min": 0}, credential, notebook=tmp_path / "Sales.ipynb")
    session = runner.sessions.start()
    asked_for, credential.lifetime_s = credential.count, 3600.0
    runner.sessions.idle_watch.look()
    assert credential.count == asked_for + 1
    runner.sessions.guard.close()  # as the kernel's death does
    try:
        assert eventually(lambda: fabric.deleted == [session.id], 20)
    finally:
        runner.close()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGHUP")
def test_a_signal_that_somebody_else_handles_stays_theirs() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as below nohup
    signals = EndSignals(lambda within_s: None)
    try:
        signals.handle()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signals.release()
        signal.signal(signal.SIGHUP, before)
