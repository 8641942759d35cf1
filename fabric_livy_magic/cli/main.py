"""The face in a terminal: `fabric-livy demo | serve | run FILE | convert | check | config`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fabric_livy_magic import __version__
from fabric_livy_magic.errors import FabricLivyError, SettingsError, StatementError, short_remote_error

if TYPE_CHECKING:
    from fabric_livy_magic.signin.entra.sign_in import DevicePrompt

QUICKSTART = "01_quickstart.ipynb"
ROWS_PRINTED = 1000
KIND_OF_SUFFIX = {".py": "pyspark", ".sql": "sql", ".scala": "spark", ".r": "sparkr"}


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0 done, 1 something of the user's failed, 2 wrong use, 130 interrupted."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.command(options)
    except StatementError as error:
        print(f"{error.printed}\n" if error.printed else "", end="")
        print(short_remote_error(error), file=sys.stderr)
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
    from fabric_livy_magic.cli.notebook_commands import add_notebook_commands
    from fabric_livy_magic.local.serve import add_serve_arguments

    parser = argparse.ArgumentParser(
        prog="fabric-livy", description="Run Spark on Microsoft Fabric, or on an embedded Fabric."
    )
    parser.add_argument("--version", action="version", version=f"fabric-livy-magic {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser(
        "demo", help="run the quickstart notebook on the embedded Fabric and show what comes out"
    )
    demo.add_argument(
        "--output", type=Path, default=Path("01_quickstart.executed.ipynb"), help="where to write the executed notebook"
    )
    demo.set_defaults(command=_demo)

    serve = commands.add_parser("serve", help="run an embedded Fabric that several notebooks can use")
    add_serve_arguments(serve)
    serve.set_defaults(command=_serve)

    run = commands.add_parser(
        "run", help="run a notebook (.ipynb, x.Notebook), or .py, .sql, .scala and .r as one statement on a session"
    )
    run.add_argument("files", type=Path, nargs="+", metavar="FILE", help="or a folder: all notebooks below it")
    run.add_argument(
        "-p", "--parameter", metavar="NAME=VALUE", action="append", default=[], help="a value for the parameters cell"
    )
    run.add_argument("--target", help="local, or a Livy connection string (default: FABRIC_LIVY_TARGET)")
    run.add_argument(
        "--output", type=Path, help="where to write an executed notebook, a folder for several (default: beside it)"
    )
    run.add_argument(
        "--share-session",
        action="store_true",
        help="several notebooks one after the other on one session of the embedded Fabric, each with its own Python names",
    )
    run.set_defaults(command=_run)

    add_notebook_commands(commands)
    _add_account_commands(commands)
    _add_kernel_commands(commands)

    config = commands.add_parser("config", help="the settings: show, path of the user file, set one there")
    config.add_argument("action", nargs="?", choices=("show", "path", "set"), default="show")
    config.add_argument("name", nargs="?")
    config.add_argument("value", nargs="?")
    config.set_defaults(command=_config)
    return parser


def _add_account_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    login = commands.add_parser("login", help="sign in to Fabric, and show who it is")
    login.add_argument(
        "--method", help="browser, device, cli, secret, certificate, managed-identity, workload-identity, …"
    )
    login.add_argument("--tenant")
    login.add_argument("--client-id")
    login.add_argument("--certificate", metavar="FILE")
    login.add_argument("--send-chain", action="store_true")
    login.set_defaults(command=_login)

    logout = commands.add_parser("logout", help="forget the sign-in")
    logout.set_defaults(command=_logout)

    doctor = commands.add_parser("doctor", help="check each step from sign-in to session")
    doctor.add_argument("--target", help="what `%%livy use` takes")
    doctor.add_argument("--json", action="store_true", help="findings as JSON")
    doctor.set_defaults(command=_doctor)


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
    for folder in install_kernels(user=user, prefix=options.prefix or (None if user else sys.prefix)):
        print(f"Installed {folder}")
    return 0


def _demo(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="fabric-livy-demo-") as lakehouse:
        print("The quickstart notebook on an embedded Fabric: real Spark on this machine, no account, no cost.\n")
        return _run_notebook(quickstart(), options.output, {"FABRIC_LIVY_LAKEHOUSE": lakehouse})


def write_now(line: str) -> None:
    print(line, flush=True)


def _run_notebook(notebook: Path, executed: Path, extra: dict[str, str], given: Sequence[str] = ()) -> int:
    from fabric_livy_magic.cli.execute import run_notebook
    from fabric_livy_magic.cli.notebook_runs import is_fabrics, prepared, run_fabric_notebook
    from fabric_livy_magic.notebooks.files import read_notebook

    began = time.monotonic()
    read = read_notebook(notebook)
    environ = {**os.environ, **extra}
    if is_fabrics(read):
        outcome = run_fabric_notebook(prepared(notebook, read, given), executed, write_now, environ)
    elif given:
        raise SettingsError(f"-p is for Fabric notebooks; {notebook} is one of the plain Python kernel.")
    else:
        outcome = run_notebook(notebook, executed, write_now, environ)
    verdict = "All cells ran" if outcome.passed else "A cell failed"
    if outcome.exit_value is not None:
        verdict = f"The notebook ended with the value {outcome.exit_value!r}"
    print(f"\n{verdict}, {time.monotonic() - began:.1f} s in all. The executed notebook: {executed}")
    return 0 if outcome.passed else 1


def quickstart() -> Path:
    """The notebook of a source checkout, else the one that the wheel installed."""
    checkout = Path(__file__).parents[2] / "notebooks" / QUICKSTART
    installed = Path(sysconfig.get_path("data")) / "share" / "fabric-livy-magic" / "notebooks" / QUICKSTART
    return checkout if checkout.exists() else installed


def _serve(options: argparse.Namespace) -> int:
    from fabric_livy_magic.local.serve import run_serve

    return run_serve(options)


def _run(options: argparse.Namespace) -> int:
    from fabric_livy_magic.cli.notebook_series import run_series, series_of

    extra = {"FABRIC_LIVY_TARGET": options.target} if options.target else {}
    if notebooks := series_of(options.files):
        if options.parameter:
            raise SettingsError("-p is for one notebook.")
        return run_series(notebooks, options.output, {**os.environ, **extra}, write_now, shared=options.share_session)
    (file,) = options.files
    if not file.exists():
        raise SettingsError(f"There is no file {file}.")
    if file.is_dir() or file.suffix == ".ipynb" or file.stem == "notebook-content":
        named = file if file.suffix == ".ipynb" or file.is_dir() else file.parent
        return _run_notebook(file, options.output or named.with_suffix(".executed.ipynb"), extra, options.parameter)
    if options.parameter:
        raise SettingsError("-p is for notebooks.")
    kind = KIND_OF_SUFFIX.get(file.suffix.lower())
    if kind is None:
        raise SettingsError(f"{file}: a file that can be run ends in .ipynb, {', '.join(KIND_OF_SUFFIX)}.")
    try:
        code = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} could not be read as text: {error}") from error
    return _run_statement(code, kind, options.target)


def _run_statement(code: str, kind: str, target: str | None) -> int:
    from fabric_livy_magic import connect
    from fabric_livy_magic.output.progress import progress_line
    from fabric_livy_magic.output.results import print_parts

    progress = progress_line("auto", None, target or "the target")
    try:
        with connect(target, on_progress=progress) as session:
            result = session.run(code, kind, limit=ROWS_PRINTED, on_progress=progress)
            progress.erase()
            print_parts(result.parts, ROWS_PRINTED, result.elapsed_s)
    except StatementError as error:
        progress.erase()
        print_parts(error.parts, ROWS_PRINTED)
        raise
    finally:
        progress.erase()
    return 0


def _login(options: argparse.Namespace) -> int:
    from fabric_livy_magic.cells.subcommands import login_choices
    from fabric_livy_magic.output.account import identity_lines
    from fabric_livy_magic.sessions.account import Account
    from fabric_livy_magic.signin.methods import UserPrompts, has_browser

    def show(prompt: DevicePrompt) -> None:
        print(f"To sign in, open {prompt.url} in any browser and enter the code {prompt.user_code}", flush=True)

    account = Account()
    identity = account.login(
        UserPrompts(show_device_prompt=show, print_line=print, has_browser=has_browser()), **login_choices(options)
    )
    print("\n".join([*identity_lines(identity), *filter(None, [account.login_notice()])]))
    return 0


def _logout(options: argparse.Namespace) -> int:
    from fabric_livy_magic.sessions.account import Account

    Account().logout()
    print("Signed out: no sign-in is kept on this machine any more.")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.account import findings_bundle
    from fabric_livy_magic.sessions.doctor import FAIL, as_json, examine
    from fabric_livy_magic.sessions.runner import Runner

    runner = Runner({"target": options.target} if options.target else None)
    try:
        findings = examine(runner)
    finally:
        runner.close()
    print(json.dumps(as_json(findings), indent=2) if options.json else findings_bundle(findings)["text/plain"])
    return 1 if any(finding.verdict == FAIL for finding in findings) else 0


def _config(options: argparse.Namespace) -> int:
    from fabric_livy_magic.output.tables import text_table
    from fabric_livy_magic.settings import explain, read_files, resolve, user_file, write_user_setting

    if options.action == "path":
        print(user_file())
        return 0
    if options.action == "set":
        if options.name is None or options.value is None:
            raise SettingsError("`fabric-livy config set NAME VALUE` takes a name and a value.")
        write_user_setting(options.name, options.value)
    rows = [[str(part) for part in row] for row in explain(resolve(files=read_files()))]
    print(text_table(["setting", "value", "from", "what it is"], rows, width=None))
    return 0
