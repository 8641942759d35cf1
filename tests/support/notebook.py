"""A notebook without a kernel: a real IPython shell, what it prints, and what it displays."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


class _Shell(InteractiveShell):
    display_pub_class = CapturingDisplayPublisher


@dataclass(frozen=True)
class Ran:
    """What one cell did. `text` is everything that a person sees, `displays` the MIME bundles in order."""

    error: BaseException | None
    value: Any
    text: str
    displays: list[dict[str, Any]]

    @property
    def html(self) -> str:
        return "\n".join(bundle.get("text/html", "") for bundle in self.displays)


class Notebook:
    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell = shell
        self._capsys = capsys
        self.everything: list[str] = []

    @property
    def names(self) -> dict[str, Any]:
        names: dict[str, Any] = self.shell.user_ns
        return names

    def run(self, code: str) -> Ran:
        """Runs a cell, whether it fails or not."""
        done = self.shell.run_cell(code)
        printed = self._capsys.readouterr()
        displays = [output["data"] for output in self.shell.display_pub.outputs]
        self.shell.display_pub.outputs.clear()
        twins = "".join(f"{bundle.get('text/plain', '')}\n" for bundle in displays)
        error = done.error_before_exec or done.error_in_exec
        ran = Ran(error, done.result, printed.out + printed.err + twins, displays)
        self.everything += [ran.text, ran.html, repr(error), repr(done.result)]
        return ran

    def ok(self, code: str) -> Ran:
        ran = self.run(code)
        assert ran.error is None, ran.text
        return ran

    def fails(self, code: str) -> str:
        """The text of a cell that must fail, without a traceback of our internals."""
        ran = self.run(code)
        assert ran.error is not None, f"the cell did not fail: {ran.text}"
        assert "fabric_livy_magic/" not in ran.text.replace("fabric_livy_magic/local", "")
        assert "site-packages" not in ran.text
        return ran.text


@contextmanager
def notebook(capsys: pytest.CaptureFixture[str], folder: Path) -> Iterator[Notebook]:
    """`display` looks for the one shell of the process, so it is that one, made anew."""
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = _Shell.instance(config=config, ipython_dir=str(folder / "ipython"))
    shell.colors = "nocolor"
    try:
        yield Notebook(shell, capsys)
    finally:
        with capsys.disabled():
            if "fabric_livy_magic" in shell.extension_manager.loaded:
                shell.run_line_magic("unload_ext", "fabric_livy_magic")
        shell.restore_sys_module_state()
        # It would clear this shell's names when the whole run ends, with a garbage collection for each of a hundred shells.
        atexit.unregister(shell.atexit_operations)
        _Shell.clear_instance()
