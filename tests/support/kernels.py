"""A real IPython kernel for tests: start it, run cells in it, interrupt it, kill it."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from fabric_livy_magic.kernel.install import kernel_specs

ANSI = re.compile(r"\x1b\[[0-9;]*m")


TOOK = re.compile(
    r"(Ran for|Failed after|Interrupted after) \d+ s|((Failed|Interrupted) after )?(\d+ min )?[\d.]+ s · .*\bjobs?\b.*"
)


@dataclass
class Executed:
    """The result of one cell: the reply's status and all output messages in order."""

    status: str = ""
    ename: str = ""
    evalue: str = ""
    traceback: str = ""
    outputs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def printed(self) -> str:
        return "".join(content["text"] for kind, content in self.outputs if kind == "stream")

    @property
    def bundles(self) -> list[dict[str, Any]]:
        """The displays as a front end shows them in the end: an update replaces the display it updates."""
        shown: dict[str, dict[str, Any]] = {}
        for number, (kind, content) in enumerate(self.outputs):
            if kind in {"display_data", "update_display_data", "execute_result"}:
                shown[content.get("transient", {}).get("display_id") or str(number)] = content["data"]
        return list(shown.values())

    @property
    def text(self) -> str:
        """Without how long it took, which is said below what a cell printed that was not quick."""
        texts = (str(bundle.get("text/plain", "")) for bundle in self.bundles)
        return self.printed + "\n".join(text for text in texts if not TOOK.fullmatch(text))

    @property
    def everything(self) -> str:
        """All that could be saved or shown, to search it for what must not be in it."""
        return repr(self.outputs) + self.traceback + self.evalue


def kernel_dirs() -> list[str]:
    """The folders that hold our kernel specs, as jupyter_client takes them."""
    return sorted({str(folder.parent) for folder in kernel_specs()})


def install_kernels(data_folder: Path) -> None:
    """Where Jupyter finds them with this folder in JUPYTER_PATH."""
    for folder in kernel_specs():
        shutil.copytree(folder, data_folder / "kernels" / folder.name)


class Kernel:
    """Requests are those of a front end with a person (`with_person`: input is allowed), else those of nbclient."""

    def __init__(
        self, environ: Mapping[str, str], folder: Path, *, with_person: bool = False, spec: str = "python3"
    ) -> None:
        specs = KernelSpecManager(kernel_dirs=kernel_dirs() if spec != "python3" else [], ensure_native_kernel=True)
        self.manager = KernelManager(kernel_name=spec, kernel_spec_manager=specs)
        if "transport_encryption" in self.manager.trait_names():  # the kernel warns where it is off
            self.manager.set_trait("transport_encryption", "auto")
        self.manager.start_kernel(env={**os.environ, **environ}, cwd=str(folder))
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self._with_person = with_person

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.pid)  # type: ignore[union-attr]

    def send(self, code: str) -> str:
        return str(self.client.execute(code, allow_stdin=self._with_person))

    def run(self, code: str, timeout_s: float = 120) -> Executed:
        return self.wait(self.send(code), timeout_s)

    def wait(self, request: str, timeout_s: float = 120) -> Executed:
        done, until = Executed(), time.monotonic() + timeout_s
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.01, until - time.monotonic()))
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind == "error":
                # A long line of our errors is wrapped behind a blank.
                done.traceback = ANSI.sub("", "\n".join(content["traceback"])).replace(" \n", " ")
            done.outputs.append((kind, content))
        reply = self._reply(request)
        done.status = reply["status"]
        done.ename, done.evalue = reply.get("ename", ""), reply.get("evalue", "")
        return done

    def wait_for_output(self, request: str, text: str, timeout_s: float = 60) -> dict[str, Any]:
        """Waits until an output of this cell contains `text`. `wait` then returns only the outputs after it."""
        until = time.monotonic() + timeout_s
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.01, until - time.monotonic()))
            if message["parent_header"].get("msg_id") == request and text in repr(message["content"]):
                content: dict[str, Any] = message["content"]
                return content

    def _reply(self, request: str) -> dict[str, Any]:
        while True:
            message = self.client.get_shell_msg(timeout=10)
            if message["parent_header"].get("msg_id") == request:
                content: dict[str, Any] = message["content"]
                return content

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def close(self) -> None:
        with contextlib.suppress(queue.Empty, RuntimeError):
            self.client.stop_channels()
        self.manager.shutdown_kernel(now=not self.manager.is_alive())


@contextlib.contextmanager
def kernel(
    environ: Mapping[str, str], folder: Path, *, with_person: bool = False, spec: str = "python3"
) -> Iterator[Kernel]:
    running = Kernel(environ, folder, with_person=with_person, spec=spec)
    try:
        yield running
    finally:
        running.close()
