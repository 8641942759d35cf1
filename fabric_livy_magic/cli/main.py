"""`fabric-livy`: its parser, and how each of its commands ends."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from fabric_livy_magic import __version__
from fabric_livy_magic.cli.exit_codes import FAILED, INTERRUPTED, READER_LEFT, TIMED_OUT, WRONG_USE, exit_codes_text
from fabric_livy_magic.cli.help_format import CommandParser
from fabric_livy_magic.cli.shell_completion import ASKED, answer, command_asked_for
from fabric_livy_magic.errors import FabricLivyError, SettingsError, StatementError, WaitTimeout, drawn_error
from fabric_livy_magic.own_imports import no_working_folder
from fabric_livy_magic.printable import draws_colours, printable_output


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: one of EXIT_CODES."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Where it is not in UTF-8, as a pipe of Windows: `\u2500`, not an error.
            stream.reconfigure(errors="backslashreplace")
    try:
        if argv is None and ASKED in os.environ:
            with no_working_folder():
                answer(_parser(command_asked_for()))
        words = list(sys.argv[1:] if argv is None else argv)
        code = _run(_parser(words[0] if words else "").parse_args(words))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more when it ends
        return READER_LEFT
    return code


def _run(options: argparse.Namespace) -> int:
    try:
        with no_working_folder():
            code: int = options.command(options)
    except StatementError as error:
        if error.printed and not error.parts:  # parts were printed where they came
            print(printable_output(error.printed))
        print("\n".join(drawn_error(error, has_colours=draws_colours(sys.stderr))), file=sys.stderr)
        return FAILED
    except FabricLivyError as error:
        print(f"fabric-livy: {error}", file=sys.stderr)
        return (
            WRONG_USE if isinstance(error, SettingsError) else TIMED_OUT if isinstance(error, WaitTimeout) else FAILED
        )
    except KeyboardInterrupt as error:
        print(f"\nInterrupted. {error}".rstrip(), file=sys.stderr)
        return INTERRUPTED
    return code


def _parser(command: str = "") -> argparse.ArgumentParser:
    """Of all commands; where `command` is one of them, of those of its module alone, since each brings its imports."""
    parser = CommandParser(
        prog="fabric-livy",
        description="Run Spark on Microsoft Fabric, or on an embedded Fabric.",
        epilog=exit_codes_text(),
    )
    parser.add_argument("--version", action="version", version=f"fabric-livy-magic {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    its_module = [(module, add) for names, module, add in _MODULES if command in names]
    for module, add in its_module or [(module, add) for _, module, add in _MODULES]:
        getattr(importlib.import_module(module), add)(commands)
    return parser


# The names that a function of a module adds, in the order of `--help`.
_MODULES = (
    ({"login", "logout", "trust", "doctor"}, f"{__package__}.account_commands", "add_account_commands"),
    ({"use", "start", "sessions", "stop"}, f"{__package__}.session_commands", "add_session_commands"),
    ({"sql"}, f"{__package__}.sql_command", "add_sql_command"),
    ({"run", "demo"}, f"{__package__}.run_commands", "add_run_commands"),
    ({"batch"}, f"{__package__}.batch_commands", "add_batch_command"),
    ({"files", "upload"}, f"{__package__}.file_commands", "add_file_commands"),
    ({"spark", "logs", "runs"}, f"{__package__}.monitoring_commands", "add_monitoring_commands"),
    ({"serve"}, f"{__package__}.serve_command", "add_serve_command"),
    ({"test"}, f"{__package__}.test_command", "add_test_command"),
    ({"convert", "check"}, f"{__package__}.notebook_commands", "add_notebook_commands"),
    ({"pull", "seed"}, f"{__package__}.sample_commands", "add_sample_commands"),
    ({"kernel", "config", "completion"}, f"{__package__}.setup_commands", "add_setup_commands"),
)
