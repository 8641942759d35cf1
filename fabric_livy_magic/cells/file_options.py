"""The grammar of `%livy files`, `%livy upload` and the same commands of `fabric-livy`: subcommands and their options. Pure."""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import PurePath

from fabric_livy_magic.cells.magic_parser import HelpRequested, MagicParser, split_words
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import did_you_mean

VERBS = {
    "ls": "list a folder of the lakehouse",
    "cp": "copy files between this machine and the lakehouse, or within it",
    "cat": "show a text file",
    "head": "show the first lines of a text file",
    "mv": "move or rename a file or a folder within the lakehouse",
    "rm": "remove files and folders",
    "mkdir": "make a folder, with those above it",
    "du": "how large the folders below a folder are",
}
LINES = 10
WHICH_SIDE = (
    "Files/… and Tables/… are in the lakehouse, workspace/lakehouse:Files/… is in another one; every other path is one of this "
    "machine (./Files/… for a local folder of that name)."
)
FORMATS = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json"}


def add_file_options(parser: argparse.ArgumentParser, verb: str) -> None:
    """Of one subcommand, for a magic and for a terminal."""
    add = parser.add_argument
    if verb in {"ls", "du"}:
        add(
            "path", metavar="PATH", nargs="?", default="Files", help="a folder, / for Files and Tables (default: Files)"
        )
    elif verb in {"cat", "head"}:
        add("path", metavar="PATH", help="a file of the lakehouse")
    elif verb in {"rm", "mkdir"}:
        add("paths", metavar="PATH", nargs="+", help="of the lakehouse")
    else:
        add("sources", metavar="SOURCE", nargs="+", help="a file or folder; several go into a folder")
        add("target_path", metavar="TARGET", help="its new place; a folder with / at its end takes what is put into it")
    if verb == "head":
        add("-n", "--lines", metavar="LINES", type=_count, default=LINES, help=f"how many (default: {LINES})")
    if verb in {"ls", "cp", "rm"}:
        what = {"ls": "all that is below it, too", "cp": "folders, too", "rm": "folders with all that is in them, too"}
        add("-r", "--recursive", action="store_true", help=what[verb])
    if verb in {"cp", "mv"}:
        add("-f", "--force", action="store_true", help="replace files that are there")
        parser.epilog = WHICH_SIDE
    if verb in {"ls", "du"}:
        add("--json", action="store_true", help="the list as data")


def add_upload_options(parser: argparse.ArgumentParser, *, is_magic: bool = True) -> None:
    add = parser.add_argument
    frame = ", or a frame of this notebook: pandas, Arrow, polars" if is_magic else ""
    add("file", metavar="FILE", help=f"a .parquet, .csv or .json file of this machine{frame}")
    add("--table", metavar="TABLE", help="the table that is made of it, also schema.table")
    add("--overwrite", action="store_true", help="replace the table, or the file")
    add("--append", action="store_true", help="add the rows to the table")
    if is_magic:
        add("-s", "--session", metavar="NAME", help="another session of this notebook than the current one")
    parser.epilog = (
        "Without --table the file goes to Files/. The first line of a CSV file names its columns, and Spark infers their types "
        "from all of its rows; JSON may have one value a line or be one document."
    )


def check_upload(options: argparse.Namespace) -> None:
    """Raises SettingsError for options that do not go together."""
    if options.overwrite and options.append:
        raise SettingsError("--overwrite replaces what is there, --append adds to it: give one of them.")
    if options.append and not options.table:
        raise SettingsError("--append is for a table: `--table NAME --append`.")


def format_of(file: str) -> str:
    """parquet, csv or json. Raises SettingsError."""
    suffix = PurePath(file).suffix.lower()
    if suffix not in FORMATS:
        raise SettingsError(f"{file}: a table is made of a file that ends in {', '.join(FORMATS)}.")
    return FORMATS[suffix]


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"a number above 0, not {text!r}")
    return int(text)


# ------------------------------------------------------------------------------------------- lines of magics
def files_overview() -> str:
    width = max(map(len, VERBS))
    lines = [f"  %livy files {verb:<{width}}  {summary}" for verb, summary in VERBS.items()]
    return "\n".join(["usage: %livy files SUBCOMMAND [options]", "", *lines, "", WHICH_SIDE])


def describe_files(parser: argparse.ArgumentParser) -> None:
    """What `%livy help files` shows; `read_files` reads the line."""
    parser.usage, parser.epilog = "%%livy files SUBCOMMAND [options]", files_overview().split("\n", 2)[2]
    parser.add_argument("verb", metavar="SUBCOMMAND", choices=VERBS, help=", ".join(VERBS))


@cache
def file_parser(verb: str) -> MagicParser:
    parser = MagicParser(prog=f"%livy files {verb}", description=VERBS[verb][0].upper() + VERBS[verb][1:] + ".")
    add_file_options(parser, verb)
    return parser


def read_files(rest: str) -> argparse.Namespace:
    """The options of `%livy files <rest>`; `verb` is the subcommand. Raises SettingsError, HelpRequested for help."""
    verb, *words = split_words(rest) or [""]
    if verb in {"", "-h", "--help"}:
        raise HelpRequested(files_overview())
    if verb not in VERBS:
        raise SettingsError(
            f"There is no `%livy files {verb}`.{did_you_mean(verb, list(VERBS))} `%livy files --help` lists what there is."
        )
    options = file_parser(verb).read(words)
    options.verb = verb
    return options
