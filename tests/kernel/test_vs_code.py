"""The kernel as VS Code drives it: SIGINT to each process below it, signals instead of requests."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.support.kernels import Executed
from tests.support.timing import eventually
from tests.support.vs_code import VsCodeKernel, vs_code_kernel

pytestmark = [pytest.mark.spark, pytest.mark.skipif(sys.platform == "win32", reason="the embedded Fabric needs POSIX")]

INTERRUPTS = 20
APART_S = 0.03


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VsCodeKernel]:
    folder = tmp_path_factory.mktemp("notebook")
    environ = {"FABRIC_LIVY_TARGET": "local", "FABRIC_LIVY_LAKEHOUSE": str(folder / "lakehouse")}
    with vs_code_kernel(environ, folder) as running:
        yield running


def below(notebook: VsCodeKernel) -> dict[int, str]:
    """The processes that the kernel started, and they."""
    found = {}
    for process in psutil.Process(notebook.pid).children(recursive=True):
        try:
            found[process.pid] = " ".join(process.cmdline())
        except psutil.Error:
            continue  # it has just ended
    return found


def interrupted(notebook: VsCodeKernel, request: str) -> Executed:
    for _ in range(INTERRUPTS):
        notebook.interrupt()
        time.sleep(APART_S)
    return notebook.wait(request, 30)


def test_after_interrupts_while_the_first_session_starts_the_next_cell_starts_one(notebook: VsCodeKernel) -> None:
    request = notebook.send("1 + 1")
    assert eventually(lambda: any("java" in one for one in below(notebook).values()))
    assert interrupted(notebook, request).status == "error"
    started = notebook.run("kept = 41\nkept + 1")
    assert started.text.endswith("42"), started.everything


RUNNING = {
    "in Python that computes": "while True: pass",
    "in Python that sleeps": "import time\ntime.sleep(60)",
    "in a system call": "import socket\na, b = socket.socketpair()\na.recv(1)",
    "in Python that waits for a process": "import subprocess, time\nsubprocess.run(['sleep', '60'])\ntime.sleep(60)",
    "in a Spark job": "spark.range(10**13).selectExpr('sum(sqrt(id))').collect()",
    "in a Spark job with Python workers": "sc.range(10**8, numSlices=2).map(lambda x: x * x).sum()",
    "in SQL": "%%sql\nSELECT sum(sqrt(id)) FROM range(10000000000000)",
    "in Scala": "%%spark\nThread.sleep(60000)",
}


@pytest.mark.parametrize("point", RUNNING)
def test_interrupts_end_the_cell_and_leave_session_and_variables(point: str, notebook: VsCodeKernel) -> None:
    notebook.run("kept = 41")
    notebook.run("%%spark\nval kept = 43")
    before = {pid for pid, command in below(notebook).items() if is_ours(command)}
    request = notebook.send(RUNNING[point])
    time.sleep(1.5)
    ended = interrupted(notebook, request)
    assert ended.status == "error"
    assert "Interrupt" in ended.ename, ended.everything
    assert notebook.run("kept + 1").text == "42"
    assert "43" in notebook.run("%%spark\nkept").text
    assert {pid for pid, command in below(notebook).items() if is_ours(command)} == before


def is_ours(command: str) -> bool:
    """The server, its reaper, a JVM or a REPL's Python: not what Spark or user code started."""
    return any(word in command for word in ("fabric_livy_magic", "java")) and "pyspark.daemon" not in command


def test_interrupts_at_rest_change_nothing(notebook: VsCodeKernel) -> None:
    before = below(notebook)
    for _ in range(INTERRUPTS):
        notebook.interrupt()
        time.sleep(APART_S)
    assert below(notebook) == before
    assert notebook.run("kept + 1").text == "42"


def test_an_interrupt_does_not_reach_a_statement_that_runs_in_the_background(notebook: VsCodeKernel) -> None:
    notebook.run(
        "%%livy_pyspark --background -o total\nimport time\nfor _ in range(30): time.sleep(0.1)\n"
        "sc.range(4, numSlices=2).map(lambda x: time.sleep(1) or x).sum()"
    )
    for _ in range(INTERRUPTS):
        notebook.interrupt()
        time.sleep(0.2)
    assert notebook.run("%livy wait").status == "ok"
    assert notebook.run("%%local\nint(total.result().value())").text == "6"


def test_what_user_code_starts_can_be_interrupted_by_it(notebook: VsCodeKernel) -> None:
    code = "import signal, subprocess\np = subprocess.Popen(['sleep', '60'])\np.send_signal(signal.SIGINT)\np.wait(10)"
    assert notebook.run(code).text == "-2"


def test_every_process_of_the_session_ends_with_the_kernel(notebook: VsCodeKernel) -> None:
    started = psutil.Process(notebook.pid).children(recursive=True)
    notebook.end()
    assert eventually(lambda: all(map(has_ended, started)))


def has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
