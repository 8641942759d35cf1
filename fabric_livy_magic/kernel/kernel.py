"""The Fabric Livy kernel: an IPython kernel whose cells run in the Spark session, except for `%%local` cells.

What front ends run by themselves (`silent`, or without history) always runs in this Python: VS Code sends helper code to any
kernel whose language is Python.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import re
import signal
import threading
import warnings
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ipykernel.ipkernel import IPythonKernel
from ipykernel.kernelapp import IPKernelApp
from IPython.utils.tokenutil import token_at_cursor
from traitlets import Type

from fabric_livy_magic import __version__
from fabric_livy_magic.cells.completeness import INCOMPLETE, completeness
from fabric_livy_magic.cells.kernel_cells import kind_of_cell
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.kernel.shell import FabricLivyShell, Routing, routing
from fabric_livy_magic.kernel.waiting import wait_if_started_ahead
from fabric_livy_magic.kernel.widgets_while_running import WidgetsWhileRunning
from fabric_livy_magic.own_imports import install as install_own_imports
from fabric_livy_magic.own_imports import no_working_folder
from fabric_livy_magic.printable import printable, printable_output

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


OF_SUBSHELL = re.compile(r"(_async_in_context\.<locals>\.run_in_context|\.shell_main)")  # coroutines


class FabricLivyKernel(IPythonKernel):
    implementation = "fabric-livy"
    implementation_version = __version__
    shell_class = Type(FabricLivyShell)
    shell: FabricLivyShell

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._widgets = WidgetsWhileRunning(self)
        self.shell.run_line_magic("load_ext", "fabric_livy_magic")  # so that `%load_ext` in the notebook does nothing
        self.shell.livy.is_of_session = True

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

    async def execute_request(self, stream: Any, ident: Any, parent: Any) -> None:
        """An interrupt is for the code of a cell (see `FabricLivyShell.run_cell`, and ipykernel's `_cancel_on_sigint`). One that comes
        before or after it would cost the reply, for which front ends wait: they are clicked, or sent, several times."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # as between requests
        await super().execute_request(stream, ident, parent)

    async def shell_main(self, subshell_id: str | None, msg: Any) -> None:
        """Of ipykernel 7; `subshell_id`: its own thread handles it."""
        if subshell_id is not None or not self._widgets.handle(msg):
            await super().shell_main(subshell_id, msg)

    def schedule_dispatch(self, dispatch: Any, *arguments: Any) -> None:
        """Of ipykernel 6."""
        if not arguments or not self._widgets.handle(arguments[0]):
            super().schedule_dispatch(dispatch, *arguments)  # type: ignore[misc]

    @contextlib.contextmanager
    def _cancel_on_sigint(self, future: asyncio.Future[Any]) -> Iterator[None]:
        """ipykernel's handler does not wake the loop, so that an `await` of a local cell would go on for as long as nothing else does."""
        with super()._cancel_on_sigint(future):
            handler, loop = signal.getsignal(signal.SIGINT), future.get_loop()

            def handle(number: int, frame: FrameType | None) -> None:
                if callable(handler):
                    handler(number, frame)
                loop.call_soon_threadsafe(int)  # wakes it

            signal.signal(signal.SIGINT, handle)
            yield

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
        route = Routing.LOCAL if silent or not store_history else Routing.BY_CELL
        request = (code, silent, store_history, user_expressions, allow_stdin)
        execute = functools.partial(self._execute, route)
        return await self.shell.livy.requests.execute(execute, *request, cell_meta=cell_meta, cell_id=cell_id)

    def begin_run(self) -> None:
        """What comes now is of a new run of a notebook, also where the one before was ended: see `NotebookRun`."""
        self.shell.livy.requests.begin_run()

    async def _execute(self, route: Routing, *request: Any, **of_cell: Any) -> dict[str, Any]:
        """A front end waits for a reply without end, so there is one also for a fault of ours or of IPython."""
        token = routing.set(route)
        try:
            with self._widgets.cell():
                reply: dict[str, Any] = await super().do_execute(*request, **of_cell)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is shown and replied
            self.shell.showtraceback()
            reply = {
                "status": "error",
                "ename": type(error).__name__,
                "evalue": str(error),
                "traceback": self.shell._last_traceback or [],
                "execution_count": self.shell.execution_count,
                "user_expressions": {},
                "payload": [],
            }
        finally:
            routing.reset(token)
        if (session_error := self.shell.session_error) is not None:  # also within `%%capture`, which does not raise it
            trace = self.shell._last_traceback or []
            reply.update(
                status="error",
                ename=session_error.ename,
                evalue=printable(session_error.evalue.strip()),
                traceback=trace,
            )
        self.shell.session_error = None
        return reply

    def do_complete(self, code: str, cursor_pos: int | None) -> dict[str, Any]:  # type: ignore[override]
        """Also called from other threads: VS Code completes in one of its own, with a time-out of 2 s."""
        cursor = len(code) if cursor_pos is None else cursor_pos
        with no_working_folder():  # IPython's own completion of `import …` imports, too
            from fabric_livy_magic.completion.complete import complete

            found = None
            with contextlib.suppress(SettingsError):  # the next cell says what is wrong with the settings
                found = complete(self.shell.livy.notebook.runner, code, cursor, self.language)
            if found is None:
                reply: dict[str, Any] = super().do_complete(code, cursor)
                return reply
        typed_matches = [
            {"start": found.start, "end": cursor, "text": text, "type": kind, "signature": ""}
            for text, kind in found.matches
        ]
        return {
            "status": "ok",
            "matches": [text for text, _ in found.matches],
            "cursor_start": found.start,
            "cursor_end": cursor,
            "metadata": {"_jupyter_types_experimental": typed_matches},
        }

    def do_inspect(  # type: ignore[override]
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> dict[str, Any]:
        """Names of the session and of this Python: those of where the cell runs come first.

        VS Code's Variables view shows the variables of this Python, and asks for each by a request whose code is its name.
        """
        with no_working_folder():
            from fabric_livy_magic.completion.complete import inspect, inspect_session

            name = token_at_cursor(code, cursor_pos)
            try:
                runner = self.shell.livy.notebook.runner
            except SettingsError:  # the next cell says what is wrong with the settings
                unknown: dict[str, Any] = super().do_inspect(code, cursor_pos, detail_level, omit_sections)
                return unknown
            is_own = name.partition(".")[0] in self.shell.user_ns
            description = None
            if not (is_own and cursor_pos == 0 and code == name):
                description = inspect(runner, code, cursor_pos, name, detail_level, self.language)
            if description is None or (
                not description and (is_own or kind_of_cell(code, self.language)[0] == "pyspark")
            ):
                reply: dict[str, Any] = super().do_inspect(code, cursor_pos, detail_level, omit_sections)
                if reply["found"]:
                    return reply
            description = description if description is not None else inspect_session(runner, name, detail_level)
        return {
            "status": "ok",
            "found": bool(description),
            "data": {"text/plain": printable_output(description)} if description else {},
            "metadata": {},
        }

    def do_is_complete(self, code: str) -> dict[str, Any]:  # type: ignore[override]
        status, indent = completeness(code, self.language)
        return {"status": status, **({"indent": indent} if status == INCOMPLETE else {})}

    def do_shutdown(self, restart: bool) -> dict[str, Any]:  # type: ignore[override]
        """Stops the sessions that this notebook started; their kernel's death must not leave them running."""
        self.shell.livy.close()
        without_words_of_the_end()
        reply: dict[str, Any] = super().do_shutdown(restart)
        return reply


def without_words_of_subshells() -> None:
    """JupyterLab ends a subshell with the last widget of a cell. ipykernel 7 then drops messages that it had not handled, and Python
    tells of each below the cell that runs."""
    logging.getLogger("asyncio").addFilter(
        lambda record: not ("was destroyed" in (text := record.getMessage()) and OF_SUBSHELL.search(text))
    )
    warnings.filterwarnings("ignore", f"coroutine '.*{OF_SUBSHELL.pattern}' was never awaited", RuntimeWarning)


def without_words_of_the_end() -> None:
    """ipykernel 7 closes the channel of outputs while its control thread still says that it is idle, and tells the terminal of it."""
    logging.getLogger("tornado.general").addFilter(lambda record: "ZMQStream callback" not in record.getMessage())
    warnings.filterwarnings("ignore", "coroutine '.*dispatch_control' was never awaited", RuntimeWarning)


def launch() -> None:
    install_own_imports()
    wait_if_started_ahead()
    without_words_of_subshells()
    IPKernelApp.launch_instance(kernel_class=FabricLivyKernel)
