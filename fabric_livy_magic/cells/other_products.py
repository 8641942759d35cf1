"""What people bring from sparkmagic and from Databricks: each of its magics and options runs here, or is refused with the line that does
the same. Pure; this is the one table of it, for the kernel, for `%%livy_…` and for the docs."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import Any

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.notebooks.portal_features import FABRIC_EQUIVALENT_OF_DBUTILS, FABRIC_EQUIVALENT_OF_MAGIC

# sparkmagic's `%%name` → the `%livy` subcommand that is the same.
SUBCOMMANDS = {"info": "sessions", "logs": "logs", "help": "help", "manage_spark": "status"}
# Databricks' magic on a cell's first line, with the cell below it → the cell magic of the same language.
CELL_LANGUAGES = {"python": "pyspark", "sql": "sql", "scala": "spark", "r": "sparkr"}
REFUSED = {
    "%%cleanup": "`%livy stop --all` stops this notebook's sessions, `%livy stop --orphans` those that dead kernels of yours left.",
    "%%delete": "`%livy stop NAME` stops a session of this notebook; `%livy sessions` lists those of the server.",
    "%spark add": "`%livy use URL` chooses the server, `%livy start NAME` starts a session; a secret stays out of the notebook.",
    "%spark info": "`%livy sessions` lists the sessions.",
    "%spark logs": "`%livy logs` shows the session's log.",
    "%spark delete": "`%livy stop NAME` stops a session of this notebook.",
    "%spark cleanup": "`%livy stop --all` stops this notebook's sessions.",
    "%spark config": "`%%configure` takes the same JSON, laid over what was asked before.",
    "-t str": "a value of here is in SQL as `:NAME`; a cell of the session sets it itself. `%livy put FRAME` sends a frame.",
}
# sparkmagic's options of a cell → what is said where one is used.
OPTIONS = {
    ("-m", "--samplemethod"): "the first rows come (-n ROWS). For a sample: TABLESAMPLE in SQL, `df.sample(0.1)` in PySpark.",
    ("-r", "--samplefraction"): "take the sample where the rows are: TABLESAMPLE (10 PERCENT) in SQL, `df.sample(0.1)` in PySpark.",
    ("-c", "--context"): "the magic names the language (%%sql, %%pyspark, %%spark), and types are Spark's own, never guessed: leave it out.",
    ("-e", "--coerce"): "types are Spark's own, never guessed: leave it out.",
}  # fmt: skip
ALLOWED_SAMPLE_METHOD = "take"  # of -m: what happens in any case


class OfSparkmagic(argparse.Action):
    """An option of sparkmagic: refused with what does it here."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option: str | None = None) -> None:
        if option in {"-m", "--samplemethod"} and values == ALLOWED_SAMPLE_METHOD:
            return
        says = next(text for names, text in OPTIONS.items() if option in names)
        raise SettingsError(f"{option} is an option of sparkmagic; here {says}")


def add_options_of_sparkmagic(parser: argparse.ArgumentParser) -> None:
    for names in OPTIONS:
        parser.add_argument(*names, nargs="?", action=OfSparkmagic, help=argparse.SUPPRESS)


def refusal(name: str, line: str) -> str:
    """The message for the magic `name` (with its signs) of another product; empty where it is none or does run."""
    first = next(iter(line.split()), "")
    for magic in (f"{name} {first}".rstrip(), name):
        single = f"%{magic.lstrip('%')}"
        known = magic if magic in REFUSED else single if single in REFUSED and " " in single else ""
        if known:
            return f"{magic} is sparkmagic's; here {REFUSED[known]}"
    if name in _REFUSED_OF_DATABRICKS:
        return f"{name} is no magic here: in Fabric this is {FABRIC_EQUIVALENT_OF_MAGIC[name]}."
    return ""


_REFUSED_OF_DATABRICKS = frozenset({"%md", "%%md", "%fs", "%sh"})


def subcommand(name: str, line: str) -> str:
    """The line of `%livy` for sparkmagic's cell magic `name`, without signs; empty where there is none.

    Raises SettingsError for what it does not do here."""
    if name == "send_to_spark":
        return _put(shlex.split(line))
    return f"{SUBCOMMANDS[name]} {line}".rstrip() if name in SUBCOMMANDS else ""


def _put(words: Sequence[str]) -> str:
    parser = argparse.ArgumentParser(prog="%%send_to_spark", add_help=False, exit_on_error=False)
    parser.add_argument("-i", "--input", dest="frame")
    parser.add_argument("-t", "--vartype", default="str")
    parser.add_argument("-n", "--varname", dest="view")
    parser.add_argument("-m", "--maxrows", dest="rows")
    try:
        options, rest = parser.parse_known_args(list(words))
    except argparse.ArgumentError as error:
        raise SettingsError(f"%%send_to_spark: {error}. Here: `%livy put FRAME --as NAME`.") from None
    if rest or not options.frame:
        raise SettingsError("%%send_to_spark takes -i FRAME -t df [-n NAME]. Here: `%livy put FRAME --as NAME`.")
    if options.vartype != "df":
        raise SettingsError(f"%%send_to_spark -t {options.vartype} is sparkmagic's; here {REFUSED['-t str']}")
    frame = options.frame if options.rows is None else f'"{options.frame}.head({options.rows})"'
    return f"put {frame} --as {options.view or options.frame}"


def hint(name: str, message: str) -> str:
    """What to say below an error of the session; empty where there is nothing to say."""
    if name != "NameError" or "'dbutils'" not in message:
        return ""
    parts = ", ".join(f"dbutils.{part} is {there}" for part, there in FABRIC_EQUIVALENT_OF_DBUTILS.items())
    return f"dbutils is Databricks'. In Fabric {parts}."
