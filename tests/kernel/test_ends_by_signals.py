"""Kernels that nobody asks for a shutdown: what they started on another server is stopped all the same."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.fakes import FakeFabric
from tests.support.kernels import Kernel, kernel
from tests.support.timing import eventually
from tests.support.vs_code import vs_code_kernel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

PARENT = (sys.executable, "-c", "import subprocess, sys; subprocess.call(sys.argv[1:])")
AT_ONCE = {"FABRIC_LIVY_STOP_ORPHAN_MIN": "0"}


@pytest.fixture
def fabric() -> Iterator[FakeFabric]:
    fabric = FakeFabric()
    fabric.session_goes("idle")
    yield fabric
    fabric.stop()


@pytest.fixture
def environ(fabric: FakeFabric, tmp_path: Path) -> dict[str, str]:
    return {
        "FABRIC_LIVY_TARGET": fabric.url,
        "FABRIC_LIVY_TOKEN": fabric.token,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "JPY_PARENT_PID": "",
    }


def with_sessions(kernel: Kernel, spec: str, *commands: str) -> None:
    """Two, unless other commands are given."""
    if spec == "python3":
        assert kernel.run("%load_ext fabric_livy_magic").status == "ok"
    for command in commands or ("%livy start", "%livy start other"):
        ended = kernel.run(command)
        assert ended.status == "ok", ended.everything


def guards(environ: dict[str, str]) -> list[int]:
    """Those of this test's kernels."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any("guard_process" in word for word in process.info["cmdline"] or []):
            with contextlib.suppress(psutil.Error):  # it has just ended
                if process.environ().get("XDG_STATE_HOME") == environ["XDG_STATE_HOME"]:
                    found.append(process.pid)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("spec", ["fabric-livy", "python3"])
def test_a_kernel_that_is_told_to_end_stops_its_sessions_at_once(
    spec: str, number: signal.Signals, fabric: FakeFabric, environ: dict[str, str], tmp_path: Path
) -> None:
    with vs_code_kernel(environ, tmp_path, spec=spec) as kernel:
        with_sessions(kernel, spec)
        started = set(fabric.sessions)
        assert kernel.end(number) < 4
        assert set(fabric.deleted) == started
        assert len(started) == 2


def test_it_does_so_in_the_middle_of_a_cell(fabric: FakeFabric, environ: dict[str, str], tmp_path: Path) -> None:
    fabric.statement_goes("running")
    with vs_code_kernel({**environ, "FABRIC_LIVY_RICH": "off"}, tmp_path) as kernel:
        with_sessions(kernel, "fabric-livy", "%livy start")
        kernel.send("while True: pass")
        assert eventually(lambda: fabric.seen("POST", "/statements"))
        (started,) = fabric.sessions
        kernel.end()
    assert fabric.deleted == [started]


def test_a_restart_leaves_no_session_of_the_kernel_before(
    fabric: FakeFabric, environ: dict[str, str], tmp_path: Path
) -> None:
    with vs_code_kernel(environ, tmp_path) as kernel:
        with_sessions(kernel, "fabric-livy", "%livy start")
        (first,) = fabric.sessions
        kernel.restart()
        assert fabric.deleted == [first]
        assert "last kernel" not in kernel.run("%livy start").text


@pytest.mark.parametrize("spec", ["fabric-livy", "python3"])
def test_a_restart_that_jupyter_asks_for_stops_them_but_for_what_is_to_be_kept(
    spec: str, fabric: FakeFabric, environ: dict[str, str], tmp_path: Path
) -> None:
    with kernel(environ, tmp_path, spec=spec) as running:
        with_sessions(running, spec, "%livy start kept --keep", "%livy start", "%livy start other")
        kept, *others = fabric.sessions
        running.manager.restart_kernel()
        running.client.wait_for_ready(timeout=60)
        assert set(fabric.deleted) == set(others)
        with_sessions(running, spec, "%livy start")
    assert fabric.left_running == [kept]


@pytest.mark.parametrize("spec", ["fabric-livy", "python3"])
def test_the_sessions_of_a_killed_kernel_are_stopped_by_its_guard(
    spec: str, fabric: FakeFabric, environ: dict[str, str], tmp_path: Path
) -> None:
    with vs_code_kernel({**environ, **AT_ONCE}, tmp_path, spec=spec) as kernel:
        with_sessions(kernel, spec)
        started = set(fabric.sessions)
        kernel.end(signal.SIGKILL)
        assert eventually(lambda: set(fabric.deleted) == started, 20)
    assert eventually(lambda: not list((tmp_path / "state" / "fabric-livy-magic" / "sessions").iterdir()), 5)


