"""The kernels of a test run: the next one is started while a test runs, and one that has ended is cleaned up when there is time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fabric_livy_magic.notebook_runs.execute import Limits, Outcome, WaitingKernel, open_kernel
from fabric_livy_magic.notebook_runs.kernel_managers import kernel_forks
from fabric_livy_magic.notebook_runs.prepare import KERNEL_NAME

MOST_ENDING = 3  # each has 100 MB


class Kernels:
    """Of one process. Each notebook has a kernel of its own."""

    def __init__(self) -> None:
        self._forks = kernel_forks()
        self._next: WaitingKernel | None = None
        self._ending: list[WaitingKernel] = []

    def prepare(self) -> None:
        """Starts to start the next one; returns at once."""
        if self._next is None and os.name != "nt":
            self._next = WaitingKernel(KERNEL_NAME, self._forks)

    def run(self, content: Any, environ: Mapping[str, str], limits: Limits, *, starts_session: bool) -> Outcome:
        """With `starts_session` the session is there before the first cell, whose time it does not take. Raises FabricLivyError."""
        self.prepare()
        kernel, self._next = self._next, None
        if kernel is None:
            with open_kernel(KERNEL_NAME, environ) as run_content:
                return run_content(content, _nowhere, limits)
        try:
            run_content = kernel.open(environ)
            if starts_session:
                kernel.start_session()
            return run_content(content, _nowhere, limits)
        finally:
            kernel.begin_end()
            self._ending.append(kernel)
            self._finish_ends(MOST_ENDING)
            self.prepare()

    def close(self) -> None:
        if self._next is not None:
            self._next.begin_end()
            self._ending.append(self._next)
            self._next = None
        self._finish_ends()
        self._forks.close()

    def _finish_ends(self, most: int = 0) -> None:
        """Waits for as many that at most so many are left."""
        for kernel in list(self._ending):
            if len(self._ending) > most or kernel.has_ended:
                kernel.finish_end()
                self._ending.remove(kernel)


def _nowhere(line: str) -> None:
    """A result has it all."""
