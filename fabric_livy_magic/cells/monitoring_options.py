"""The options of `%livy spark | logs | runs` and of the same commands of `fabric-livy`. Pure."""

from __future__ import annotations

import argparse

from fabric_livy_magic.errors import SettingsError

MOST_RUNS = 25
LINES = 50
SUMMARIES = {
    "spark": "what Spark does: executors, statements, stages, failed tasks, skew and spill",
    "logs": "show or follow the log of a session, of its driver or of an executor",
    "runs": "list the recent runs of the lakehouse, or show one",
}


def add_monitoring_options(parser: argparse.ArgumentParser, name: str, *, is_magic: bool = True) -> None:
    """Of one command, for a magic and for a terminal."""
    add = parser.add_argument
    if name == "runs":
        add("id", metavar="ID", nargs="?", help="show this one")
        add("-n", "--limit", metavar="RUNS", type=_count, default=MOST_RUNS, help=f"how many (default: {MOST_RUNS})")
    elif is_magic:
        add(
            "session",
            metavar="SESSION",
            nargs="?",
            help="one of this notebook, or a run by its id (default: the current one)",
        )
    else:
        add(
            "id",
            metavar="ID",
            nargs="?",
            help="a run by its id, or a session that runs or is kept by its name (default: the only one that runs)",
        )
    if name == "logs":
        add(
            "-n",
            "--lines",
            metavar="LINES",
            type=_count,
            default=LINES,
            help=f"how many lines from the end (default: {LINES})",
        )
        add("-f", "--follow", action="store_true", help="go on until the session has ended, or until an interrupt")
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--driver", action="store_true", help="what Spark's driver writes, on Fabric")
        which.add_argument(
            "--executor", metavar="N", help="what an executor writes, on Fabric: its number, as `spark` shows it"
        )
        which.add_argument("--livy", action="store_true", help="what Livy writes about the session, on Fabric")
    add("--json", action="store_true", help="the result as data")


def log_source(options: argparse.Namespace) -> str:
    """Raises SettingsError for options that do not go together."""
    if options.follow and options.json:
        raise SettingsError("--json gives what is there; --follow goes on. Take one of them.")
    return "driver" if options.driver else "livy" if options.livy else "session"


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"a number above 0, not {text!r}")
    return int(text)
