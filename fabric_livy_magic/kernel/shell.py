"""The IPython shell of the Fabric Livy kernel: runs each cell in the session or in this Python."""

from __future__ import annotations

import ast
import contextlib
import contextvars
import enum
import functools
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.interactiveshell import ExecutionResult

from fabric_livy_magic.cells.kernel_cells import REFUSED, RUN, KernelCell, Step, read_kernel_cell
from fabric_livy_magic.errors import NotebookError, StatementError
from fabric_livy_magic.kernel.cell_thread import in_thread
from fabric_livy_magic.magics import magics
from fabric_livy_magic.magics.magics import FabricLivyMagics
from fabric_livy_magic.printable import printable
from fabric_livy_magic.sessions.records import notebook_path


class Routing(enum.Enum):
    """How `transform_cell` decides where code runs."""

    LOCAL = enum.auto()
    """In this Python: code of the front end itself, and of a local cell's magics."""
    BY_CELL = enum.auto()
    """By the magics of a cell that a person runs."""
    BY_NESTED_CELL = enum.auto()
    """The same for the body of a magic such as `%%capture`, which runs it as a cell, without an event loop."""


RunStep = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs a blocking function without blocking the event loop, if there is one."""
routing: contextvars.ContextVar[Routing] = contextvars.ContextVar("routing", default=Routing.LOCAL)


class FabricLivyShell(ZMQInteractiveShell):
    session_error: StatementError | None = None
    """The session's error with which the running cell ended."""

    @property
    def livy(self) -> FabricLivyMagics:
        return magics.of(self)

    def transform_cell(self, raw_cell: str) -> str:
        """A cell for the session becomes one call, as IPython's own magics do: so history and errors are IPython's."""
        route = routing.get()
        if route is Routing.LOCAL:
            return str(super().transform_cell(raw_cell))
        local_code = self._read(raw_cell).local_code
        if local_code is not None:
            return str(super().transform_cell(local_code))
        if route is Routing.BY_NESTED_CELL:
            return f"get_ipython().run_nested_cell({raw_cell!r})\n"
        return f"await get_ipython().run_notebook_cell({raw_cell!r})\n"

    @functools.wraps(ZMQInteractiveShell.run_cell_async)  # the caller inspects its signature
    async def run_cell_async(self, raw_cell: str, *arguments: Any, **options: Any) -> Any:  # type: ignore[override]
        """A cell that a magic of this cell runs goes where this cell goes."""
        is_local = routing.get() is Routing.LOCAL or self._read(raw_cell).has_local_magic
        # As ipykernel's `run_cell` does, though not for a cell that is awaited; its reply reads both.
        self._last_traceback, self._last_traceback_during_displayhook = None, False
        token = routing.set(Routing.LOCAL if is_local else Routing.BY_NESTED_CELL)
        try:
            return await super().run_cell_async(raw_cell, *arguments, **options)
        finally:
            routing.reset(token)

    @functools.wraps(ZMQInteractiveShell.run_cell)
    def run_cell(self, *arguments: Any, **options: Any) -> Any:  # type: ignore[override]
        """Code of a cell can be interrupted; what the kernel does before and after it cannot."""
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            return super().run_cell(*arguments, **options)
        result: Any = None
        try:
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                result = super().run_cell(*arguments, **options)
            finally:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        except KeyboardInterrupt as interrupt:  # while IPython read the cell, or between two of these lines
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            if result is None:
                result = ExecutionResult(None)
                result.error_in_exec = interrupt
                self.showtraceback()
        return result

    def _read(self, raw_cell: str) -> KernelCell:
        return read_kernel_cell(raw_cell, self.livy.language)

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        """Front ends show an error of the session by the name that it has there."""
        self.session_error = evalue if isinstance(evalue, StatementError) else None
        super()._showtraceback(
            type(self.session_error.ename, (), {}) if self.session_error else etype, message_of(evalue), stb
        )

    def show_value(self, bundle: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Shows the value of a cell of the session as this cell's result, as in any kernel."""
        if sys.displayhook is not self.displayhook:  # `%%capture` is on
            self.display_pub.publish(data=bundle, metadata=metadata)
            return
        content = {"execution_count": self.displayhook.prompt_count, "data": bundle, "metadata": metadata}
        hook: Any = self.displayhook
        hook.session.send(hook.pub_socket, "execute_result", content, parent=hook.parent_header, ident=hook.topic)

    async def run_notebook_cell(self, raw_cell: str, run_step: RunStep = in_thread) -> Any:
        """Runs its steps in order, those for the session by `run_step`: in a thread, so that the kernel keeps replying. Returns the
        value of the last line magic."""
        cell = self._read(raw_cell)
        self.livy.cells.exit_value = None
        with time_printed(cell.is_timed):
            return await self._run_steps(cell, (notebook_path(self.user_ns),), run_step)

    def run_nested_cell(self, raw_cell: str) -> Any:
        """The same for a cell within a cell, where no event loop can be awaited. An interrupt reaches this thread directly."""
        return _result_without_waiting(self.run_notebook_cell(raw_cell, _run_directly))

    async def _run_steps(self, cell: KernelCell, notebooks: tuple[Path, ...], run_step: RunStep) -> Any:
        """`notebooks`: the chain of `%run` from the outermost notebook to the one of this cell."""
        value = None
        for step in cell.steps:
            if self.livy.cells.exit_value is not None:
                return None
            if step.magic == REFUSED:
                raise NotebookError(step.line)
            if step.magic == RUN:
                from fabric_livy_magic.notebooks.run_magic import resolve_run

                fetch = self.livy.notebook.workspace_notebook
                read = functools.partial(resolve_run, step.line, notebooks, self.livy.language, fetch)
                value, run_notebook = None, await run_step(read)
                for text in run_notebook.cells:
                    with located(run_notebook.path):
                        await self._run_steps(self._read(text), (*notebooks, run_notebook.path), run_step)
            elif step.is_local:
                value = self._run_locally(step.body or "")
            else:
                value = await run_step(functools.partial(self._run_in_session, step))
        return value

    def _run_locally(self, code: str) -> Any:
        """Returns the value of the last line if that is an expression, as a line magic is."""
        tree = ast.parse(super().transform_cell(code), "<cell>")
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<cell>", "exec", dont_inherit=True), self.user_ns)  # noqa: S102 - user code
        if last is None:
            return None
        return eval(compile(ast.Expression(last.value), "<cell>", "eval", dont_inherit=True), self.user_ns)  # noqa: S307

    def _run_in_session(self, step: Step) -> Any:
        if step.body is None:
            return self.run_line_magic(step.magic, step.line)
        return self.run_cell_magic(step.magic, step.line, step.body)


@contextlib.contextmanager
def located(notebook: Path) -> Iterator[None]:
    """An error of the session in a notebook that `%run` ran says in which; the innermost counts."""
    try:
        yield
    except StatementError as error:
        name = notebook.parent.stem if notebook.name.startswith("notebook-content.") else notebook.name
        error.within = error.within or f"{name}, which %run ran"
        raise


async def _run_directly(work: Callable[[], Any]) -> Any:
    return work()


def _result_without_waiting(steps: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits."""
    try:
        steps.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("a step waited for the event loop")


@contextlib.contextmanager
def time_printed(is_timed: bool) -> Iterator[None]:
    """`%%time`, also of a cell that fails. The CPU time in the session is not known here."""
    began = time.monotonic()
    try:
        yield
    finally:
        if is_timed:
            print(f"Wall time: {time.monotonic() - began:.2f} s")


def message_of(error: BaseException) -> Any:
    return printable(error.message) if isinstance(error, StatementError) else error
