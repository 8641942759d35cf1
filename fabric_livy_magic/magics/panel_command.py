"""`%livy ui`: the panel where a front end draws widgets, else its text."""

from __future__ import annotations

import argparse
from typing import Any

from fabric_livy_magic.magics.notebook import LivyNotebook
from fabric_livy_magic.output.bundles import show
from fabric_livy_magic.output.progress import has_person
from fabric_livy_magic.sessions.recent_targets import recent_targets
from fabric_livy_magic.widgets.panel_outputs import text_overview


class PanelHost:
    """A line of the panel goes to the magic that the person would call."""

    def __init__(self, notebook: LivyNotebook) -> None:
        self._notebook = notebook

    def run(self, line: str) -> Any:
        shell: Any = self._notebook.shell
        head, _, body = line.partition("\n")
        name, _, rest = head.partition(" ")
        if name.startswith("%%"):
            return shell.find_cell_magic(name[2:])(rest, body)
        return shell.find_line_magic(name[1:])(rest)

    def why_not_asked(self) -> str:
        runner = self._notebook.runner
        if runner.settings.target and runner.account.target.is_embedded and not runner.sessions:
            return "The embedded Fabric does not run yet: it starts with the first session."
        return ""

    def recent_targets(self) -> list[str]:
        account = self._notebook.runner.account
        known = [account.settings.target, *recent_targets(), "local", *account.profiles()]
        return list(dict.fromkeys(filter(None, known)))

    def running_cells(self) -> list[str]:
        return [line.text or "it begins" for line in self._notebook.lines_of_cells()]

    def interrupt_cell(self) -> None:
        for line in self._notebook.lines_of_cells():
            line.interrupt()


def ui(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    host = PanelHost(notebook)
    if not has_person(notebook.shell):
        return show({"text/plain": text_overview(host)})
    from fabric_livy_magic.widgets.panel import Panel

    panel = Panel(host)
    notebook.when_cell_runs = panel.watch
    for bundle in panel.bundles:
        show(bundle)
    panel.open()
    return None
