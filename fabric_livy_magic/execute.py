"""Run a notebook file in a kernel of its own, each cell's output as text as it comes. The home of nbclient and nbformat."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from fabric_livy_magic.errors import SettingsError

Write = Callable[[str], None]
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def run_notebook(notebook: Path, executed: Path, write: Write, environ: Mapping[str, str]) -> bool:
    """True if every cell ran. The executed notebook is written in any case, as far as it came.

    The kernel is this Python's own: a `python3` kernelspec of the user may belong to another environment. `environ` is
    the kernel's whole environment.
    """
    try:
        content = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise SettingsError(f"{notebook} could not be read as a notebook: {error}") from error
    client = NotebookClient(content, timeout=None, km=_own_kernel(), resources={"metadata": {"path": str(Path.cwd())}})
    told = _Told(write)
    client.on_cell_start = told.start
    client.on_cell_executed = told.done
    client.on_cell_error = told.done
    try:
        client.execute(env=dict(environ))
    except CellExecutionError:
        return False  # the cell's error output was shown with the cell
    finally:
        nbformat.write(content, executed)
    return True


def _own_kernel() -> AsyncKernelManager:
    # With no folder to look into, "python3" is ipykernel's own spec, with this interpreter's path.
    specs = KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True)
    kernel = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
    if "transport_encryption" in kernel.trait_names():  # jupyter_client ≥ 8.9; its kernel warns when not encrypted
        kernel.set_trait("transport_encryption", "auto")
    return kernel


class _Told:
    """Writes a code cell's first line when it starts, its outputs and its time when it is done."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._began = 0.0
        self._finished = -1

    def start(self, *, cell: Any, cell_index: int) -> None:
        if cell.cell_type == "code":
            self._began = time.monotonic()
            lines = [line for line in cell.source.splitlines() if line.strip()]
            more = f"  (+{len(lines) - 1} lines)" if len(lines) > 1 else ""
            self._write(f"[{cell_index + 1}] {lines[0] if lines else ''}{more}")

    def done(self, *, cell: Any, cell_index: int, execute_reply: Any) -> None:
        if cell.cell_type != "code" or cell_index == self._finished:
            return
        self._finished = cell_index  # a failed cell is reported as executed and as failed
        for output in cell.outputs:
            for line in output_text(output).splitlines():
                self._write(f"    {line}")
        self._write(f"    ({time.monotonic() - self._began:.1f} s)")


def output_text(output: Any) -> str:
    """One output of a cell as plain text."""
    if output.output_type == "stream":
        return str(output.text)
    if output.output_type == "error":
        return ANSI.sub("", "\n".join(output.traceback))
    return str(output.data.get("text/plain") or "")
