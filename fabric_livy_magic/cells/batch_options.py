"""The grammar of `%livy batch`, `%%livy_batch` and `fabric-livy batch`: its subcommands and their options. Pure."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from fabric_livy_magic.cells.cell import seconds_above_0
from fabric_livy_magic.cells.magic_parser import HelpRequested, MagicParser, split_words
from fabric_livy_magic.cells.session_request import key_value_pairs
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import did_you_mean

VERBS = {
    "submit": "run a script, a jar or a notebook as a Spark application of its own",
    "list": "list the batches of the lakehouse, or of the Livy server",
    "show": "show one batch: its state, and why it ended",
    "logs": "show what a batch has printed, or follow it",
    "wait": "wait until a batch has ended; one that failed is an error",
    "cancel": "cancel a batch",
}
PYTHON, JAR = ".py", ".jar"


@dataclass(frozen=True, kw_only=True)
class BatchRequest:
    """A batch as a person asks for it. `file`, `jars` and `py_files` are files of this machine, paths below the lakehouse
    (`Files/…`), or addresses."""

    file: str
    args: tuple[str, ...] = field(default=(), repr=False)
    conf: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    jars: tuple[str, ...] = ()
    py_files: tuple[str, ...] = ()
    class_name: str = ""
    environment: str = ""
    name: str = ""


def batch_request(options: argparse.Namespace, file: str = "") -> BatchRequest:
    """Of the options of `submit`. Raises SettingsError."""
    pairs = key_value_pairs(options.conf, "--conf", "spark.sql.shuffle.partitions=8")
    return BatchRequest(
        file=file or options.file,
        args=tuple(options.args),
        conf=tuple(pairs.items()),
        jars=tuple(options.jar),
        py_files=tuple(options.py_files),
        class_name=options.class_name or "",
        environment=options.environment or "",
        name=options.name or "",
    )


# ------------------------------------------------------------------------------------------- options
def add_options(parser: argparse.ArgumentParser, verb: str, *, is_cell: bool = False) -> None:
    """Of one subcommand, for a magic and for a terminal."""
    add = parser.add_argument
    if verb == "submit":
        _add_submit_options(parser, is_cell=is_cell)
    elif verb in {"show", "logs", "wait", "cancel"}:
        add("id", metavar="ID", help="the batch's id, as `batch list` shows it")
    if verb == "logs":
        add("-f", "--follow", action="store_true", help="go on until the batch has ended")
        add("-n", "--lines", metavar="LINES", type=_count, default=100, help="how many from the end (default: 100)")
    if verb in {"submit", "wait"}:
        what = "with --wait: " if verb == "submit" else ""
        add(
            "--timeout",
            metavar="SECONDS",
            type=_seconds,
            help=f"{what}wait no longer; the batch goes on (default: no limit)",
        )
    add("--json", action="store_true", help="the result as data")


def _add_submit_options(parser: argparse.ArgumentParser, *, is_cell: bool) -> None:
    add = parser.add_argument
    if not is_cell:
        add(
            "file",
            metavar="FILE",
            help="a .py or .jar file or a notebook of this machine, Files/… of the lakehouse, or an address such as abfss://…",
        )
    add("--conf", metavar="KEY=VALUE", action="append", default=[], help="a Spark setting; repeat for more")
    add("--jar", metavar="FILE", action="append", default=[], help="a jar that goes with it; repeat for more")
    add(
        "--py-files",
        metavar="FILE",
        action="append",
        default=[],
        help="a .py, .zip or .egg file that it imports; repeat for more",
    )
    if not is_cell:
        add("--class", metavar="CLASS", dest="class_name", help="the main class of a jar")
    add("--environment", metavar="NAME", help="a Fabric environment, by name or id")
    add("--name", metavar="NAME", help="its name in the Monitoring hub (default: that of the file, made unique)")
    add("--wait", action="store_true", help="wait until it has ended; one that fails is an error")
    parser.epilog = "What follows -- are the arguments of the program: … -- --day 2024-01-31"


def _seconds(text: str) -> float:
    seconds = seconds_above_0(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(f"a number of seconds above 0, not {text!r}")
    return seconds


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"a number above 0, not {text!r}")
    return int(text)


def check_options(options: argparse.Namespace) -> None:
    """Raises SettingsError for options that do not go together."""
    if options.timeout is not None and not options.wait:
        raise SettingsError("--timeout is for --wait: without it nothing is waited for.")


# ------------------------------------------------------------------------------------------- lines of magics
def batch_overview() -> str:
    width = max(map(len, VERBS))
    lines = [f"  %livy batch {verb:<{width}}  {summary}" for verb, summary in VERBS.items()]
    return "\n".join(
        [
            "usage: %livy batch SUBCOMMAND [options]",
            "",
            *lines,
            "",
            "A cell of %%livy_batch is submitted as a script, with the options of submit.",
        ]
    )


@cache
def verb_parser(verb: str) -> MagicParser:
    parser = MagicParser(prog=f"%livy batch {verb}", description=VERBS[verb][0].upper() + VERBS[verb][1:] + ".")
    add_options(parser, verb)
    return parser


@cache
def batch_cell_parser() -> MagicParser:
    parser = MagicParser(prog="%%livy_batch", description="Submit the cell as a script: see `%livy batch submit`.")
    add_options(parser, "submit", is_cell=True)
    parser.set_defaults(class_name=None)
    return parser


def split_arguments(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(the words before `--`, those after it: the program's own)."""
    at = words.index("--") if "--" in words else len(words)
    return list(words[:at]), list(words[at + 1 :])


def read_batch(rest: str) -> argparse.Namespace:
    """What follows `%livy batch`; `verb` is the subcommand. Raises SettingsError, and HelpRequested for help."""
    verb, line = [*rest.split(maxsplit=1), "", ""][:2]
    if verb in {"", "-h", "--help"}:
        raise HelpRequested(batch_overview())
    if verb not in VERBS:
        raise SettingsError(
            f"There is no `%livy batch {verb}`.{did_you_mean(verb, list(VERBS))} There are: {', '.join(VERBS)}."
        )
    options = _read(verb_parser(verb), line, takes_arguments=verb == "submit")
    options.verb = verb
    return options


def read_batch_cell(line: str) -> argparse.Namespace:
    return _read(batch_cell_parser(), line, takes_arguments=True)


def _read(parser: MagicParser, line: str, *, takes_arguments: bool) -> argparse.Namespace:
    words, arguments = split_arguments(split_words(line)) if takes_arguments else (split_words(line), [])
    options = parser.read(words)
    if takes_arguments:
        options.args = arguments
        check_options(options)
    return options
