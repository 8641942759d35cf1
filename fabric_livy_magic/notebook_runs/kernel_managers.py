"""Starts the kernels of runs: those of this Python only, and not by TCP ports where there is something better."""

from __future__ import annotations

import os
import queue
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_core.paths import jupyter_runtime_dir
from jupyter_core.utils import ensure_async
from traitlets import Any as AnyValue
from traitlets import default

from fabric_livy_magic.forks import Forks
from fabric_livy_magic.kernel import forked_kernel
from fabric_livy_magic.kernel.install import kernel_specs

LONGEST_SOCKET_PATH = 103  # of macOS; Linux has 107
STARTS_WITHIN_S = 180  # on a machine that has too much to do; of one that died it is heard at once
ANSWERS_WITHIN_S = 1.0  # the kernel may have to load first: then it is asked again
HEARD_WITHIN_S = 0.2
POLL_INTERVAL_S = 0.005
FORKED_COMMAND = [sys.executable, "-P", "-m", "fabric_livy_magic.kernel.ipykernel_launcher"]
"""That of our kernel specs."""


def kernel_forks() -> Forks:
    """Of one process that runs many notebooks."""
    return Forks([sys.executable, "-P", "-m", forked_kernel.__name__], dict(os.environ))


class OwnKernelClient(AsyncKernelClient):
    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Until a request is answered on both channels, so that no output of a cell is missed. That of jupyter_client then waits 0.2 s for
        more. Raises RuntimeError, as it does."""
        until = time.monotonic() + (float("inf") if timeout is None else timeout)
        while not await self._answers(self.kernel_info()):
            if not await self._async_is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > until:
                raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")

    async def _answers(self, request: str) -> bool:
        """False after a second, or where its output came too early to be heard."""
        try:
            while not _is_of(await ensure_async(self.shell_channel.get_msg(timeout=ANSWERS_WITHIN_S)), request):
                pass
            while True:
                message = await ensure_async(self.iopub_channel.get_msg(timeout=HEARD_WITHIN_S))
                if _is_of(message, request) and message["content"].get("execution_state") == "idle":
                    return True
        except queue.Empty:
            return False


def _is_of(message: Mapping[str, Any], request: str) -> bool:
    return bool(message["parent_header"].get("msg_id") == request)


class OwnKernelManager(AsyncKernelManager):
    """Finds this Python's own kernels only: a kernelspec of the user may belong to another environment."""

    forks: Forks | None = AnyValue(None)  # type: ignore[assignment]
    """With it a kernel of ours is forked, where that can be. Its environment then comes by `pass_fds`, a pipe."""

    @default("client_factory")
    def _default_client(self) -> type[AsyncKernelClient]:
        return OwnKernelClient

    @default("kernel_spec_manager")
    def _default_specs(self) -> KernelSpecManager:
        # "python3" is ipykernel's own spec then, with this interpreter's path.
        return KernelSpecManager(
            kernel_dirs=sorted({str(folder.parent) for folder in kernel_specs()}), ensure_native_kernel=True
        )

    @default("transport_encryption")  # a trait since jupyter_client 8.9; ipykernel warns where it is off
    def _default_encryption(self) -> str:
        return "auto"

    @default("connection_file")
    def _default_connection_file(self) -> str:
        folder = Path(jupyter_runtime_dir())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(folder / f"kernel-{uuid.uuid4().hex[:12]}.json")

    @default("transport")
    def _default_transport(self) -> str:
        """Sockets in that folder. A TCP port is chosen here and bound later by the kernel, which ends if another process took it
        meanwhile; and it is open to all users of the machine."""
        path = f"{self.connection_file.removesuffix('.json')}-ipc-5"
        return "ipc" if os.name != "nt" and len(os.fsencode(path)) <= LONGEST_SOCKET_PATH else "tcp"

    def client(self, **options: Any) -> Any:
        """When it listens, or has ended: a connection that finds nobody is tried again after 0.1 to 0.2 s only."""
        until = time.monotonic() + STARTS_WITHIN_S
        while self.is_starting and time.monotonic() < until:
            time.sleep(POLL_INTERVAL_S)
        return super().client(**options)

    @property
    def is_starting(self) -> bool:
        """False as well where that is not known."""
        if self.transport != "ipc" or not isinstance(self.provisioner, LocalProvisioner):
            return False
        listens = all(Path(f"{self.ip}-{port}").exists() for port in self.ports)
        return not (listens or self.has_ended)

    @property
    def has_ended(self) -> bool:
        assert isinstance(self.provisioner, LocalProvisioner)
        process: Any = self.provisioner.process
        return process is None or process.poll() is not None

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        """The place that jupyter_client names for other ways to launch."""
        forked = self._fork(kernel_cmd, options.get("pass_fds", ()), options["cwd"])
        if not forked:
            await super()._async_launch_kernel(kernel_cmd, **options)

    def _fork(self, kernel_cmd: list[str], descriptors: Sequence[int], working_folder: str) -> bool:
        known = len(FORKED_COMMAND)
        if self.forks is None or kernel_cmd[:known] != FORKED_COMMAND:
            return False
        request = {"arguments": kernel_cmd[known:], "working_folder": working_folder}
        process: Any = self.forks.fork(request, [*descriptors, 1, 2])
        if process is None:
            return False
        provisioner = self.provisioner
        assert isinstance(provisioner, LocalProvisioner)
        provisioner.process, provisioner.cwd = process, working_folder
        provisioner.pid = provisioner.pgid = process.pid
        return True
