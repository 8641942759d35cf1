"""`fabric-livy sql`: the rows of a statement, of any number, as a table, CSV, JSON, Parquet or Arrow."""

from __future__ import annotations

import argparse
import codecs
import contextlib
import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from fabric_livy_magic.cells.written_values import read_parameters
from fabric_livy_magic.cli.run_commands import seconds_option
from fabric_livy_magic.cli.targets import add_target, check_target, say
from fabric_livy_magic.errors import NoAgent, SettingsError
from fabric_livy_magic.printable import printable

if TYPE_CHECKING:
    from fabric_livy_magic.livy.models import Progress
    from fabric_livy_magic.output.progress import ProgressLine
    from fabric_livy_magic.sessions.session import Session

TABLE = "table"
FORMATS = (TABLE, "csv", "json", "jsonl", "parquet", "arrow")
BINARY = ("parquet", "arrow")
SUFFIXES = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
SUFFIXES |= {".arrow": "arrow", ".feather": "arrow"}
STDIN = "-"
EPILOG = """The rows go to standard output as they come, of any number: neither this command nor the session holds all of them. What is
said about them goes to standard error. Of several statements the rows of the last one are written.

examples:
  fabric-livy sql "SELECT * FROM trips WHERE fare > :floor" -p floor=20
  fabric-livy sql -f report.sql --output report.parquet
  fabric-livy sql "SELECT count(*) FROM trips" --session etl --format json | jq .
  fabric-livy stop etl"""


def add_sql_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    sql = commands.add_parser(
        "sql",
        help="run Spark SQL; its rows as a table, CSV, JSON, Parquet or Arrow",
        description="Run Spark SQL, and write its rows.",
        epilog=EPILOG,
    )
    add = sql.add_argument
    add("statement", nargs="?", metavar="SQL", help="one statement, or several (default, and -: standard input)")
    add("-f", "--file", metavar="FILE", help="read it from this file; -: from standard input")
    add(
        "-p",
        "--parameter",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="the value of `:NAME`, a typed value and never text of the statement: 20, 1.5, true, null, '20', [1, 2]; what is none "
        "of these is a text; repeat for more",
    )
    add("-n", "--limit", metavar="ROWS", type=rows_option, help="at most this many rows")
    add("--format", choices=FORMATS, help="(default: that of the ending of --output, else table)")
    add("--output", metavar="FILE", type=Path, help="write them there: all of them, or no file at all")
    add(
        "--session",
        metavar="NAME",
        help="run on the session of that name, which goes on afterwards; without one it is started",
    )
    add("--timeout", metavar="SECONDS", type=seconds_option, help="cancel it when the last row has not come after that")
    add("-q", "--quiet", action="store_true", help="say nothing on standard error but errors")
    add_target(sql)
    sql.set_defaults(command=_sql)


def rows_option(text: str) -> int:
    rows = text.replace("_", "")
    if not rows.isascii() or not rows.isdecimal():
        raise argparse.ArgumentTypeError(f"a number of rows, not {text!r}")
    return int(rows)


