"""The Fabric Livy kernel: an IPython kernel whose cells run in the Spark session, and whose own Python is one `%%local` away.

What front ends send on their own account (`silent`, or without history) always runs here: VS Code runs helper code in
any kernel whose language is Python.
"""

from __future__ import annotations

import ast
import contextlib
import contextvars
import enum
import functools
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.utils.tokenutil import token_at_cursor
from traitlets import Type

from fabric_livy_magic import __version__
from fabric_livy_magic.cells.completeness import INCOMPLETE, completeness
from fabric_livy_magic.cells.kernel_cells import REFUSED, RUN, KernelCell, Step, read_kernel_cell
from fabric_livy_magic.errors import NotebookError, StatementError
from fabric_livy_magic.kernel.cell_thread import in_thread
from fabric_livy_magic.magics import magics
from fabric_livy_magic.magics.magics import FabricLivyMagics
from fabric_livy_magic.sessions.records import notebook_path


class Where(enum.Enum):
    """Where code runs that is about to be transformed."""

    HERE = enum.auto()
    BY_CELL = enum.auto()
    """A cell that a person runs."""
    WITHIN_CELL = enum.auto()
    """The body of a magic such as `%%capture`, which runs it as a cell of its own, and without an event loop."""


Do = Callable[[Callable[[], Any]], Awaitable[Any]]
_where: contextvars.ContextVar[Where] = contextvars.ContextVar("where", default=Where.HERE)

LANGUAGE_INFO = {
    "pyspark": {"name": "python", "mimetype": "text/x-python", "file_extension": ".py", "pygments_lexer": "ipython3"},
    "sql": {
        "name": "sql",
        "mimetype": "text/x-sql",
        "file_extension": ".sql",
        "pygments_lexer": "sql",
        "codemirror_mode": "sql",
    },
    "spark": {
        "name": "scala",
        "mimetype": "text/x-scala",
        "file_extension": ".scala",
        "pygments_lexer": "scala",
        "codemirror_mode": "text/x-scala",
    },
    "sparkr": {
        "name": "R",
        "mimetype": "text/x-rsrc",
        "file_extension": ".r",
        "pygments_lexer": "r",
        "codemirror_mode": "r",
    },
}


class FabricLivyShell(ZMQInteractiveShell):
    """Runs each cell where it belongs."""

    failed: StatementError | None = None
    """The error of the session that the running cell ended with."""

    @property
    def livy(self) -> FabricLivyMagics:
        return magics.of(self)

    def transform_cell(self, raw_cell: str) -> str:
        """A cell for the session becomes one call, as IPython's own magics do: so history and errors are IPython's."""
        where = _where.get()
        if where is Where.HERE:
            return str(super().transform_cell(raw_cell))
        here = self._read(raw_cell).local_code
        if here is not None:
            return str(super().transform_cell(here))
        if where is Where.WITHIN_CELL:
            return f"get_ipython().run_inner_cell({raw_cell!r})\n"
        return f"await get_ipython().run_notebook_cell({raw_cell!r})\n"

    @functools.wraps(ZMQInteractiveShell.run_cell_async)  # the caller goes by its signature
    async def run_cell_async(self, raw_cell: str, *words: Any, **more: Any) -> Any:  # type: ignore[override]
        """What a magic of this cell runs in its turn belongs where the cell belongs."""
        is_here = _where.get() is Where.HERE or self._read(raw_cell).has_local_magic
        token = _where.set(Where.HERE if is_here else Where.WITHIN_CELL)
        try:
            return await super().run_cell_async(raw_cell, *words, **more)
        finally:
            _where.reset(token)

    def _read(self, raw_cell: str) -> KernelCell:
        return read_kernel_cell(raw_cell, self.livy.language)

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:
        """Front ends show what happened in the session by its own name."""
        self.failed = evalue if isinstance(evalue, StatementError) else None
        super()._showtraceback(type(self.failed.ename, (), {}) if self.failed else etype, message_of(evalue), stb)

    def show_value(self, bundle: dict[str, Any], metadata: dict[str, Any]) -> None:
        """What a session's cell gave is this cell's result, as in any kernel."""
        if sys.displayhook is not self.displayhook:  # `%%capture` is on
            self.display_pub.publish(data=bundle, metadata=metadata)
            return
        content = {"execution_count": self.execution_count, "data": bundle, "metadata": metadata}
        hook: Any = self.displayhook
        hook.session.send(hook.pub_socket, "execute_result", content, parent=hook.parent_header, ident=hook.topic)

    async def run_notebook_cell(self, raw_cell: str, do: Do = in_thread) -> Any:
        """Its steps one after the other, those for the session by `do`: beside the event loop, so that the kernel goes on
        answering. Gives what the last line magic gave."""
        cell = self._read(raw_cell)
        self.livy.cells.exit_value = None
        with timed(cell.is_timed):
            return await self._run_steps(cell, (notebook_path(self.user_ns),), do)

    def run_inner_cell(self, raw_cell: str) -> Any:
        """The same for a cell within a cell, which cannot wait for an event loop. An interrupt comes to this thread itself."""
        return _driven(self.run_notebook_cell(raw_cell, _at_once))

    async def _run_steps(self, cell: KernelCell, notebooks: tuple[Path, ...], do: Do) -> Any:
        """`notebooks` are the one that the cell is in, and before it those whose `%run` led to it."""
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
                value, run_notebook = None, await do(read)
                for text in run_notebook.cells:
                    await self._run_steps(self._read(text), (*notebooks, run_notebook.path), do)
            elif step.is_local:
                value = self._run_here(step.body or "")
            else:
                value = await do(functools.partial(self._run_in_session, step))
        return value

    def _run_here(self, code: str) -> Any:
        """Gives the value of a last line that is an expression, as a line magic is."""
        tree = ast.parse(super().transform_cell(code), "<cell>")
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<cell>", "exec"), self.user_ns)  # noqa: S102 - the user's own line
        return eval(compile(ast.Expression(last.value), "<cell>", "eval"), self.user_ns) if last else None  # noqa: S307

    def _run_in_session(self, step: Step) -> Any:
        if step.body is None:
            return self.run_line_magic(step.magic, step.line)
        return self.run_cell_magic(step.magic, step.line, step.body)


