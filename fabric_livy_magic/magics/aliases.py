"""`%livy alias`: short names of our cell magics in a plain Python kernel, on request and where they are nobody else's."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.cells.subcommands import ALIASES

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from fabric_livy_magic.magics.notebook import LivyNotebook


def alias(notebook: LivyNotebook, options: argparse.Namespace) -> None:
    if notebook.is_of_session:
        return notebook.say("This kernel has these names by itself.")
    shell = notebook.shell
    names = options.names or ALIASES
    if options.off:
        removed = remove_aliases(shell, names)
        return notebook.say(f"Removed: {_magics(removed)}." if removed else "There was nothing to remove.")
    notebook.say(*add_aliases(shell, names))
    added = [name for name in names if _is_ours(shell, "cell", name)]
    if added:
        means = ", ".join(f"%%{name} is %%livy_{name}" for name in added)
        notebook.say(f"Until this kernel ends, {means}. `%livy alias --off` takes that back.")
    return None


def add_aliases(shell: InteractiveShell, names: Iterable[str] = ALIASES) -> list[str]:
    """Returns a line for each that another extension has; that one is left as it is."""
    manager, lines = shell.magics_manager, []
    for name in names:
        if owner := _owner(shell, name):
            lines.append(
                f"%%{name} is left alone: it is a magic of {owner}. Without that one `%livy alias {name}` registers it."
            )
            continue
        for kind in ("cell", "line"):
            manager.register_function(manager.magics[kind][f"livy_{name}"], kind, name)
    return lines


def remove_aliases(shell: InteractiveShell, names: Iterable[str] = ALIASES) -> list[str]:
    """Those that were there. What another extension has put in their place stays."""
    removed = [name for name in names if _is_ours(shell, "cell", name) or _is_ours(shell, "line", name)]
    for name in removed:
        for kind in ("cell", "line"):
            if _is_ours(shell, kind, name):
                del shell.magics_manager.magics[kind][name]
    return removed


def _is_ours(shell: InteractiveShell, kind: str, name: str) -> bool:
    magics = shell.magics_manager.magics[kind]
    return name in magics and magics[name] is magics.get(f"livy_{name}")


def _owner(shell: InteractiveShell, name: str) -> str:
    """The module of another extension that has this name; empty where none has."""
    for kind in ("cell", "line"):
        magic: Any = shell.magics_manager.magics[kind].get(name)
        if magic is not None and not _is_ours(shell, kind, name):
            return str(getattr(magic, "__module__", None) or type(magic).__module__)
    return ""


def _magics(names: Iterable[str]) -> str:
    return ", ".join(f"%%{name}" for name in names)
