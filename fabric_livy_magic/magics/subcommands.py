"""`%livy <subcommand>`: the line is parsed (`cells/subcommands.py` has the grammar) and handed to the subcommand's function."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.cells.magic_parser import HelpRequested
from fabric_livy_magic.cells.subcommands import CELLS_NOTE, OverviewRequested, help_records, read_command
from fabric_livy_magic.errors import Interrupted
from fabric_livy_magic.magics.notebook import LivyNotebook

if TYPE_CHECKING:
    from fabric_livy_magic.output.lists import OwnList

Handler = Callable[[LivyNotebook, argparse.Namespace], Any]
"""What it returns is the value of the line: with `--json` the data of a list."""


def run_subcommand(notebook: LivyNotebook, line: str) -> Any:
    try:
        command = read_command(line)
    except OverviewRequested as text:
        return show_overview(str(text))
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


def show_overview(text: str) -> None:
    from fabric_livy_magic.output.bundles import show

    show({**_help_list().bundle, "text/plain": text})


def help_data(notebook: LivyNotebook, options: argparse.Namespace) -> Any:
    """With `--json` alone: else `read_command` asks for the text."""
    return _help_list(options.command).data


def _help_list(command: str | None = None) -> OwnList:
    from fabric_livy_magic.output.lists import ListColumn, OwnList

    columns = (ListColumn("command", "magic", "code"), ListColumn("summary", "what it does"))
    records = [one for one in help_records() if command is None or one["command"] == f"%livy {command}"]
    return OwnList(columns, records, caption=f"`%livy help start` shows what one takes. {CELLS_NOTE}", group="part")


def _handlers() -> Mapping[str, Handler]:
    """Loaded with the first subcommand: they need the HTTP library."""
    return {**_handlers_of_account(), **_handlers_of_sessions(), "help": help_data}


def _handlers_of_account() -> Mapping[str, Handler]:
    from fabric_livy_magic.magics import (
        account_commands,
        aliases,
        debug_command,
        explore_command,
        file_commands,
        panel_command,
    )

    return {
        "use": account_commands.use,
        "login": account_commands.login,
        "whoami": account_commands.whoami,
        "logout": account_commands.logout,
        "workspaces": account_commands.workspaces,
        "lakehouses": account_commands.lakehouses,
        "environments": account_commands.environments,
        "tables": account_commands.tables,
        "schema": account_commands.schema,
        "files": file_commands.files,
        "upload": file_commands.upload,
        "explore": explore_command.explore,
        "debug": debug_command.debug,
        "doctor": account_commands.doctor,
        "config": account_commands.config,
        "alias": aliases.alias,
        "trust": account_commands.trust,
        "ui": panel_command.ui,
    }


def _handlers_of_sessions() -> Mapping[str, Handler]:
    from fabric_livy_magic.magics import (
        batch_commands,
        monitoring_commands,
        session_commands,
        session_list_commands,
        statement_commands,
    )

    return {
        "start": session_commands.start,
        "status": session_commands.status,
        "switch": session_commands.switch,
        "restart": session_commands.restart,
        "stop": session_list_commands.stop,
        "sessions": session_list_commands.sessions,
        "attach": session_list_commands.attach,
        "logs": monitoring_commands.logs,
        "spark": monitoring_commands.spark,
        "runs": monitoring_commands.runs,
        "cancel": statement_commands.cancel,
        "statements": statement_commands.statements,
        "wait": statement_commands.wait,
        "error": statement_commands.error,
        "batch": batch_commands.batch,
        "get": statement_commands.get,
        "put": statement_commands.put,
        "log": statement_commands.log,
    }