class FabricLivyKernel(IPythonKernel):
    implementation = "fabric-livy"
    implementation_version = __version__
    shell_class = Type(FabricLivyShell)
    shell: FabricLivyShell

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.shell.run_line_magic("load_ext", "fabric_livy_magic")  # so that one of the notebook's own does nothing

    @property
    def language(self) -> str:
        return self.shell.livy.language

    @property
    def language_info(self) -> dict[str, Any]:  # type: ignore[override]
        if self.language == "pyspark":
            return IPythonKernel.language_info
        return {"version": "", **LANGUAGE_INFO[self.language]}

    @property
    def banner(self) -> str:  # type: ignore[override]
        return f"Fabric Livy {__version__}: cells run in a Spark session. `%livy help` shows what there is.\n"

    async def do_execute(
        self,
        code: str,
        silent: bool,
        store_history: bool = True,
        user_expressions: dict[str, Any] | None = None,
        allow_stdin: bool = False,
        *,
        cell_meta: dict[str, Any] | None = None,
        cell_id: str | None = None,
    ) -> dict[str, Any]:
        token = _where.set(Where.HERE if silent or not store_history else Where.BY_CELL)
        try:
            reply: dict[str, Any] = await super().do_execute(
                code, silent, store_history, user_expressions, allow_stdin, cell_meta=cell_meta, cell_id=cell_id
            )
        finally:
            _where.reset(token)
        if (failed := self.shell.failed) is not None:  # also within `%%capture`, which hides that from its own cell
            trace = self.shell._last_traceback or []
            reply.update(status="error", ename=failed.ename, evalue=failed.evalue.strip(), traceback=trace)
        self.shell.failed = None
        return reply

    def do_complete(self, code: str, cursor_pos: int | None) -> dict[str, Any]:  # type: ignore[override]
        """Called from threads as well: VS Code asks from one of its own, and gives it 2 s."""
        from fabric_livy_magic.completion.complete import complete

        cursor = len(code) if cursor_pos is None else cursor_pos
        found = complete(self.shell.livy.notebook.runner, code, cursor, self.language)
        if found is None:
            reply: dict[str, Any] = super().do_complete(code, cursor)
            return reply
        typed = [
            {"start": found.start, "end": cursor, "text": text, "type": kind, "signature": ""}
            for text, kind in found.matches
        ]
        return {
            "status": "ok",
            "matches": [text for text, _ in found.matches],
            "cursor_start": found.start,
            "cursor_end": cursor,
            "metadata": {"_jupyter_types_experimental": typed},
        }

    def do_inspect(  # type: ignore[override]
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> dict[str, Any]:
        from fabric_livy_magic.completion.complete import inspect

        name = token_at_cursor(code, cursor_pos)
        told = inspect(self.shell.livy.notebook.runner, code, cursor_pos, name, detail_level, self.language)
        if told is None:
            reply: dict[str, Any] = super().do_inspect(code, cursor_pos, detail_level, omit_sections)
            return reply
        return {"status": "ok", "found": bool(told), "data": {"text/plain": told} if told else {}, "metadata": {}}

    def do_is_complete(self, code: str) -> dict[str, Any]:  # type: ignore[override]
        status, indent = completeness(code, self.language)
        return {"status": status, **({"indent": indent} if status == INCOMPLETE else {})}

    def do_shutdown(self, restart: bool) -> dict[str, Any]:  # type: ignore[override]
        """Stops the sessions that this notebook started; their kernel's death must not leave them running."""
        self.shell.livy.close()
        reply: dict[str, Any] = super().do_shutdown(restart)
        return reply


async def _at_once(work: Callable[[], Any]) -> Any:
    return work()


def _driven(steps: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives that never has to wait."""
    try:
        steps.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("a step waited for the event loop")


@contextlib.contextmanager
def timed(is_wanted: bool) -> Iterator[None]:
    """`%%time`, also of a cell that fails. What it took in the session's processor is not known here."""
    began = time.monotonic()
    try:
        yield
    finally:
        if is_wanted:
            print(f"Wall time: {time.monotonic() - began:.2f} s")


def message_of(error: BaseException) -> Any:
    return error.evalue.strip() if isinstance(error, StatementError) else error


def launch() -> None:
    IPKernelApp.launch_instance(kernel_class=FabricLivyKernel)