def _sql(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.progress import progress_line

    name = _format(options)
    if name in BINARY and options.output is None and sys.stdout.isatty():
        raise SettingsError(
            f"{name} is binary, which no terminal can show: --output FILE, or a pipe (`| …`, `> FILE`)."
        )
    if options.output is not None and not options.output.absolute().parent.is_dir():
        raise SettingsError(f"There is no folder {options.output.absolute().parent}.")
    code, values = _code(options), read_parameters(options.parameter)
    with progress_line("off" if options.quiet else "auto", None) as progress:
        line = _Line(progress)
        with _session(options, progress) as session, _rows(session, code, values, options, line) as rows:
            began = time.monotonic()
            with _output(options, line) as output:
                count = _write(name, rows, output)
            progress.make_room()
            if not options.quiet:
                say(_told(rows, count, time.monotonic() - began, output))
    return 0


class _Line:
    """The progress line, silent once rows are drawn on the terminal on which it is."""

    def __init__(self, progress: ProgressLine) -> None:
        self.progress = progress
        self._is_open = True

    def __call__(self, progress: Progress) -> None:
        if self._is_open:
            self.progress(progress)

    def close(self) -> None:
        self._is_open = False
        self.progress.make_room()


# ------------------------------------------------------------------------------------------- what is asked for
def _format(options: argparse.Namespace) -> str:
    if options.format:
        return str(options.format)
    if options.output is None:
        return TABLE
    if (suffix := options.output.suffix.lower()) in SUFFIXES:
        return SUFFIXES[suffix]
    raise SettingsError(
        f"Which format is {options.output} to have? --format takes {', '.join(FORMATS)}; without it the ending of --output says it: "
        f"{', '.join(SUFFIXES)}."
    )


def _code(options: argparse.Namespace) -> str:
    from fabric_livy_magic.notebooks.source_text import read_source

    if options.statement is not None and options.file is not None:
        raise SettingsError("`fabric-livy sql` takes a statement or -f FILE, not both.")
    from_stdin = STDIN in {options.statement, options.file}
    if options.file is not None and not from_stdin:
        try:
            code = read_source(Path(options.file))
        except (OSError, ValueError) as error:
            raise SettingsError(f"{options.file} could not be read as text: {error}") from error
    elif options.statement is not None and not from_stdin:
        code = str(options.statement)
    elif sys.stdin.isatty() and not from_stdin:
        raise SettingsError('Which SQL? `fabric-livy sql "SELECT …"`, -f FILE, or from standard input.')
    else:
        code = sys.stdin.buffer.read().decode("utf-8-sig", errors="replace")
    if not code.strip():
        raise SettingsError("There is no SQL statement to run.")
    return code


@contextlib.contextmanager
def _session(options: argparse.Namespace, progress: ProgressLine) -> Iterator[Session]:
    from fabric_livy_magic.sessions.connect import connect
    from fabric_livy_magic.sessions.kept_sessions import kept_session

    def tell(line: str) -> None:
        progress.make_room()
        say(line)

    def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
        tell(f"fabric-livy: {message}")

    with warnings.catch_warnings():
        warnings.showwarning = show_warning
        if options.session is None:
            check_target(options.target)
            with connect(options.target, on_progress=progress) as session:
                yield session
            return
        with kept_session(options.session, options.target, tell, on_progress=progress) as (
            session,
            record,
            was_started,
        ):
            try:
                yield session
            except BaseException:
                if was_started:
                    tell(record.cost_line)
                raise
            if not options.quiet:
                tell(record.cost_line)


# ------------------------------------------------------------------------------------------- the rows
class Rows(Protocol):
    @property
    def columns(self) -> Sequence[tuple[str, str, Any]]: ...
    @property
    def received_bytes(self) -> int | None: ...
    @property
    def more(self) -> str: ...
    def __iter__(self) -> Iterator[Any]: ...


@contextlib.contextmanager
def _rows(
    session: Session, code: str, values: Mapping[str, Any], options: argparse.Namespace, line: _Line
) -> Iterator[Rows]:
    from fabric_livy_magic.running.row_streams import TableRows

    try:
        stream = session.stream(
            code, parameters=values, limit=options.limit, timeout_s=options.timeout, on_progress=line
        )
    except NoAgent as missing:
        if values:
            raise SettingsError(f"-p needs the agent, which this session cannot have: {missing}.") from None
        result = session.run(
            code, "sql", values=values, limit=options.limit, timeout_s=options.timeout, on_progress=line
        )
        yield TableRows(result.tables[-1] if result.tables else None)
        return
    with stream:
        yield stream


def _write(name: str, rows: Rows, output: _Output) -> int:
    from fabric_livy_magic.frames.row_files import row_writer
    from fabric_livy_magic.frames.shown_columns import columns_of_batch
    from fabric_livy_magic.output.row_tables import RowTable

    count, writer = 0, None
    table = RowTable(output.write_text, rows.columns) if name == TABLE and rows.columns else None
    for batch in rows:
        count += batch.num_rows
        if table is not None:
            table.add(columns_of_batch(batch))
            continue
        if writer is None:
            writer = row_writer(name, output, batch.schema, is_file=output.file is not None)
        writer.write(batch)
    if table is not None:
        table.finish()
    elif writer is not None:
        writer.finish()
    output.is_whole = bool(rows.columns)
    return count


def _told(rows: Rows, count: int, elapsed_s: float, output: _Output) -> str:
    from fabric_livy_magic.output.result_tables import Caption

    if not rows.columns:
        kept_out = "" if output.file is None else f", so that {output.file} was not written"
        return f"Done: this statement gives no rows{kept_out}. {elapsed_s:.1f} s"
    caption = Caption(rows=count, elapsed_s=elapsed_s, received_bytes=rows.received_bytes, more=rows.more).text(count)
    return caption if output.file is None else f"{caption} → {output.file}"


class _Output:
    """Where the rows go: bytes as they are, but on a terminal nothing that could steer it."""

    def __init__(self, file: Path | None, stream: BinaryIO | None, line: _Line) -> None:
        self.file, self.is_whole = file, False
        self._stream = stream
        self._line: _Line | None = line if file is None and sys.stdout.isatty() else None
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogatepass")

    def write(self, content: Any) -> int:
        if self._stream is not None:
            self._stream.write(content)
        else:
            self.write_text(printable(self._decoder.decode(bytes(content))))
        return len(content)

    def write_text(self, text: str) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        if self.file is not None:
            self.write(text.encode("utf-8", "surrogatepass"))
        else:
            sys.stdout.write(text)

    def flush(self) -> None:
        (self._stream or sys.stdout).flush()


@contextlib.contextmanager
def _output(options: argparse.Namespace, line: _Line) -> Iterator[_Output]:
    """A file has its name once it is whole."""
    if options.output is None:
        sys.stdout.flush()
        yield _Output(None, None if sys.stdout.isatty() else sys.stdout.buffer, line)
        sys.stdout.flush()
        return
    part = options.output.with_name(f".{options.output.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            output = _Output(options.output, stream, line)
            yield output
        if output.is_whole:
            part.replace(options.output)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise SettingsError(f"{options.output} could not be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
