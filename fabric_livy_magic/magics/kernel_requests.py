"""The cells that a front end sends to a kernel, of which those are left out that follow `notebook.exit` in a run of the notebook.

In the Fabric Livy kernel its own `do_execute` asks. A plain ipykernel has no place for that: input transformers do not see who asks, and
its events cannot keep a cell from running. So its `do_execute` is replaced while the magics are loaded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from fabric_livy_magic.magics.notebook_run import Ended, NotebookRun

if TYPE_CHECKING:
    from fabric_livy_magic.magics.cells import CellMagics

Execute = Callable[..., Awaitable[dict[str, Any]]]


class Magics(Protocol):
    exit_value: str | None
    """Of `notebook.exit` in the last cell that ran."""

    @property
    def cells(self) -> CellMagics: ...


class KernelRequests:
    """Of one kernel."""

    def __init__(self, livy: Magics, shell: Any) -> None:
        self._livy = livy
        self._shell = shell
        self._run = NotebookRun()
        self._replacing: Execute | None = None
        self._replaced: Execute | None = None
        """Another extension's, which may have put its own over the kernel's."""

    def begin_run(self) -> None:
        """What comes now is of a new run of a notebook, also where the one before was ended: see `NotebookRun`."""
        self._run.begin()

    async def execute(
        self,
        execute: Execute,
        code: str,
        silent: bool,
        store_history: bool = True,
        user_expressions: dict[str, Any] | None = None,
        allow_stdin: bool = False,
        **of_cell: Any,
    ) -> dict[str, Any]:
        """By `execute`, which takes the same. What front ends run by themselves always runs."""
        request = (code, silent, store_history, user_expressions, allow_stdin)
        if silent or not store_history:
            return await execute(*request, **of_cell)
        if ended := self._run.end_before(of_cell.get("cell_id") or code, has_person=allow_stdin):
            self._livy.cells.show_not_run(ended.value, ended.number, has_person=allow_stdin)
            self._run.replied()
            count = self._shell.execution_count
            return {"status": "ok", "execution_count": count, "user_expressions": {}, "payload": []}
        number = self._shell.execution_count
        self._livy.exit_value = None
        try:
            reply = await execute(*request, **of_cell)
            value = self._livy.exit_value
        finally:
            self._livy.exit_value = None
        self._run.replied(None if value is None else Ended(value, number))
        return reply

    # ------------------------------------------------------------------------------------------- a plain ipykernel
    def watch(self) -> None:
        """From the next cell on. Nothing where there is no ipykernel, as in a terminal."""
        kernel: Any = getattr(self._shell, "kernel", None)
        if not hasattr(kernel, "do_execute") or hasattr(kernel, "begin_run"):
            return
        execute, self._replaced = kernel.do_execute, vars(kernel).get("do_execute")

        async def do_execute(code: str, silent: bool, *request: Any, **of_cell: Any) -> dict[str, Any]:
            return await self.execute(execute, code, silent, *request, **of_cell)

        self._replacing = kernel.do_execute = do_execute
        kernel.begin_run = self.begin_run
        self._shell.input_transformers_cleanup.append(self._nothing_after_exit)

    def release(self) -> None:
        if self._replacing is None:
            return
        kernel = self._shell.kernel
        self.begin_run()
        self._shell.input_transformers_cleanup.remove(self._nothing_after_exit)
        del kernel.begin_run
        if kernel.do_execute is self._replacing:  # else another one stands over it, and calls it
            del kernel.do_execute
            if self._replaced is not None:
                kernel.do_execute = self._replaced
        self._replacing = None

    def _nothing_after_exit(self, lines: list[str]) -> list[str]:
        """For cells within a cell, as those of `%run child.ipynb`."""
        return lines if self._livy.exit_value is None else []
