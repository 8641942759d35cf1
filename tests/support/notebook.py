"""A notebook without a kernel: a real IPython shell in this process, with captured output."""

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
class CellOutcome:
    """`text` is what was printed and the text form of what was displayed, `displays` the MIME bundles in order."""

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
        self.all_output: list[str] = []

    @property
    def names(self) -> dict[str, Any]:
        names: dict[str, Any] = self.shell.user_ns
        return names

    def run(self, code: str) -> CellOutcome:
        """Runs a cell that may fail."""
        result = self.shell.run_cell(code)
        printed = self._capsys.readouterr()
        displays = [output["data"] for output in self.shell.display_pub.outputs]
        self.shell.display_pub.outputs.clear()
        displayed = "".join(f"{bundle.get('text/plain', '')}\n" for bundle in displays)
        error = result.error_before_exec or result.error_in_exec
        outcome = CellOutcome(error, result.result, printed.out + printed.err + displayed, displays)
        self.all_output += [outcome.text, outcome.html, repr(error), repr(result.result)]
        return outcome

    def ok(self, code: str) -> CellOutcome:
        outcome = self.run(code)
        assert outcome.error is None, outcome.text
        return outcome

    def fails(self, code: str) -> str:
        """The text of a cell that must fail; it has no traceback into this package."""
        outcome = self.run(code)
        assert outcome.error is not None, f"the cell did not fail: {outcome.text}"
        assert "fabric_livy_magic/" not in outcome.text.replace("fabric_livy_magic/local", "")
        assert "site-packages" not in outcome.text
        return outcome.text


@contextmanager
def notebook(capsys: pytest.CaptureFixture[str], folder: Path) -> Iterator[Notebook]:
    """`display` uses the one shell of the process, so that one is replaced by a new shell."""
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
        # Else each of the hundred shells of a test run would clear its names at exit, with a garbage collection each.
        atexit.unregister(shell.atexit_operations)
        _Shell.clear_instance()
