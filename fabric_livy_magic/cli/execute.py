"""Runs a notebook file in a kernel of its own, and writes each cell's output as text. The only module with nbclient and nbformat."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets import default

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.kernel.install import kernel_specs
from fabric_livy_magic.output.results import EXIT_METADATA
from fabric_livy_magic.printable import printable, printable_output, without_colours

Write = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """`exit_value` is the argument of `notebook.exit`, which ends the notebook."""

    passed: bool
    exit_value: str | None = None


def run_notebook(notebook: Path, executed: Path, write: Write, environ: Mapping[str, str]) -> Outcome:
    """Runs a notebook in this Python's own kernel. The executed notebook is written in any case, up to where it ended.

    `environ` is the kernel's whole environment.
    """
    try:
        content = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, TypeError, LookupError, AttributeError, nbformat.ValidationError) as error:
        raise SettingsError(f"{notebook} could not be read as a notebook: {error}") from error
    try:
        return run_content(content, "python3", write, environ)
    finally:
        nbformat.write(content, executed)


def run_content(content: Any, kernel_name: str, write: Write, environ: Mapping[str, str]) -> Outcome:
    """Runs its cells in order and stores their outputs in them, up to one that fails or ends the notebook."""
    with open_kernel(kernel_name, environ) as run:
        return run(content, write)


@contextlib.contextmanager
def open_kernel(kernel_name: str, environ: Mapping[str, str]) -> Iterator[Callable[[Any, Write], Outcome]]:
    """One kernel for several notebooks; gives a function that runs one as `run_content` does."""
    shared = _notebook_client(content_of([]), kernel_name)
    with shared.setup_kernel(env=dict(environ)):
        yield lambda content, write: _run_cells(_notebook_client(content, kernel_name, shared), write)


def _notebook_client(content: Any, kernel_name: str, shared: NotebookClient | None = None) -> NotebookClient:
    client = NotebookClient(
        content,
        timeout=None,
        kernel_name=kernel_name,
        kernel_manager_class=OwnKernelManager,
        resources={"metadata": {"path": str(Path.cwd())}},
        store_widget_state=False,
        km=shared.km if shared else None,
    )
    if shared:
        client.kc = shared.kc
    return client


def _run_cells(client: NotebookClient, write: Write) -> Outcome:
    report = _CellReport(write)
    client.on_cell_start = report.start
    client.on_cell_executed = report.done
    client.on_cell_error = report.done
    client.reset_execution_trackers()
    for index, cell in enumerate(client.nb.cells):
        try:
            client.execute_cell(cell, index)
        except CellExecutionError:
            return Outcome(passed=False)  # the cell's error output was shown with the cell
        if (value := _exit_value(cell)) is not None:
            return Outcome(passed=True, exit_value=value)
    return Outcome(passed=True)


def content_of(cells: Sequence[str]) -> Any:
    """A notebook of code cells, for `run_content`."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])


def _exit_value(cell: Any) -> str | None:
    for output in cell.get("outputs", ()):
        value = output.get("metadata", {}).get(EXIT_METADATA)
        if value is not None:
            return str(value)
    return None


class OwnKernelManager(AsyncKernelManager):
    """Finds this Python's own kernels only: a kernelspec of the user may belong to another environment."""

    @default("kernel_spec_manager")
    def _default_specs(self) -> KernelSpecManager:
        # "python3" is ipykernel's own spec then, with this interpreter's path.
        return KernelSpecManager(
            kernel_dirs=sorted({str(folder.parent) for folder in kernel_specs()}), ensure_native_kernel=True
        )

    @default("transport_encryption")  # a trait since jupyter_client 8.9; ipykernel warns where it is off
    def _default_encryption(self) -> str:
        return "auto"


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
