"""A kernel as VS Code drives it, without Jupyter's server: it is started by the argv of its spec, interrupted and ended by signals
alone. What VS Code does is in its extension's `src/kernels/raw/launcher/kernelProcess.node.ts`, and was seen in a workbench.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from fabric_livy_magic.kernel.install import kernel_specs
from tests.support.kernels import Executed, Kernel

GRACE_S = 5.0  # between SIGTERM and SIGKILL
READY_WITHIN_S, LOOK_S = 60.0, 5.0
MOST_STARTS = 3
PLAIN = (sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}")
"""The argv of ipykernel's own spec."""
COMPLETION = """
def __vsc_complete(code, cursor):
    from IPython.display import display
    from threading import Thread
    output = display(display_id=True)
    def work():
        output.update({{"application/vnd.vscode.bg.execution.0": get_ipython().kernel.do_complete(code, cursor)}}, raw=True)
    Thread(target=work, daemon=True).start()
__vsc_complete({code!r}, {cursor})
del __vsc_complete
"""


def argv_of(spec: str) -> Sequence[str]:
    """That of one of our kernels, or of ipykernel's: `python3`."""
    if spec == "python3":
        return PLAIN
    folder = next(one for one in kernel_specs() if one.name == spec)
    argv: list[str] = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))["argv"]
    return [sys.executable if argv[0] == "python" else argv[0], *argv[1:]]


class PortTakenError(RuntimeError):
    """Another process has a port of the connection file."""


class VsCodeKernel(Kernel):
    """`parent` is the command that starts the kernel's, where the kernel is to be a grandchild of this process."""

    def __init__(
        self, environ: Mapping[str, str], folder: Path, *, spec: str = "fabric-livy", parent: Sequence[str] = ()
    ) -> None:
        self._start = (environ, folder, spec, tuple(parent))
        self._with_person = True  # VS Code allows input
        self._begin()

    def _begin(self) -> None:
        """Its ports are free when they are chosen, and another test may take one before the kernel does, which ends then."""
        for _ in range(MOST_STARTS - 1):
            self._launch()
            with contextlib.suppress(PortTakenError):
                return self._wait_for_ready()
        self._launch()
        return self._wait_for_ready()

    def _launch(self) -> None:
        environ, folder, spec, parent = self._start
        self._connection = tempfile.TemporaryDirectory(prefix="vs-code-")
        file, _ = write_connection_file(str(Path(self._connection.name) / "kernel.json"))
        argv = [part.format(connection_file=file) for part in argv_of(spec)]
        self._errors = Path(self._connection.name) / "stderr"
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*parent, *argv],
                cwd=folder,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        self.client = BlockingKernelClient(connection_file=file)
        self.client.load_connection_file()
        self.client.start_channels(hb=False)  # a kernel that loads its modules misses beats

    def _wait_for_ready(self) -> None:
        until = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                return self.client.wait_for_ready(timeout=LOOK_S)
            except RuntimeError:
                if self.process.poll() is not None:
                    said = self._errors.read_text(encoding="utf-8", errors="replace")
                    self.client.stop_channels()
                    self._connection.cleanup()
                    kind = PortTakenError if "Address already in use" in said else RuntimeError
                    raise kind(f"the kernel ended with {self.process.returncode}: {said}") from None
                if time.monotonic() > until:
                    self.end(signal.SIGKILL)
                    raise
            except BaseException:
                self.end(signal.SIGKILL)
                raise

    @property
    def pid(self) -> int:
        """The kernel's, also where another process started it."""
        if not self._start[3]:
            return self.process.pid
        return next(
            one.pid for one in psutil.Process(self.process.pid).children(recursive=True) if "-f" in one.cmdline()
        )

    # ------------------------------------------------------------------------------------------- requests
    def help_code(self, code: str, timeout_s: float = 20) -> Executed:
        """Code of the extension's own, which is not part of the history."""
        request = self.client.execute(code, silent=False, store_history=False, allow_stdin=False, stop_on_error=False)
        return self.wait(str(request), timeout_s)

    def complete(self, code: str, cursor: int | None = None, timeout_s: float = 2.0) -> dict[str, Any]:
        """By helper code with a thread, whose answer is the update of a display. Past the 2 s that VS Code waits: no answer."""
        cursor = len(code) if cursor is None else cursor
        request = self.client.execute(COMPLETION.format(code=code, cursor=cursor), store_history=False)
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            message = self.client.get_iopub_msg(timeout=left_s)
            if message["parent_header"].get("msg_id") != request or message["msg_type"] != "update_display_data":
                continue
            answer: dict[str, Any] = message["content"]["data"]["application/vnd.vscode.bg.execution.0"]
            return answer
        raise TimeoutError(code)

    def inspect(self, name: str) -> dict[str, Any]:
        """As the Variables view asks for each name that its helper listed: the cursor is before it."""
        request = self.client.inspect(name, cursor_pos=0, detail_level=0)
        return self._reply(str(request))

    # ------------------------------------------------------------------------------------------- signals
    def interrupt(self) -> None:
        """The Interrupt button: SIGINT to every descendant, then to the kernel."""
        kernel = psutil.Process(self.pid)
        for process in [*kernel.children(recursive=True), kernel]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def end(self, number: int = signal.SIGTERM, grace_s: float = GRACE_S) -> float:
        """Closing the notebook or the window: no request, a signal, and after a while SIGKILL. Returns how long it took."""
        self.client.stop_channels()
        began, kernel = time.monotonic(), psutil.Process(self.pid)
        kernel.send_signal(number)
        try:
            kernel.wait(grace_s)
        except psutil.TimeoutExpired:
            kernel.kill()
        self.process.wait(grace_s)
        self._connection.cleanup()
        return time.monotonic() - began

    def restart(self) -> None:
        """The Restart button: another process, that knows nothing of the first."""
        self.end()
        self._begin()

    def close(self) -> None:
        if self.process.poll() is None:
            self.end()
        self.client.stop_channels()
        self._connection.cleanup()


@contextlib.contextmanager
def vs_code_kernel(
    environ: Mapping[str, str], folder: Path, *, spec: str = "fabric-livy", parent: Sequence[str] = ()
) -> Iterator[VsCodeKernel]:
    running = VsCodeKernel(environ, folder, spec=spec, parent=parent)
    try:
        yield running
    finally:
        running.close()
