"""Runs a notebook file in a kernel of its own, and writes each cell's output as text. The only module with nbclient and nbformat."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async, run_sync

from fabric_livy_magic.errors import FabricLivyError, SessionStartError, SettingsError
from fabric_livy_magic.forks import Forks
from fabric_livy_magic.kernel.waiting import ENVIRONMENT_PIPE
from fabric_livy_magic.notebook_runs.kernel_managers import POLL_INTERVAL_S, STARTS_WITHIN_S, OwnKernelManager
from fabric_livy_magic.output.results import EXIT_METADATA
from fabric_livy_magic.printable import printable, printable_output, without_colours

Write = Callable[[str], None]
ENDS_WITHIN_S = 5.0  # how long an interrupted cell may take to cancel its statement, and a kernel to stop its sessions
# Silent: it is no cell. The kernel of several notebooks would leave out those after one that `notebook.exit` ended.
BEGIN_RUN = "getattr(get_ipython().kernel, 'begin_run', int)()"


@dataclass(frozen=True)
class Limits:
    """How long a cell and a whole notebook may take. None: a cell of Spark may take hours, and a kernel that dies is noticed."""

    cell_s: float | None = None
    notebook_s: float | None = None
    cell_name: str = "--cell-timeout"
    """What its message calls it: the option by which it was chosen."""
    notebook_name: str = "--timeout"


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Outcome:
    """`exit_value` is the argument of `notebook.exit`, which ends the notebook."""

    passed: bool
    exit_value: str | None = None


def run_notebook(
    notebook: Path, executed: Path, write: Write, environ: Mapping[str, str], limits: Limits = NO_LIMITS
) -> Outcome:
    """Runs a notebook in this Python's own kernel. The executed notebook is written in any case, up to where it ended.

    `environ` is the kernel's whole environment.
    """
    try:
        content = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, TypeError, LookupError, AttributeError, nbformat.ValidationError) as error:
        raise SettingsError(f"{notebook} could not be read as a notebook: {error}") from error
    try:
        return run_content(content, "python3", write, environ, limits)
    finally:
        nbformat.write(content, executed)


def run_content(
    content: Any, kernel_name: str, write: Write, environ: Mapping[str, str], limits: Limits = NO_LIMITS
) -> Outcome:
    """Runs its cells in order and stores their outputs in them, up to one that fails or ends the notebook."""
    with open_kernel(kernel_name, environ) as run:
        return run(content, write, limits)


RunContent = Callable[[Any, Write, Limits], Outcome]


@contextlib.contextmanager
def open_kernel(kernel_name: str, environ: Mapping[str, str]) -> Iterator[RunContent]:
    """One kernel for several notebooks; gives a function that runs one as `run_content` does."""
    shared = _notebook_client(content_of([]), kernel_name)
    with contextlib.ExitStack() as kernel:
        try:
            kernel.enter_context(shared.setup_kernel(env=dict(environ)))
        except (RuntimeError, DeadKernelError) as error:
            raise FabricLivyError(f"The kernel {kernel_name} did not start: {error}") from error
        yield lambda content, write, limits: _run_cells(_notebook_client(content, kernel_name, shared), write, limits)


class WaitingKernel:
    """A kernel that is started ahead, by a fork where it can be: it has loaded all that it needs, and goes on once `open` says with which
    environment. It ends with this process. Not for Windows, where a process inherits no pipe.

    `open` it, then `begin_end`, and `finish_end` when there is time.
    """

    def __init__(self, kernel_name: str, forks: Forks) -> None:
        self._name = kernel_name
        self._client = _notebook_client(content_of([]), kernel_name)
        kernel_manager = self._client.create_kernel_manager()
        assert isinstance(kernel_manager, OwnKernelManager)
        kernel_manager.forks = forks
        self._client.km = self._kernel_manager = kernel_manager
        reader, self._environment = os.pipe()
        environ = {**os.environ, ENVIRONMENT_PIPE: str(reader)}
        self._client.start_new_kernel(env=environ, pass_fds=(reader,))
        os.close(reader)

    def open(self, environ: Mapping[str, str]) -> RunContent:
        """As `open_kernel`. Raises FabricLivyError where it does not start."""
        try:
            with open(self._environment, "w", encoding="utf-8", closefd=True) as pipe:  # noqa: PTH123 - a descriptor
                json.dump(dict(environ), pipe)
            self._client.start_new_kernel_client()
        except (RuntimeError, DeadKernelError, OSError) as error:
            raise FabricLivyError(f"The kernel {self._name} did not start: {error}") from error
        return lambda content, write, limits: _run_cells(
            _notebook_client(content, self._name, self._client), write, limits
        )

    def start_session(self) -> None:
        """So that no cell of the notebook takes the time for it. It is no cell: the first one has number 1. Raises SessionStartError."""
        client: Any = self._client.kc
        reply = run_sync(client.execute_interactive)(START_SESSION, silent=True, output_hook=lambda message: None)
        content = reply["content"]
        if content["status"] != "ok":
            raise SessionStartError(f"No session started for the notebook. {content.get('evalue', '')}")

    def begin_end(self) -> None:
        """Returns at once; the kernel stops its sessions and ends by itself."""
        if self._client.kc is None:
            os.close(self._environment)  # it never ran: the end of the pipe is its end
        else:
            self._client.kc.hb_channel.stop()  # of a kernel that has ended it takes half a second
            self._client.kc.shutdown()

    @property
    def has_ended(self) -> bool:
        return self._kernel_manager.has_ended

    def finish_end(self) -> None:
        """Waits some seconds for it, then kills it."""
        until = time.monotonic() + ENDS_WITHIN_S
        while not self.has_ended and time.monotonic() < until:
            time.sleep(POLL_INTERVAL_S)
        self._client._cleanup_kernel()


START_SESSION = "get_ipython().run_line_magic('livy', 'start')"


def _notebook_client(content: Any, kernel_name: str, shared: NotebookClient | None = None) -> NotebookClient:
    client = NotebookClient(
        content,
        timeout=None,
        startup_timeout=STARTS_WITHIN_S,
        kernel_name=kernel_name,
        kernel_manager_class=OwnKernelManager,
        resources={"metadata": {"path": str(Path.cwd())}},
        store_widget_state=False,
        km=shared.km if shared else None,
    )
    if shared:
        client.kc = shared.kc
    return client


def _run_cells(client: NotebookClient, write: Write, limits: Limits) -> Outcome:
    """Tags of nbclient count: `raises-exception` lets a cell fail, `skip-execution` leaves it out."""
    report = _CellReport(write)
    client.on_cell_start = report.start
    client.on_cell_executed = report.done
    client.on_cell_error = report.done
    client.reset_execution_trackers()
    assert client.kc is not None
    client.kc.execute(BEGIN_RUN, silent=True)
    until = None if limits.notebook_s is None else time.monotonic() + limits.notebook_s
    for index, cell in enumerate(client.nb.cells):
        left_s = None if until is None else max(MOMENT_S, until - time.monotonic())
        limit_s = min(filter(None, (limits.cell_s, left_s)), default=None)
        client.set_trait("timeout_func", functools.partial(_same, limit_s))
        try:
            client.execute_cell(cell, index)
        except CellExecutionError:
            return Outcome(passed=False)  # the cell's error output was shown with the cell
        except CellTimeoutError:
            run_sync(_interrupt)(client)
            return report.stopped(cell, index, "TimeoutError", _took_too_long(limits, limit_s))
        except DeadKernelError:
            return report.stopped(cell, index, "DeadKernelError", KERNEL_DIED)
        if (value := _exit_value(cell)) is not None:
            return Outcome(passed=True, exit_value=value)
    return Outcome(passed=True)


def _same(limit_s: float | None, cell: Any) -> float | None:
    """`timeout` of nbclient is a whole number; what this gives may be any."""
    return limit_s


MOMENT_S = 0.05  # 0 would be no limit to nbclient
KERNEL_DIED = (
    "The kernel died while this cell ran: its code ended the process, or the machine had no memory left for it."
)


def _took_too_long(limits: Limits, timeout_s: float | None) -> str:
    if timeout_s == limits.cell_s:
        return f"The cell took longer than {limits.cell_name} {limits.cell_s:g} and was interrupted."
    return f"The notebook took longer than {limits.notebook_name} {limits.notebook_s:g}: this cell was interrupted."


async def _interrupt(client: NotebookClient) -> None:
    """Interrupts the cell that runs, so that it cancels what it does in the session, and waits until it has ended."""
    assert client.km is not None
    assert client.kc is not None
    await ensure_async(client.km.interrupt_kernel())
    with contextlib.suppress(queue.Empty):
        await ensure_async(client.kc.shell_channel.get_msg(timeout=ENDS_WITHIN_S))


def content_of(cells: Sequence[str], tags: Sequence[Sequence[str]] = ()) -> Any:
    """A notebook of code cells, with the tags of each, for `run_content`."""
    made = [nbformat.v4.new_code_cell(source) for source in cells]
    for cell, its_tags in zip(made, tags, strict=False):
        cell.metadata.update({"tags": list(its_tags)} if its_tags else {})
    return nbformat.v4.new_notebook(cells=made)


def _exit_value(cell: Any) -> str | None:
    for output in cell.get("outputs", ()):
        value = output.get("metadata", {}).get(EXIT_METADATA)
        if value is not None:
            return str(value)
    return None


class _CellReport:
    """Writes a code cell's first lines when it starts, its outputs and duration when it ends."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._began = 0.0
        self._number = 0
        self._finished = -1

    def start(self, *, cell: Any, cell_index: int) -> None:
        if cell.cell_type == "code":
            self._began = time.monotonic()
            self._number += 1
            self._write(f"[{self._number}] {printable(headline(cell.source))}")

    def stopped(self, cell: Any, index: int, ename: str, message: str) -> Outcome:
        """The cell did not end by itself."""
        cell.outputs.append(nbformat.v4.new_output("error", ename=ename, evalue=message, traceback=[message]))
        self.done(cell=cell, cell_index=index, execute_reply=None)
        return Outcome(passed=False)

    def done(self, *, cell: Any, cell_index: int, execute_reply: Any) -> None:
        if cell.cell_type != "code" or cell_index == self._finished:
            return
        self._finished = cell_index  # nbclient reports a failed cell as executed and as failed
        for output in cell.outputs:
            for line in output_text(output).rstrip().split("\n"):
                self._write(f"    {line}".rstrip())
        self._write(f"    ({time.monotonic() - self._began:.1f} s)\n")


def headline(source: str) -> str:
    """A cell in one line: its magic and first line of code, or its first line, and the number of lines that follow."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    shown = lines[:2] if lines and lines[0].startswith("%%") else lines[:1]
    more = len(lines) - len(shown)
    text = "  ".join(shown)
    text = text if len(text) <= 110 else text[:109] + "…"
    return text + (f"  (+{more} line{'' if more == 1 else 's'})" if more else "")


def output_text(output: Any) -> str:
    """One output of a cell as text for a terminal; colours are those of the cell's own output."""
    if output.output_type == "error":
        return printable(without_colours("\n".join(output.traceback)))
    text = output.text if output.output_type == "stream" else output.data.get("text/plain") or ""
    return printable_output(str(text))
