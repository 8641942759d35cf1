"""Completion of `fabric-livy` in bash, zsh, fish and PowerShell, by argcomplete.

The shell's script asks this program with each Tab, so that names of sessions, profiles and settings are those of now. What it
answers comes from this machine's files alone: it starts nothing, signs nobody in, sends nothing.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

SHELLS = ("bash", "zsh", "fish", "powershell")
ASKED = "_ARGCOMPLETE"  # set by the shell's script
PROGRAM = "fabric-livy"
_OF_FILES = {"FILE", "FOLDER", "PATH"}


def shell_script(shell: str) -> str:
    from argcomplete.shell_integration import shellcode

    return str(shellcode([PROGRAM], shell=shell))


def command_asked_for() -> str:
    """The command on the line that is typed; empty where that is its first word still."""
    words = os.environ.get("COMP_LINE", "").split()
    return words[1] if len(words) > 1 else ""


def answer(parser: argparse.ArgumentParser) -> None:
    """Writes what could stand at the cursor, and ends this process."""
    import argcomplete
    from argcomplete.completers import FilesCompleter, SuppressCompleter

    for action in _actions(parser):
        if action.choices is not None or isinstance(action, argparse._SubParsersAction):
            continue
        completer: Any = (_COMPLETERS if action.option_strings else _OF_WORDS).get(action.dest)
        if completer is None:
            is_file = action.metavar in _OF_FILES or action.type is Path
            completer = FilesCompleter() if is_file else SuppressCompleter()
        action.completer = completer  # type: ignore[attr-defined]
    argcomplete.autocomplete(parser, always_complete_options=False)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)


def _sessions(**_: Any) -> list[str]:
    from fabric_livy_magic.sessions.kept_sessions import kept_sessions

    return [one.name for one in kept_sessions()]


def _targets(**_: Any) -> list[str]:
    from fabric_livy_magic.errors import FabricLivyError
    from fabric_livy_magic.sessions.recent_targets import recent_targets
    from fabric_livy_magic.settings_files import read_files

    try:
        profiles = sorted(read_files().profiles)
    except FabricLivyError:  # a file that cannot be read is told by the command
        profiles = []
    return list(dict.fromkeys(["local", *profiles, *recent_targets()]))


def _settings(**_: Any) -> list[str]:
    from fabric_livy_magic.settings import setting_names

    return setting_names()


def _values(parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    from fabric_livy_magic.settings import setting_choices

    return setting_choices(getattr(parsed_args, "name", None) or "")


_COMPLETERS: dict[str, Callable[..., Iterable[str]]] = {
    "target": _targets,
    "session": _sessions,
}
_OF_WORDS: dict[str, Callable[..., Iterable[str]]] = {
    **_COMPLETERS,
    "sessions": _sessions,
    "name": _settings,
    "value": _values,
}
