"""`fabric-livy`: its parser, its exit codes, and the commands serve, kernel and config."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from fabric_livy_magic import __version__
from fabric_livy_magic.errors import FabricLivyError, SettingsError, StatementError, drawn_error
from fabric_livy_magic.own_imports import no_working_folder
from fabric_livy_magic.printable import draws_colours, printable, printable_output

READER_LEFT = 141  # as a shell says it of a program that a closed pipe has ended: 128 + SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 user code or a server failed, 2 wrong use, 130 interrupted, 141 nobody reads any more."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Where it is not in UTF-8, as a pipe of Windows: `\u2500`, not an error.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(_parser().parse_args(argv))
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
        return 1
    except SettingsError as error:
        print(f"fabric-livy: {error}", file=sys.stderr)
        return 2
    except FabricLivyError as error:
        print(f"fabric-livy: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print(f"\nInterrupted. {error}".rstrip(), file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    from fabric_livy_magic.cli.account_commands import add_account_commands
    from fabric_livy_magic.cli.batch_commands import add_batch_command
    from fabric_livy_magic.cli.file_commands import add_file_commands
    from fabric_livy_magic.cli.monitoring_commands import add_monitoring_commands
    from fabric_livy_magic.cli.notebook_commands import add_notebook_commands
    from fabric_livy_magic.cli.run_commands import add_demo_command, add_run_command
    from fabric_livy_magic.cli.sample_commands import add_sample_commands
    from fabric_livy_magic.cli.test_command import add_test_command
    from fabric_livy_magic.local.serve import add_serve_arguments

    parser = argparse.ArgumentParser(
        prog="fabric-livy", description="Run Spark on Microsoft Fabric, or on an embedded Fabric."
    )
    parser.add_argument("--version", action="version", version=f"fabric-livy-magic {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    add_demo_command(commands)
    serve = commands.add_parser("serve", help="run an embedded Fabric that several notebooks can use")
    add_serve_arguments(serve)
    serve.set_defaults(command=_serve)
    add_run_command(commands)
    add_test_command(commands)
    add_notebook_commands(commands)
    add_batch_command(commands)
    add_file_commands(commands)
    add_monitoring_commands(commands)
    add_sample_commands(commands)
    add_account_commands(commands)
    _add_kernel_commands(commands)

    config = commands.add_parser("config", help="the settings: show, path of the user file, set one there")
    config.add_argument("action", nargs="?", choices=("show", "path", "set"), default="show")
    config.add_argument("name", nargs="?")
    config.add_argument("value", nargs="?")
    config.add_argument("--json", action="store_true", help="the settings as JSON")
    config.set_defaults(command=_config)
    return parser


def _add_kernel_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    kernel = commands.add_parser("kernel", help="register the Fabric Livy kernels for Jupyter: kernel install")
    actions = kernel.add_subparsers(required=True, metavar="ACTION")
    install = actions.add_parser("install", help="write the kernel specs, with the path of this Python")
    where = install.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="for this user (the default outside a virtual environment)")
    where.add_argument("--sys-prefix", action="store_true", help="into this Python's environment (the default in one)")
    where.add_argument("--prefix", metavar="FOLDER", help="into this folder's share/jupyter/kernels")
    install.set_defaults(command=_install_kernels)


def _install_kernels(options: argparse.Namespace) -> int:
    from fabric_livy_magic.kernel.install import install_kernels

    in_environment = sys.prefix != sys.base_prefix
    user = options.user or (not options.sys_prefix and not options.prefix and not in_environment)
    installed, left_alone = install_kernels(user=user, prefix=options.prefix or (None if user else sys.prefix))
    for folder in installed:
        print(printable(f"Installed {folder}"))
    for folder in left_alone:
        print(
            printable(
                f"Left alone {folder}: it is another program's kernel. `jupyter kernelspec remove {folder.name}` makes room for ours."
            )
        )
    return 0


def _serve(options: argparse.Namespace) -> int:
    from fabric_livy_magic.local.serve import run_serve

    return run_serve(options)


def _config(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.account import settings_list
    from fabric_livy_magic.settings import explain, resolve
    from fabric_livy_magic.settings_files import ignored_notice, read_files, user_file, write_user_setting

    if options.action == "path":
        print(printable(str(user_file())))
        return 0
    if options.action == "set":
        if options.name is None or options.value is None:
            raise SettingsError("`fabric-livy config set NAME VALUE` takes a name and a value.")
        write_user_setting(options.name, options.value)
    files = read_files()
    shown = settings_list(explain(resolve(files=files)))
    print(shown.printed(as_json=options.json))
    if notice := ignored_notice(files):
        print(printable(notice), file=sys.stderr if options.json else sys.stdout)
    return 0
