"""The grammar of `%livy`: its subcommands, their options, their help. Pure, so that docs and tests can read it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cache

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.options import HelpWanted, MagicParser
from fabric_livy_magic.settings import SessionSpec, did_you_mean

SUMMARIES = {
    "use": "choose where sessions run: local, or a Livy connection string",
    "start": "start a session (the first cell does it by itself)",
    "status": "what is chosen, and the state of this notebook's sessions",
    "sessions": "list the sessions on the server",
    "attach": "take a session that runs already",
    "switch": "make another session of this notebook the current one",
    "logs": "show a session's log",
    "error": "show the last remote error with its whole traceback",
    "stop": "stop a session",
    "config": "show the settings and where each came from, or change one",
    "help": "show this list, or what one subcommand takes",
}
CELLS = """cells:
  %%livy_sql        Spark SQL: a table below the cell, a pandas DataFrame with -o NAME
  %%livy_pyspark    PySpark
  %%livy_spark      Scala
  %%livy_sparkr     R, where the session has it
each also as a line: %livy_sql SELECT 1. %livy_sql --help shows the options."""


@dataclass(frozen=True)
class Command:
    name: str
    options: argparse.Namespace


def read_command(line: str) -> Command:
    """The subcommand of `%livy <line>`. Raises SettingsError with a guess for an unknown one, HelpWanted for help."""
    name, rest = [*line.split(maxsplit=1), "", ""][:2]
    if name in {"", "-h", "--help"}:
        raise HelpWanted(overview())
    if name not in SUMMARIES:
        raise SettingsError(
            f"There is no `%livy {name}`.{did_you_mean(name.lower(), list(SUMMARIES))} `%livy help` lists what there is."
        )
    options = parser_of(name).read(rest)
    if name == "help":
        wanted = options.command
        if wanted and wanted not in SUMMARIES:
            raise SettingsError(f"There is no `%livy {wanted}`.{did_you_mean(wanted, list(SUMMARIES))}")
        raise HelpWanted(parser_of(wanted).format_help() if wanted else overview())
    return Command(name, options)


def overview() -> str:
    lines = [f"  %livy {name:<9} {summary}" for name, summary in SUMMARIES.items()]
    return "\n".join(["usage: %livy SUBCOMMAND [options]", "", *lines, "", CELLS])


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
    elif name == "start":
        _add_start_options(parser)
    elif name == "attach":
        add("id", metavar="ID", help="the session's id, as `%%livy sessions` shows it")
        add("--name", metavar="NAME", help="what to call it in this notebook")
    elif name == "switch":
        add("session", metavar="NAME", help="a session of this notebook")
    elif name == "logs":
        add("session", metavar="NAME", nargs="?", help="a session of this notebook (default: the current one)")
        add("-n", "--lines", metavar="LINES", type=_count, default=50, help="how many lines from the end (default: 50)")
    elif name == "stop":
        add("session", metavar="NAME", nargs="?", help="a session of this notebook (default: the current one)")
        add("--all", action="store_true", help="all sessions of this notebook")
    elif name == "config":
        add("name", metavar="NAME", nargs="?", help="a setting")
        add("value", metavar="VALUE", nargs="?", help="its new value, for this notebook")
    elif name == "help":
        add("command", metavar="SUBCOMMAND", nargs="?", help="one subcommand")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise SettingsError(f"-n takes a number above 0, not {text!r}.")
    return int(text)


def _add_start_options(parser: MagicParser) -> None:
    add = parser.add_argument
    add("session", metavar="NAME", nargs="?", help="what to call it in this notebook (default: the current name, main)")
    add("--name", metavar="TEXT", dest="spark_name", help="its name on the server and in the Monitoring hub")
    add(
        "--conf",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a Spark setting; repeat for more. A key that the starter pool has not makes the start take minutes",
    )
    add("--driver-memory", metavar="SIZE", help="such as 28g")
    add("--driver-cores", metavar="N", type=int)
    add("--executor-memory", metavar="SIZE")
    add("--executor-cores", metavar="N", type=int)
    add("--num-executors", metavar="N", type=int)


def session_spec(options: argparse.Namespace) -> SessionSpec:
    """The request for a new session from `%livy start`'s options. Raises SettingsError for a --conf that is no KEY=VALUE."""
    conf = {}
    for pair in options.conf:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise SettingsError(f"--conf takes KEY=VALUE, such as --conf spark.sql.shuffle.partitions=8, not {pair!r}.")
        conf[key.strip()] = value
    return SessionSpec(
        name=options.spark_name,
        conf=conf,
        driver_memory=options.driver_memory,
        driver_cores=options.driver_cores,
        executor_memory=options.executor_memory,
        executor_cores=options.executor_cores,
        num_executors=options.num_executors,
    )
