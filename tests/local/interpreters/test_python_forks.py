"""A forked Python of a REPL is as one that was started by itself."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from fabric_livy_magic.forks import Forks
from fabric_livy_magic.local.interpreters.python_process import PythonProcess, repl_forks
from fabric_livy_magic.local.spark.settings import SessionFolders
from fabric_livy_magic.local.spark.submit import spark_environment
from tests.support.timing import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")

HIDDEN = any(not one.stat().st_mode & 1 for one in Path(sys.executable).resolve().parents)

# What a notebook may see of its process.
SEEN = """
import os, signal, sys, threading
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
print({
    "environment": dict(os.environ),
    "path": sys.path,
    "arguments": (sys.argv, sys.executable, sys.flags, sys.stdin.read()),
    "folder": os.getcwd(),
    "lakehouse": sorted(os.listdir("/lakehouse/default")),
    "root": sorted(os.listdir("/")),
    "mounts": len(open("/proc/self/mountinfo").read().splitlines()),
    "rights": [status[one].strip() for one in ("Umask", "Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
    "signals": [status[one].strip() for one in ("SigBlk", "SigIgn", "SigCgt")],
    "leads": (os.getpid() == os.getsid(0), os.getpid() == os.getpgid(0)),
    "threads": sorted(one.name for one in threading.enumerate()),
    "files": len(os.listdir("/proc/self/fd")),
    "may be read": os.stat("/proc/self/fd").st_uid == os.geteuid(),
    "hash": hash("a text"),
    "name": __name__,
})
"""


@contextmanager
def python(folder: Path, forks: Forks | None) -> Iterator[PythonProcess]:
    lakehouse = folder / "lakehouse"
    (lakehouse / "Files").mkdir(parents=True, exist_ok=True)
    private = folder / "private"
    private.mkdir(exist_ok=True)
    folders = SessionFolders(lakehouse, private)
    folders.make(None)
    process = PythonProcess(
        folders.repl(""), folders, spark_environment(folders, sys.executable), lambda group: None, forks
    )
    try:
        yield process
    finally:
        process.close()


@pytest.fixture
def forks() -> Iterator[Forks]:
    made = repl_forks()
    yield made
    made.close()


def printed(process: PythonProcess, code: str) -> str:
    output = process.run(code, "1")
    assert output["status"] == "ok", output
    return str(output["data"]["text/plain"])


def fork_server() -> psutil.Process:
    (found,) = [one for one in psutil.Process().children() if "forked_repl.py" in " ".join(one.cmdline())]
    return found


def test_code_sees_the_same_process(tmp_path: Path, forks: Forks) -> None:
    with python(tmp_path, forks) as forked:
        assert psutil.Process(forked.pid).parent() == fork_server()
        seen = printed(forked, SEEN)
    with python(tmp_path, None) as started:
        expected = printed(started, SEEN)
    assert seen == expected


def test_what_one_changes_the_next_does_not_see(tmp_path: Path, forks: Forks) -> None:
    for _ in range(2):
        with python(tmp_path, forks) as process:
            assert printed(process, "import os, sys\nprint('MINE' in os.environ, '/mine' in sys.path)") == "False False"
            printed(process, "os.environ['MINE'] = 'x'\nsys.path.append('/mine')")


@pytest.mark.parametrize("draw", ["import random; random.random()", "import numpy; float(numpy.random.rand())"])
def test_each_has_random_numbers_of_its_own(draw: str, tmp_path: Path, forks: Forks) -> None:
    drawn = set()
    for _ in range(3):
        with python(tmp_path, forks) as process:
            drawn.add(printed(process, draw.replace("; ", "\n")))
    assert len(drawn) == 3


def test_one_that_is_killed_is_known_to_have_ended_and_leaves_no_zombie(tmp_path: Path, forks: Forks) -> None:
    with python(tmp_path, forks) as process:
        printed(process, "1")
        assert process.alive
        os.kill(process.pid, 9)
        assert eventually(lambda: not process.alive)
        assert eventually(lambda: not psutil.pid_exists(process.pid))
        assert "Interpreter died" in process.run("1", "2")["evalue"]


def test_after_the_end_of_the_process_that_forks_python_is_started_instead(tmp_path: Path, forks: Forks) -> None:
    with python(tmp_path, forks) as first:
        fork_server().kill()
        assert printed(first, "print(1)") == "1"
        with python(tmp_path / "other", forks) as second:
            assert psutil.Process(second.pid).parent() == psutil.Process()
            assert printed(second, "print(2)") == "2"


def test_the_process_that_forks_ends_with_the_one_that_started_it() -> None:
    code = """
from fabric_livy_magic.local.interpreters.python_process import repl_forks
forks = repl_forks()
forks.start()
print(forks._process.pid, flush=True)
input()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        assert psutil.pid_exists(pid)
        owner.kill()
    assert eventually(lambda: not psutil.pid_exists(pid), within_s=30)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="takes root, to become another user")
@pytest.mark.skipif(HIDDEN, reason="other users do not see this Python")
def test_a_user_without_rights_has_none_in_a_fork(tmp_path: Path) -> None:
    """Such a user gets a namespace of its own with all rights, which end where the code begins."""
    code = """
import os, sys, tempfile
from pathlib import Path
from tests.local.interpreters.test_python_forks import SEEN, printed, python, repl_forks
forks = repl_forks()
with tempfile.TemporaryDirectory() as folder:
    with python(Path(folder), forks) as forked:
        seen = printed(forked, SEEN)
    with python(Path(folder), None) as started:
        expected = printed(started, SEEN)
forks.close()
print(repr(seen == expected or (seen, expected)))
"""
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            user=65534,
            group=65534,
            extra_groups=[],
            cwd=Path(__file__).parents[3],
            env={**os.environ, "HOME": home, "TMPDIR": home, "PYTHONDONTWRITEBYTECODE": "1"},
        )
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) is True
