"""A kernel that was started ahead by a fork is as one that was started by itself."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fabric_livy_magic.errors import FabricLivyError
from fabric_livy_magic.forks import Forks
from fabric_livy_magic.notebook_runs.execute import NO_LIMITS, Limits, RunContent, WaitingKernel, content_of
from fabric_livy_magic.notebook_runs.kernel_managers import OwnKernelManager, kernel_forks
from fabric_livy_magic.notebook_runs.prepare import KERNEL_NAME
from tests.support.timing import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

# What a notebook may see of its process; what is its own (ids, files of a connection) aside.
SEEN = r"""%%local
import os, re, signal, sys, threading
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
print({
    "environment": {name: value for name, value in os.environ.items() if name != "JPY_PARENT_PID"},
    "path": [one for one in sys.path if ".zip" not in one],
    "arguments": ([re.sub("kernel-.*json", "", one) for one in sys.argv], sys.executable, str(sys.flags)),
    "folder": os.getcwd(),
    "signals": [status[one].strip() for one in ("SigBlk", "SigIgn", "SigCgt")],
    "leads": (os.getpid() == os.getsid(0), os.getpid() == os.getpgid(0)),
    "threads": sorted(re.sub(r"\d+", "", one.name) for one in threading.enumerate()),
    "name": __name__,
})
"""


@pytest.fixture
def forks() -> Iterator[Forks]:
    made = kernel_forks()
    yield made
    made.close()


@pytest.fixture
def unusable() -> Forks:
    """Of a process that has ended."""
    made = kernel_forks()
    made.close()
    return made


def opened(forks: Forks, **environ: str) -> tuple[WaitingKernel, RunContent]:
    kernel = WaitingKernel(KERNEL_NAME, forks)
    return kernel, kernel.open({**os.environ, **environ})


def end(*kernels: WaitingKernel) -> None:
    for kernel in kernels:
        kernel.begin_end()
        kernel.finish_end()


def printed(run: RunContent, source: str, limits: Limits = NO_LIMITS) -> Any:
    content = content_of([source])
    run(content, lambda line: None, limits)
    (output, *_) = content.cells[0].outputs
    return ast.literal_eval(output["text"]) if "text" in output else output["ename"]


def test_a_cell_sees_the_same_process(forks: Forks, unusable: Forks) -> None:
    (one, run_forked), (other, run_started) = opened(forks, MINE="yes"), opened(unusable, MINE="yes")
    forked, started = printed(run_forked, SEEN), printed(run_started, SEEN)
    end(one, other)
    assert forked["environment"]["MINE"] == "yes"
    assert forked == started


def test_it_is_forked(forks: Forks, unusable: Forks) -> None:
    parent = "%%local\nimport os\nprint(os.getppid())"
    (one, run_forked), (other, run_started) = opened(forks), opened(unusable)
    assert printed(run_started, parent) == os.getpid()
    server = psutil.Process(printed(run_forked, parent))
    end(one, other)
    assert server.parent() == psutil.Process()
    assert "forked_kernel" in " ".join(server.cmdline())


def test_its_environment_alone_counts(forks: Forks) -> None:
    kernel, run = opened(forks, TZ="Asia/Tokyo", PYTHONPATH="/one/of/mine")
    source = "%%local\nimport os, sys, time\nprint((sys.path.index('/one/of/mine') < 3, time.strftime('%Z'), 'LEFT' in os.environ))"
    os.environ["LEFT"] = "out"
    try:
        assert printed(run, source) == (True, "JST", False)
    finally:
        del os.environ["LEFT"]
        end(kernel)


def test_each_has_random_numbers_of_its_own(forks: Forks) -> None:
    drawn = set()
    for _ in range(2):
        kernel, run = opened(forks)
        drawn.add(printed(run, "%%local\nimport random, numpy\nprint((random.random(), float(numpy.random.rand())))"))
        end(kernel)
    assert len({one for pair in drawn for one in pair}) == 4


def test_an_interrupt_ends_its_cell_and_the_next_one_runs(forks: Forks) -> None:
    kernel, run = opened(forks)
    content = content_of(["%%local\nimport time\ntime.sleep(60)"])
    assert not run(content, lambda line: None, Limits(cell_s=0.5)).passed
    assert [output["ename"] for output in content.cells[0].outputs] == ["KeyboardInterrupt", "TimeoutError"]
    assert printed(run, "%%local\nprint(2)") == 2
    end(kernel)


def test_one_that_was_never_needed_ends_and_says_nothing(forks: Forks, capfd: pytest.CaptureFixture[str]) -> None:
    kernel = WaitingKernel(KERNEL_NAME, forks)
    opened_one, run = opened(forks)  # by then the other one waits
    printed(run, "%%local\nprint(1)")
    os.killpg(kernel._kernel_manager.provisioner.pid, signal.SIGINT)  # type: ignore[union-attr]
    end(kernel, opened_one)
    assert kernel.has_ended
    assert capfd.readouterr() == ("", "")


def test_one_that_is_killed_before_it_is_opened_is_told(forks: Forks) -> None:
    kernel = WaitingKernel(KERNEL_NAME, forks)
    os.kill(kernel._kernel_manager.provisioner.pid, signal.SIGKILL)  # type: ignore[union-attr]
    assert eventually(lambda: kernel.has_ended)
    with pytest.raises(FabricLivyError, match="did not start"):
        kernel.open(os.environ)
    kernel.finish_end()


def test_after_the_end_of_the_process_that_forks_a_kernel_is_started_instead(forks: Forks) -> None:
    first, run = opened(forks)
    assert printed(run, "%%local\nprint(1)") == 1
    assert forks._process
    forks._process.kill()
    second, run = opened(forks)
    assert printed(run, "%%local\nprint(2)") == 2
    end(second)
    first.finish_end()  # a kernel ends with its parent


def test_no_kernel_is_left_when_the_process_that_asked_for_them_is_killed() -> None:
    code = """
import os
from fabric_livy_magic.notebook_runs.execute import NO_LIMITS, WaitingKernel, content_of
from fabric_livy_magic.notebook_runs.kernel_managers import kernel_forks
forks = kernel_forks()
waiting, opened = WaitingKernel("fabric-livy", forks), WaitingKernel("fabric-livy", forks)
opened.open(os.environ)(content_of(["%%local\\n1"]), lambda line: None, NO_LIMITS)
print(*(one._kernel_manager.provisioner.pid for one in (waiting, opened)), flush=True)
input()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        pids = [int(one) for one in owner.stdout.readline().split()]
        assert all(map(psutil.pid_exists, pids))
        owner.kill()
    assert eventually(lambda: not any(map(psutil.pid_exists, pids)), within_s=30)


# ---------------------------------------------------------------------------------------------------------- its sockets
@pytest.mark.parametrize(("long", "transport"), [(False, "ipc"), (True, "tcp")])
def test_a_run_reaches_its_kernel_by_sockets_in_a_folder_whose_name_is_short_enough(
    long: bool, transport: str, forks: Forks, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(f"/tmp/runtime-{os.getpid()}") if not long else tmp_path_factory.mktemp("r" * 90)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    manager = OwnKernelManager(kernel_name=KERNEL_NAME)
    assert manager.transport == transport
    kernel, run = opened(forks)
    assert printed(run, "%%local\nprint(3)") == 3
    assert (folder.stat().st_mode & 0o077 == 0) or long
    end(kernel)
    assert list(folder.iterdir()) == []
    folder.rmdir()
