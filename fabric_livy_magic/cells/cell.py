"""The options of a cell magic's first line, and the kinds of statement. Pure: no I/O, no IPython.

A new option is added to `cell_parser`, becomes a field of `Cell`, and is set in `read_cell`.
"""

from __future__ import annotations

import argparse
import keyword
import re
from dataclasses import dataclass, field
from functools import cache

from fabric_livy_magic.cells.charts import FORM, Chart, read_chart
from fabric_livy_magic.cells.charts import KINDS as CHART_KINDS
from fabric_livy_magic.cells.magic_parser import MagicParser, without_remark
from fabric_livy_magic.cells.other_products import add_options_of_sparkmagic
from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.settings import VIA

# The kinds of a Livy statement; `%%livy_<kind>` is the magic of each.
KINDS = ("sql", "spark", "pyspark", "sparkr")
LANGUAGES = {"sql": "Spark SQL", "spark": "Scala", "pyspark": "PySpark", "sparkr": "SparkR"}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell to run on a session. `limit` is the most rows to fetch of a table; `session` a name, None for the current one;
    `parameters` are (name, expression) pairs to be evaluated in the notebook; `library` is that of the returned tables."""

    kind: str
    code: str = field(repr=False)
    session: str | None = None
    output: str | None = None
    limit: int | None = None
    quiet: bool = False
    plain: bool = False
    library: str = "pandas"
    via: str | None = None
    """How its frame comes: None for what the setting says."""
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout_s: float | None = None
    background: bool = False
    whole_table: bool = False
    """Fetch all rows, since the table is returned as an object: the value of a line magic."""
    chart: Chart | None = None
    session_values: bool = False
    """SQL parameters are variables of the session first, then of the notebook: in the Fabric Livy kernel."""
    number: int | None = None
    """What the front end shows beside the cell, for its tracebacks."""


@cache
def cell_parser(kind: str) -> MagicParser:
    output_help = {
        "sql": "a DataFrame",
        "pyspark": "the value of its last line, a DataFrame where it is one",
        "spark": "the DataFrame that its last line is, else the text that it printed",
        "sparkr": "the text that it printed",
    }[kind]
    parser = MagicParser(
        prog=f"%livy_{kind}",
        description=f"Run {LANGUAGES[kind]} on the session (Livy kind: {kind}): %%livy_{kind} the cell below it, %livy_{kind} the rest of its line.",
    )
    parser.set_defaults(
        limit=None, library="pandas", via=None, plain=False, chart=None
    )  # for the kinds without these options
    parser.add_argument("-s", "--session", metavar="NAME", help="run on this session instead of the current one")
    parser.add_argument("-o", "--output", metavar="VAR", help=f"put the result into this variable: {output_help}")
    parser.add_argument(
        "-b", "--background", action="store_true", help="give a handle at once; with -o the variable holds it"
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, help="cancel it when it has not ended after so many seconds"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show nothing but errors")
    if kind != "sparkr":
        add_table_options(parser)
    add_options_of_sparkmagic(parser)
    if kind in {"sql", "pyspark"}:
        parser.add_argument("--plain", action="store_true", help="run it without the agent, as Livy itself does")
        parser.add_argument(
            "--chart",
            metavar="WORD",
            nargs="+",
            help=f"draw its rows: {FORM.removeprefix('--chart ')}; kinds: {', '.join(CHART_KINDS)}. Spark groups them first",
        )
    if kind == "sql":
        parser.add_argument(
            "-p",
            "--parameter",
            metavar="NAME=EXPR",
            action="append",
            help="the value of `:NAME`, a Python expression of the notebook; repeat for more (default: the variable NAME)",
        )
    return parser


def add_table_options(parser: MagicParser) -> None:
    parser.add_argument("-n", "--limit", metavar="ROWS", type=_rows, help="at most this many rows of a table")
    parser.set_defaults(library="pandas")
    library = parser.add_mutually_exclusive_group()
    library.add_argument("--arrow", dest="library", action="store_const", const="arrow", help="a pyarrow Table")
    library.add_argument("--polars", dest="library", action="store_const", const="polars", help="a polars DataFrame")
    add_via_option(parser)


def add_via_option(parser: MagicParser) -> None:
    parser.add_argument(
        "--via",
        choices=VIA,
        help="inline: in replies of the session; onelake: by files in the lakehouse; auto: a large frame by files (default: the setting frames_via)",
    )


def _parameter(text: str) -> tuple[str, str]:
    name, equals, expression = text.partition("=")
    if not equals or not name.strip().isidentifier() or not expression.strip():
        raise SettingsError(f"-p takes NAME=EXPRESSION, not {text!r}.")
    return name.strip(), expression.strip()


# An expression keeps its quotes; those around the whole are for its blanks: -p day='2024-01-31' -p "days=[1, 2]"
# What stands in the quotes of another word is no option.
_PARAMETER_OPTION = re.compile(
    r"""(?P<other>"[^"]*"|'[^']*')|(?<!\S)(?:-p\s*|--parameter(?:\s+|=))(?:(?P<quote>["'])(?P<quoted>(?:(?!(?P=quote)).)*)(?P=quote)(?!\S)|(?P<bare>(?:"[^"]*"|'[^']*'|[^\s"'])+))"""
)


def _take_parameters(words: str) -> tuple[str, list[str]]:
    """The options without `-p`, and its values as they were typed."""
    texts = [
        found["quoted"] if found["bare"] is None else found["bare"]
        for found in _PARAMETER_OPTION.finditer(words)
        if found["other"] is None
    ]
    return _PARAMETER_OPTION.sub(lambda found: found["other"] or "", words), texts


def read_cell(kind: str, line: str, body: str | None) -> Cell:
    """The cell of `%%livy_<kind> line` + body; where body is None, that of a line magic, whose code follows its options.

    Raises SettingsError for a wrong option or an empty cell, HelpRequested for `--help`.
    """
    parser = cell_parser(kind)
    option_words, code = (without_remark(line), body) if body is not None else split_options(parser, line)
    option_words, parameters = _take_parameters(option_words) if kind == "sql" else (option_words, [])
    options = parser.read(option_words)
    if not code.strip():
        form = (
            f"%%livy_{kind} has no body: write the code on the lines below it"
            if body is not None
            else f"%livy_{kind} has no code"
        )
        raise SettingsError(f"{form}. `%livy_{kind} --help` shows what it takes.")
    check_variable(options.output)
    chart = _chart(options, kind, is_cell=body is not None)
    if options.via and not options.output and body is not None:
        raise SettingsError("--via is about a frame that goes into a variable: add -o NAME.")
    return Cell(
        kind=kind,
        code=code,
        session=options.session,
        output=options.output,
        quiet=options.quiet,
        limit=options.limit,
        plain=options.plain,
        library=options.library,
        via=options.via,
        parameters=tuple(map(_parameter, parameters)),
        chart=chart,
        timeout_s=options.timeout,
        background=options.background,
        whole_table=body is None,
    )


def _chart(options: argparse.Namespace, kind: str, *, is_cell: bool) -> Chart | None:
    if options.chart is None:
        return None
    if not is_cell:
        raise SettingsError(f"--chart is for cells: write %%livy_{kind} and its code on the lines below.")
    if options.plain:
        raise SettingsError("--chart needs the agent, which --plain leaves out.")
    if options.limit is not None:
        raise SettingsError(
            "--chart draws all rows, so that -n has no use there. `top=` limits the values of a category."
        )
    return read_chart(options.chart)


def check_variable(name: str | None) -> None:
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
        raise SettingsError(f"-o takes the name of a variable; {name!r} is none.")


_WORD = re.compile(r"\s*(\S+)")
_VALUE = re.compile(r"""\s*(?:"[^"]*"|'[^']*'|[^\s"'])+""")
_OPTION_WITH_VALUE = re.compile(r"""\s*--[A-Za-z-]+=(?:"[^"]*"|'[^']*'|[^\s"'])*""")
_OPTION = re.compile(r"--?[A-Za-z]")


def split_options(parser: MagicParser, line: str) -> tuple[str, str]:
    """(options, code) of a line magic. The code, kept as typed, starts at the first word that is no option, or after `--`."""
    end = 0
    while match := _WORD.match(line, end):
        word = match[1]
        if word == "--":
            return line[:end], line[match.end() :].strip()
        if not _OPTION.match(word):
            break
        if with_value := _OPTION_WITH_VALUE.match(line, end):
            match = with_value
        end = match.end()
        if parser.takes_value(word) and (value := _VALUE.match(line, end)):
            end = value.end()
    return line[:end], line[end:].strip()


def _seconds(text: str) -> float:
    seconds = seconds_above_0(text)
    if seconds is None:
        raise SettingsError(f"--timeout takes a number of seconds above 0, not {text!r}.")
    return seconds


def seconds_above_0(text: str) -> float | None:
    """None where it is no such number."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None


def _rows(text: str) -> int | None:
    if text == "-1":  # sparkmagic's word for all of them
        return None
    try:
        rows = int(text.replace("_", ""))
    except ValueError:
        rows = -1
    if rows < 0:
        raise SettingsError(f"-n takes a number of rows, not {text!r}.")
    return rows
