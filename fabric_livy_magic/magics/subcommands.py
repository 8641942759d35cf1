"""`%livy <subcommand>`: the line is parsed (`cells/subcommands.py` has the grammar) and handed to the subcommand's function."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from fabric_livy_magic.cells.magic_parser import HelpRequested
from fabric_livy_magic.cells.subcommands import read_command
from fabric_livy_magic.errors import Interrupted
from fabric_livy_magic.magics.notebook import LivyNotebook

Handler = Callable[[LivyNotebook, argparse.Namespace], None]


def run_subcommand(notebook: LivyNotebook, line: str) -> None:
    try:
        command = read_command(line)
    except HelpRequested as text:
        return print(text)
    try:
        if command.name not in {"trust", "config"}:  # these two show it themselves
            notebook.say_what_was_ignored()
        return _handlers()[command.name](notebook, command.options)
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(
            f"`%livy {command.name}` was interrupted. `%livy status` shows the sessions of this notebook."
        ) from None


def _handlers() -> Mapping[str, Handler]:
    """Loaded with the first subcommand: they need the HTTP library."""
    from fabric_livy_magic.magics import account_commands, session_commands, session_list_commands, statement_commands

    return {
        "use": account_commands.use,
        "login": account_commands.login,
        "logout": account_commands.logout,
        "workspaces": account_commands.workspaces,
        "lakehouses": account_commands.lakehouses,
        "environments": account_commands.environments,
        "tables": account_commands.tables,
        "schema": account_commands.schema,
        "doctor": account_commands.doctor,
        "config": account_commands.config,
        "trust": account_commands.trust,
        "start": session_commands.start,
        "status": session_commands.status,
        "switch": session_commands.switch,
        "restart": session_commands.restart,
        "stop": session_list_commands.stop,
        "sessions": session_list_commands.sessions,
        "attach": session_list_commands.attach,
        "logs": session_commands.logs,
        "cancel": statement_commands.cancel,
        "statements": statement_commands.statements,
        "wait": statement_commands.wait,
        "error": statement_commands.error,
        "get": statement_commands.get,
        "put": statement_commands.put,
        "log": statement_commands.log,
    }