def test_a_kernel_whose_front_end_has_vanished_loses_its_sessions(
    fabric: FakeFabric, environ: dict[str, str], tmp_path: Path
) -> None:
    with vs_code_kernel(environ, tmp_path, parent=PARENT) as kernel:
        with_sessions(kernel, "fabric-livy")
        own, started = psutil.Process(kernel.pid), set(fabric.sessions)
        kernel.process.kill()
        try:
            assert eventually(lambda: set(fabric.deleted) == started, 20)
        finally:
            own.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_what_is_to_be_kept_or_was_attached_goes_on(
    number: signal.Signals, fabric: FakeFabric, environ: dict[str, str], tmp_path: Path
) -> None:
    with vs_code_kernel({**environ, **AT_ONCE}, tmp_path) as kernel:
        with_sessions(kernel, "fabric-livy", "%livy start kept --keep", "%livy start other")
        kept, other = fabric.sessions
        kernel.end(number)
        assert eventually(lambda: set(fabric.deleted) == {other}, 20)
        assert eventually(lambda: guards(environ) == [], 20)
    with vs_code_kernel({**environ, **AT_ONCE}, tmp_path) as kernel:
        assert kept in kernel.run("%livy attach --last").text
        kernel.end(number)
        time.sleep(2)
    assert set(fabric.deleted) == {other}


def test_a_new_kernel_is_told_once_of_a_session_that_still_runs_and_can_take_it(
    fabric: FakeFabric, environ: dict[str, str], tmp_path: Path
) -> None:
    environ = {**environ, "FABRIC_LIVY_STOP_ORPHAN_MIN": "0.15"}
    with vs_code_kernel(environ, tmp_path) as second:
        with vs_code_kernel(environ, tmp_path) as first:
            with_sessions(first, "fabric-livy", "%livy start")
            (left,) = fabric.sessions
            first.end(signal.SIGKILL)
        said = second.run("%livy start").text
        assert f"This notebook's last kernel left a session that still runs (id {left}) and costs." in said
        assert "last kernel" not in second.run("%livy start other").text
        assert left in second.run("%livy attach --last").text
        time.sleep(10)  # longer than its guard waits for that
        assert fabric.deleted == []
        second.end()
    assert left in fabric.deleted


def test_a_process_that_user_code_forked_ends_without_the_sessions(
    fabric: FakeFabric, environ: dict[str, str], tmp_path: Path
) -> None:
    code = (
        "import multiprocessing, time\n"
        "p = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))\n"
        "p.start(); time.sleep(0.5); p.terminate(); p.join(10); p.exitcode"
    )
    with vs_code_kernel(environ, tmp_path, spec="python3") as kernel:
        with_sessions(kernel, "python3", "%livy start")
        assert kernel.run(code).text == "-15"
        assert fabric.deleted == []
        assert "idle" in kernel.run("%livy status").text


def test_the_guard_is_below_the_kernel_in_no_process_tree_and_shows_no_token(
    fabric: FakeFabric, environ: dict[str, str], tmp_path: Path
) -> None:
    with vs_code_kernel({**environ, **AT_ONCE}, tmp_path) as kernel:
        with_sessions(kernel, "fabric-livy", "%livy start")
        assert eventually(lambda: guards(environ))
        time.sleep(0.5)  # until its first process has ended
        (guard,) = guards(environ)
        assert guard not in {one.pid for one in psutil.Process(kernel.pid).children(recursive=True)}
        assert fabric.token not in " ".join(psutil.Process(guard).cmdline())
        assert fabric.token not in " ".join(psutil.Process(guard).environ().values())
        for _ in range(5):
            kernel.interrupt()
        assert psutil.pid_exists(guard)
    assert eventually(lambda: guards(environ) == [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_session_that_was_asked_for_when_the_kernel_ended_is_stopped_by_its_name(
    number: signal.Signals, fabric: FakeFabric, environ: dict[str, str], tmp_path: Path
) -> None:
    """The server has made it, and its answer is on the way."""
    fabric.fault("POST", "/sessions$", acts=True, delay_s=20)
    with vs_code_kernel(environ, tmp_path) as kernel:
        kernel.send("%livy start")
        assert eventually(lambda: fabric.sessions)
        kernel.end(number)
        assert eventually(lambda: fabric.left_running == [], 20)
