"""Starting an embedded Fabric from a notebook's process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest
import requests

from fabric_livy_magic.errors import LocalFabricError
from fabric_livy_magic.local.server import launch
from fabric_livy_magic.started_processes import SECRET_VARIABLES
from tests.support.processes import MARK, marked, still_running_after
from tests.support.service import ROOT
from tests.support.timing import eventually

pytestmark = pytest.mark.spark


def test_it_starts_answers_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    for name in SECRET_VARIABLES:
        monkeypatch.setenv(name, "private")
    fabric = launch.start_local_fabric(tmp_path / "lake")
    try:
        assert fabric.alive
        assert "private" not in psutil.Process(fabric.pid).environ().values()
        assert fabric.token not in repr(fabric)
        assert fabric.livy_endpoint.startswith(f"{fabric.api_url}/workspaces/")
        headers = {"Authorization": f"Bearer {fabric.token}"}
        sessions = f"{fabric.livy_endpoint}/sessions"
        assert requests.get(sessions, headers=headers, timeout=10).json()["items"] == []
        assert requests.post(sessions, json={}, headers=headers, timeout=10).status_code == 202
    finally:
        fabric.stop()
    assert not fabric.alive
    assert still_running_after(mark, 0.5) == {}
    fabric.stop()


def test_two_starts_get_two_ports_and_tokens_and_the_same_ids(tmp_path: Path) -> None:
    first, second = (launch.start_local_fabric(tmp_path) for _ in range(2))
    first.stop()
    second.stop()
    assert first.token != second.token
    assert first.api_url != second.api_url
    assert first.livy_endpoint.removeprefix(first.api_url) == second.livy_endpoint.removeprefix(second.api_url)


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(LocalFabricError, match=r"exit code 2.*(?s:.)*file"):
        launch.start_local_fabric(tmp_path / "file")


def test_a_start_that_takes_too_long_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    with pytest.raises(LocalFabricError, match="did not start within"):
        launch.start_local_fabric(tmp_path, start_timeout_s=0.01)
    assert still_running_after(mark, 2) == {}


def test_a_python_that_prints_at_its_start_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hello')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(LocalFabricError, match=r"began with b'hello\\n' instead of its address"):
        launch.start_local_fabric(tmp_path / "lake")


def test_a_missing_extra_is_reported(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['tornado'] = None\n"
        "from fabric_livy_magic.local.__main__ import main\n"
        "sys.argv[1:] = ['--json', '--lakehouse', sys.argv[1]]\n"
        "sys.exit(main())"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert (run.returncode, run.stdout) == (3, "")
    assert 'pip install "fabric-livy-magic[local]"' in run.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_the_process_that_started_it(tmp_path: Path, how: int) -> None:
    """Also when the start itself is interrupted: the signal comes at ever later moments of it."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from fabric_livy_magic.local.server.launch import start_local_fabric\n"
        "print('go', flush=True)\n"
        "fabric = start_local_fabric(Path(sys.argv[1]))\n"
        "time.sleep(60)"
    )
    for delay in (0.0, 0.05, 0.15, 0.4):
        mark = uuid.uuid4().hex
        owner = subprocess.Popen(
            [sys.executable, "-c", code, tmp_path],
            cwd=ROOT,
            env={**os.environ, MARK: mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert owner.stdout is not None
        owner.stdout.readline()
        time.sleep(delay)
        owner.send_signal(how)
        owner.wait(10)
        owner.stdout.close()
        assert still_running_after(mark, 10) == {}, marked(mark)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_ends_with_its_owner_although_a_process_that_the_owner_forked_goes_on(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, time; from pathlib import Path\n"
        "from fabric_livy_magic.local.server.launch import start_local_fabric\n"
        "fabric = start_local_fabric(Path(sys.argv[1]))\n"
        "if os.fork() == 0: time.sleep(30)\n"
        "else: print(fabric.pid, flush=True); time.sleep(60)"
    )
    mark = uuid.uuid4().hex
    command, environ = [sys.executable, "-c", code, tmp_path], {**os.environ, MARK: mark}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        server = int(owner.stdout.readline())
        assert server in marked(mark)
        owner.kill()
        try:
            assert eventually(lambda: server not in marked(mark), 10)
        finally:
            for pid in marked(mark):
                os.kill(pid, signal.SIGKILL)


def test_the_default_lakehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_LAKEHOUSE", str(tmp_path))
    assert launch.default_lakehouse() == tmp_path
    monkeypatch.delenv("FABRIC_LIVY_LAKEHOUSE")
    assert launch.default_lakehouse().parts[-2:] == ("fabric-livy-magic", "lakehouse")


def test_importing_it_needs_neither_tornado_nor_pyspark() -> None:
    code = "import sys, fabric_livy_magic.local.server.launch\nprint(sorted({'tornado', 'pyspark', 'py4j'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert run.stdout.strip() == "[]"
