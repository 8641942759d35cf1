"""Starts an embedded Fabric that belongs to this process, and ends it. Needs neither tornado nor pyspark itself."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any

from fabric_livy_magic.errors import LocalFabricError
from fabric_livy_magic.own_folders import user_folder
from fabric_livy_magic.started_processes import interrupts_blocked, python_path, server_environment

SERVER = "fabric_livy_magic.local"  # run as a module
LAKEHOUSE_VARIABLE = "FABRIC_LIVY_LAKEHOUSE"
NOT_ON_WINDOWS = (
    "the embedded Fabric does not run on Windows itself; start Jupyter inside WSL, or use a Fabric workspace"
)
MISSING_EXTRA = 'the embedded Fabric needs pyspark and tornado: pip install "fabric-livy-magic[local]"'
STDERR_LINES = 5
KILL_WAIT_S = 5.0


def default_lakehouse() -> Path:
    """The folder that holds Tables/ and Files/ where none is named."""
    if named := os.environ.get(LAKEHOUSE_VARIABLE):
        return Path(named).expanduser()
    return data_folder() / "lakehouse"


def data_folder() -> Path:
    return user_folder("data")


class LocalFabric:
    """A running server. It ends with `stop`, or by itself when this process has ended."""

    def __init__(self, process: subprocess.Popen[bytes], ready: dict[str, Any]) -> None:
        self._process = process
        self.api_url: str = ready["api_url"]
        self.livy_endpoint: str = ready["livy_endpoint"]
        self.token: str = ready["token"]
        self.pid: int = ready["pid"]

    def __repr__(self) -> str:
        return f"LocalFabric({self.livy_endpoint!r}, pid={self.pid}, alive={self.alive})"

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self, timeout_s: float = 15.0) -> None:
        """Returns when the server and all that it started have ended; after the time-out it is killed."""
        _end(self._process, timeout_s)


def start_kept_fabric(lakehouse: Path, *, schemas: bool = True, start_timeout_s: float = 30) -> str:
    """One that goes on when this process has ended, until its last session has; the address of its Livy API, whose token
    `discovery` finds. Raises LocalFabricError."""
    _refuse_windows()
    options = ["--json", "--while-used", "--lakehouse", str(lakehouse), *([] if schemas else ["--no-schemas"])]
    with tempfile.TemporaryFile() as stderr:
        with interrupts_blocked():
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", SERVER, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=_environment(),
                start_new_session=True,  # it outlives the terminal
            )
        assert process.stdout is not None
        try:
            endpoint = str(_read_ready(process, stderr, start_timeout_s)["livy_endpoint"])
            threading.Thread(target=process.wait, name="kept", daemon=True).start()  # for as long as this process lives
            return endpoint
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            process.stdout.close()


def _refuse_windows() -> None:
    if os.name == "nt":
        raise LocalFabricError(NOT_ON_WINDOWS)


def start_local_fabric(
    lakehouse: Path, *, schemas: bool = True, shares_spark: bool = False, start_timeout_s: float = 30
) -> LocalFabric:
    """Starts in about a second; sessions are made by its API. Raises LocalFabricError."""
    _refuse_windows()
    options = ["--json", "--owned", "--lakehouse", str(lakehouse), *([] if schemas else ["--no-schemas"])]
    options += ["--share-spark"] if shares_spark else []
    with tempfile.TemporaryFile() as stderr:
        with interrupts_blocked():  # it then ignores them, and with it all that it starts
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", SERVER, *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=_environment(),
                start_new_session=True,  # an interrupt of the notebook reaches its whole process group
            )
        assert process.stdin is not None
        # A process that user code forks has the pipe, too, and would keep the server when this process has ended.
        os.register_at_fork(after_in_child=process.stdin.close)
        try:
            return LocalFabric(process, _read_ready(process, stderr, start_timeout_s))
        except BaseException:
            _end(process, 0)
            raise


def _environment() -> dict[str, str]:
    inherited = server_environment()
    return inherited | {"PYTHONPATH": os.pathsep.join(python_path(inherited))}


def _read_ready(process: subprocess.Popen[bytes], stderr: IO[bytes], timeout_s: float) -> dict[str, Any]:
    assert process.stdout is not None
    deadline = time.monotonic() + timeout_s
    line = b""
    while not line.endswith(b"\n"):
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            raise LocalFabricError(f"the embedded Fabric did not start within {timeout_s:g} s. {_last_lines(stderr)}")
        if not select.select([process.stdout], [], [], remaining_s)[0]:
            continue
        part = os.read(process.stdout.fileno(), 65536)
        if not part:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(KILL_WAIT_S)
            code = process.poll()
            raise LocalFabricError(f"the embedded Fabric did not start (exit code {code}). {_last_lines(stderr)}")
        line += part
    try:
        ready: dict[str, Any] = json.loads(line)
    except ValueError:
        raise LocalFabricError(
            f"the embedded Fabric began with {line[:200]!r} instead of its address. Does a file of this Python's site-packages print "
            "at its start?"
        ) from None
    return ready


def _last_lines(stderr: IO[bytes]) -> str:
    stderr.seek(0)
    lines = stderr.read().decode("utf-8", errors="replace").strip().splitlines()
    return "\n".join(lines[-STDERR_LINES:])


def _end(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    """It stops at the end of its standard input. Its output ends when its reaper process has ended, too."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        if timeout_s > 0:
            process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        pass  # killed below
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
    if not process.stdout.closed:
        select.select([process.stdout], [], [], KILL_WAIT_S)
        process.stdout.close()
