"""The grammar of `%livy`: its subcommands, their options, their help. Pure, so that docs and tests can read it.

A new subcommand gets a line in `SUMMARIES` and its options in `parser_of`; what it does is added in the room `magics`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fabric_livy_magic.cells.batch_options import VERBS, batch_cell_parser, batch_overview, read_batch
from fabric_livy_magic.cells.cell import (
    KINDS,
    add_table_options,
    add_via_option,
    cell_parser,
    check_variable,
    split_options,
)
from fabric_livy_magic.cells.file_options import add_upload_options, check_upload, describe_files, read_files
from fabric_livy_magic.cells.magic_parser import HelpRequested, MagicParser, without_remark
from fabric_livy_magic.cells.monitoring_options import SUMMARIES as MONITORING
from fabric_livy_magic.cells.monitoring_options import add_monitoring_options
from fabric_livy_magic.cells.session_request import add_request_options
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import INSTEAD_OF_A_SETTING, METHODS, did_you_mean

SUMMARIES = {
    "use": "choose where sessions run: local, workspace/lakehouse, a Livy connection string",
    "login": "sign in to Fabric, and show who it is",
    "whoami": "show who is signed in for the target",
    "logout": "forget the sign-in",
    "start": "start a session, unless it runs already (the first cell does it by itself)",
    "status": "what is chosen, and the state of this notebook's sessions",
    "sessions": "list the sessions on the server",
    "attach": "take a session that runs already, or with --last those of this notebook's last kernel",
    "switch": "make another session of this notebook the current one",
    "statements": "list the background statements of this notebook",
    "wait": "wait for background statements and show their results",
    "logs": MONITORING["logs"],
    "spark": MONITORING["spark"],
    "error": "show the last remote error with its whole traceback",
    "cancel": "cancel what runs on the session",
    "stop": "stop a session",
    "restart": "stop a session and start it anew with the same settings",
    "get": "a frame of the session as a variable of this notebook",
    "put": "a frame of this notebook as a temporary view of the session",
    "runs": MONITORING["runs"],
    "batch": "jobs of their own: submit a script, jar or notebook; list, show, logs, wait, cancel",
    "workspaces": "list the workspaces of the account",
    "lakehouses": "list the lakehouses of a workspace",
    "environments": "list the environments of a workspace",
    "tables": "list the tables of the session's lakehouse",
    "schema": "show a table's columns",
    "files": "list, copy, show, move and remove files of the lakehouse",
    "upload": "a file or frame of this machine as a file or a table of the lakehouse",
    "explore": "charts and a profile of a table, or of a DataFrame of the session",
    "debug": "let VS Code, or another debugger, attach to the session's Python (on an embedded Fabric)",
    "doctor": "check each step from sign-in to session, and what to do",
    "log": "write down each request to the server: here, into a file, or not at all",
    "alias": "let %%sql, %%pyspark, %%spark and %%sparkr mean the %%livy_… cells in this kernel, too",
    "trust": "let the project's pyproject.toml choose all that it names, after a look at it",
    "ui": "a panel of all this: account, target, sessions, statements, tables, settings",
    "config": "show the settings and where each came from, or change one",
    "help": "show this list, or what one subcommand takes",
}
# The first subcommand of each part of the list.
PARTS = {
    "use": "target and sign-in",
    "start": "sessions and what runs on them",
    "get": "frames",
    "runs": "jobs and their files",
    "workspaces": "what there is on Fabric",
    "doctor": "settings, and when something is wrong",
}
CELLS = {
    "%%livy_sql": "Spark SQL: a table below the cell, a pandas DataFrame with -o NAME",
    "%%livy_pyspark": "PySpark",
    "%%livy_spark": "Scala",
    "%%livy_sparkr": "R, where the session has it",
    "%%livy_batch": "the cell as a job of its own",
    "%%livy_configure": "what the next session is asked for, as JSON",
}
CELLS_NOTE = "The languages also as a line: %livy_sql SELECT 1. %livy_sql --help shows the options."
ALIASES = KINDS
"""The short names that `%livy alias` gives: `%%sql` for `%%livy_sql`."""
LISTS = {
    *("status", "sessions", "statements", "workspaces", "lakehouses", "environments", "tables", "schema"),
    *("doctor", "config", "help"),
}


class OverviewRequested(HelpRequested):
    """Help without a subcommand."""


@dataclass(frozen=True)
class Command:
    name: str
    options: argparse.Namespace = field(repr=False)


def read_command(line: str) -> Command:
    """The subcommand of `%livy <line>`. Raises SettingsError with a suggestion for an unknown one, HelpRequested for help."""
    name, rest = [*without_remark(line).split(maxsplit=1), "", ""][:2]
    if name in {"", "-h", "--help"}:
        raise OverviewRequested(overview())
    if name not in SUMMARIES:
        raise SettingsError(
            f"There is no `%livy {name}`.{did_you_mean(name.lower(), list(SUMMARIES))} `%livy help` lists what there is."
        )
    if name == "use" and rest.strip() and not rest.lstrip().startswith("-"):
        # Kept as typed: quotes tell a slash in a name from the one between workspace and lakehouse.
        return Command(name, argparse.Namespace(target=rest.strip()))
    if name == "get":
        return Command(name, _read_get(rest))
    if name == "batch":
        return Command(name, read_batch(rest))
    if name == "files":
        return Command(name, read_files(rest))
    options = parser_of(name).read(rest)
    if name == "upload":
        check_upload(options)
    if name == "help":
        subcommand = options.command
        if subcommand and subcommand not in SUMMARIES:
            raise SettingsError(f"There is no `%livy {subcommand}`.{did_you_mean(subcommand, list(SUMMARIES))}")
        if not options.json:
            raise HelpRequested(help_of(subcommand)) if subcommand else OverviewRequested(overview())
    return Command(name, options)


_LAST_OPTION = re.compile(
    r"(?<!\s)\s+(--arrow|--polars|(-o|--output|-n|--limit|-s|--session|--via)\s+[^\s'\")\]}]+)\s*$"
)


def _read_get(rest: str) -> argparse.Namespace:
    """Options may precede or follow the expression, which is Python and kept as typed, with its quotes."""
    parser = parser_of("get")
    before, expression = split_options(parser, rest)
    after = ""
    while match := _LAST_OPTION.search(expression):
        expression, after = expression[: match.start()], f"{match[0]} {after}"
    options = parser.read(f"{before} {after}")
    check_variable(options.output)
    options.expression = expression.strip()
    if not options.expression:
        raise SettingsError("%livy get: which frame? For example `%livy get df.limit(10) -o first`.")
    return options


def overview() -> str:
    width = max(map(len, SUMMARIES))
    lines = [f"  %livy {name:<{width}}  {summary}" for name, summary in SUMMARIES.items()]
    width = max(map(len, CELLS))
    cells = [f"  {name:<{width}}  {summary}" for name, summary in CELLS.items()]
    return "\n".join(["usage: %livy SUBCOMMAND [options]", "", *lines, "", "cells:", *cells, CELLS_NOTE])


def help_records() -> list[dict[str, str]]:
    """What `overview` has, and the usage of each."""
    part, records = "", []
    for name, summary in SUMMARIES.items():
        part = PARTS.get(name, part)
        usage = help_of(name)
        records.append({"part": part, "command": f"%livy {name}", "summary": summary, "usage": usage})
    for name, summary in CELLS.items():
        kind = name.removeprefix("%%livy_")
        usage = batch_cell_parser().format_help() if kind == "batch" else ""
        usage = cell_parser(kind).format_help() if kind in KINDS else usage
        records.append({"part": "cells", "command": name, "summary": summary, "usage": usage})
    return records


def help_of(name: str) -> str:
    return batch_overview() if name == "batch" else parser_of(name).format_help()


@cache
def parser_of(name: str) -> MagicParser:
    parser = MagicParser(prog=f"%livy {name}", description=SUMMARIES[name][0].upper() + SUMMARIES[name][1:] + ".")
    add = parser.add_argument
    if name == "use":
        add(
            "target",
            metavar="TARGET",
            help="local, the Livy connection string of a lakehouse, or the address of a Livy server",
        )
    elif name in {"lakehouses", "environments"}:
        add("workspace", metavar="WORKSPACE", nargs="?", help="name or id (default: that of the target)")
    elif name == "tables":
        add("pattern", metavar="PATTERN", nargs="?", help="such as 'dim*'")
    elif name == "schema":
        add("table", metavar="TABLE", help="a table, also schema.table")
    elif name in _WITH_OPTIONS:
        _WITH_OPTIONS[name](parser)
    elif name in {"attach", "sessions", "cancel", "restart", "switch", "stop"}:
        _add_session_options(parser, name)
    elif name in MONITORING:
        add_monitoring_options(parser, name)
    elif name == "wait":
        add("number", metavar="NUMBER", nargs="?", type=int, help="one of `%%livy statements` (default: all)")
    elif name == "log":
        _add_log_options(parser)
    elif name in {"get", "put"}:
        _add_frame_options(parser, name)
    elif name == "config":
        add("name", metavar="NAME", nargs="?", help="a setting")
        add("value", metavar="VALUE", nargs="?", help="its new value, for this notebook")
    elif name == "batch":
        add("verb", metavar="SUBCOMMAND", choices=list(VERBS), help="`%%livy batch` lists them")
    elif name == "alias":
        add("names", metavar="NAME", nargs="*", type=_alias, help=f"{', '.join(ALIASES)} (default: all)")
        add("--off", action="store_true", help="no longer")
    elif name == "trust":
        add("--yes", action="store_true", help="without the question")
        add("--forget", action="store_true", help="trust it no longer")
    elif name == "help":
        add("command", metavar="SUBCOMMAND", nargs="?", help="one subcommand")
    if name in LISTS:
        add("--json", action="store_true", help=f"the list as data: rows = %%livy {name} --json")
    return parser


def _add_log_options(parser: MagicParser) -> None:
    add = parser.add_argument
    add("where", metavar="WHERE", choices=["debug", "file", "off"], help="debug: here; file: into PATH; off: no more")
    add("path", metavar="PATH", nargs="?", help="the file, which only you can read")


def _add_debug_options(parser: MagicParser) -> None:
    add = parser.add_argument
    add("verb", metavar="stop", nargs="?", choices=["stop"], help="no longer")
    add(
        "--port",
        metavar="PORT",
        type=_port,
        default=0,
        help="where it listens, on this machine alone (default: any free port)",
    )
    add("-s", "--session", metavar="NAME", help="another session of this notebook than the current one")


def _add_explore_options(parser: MagicParser) -> None:
    add = parser.add_argument
    add("name", metavar="NAME", nargs="+", help="a DataFrame of the session, a table, or schema.table")
    add("--profile", action="store_true", help="the profile of its columns alone, as a table")
    add("-s", "--session", metavar="NAME", help="another session of this notebook than the current one")


def _add_session_options(parser: MagicParser, name: str) -> None:
    add = parser.add_argument
    if name == "attach":
        add("id", metavar="ID", nargs="?", help="the session's id, as `%%livy sessions` shows it")
        add(
            "--last", action="store_true", help="what this notebook's last kernel left, and the result of its last cell"
        )
        add("-o", "--output", metavar="VAR", help="with --last: put that result into this variable")
        add("--name", metavar="NAME", help="what to call it in this notebook")
    elif name == "sessions":
        add("--mine", action="store_true", help="those of your notebooks alone, and which notebook each belongs to")
    elif name == "cancel":
        add("statement", metavar="STATEMENT", nargs="?", type=int, help="its number (default: all that run or wait)")
        add("-s", "--session", metavar="NAME", help="another session of this notebook than the current one")
        add("-b", "--background", metavar="NUMBER", type=int, help="one of `%%livy statements`")
    elif name == "restart":
        add("session", metavar="NAME", nargs="?", help="a session of this notebook (default: the current one)")
    elif name == "switch":
        add("session", metavar="NAME", help="a session of this notebook")
    elif name == "stop":
        add("session", metavar="NAME", nargs="?", help="a session of this notebook (default: the current one)")
        add("--all", action="store_true", help="all sessions of this notebook")
        add(
            "--orphans",
            action="store_true",
            help="sessions that kernels of yours left when they died, after a question",
        )
        add("--yes", action="store_true", help="with --orphans: without the question")


def _port(text: str) -> int:
    if not text.isdecimal() or not 1024 <= int(text) < 2**16:
        raise SettingsError(f"--port takes a number from 1024 to 65535, not {text!r}.")
    return int(text)


def _alias(text: str) -> str:
    name = text.removeprefix("%%")
    if name not in ALIASES:
        raise SettingsError(f"There is no alias {text!r}: {', '.join(ALIASES)}.{did_you_mean(name, list(ALIASES))}")
    return name


def _add_frame_options(parser: MagicParser, name: str) -> None:
    add = parser.add_argument
    add("-s", "--session", metavar="NAME", help="another session of this notebook than the current one")
    if name == "get":
        parser.usage = "%%livy get EXPRESSION [-o VAR] [-n ROWS] [--arrow | --polars] [--via ROAD] [-s NAME]"
        parser.epilog = (
            "EXPRESSION is PySpark of the session, before or after the options: %livy get df.limit(10) -o first"
        )
        add("-o", "--output", metavar="VAR", help="the variable that it becomes (default: it is shown)")
        add_table_options(parser)
    else:
        add("frame", metavar="FRAME", help="a pandas, Arrow or polars frame of this notebook; an expression in quotes")
        add("--as", metavar="VIEW", dest="view", help="the view's name (default: that of the variable)")
        add_via_option(parser)


class _RefusedSecret(argparse.Action):
    """An option that would put a secret into the notebook: its use is refused with the reason."""

    def __call__(self, parser: argparse.ArgumentParser, *rest: Any) -> None:
        raise SettingsError(
            f"A secret does not belong into a notebook: it is saved, shared and kept in the history. {INSTEAD_OF_A_SETTING}"
        )


def _add_login_options(parser: MagicParser) -> None:
    add = parser.add_argument
    add(
        "--method",
        metavar="METHOD",
        help=f"{', '.join(METHODS)}, or the dotted path of a TokenCredential (default: what fits)",
    )
    add("--tenant", metavar="TENANT", help="tenant id or domain")
    add("--client-id", metavar="ID", help="an app registration of your own")
    add("--certificate", metavar="FILE", help="PEM or PFX file, for --method certificate")
    add("--send-chain", action="store_true", help="send the certificate's chain (subject name and issuer)")
    for word in ("--secret", "--client-secret", "--password", "--passphrase", "--token"):
        add(word, nargs="?", action=_RefusedSecret, help=argparse.SUPPRESS)


LOGIN_SETTINGS = ("method", "tenant", "client_id", "certificate", "send_chain")


def login_choices(options: argparse.Namespace) -> dict[str, Any]:
    """Setting name → value, for the options of `login` that were passed."""
    return {name: getattr(options, name) for name in LOGIN_SETTINGS if getattr(options, name)}


def _add_start_options(parser: MagicParser) -> None:
    add = parser.add_argument
    add("session", metavar="NAME", nargs="?", help="what to call it in this notebook (default: the current name, main)")
    add_request_options(parser)
    add("--fresh", action="store_true", help="stop the session of that name first, if one runs; its variables are lost")
    add("--keep", action="store_true", help="leave it running when this notebook ends, and say how to attach to it")
    add(
        "--high-concurrency",
        action="store_true",
        help="one REPL of a Spark application that others can join; --tag NAME then says which application",
    )


_WITH_OPTIONS: Mapping[str, Callable[[MagicParser], None]] = {
    "login": _add_login_options,
    "start": _add_start_options,
    "explore": _add_explore_options,
    "debug": _add_debug_options,
    "files": describe_files,
    "upload": add_upload_options,
}
