"""`fabric-livy demo` and `fabric-livy run`: notebooks, and files that are one statement."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fabric_livy_magic.cells.cell import seconds_above_0
from fabric_livy_magic.cells.written_values import read_parameters
from fabric_livy_magic.errors import SettingsError, StatementError
from fabric_livy_magic.printable import printable

if TYPE_CHECKING:
    from fabric_livy_magic.notebook_runs.execute import Limits
    from fabric_livy_magic.notebook_runs.series import Ran

QUICKSTART = "01_quickstart.ipynb"
ROWS_PRINTED = 1000
KIND_OF_SUFFIX = {".py": "pyspark", ".sql": "sql", ".scala": "spark", ".r": "sparkr"}


def add_run_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    _add_run_command(commands)
    _add_demo_command(commands)


def _add_demo_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser(
        "demo", help="run the quickstart notebook on the embedded Fabric and show what comes out"
    )
    demo.add_argument(
        "--output", type=Path, default=Path("01_quickstart.executed.ipynb"), help="where to write the executed notebook"
    )
    demo.set_defaults(command=_demo)


def _add_run_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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
    run.add_argument(
        "--cell-timeout",
        metavar="SECONDS",
        type=seconds_option,
        help="interrupt a cell, or a file's statement, that takes longer: the run has failed then (default: no limit)",
    )
    run.add_argument(
        "--timeout", metavar="SECONDS", type=seconds_option, help="the same for each whole notebook (default: no limit)"
    )
    run.add_argument(
        "--mocks",
        metavar="FOLDER",
        type=Path,
        help="its answers stand for secrets, HTTP, semantic link, warehouses and the like; of an embedded Fabric only",
    )
    run.add_argument(
        "--record", action="store_true", help="with --mocks: HTTP calls without a mock go out, and are added to it"
    )
    run.add_argument(
        "--json",
        action="store_true",
        help="of each notebook: passed, exit value, duration, where the executed one is; what cells show goes to standard error",
    )
    run.set_defaults(command=_run)


def seconds_option(text: str) -> float:
    seconds = seconds_above_0(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(f"a number of seconds above 0, not {text!r}")
    return seconds


def _demo(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="fabric-livy-demo-") as lakehouse:
        print("The quickstart notebook on an embedded Fabric: real Spark on this machine, no account, no cost.\n")
        ran = _run_notebook(quickstart(), options.output, {"FABRIC_LIVY_LAKEHOUSE": lakehouse}, write_now)
    print(_verdict(ran))
    return _exit_code([ran])


def quickstart() -> Path:
    """The notebook of the checkout, else the one that was installed from the wheel."""
    checkout = Path(__file__).parents[2] / "notebooks" / QUICKSTART
    installed = Path(sysconfig.get_path("data")) / "share" / "fabric-livy-magic" / "notebooks" / QUICKSTART
    return checkout if checkout.exists() else installed


def _run(options: argparse.Namespace) -> int:
    if options.record and not options.mocks:
        raise SettingsError("--record writes to the folder of --mocks FOLDER.")
    if not options.mocks:
        return _run_files(options)
    from fabric_livy_magic.notebooks.mocks import RECORD_VARIABLE, USED_VARIABLE, folders_of, read_used, used_text

    (folder,) = folders_of(str(options.mocks), Path.cwd())
    with tempfile.TemporaryDirectory(prefix="fabric-livy-mocks-") as kept:
        used = Path(kept) / "used.jsonl"
        variables = {"FABRIC_LIVY_MOCKS": str(folder), USED_VARIABLE: str(used)}
        if options.record:
            variables[RECORD_VARIABLE] = "1"
        try:
            with _environment(variables):
                return _run_files(options)
        finally:
            _writer(options)("\n".join(map(printable, used_text(read_used(used)).split("\n"))))


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """For the kernels that are started meanwhile, and for a session of this process."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _run_files(options: argparse.Namespace) -> int:
    from fabric_livy_magic.notebook_runs.execute import Limits
    from fabric_livy_magic.notebook_runs.series import notebooks_of, run_series, verdicts
    from fabric_livy_magic.notebooks.source_text import read_source
    from fabric_livy_magic.settings import resolve
    from fabric_livy_magic.settings_files import read_files

    variables = {"FABRIC_LIVY_TARGET": options.target} if options.target else {}
    # A mistake in the settings is said once, before anything starts.
    resolve(files=read_files(options.files[0].absolute().parent))
    limits, write = Limits(options.cell_timeout, options.timeout), _writer(options)
    if notebooks := notebooks_of(options.files):
        if options.parameter:
            raise SettingsError("-p is for one notebook.")
        environ = {**os.environ, **variables}
        ran = run_series(notebooks, options.output, environ, write, limits, shared=options.share_session)
        return _told(options, ran, verdicts(ran))
    (file,) = options.files
    if not file.exists():
        raise SettingsError(f"There is no file {file}.")
    if file.is_dir() or file.suffix == ".ipynb" or file.stem == "notebook-content":
        named_after = file if file.suffix == ".ipynb" or file.is_dir() else file.parent
        executed = options.output or named_after.with_suffix(".executed.ipynb")
        one = _run_notebook(file, executed, variables, write, limits, options.parameter)
        return _told(options, [one], _verdict(one))
    if options.parameter:
        raise SettingsError("-p is for notebooks.")
    if options.json:
        raise SettingsError("--json is for notebooks; `fabric-livy sql --format json` gives the rows of SQL.")
    kind = KIND_OF_SUFFIX.get(file.suffix.lower())
    if kind is None:
        raise SettingsError(f"{file}: a file that can be run ends in .ipynb, {', '.join(KIND_OF_SUFFIX)}.")
    try:
        code = read_source(file)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file} could not be read as text: {error}") from error
    return _run_statement(code, kind, options.target, file, limits.cell_s or limits.notebook_s)


def _run_notebook(
    notebook: Path,
    executed: Path,
    variables: dict[str, str],
    write: Callable[[str], None],
    limits: Limits | None = None,
    parameters: Sequence[str] = (),
) -> Ran:
    from fabric_livy_magic.notebook_runs.execute import NO_LIMITS, run_notebook
    from fabric_livy_magic.notebook_runs.prepare import prepare_run, run_fabric_notebook
    from fabric_livy_magic.notebook_runs.series import Ran
    from fabric_livy_magic.notebooks.fabric_notebooks import is_fabric_notebook
    from fabric_livy_magic.notebooks.files import notebook_file, read_notebook

    began = time.monotonic()
    content = read_notebook(notebook)
    environ, limits = {**os.environ, **variables}, limits or NO_LIMITS
    if is_fabric_notebook(content):
        run = prepare_run(notebook, content, read_parameters(parameters))
        outcome = run_fabric_notebook(run, executed, write, environ, limits)
    elif parameters:
        raise SettingsError(f"-p is for Fabric notebooks; {notebook} is one of the plain Python kernel.")
    else:
        outcome = run_notebook(notebook, executed, write, environ, limits)
    return Ran(notebook_file(notebook).name, outcome, time.monotonic() - began, executed)


def _verdict(ran: Ran) -> str:
    outcome = ran.outcome
    verdict = "All cells ran" if outcome.passed else "A cell failed"
    if outcome.exit_value is not None:
        verdict = f"The notebook ended with the value {outcome.exit_value!r}"
    return printable(f"\n{verdict}, {ran.duration_s:.1f} s in all. The executed notebook: {ran.executed}")


def _told(options: argparse.Namespace, ran: Sequence[Ran], verdict: str) -> int:
    from fabric_livy_magic.output.lists import json_text

    print(json_text([one.to_json() for one in ran]) if options.json else verdict)
    return _exit_code(ran)


def _exit_code(ran: Sequence[Ran]) -> int:
    return 0 if all(one.outcome.passed for one in ran) else 1


def _writer(options: argparse.Namespace) -> Callable[[str], None]:
    """Of what cells show. Standard output is for the data alone."""
    return partial(print, file=sys.stderr, flush=True) if options.json else write_now


def _run_statement(code: str, kind: str, target: str | None, file: Path, timeout_s: float | None) -> int:
    from fabric_livy_magic import connect
    from fabric_livy_magic.output.progress import progress_line
    from fabric_livy_magic.output.results import Look, print_parts

    def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
        print(printable(f"fabric-livy: {message}"), file=sys.stderr)

    look = Look(ROWS_PRINTED, ROWS_PRINTED)
    with progress_line("auto", None) as progress:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = show_warning
                connected = connect(target, on_progress=progress)
            with connected as session:
                if kind == "pyspark" and "__file__" in code:  # a script may ask where it is
                    session.run(f"__file__ = {str(file.resolve())!r}", on_progress=progress)
                result = session.run(code, kind, limit=ROWS_PRINTED, timeout_s=timeout_s, on_progress=progress)
                progress.make_room()
                print_parts(result.parts, look, result.elapsed_s)
        except StatementError as error:
            progress.make_room()
            print_parts(error.parts, look)
            raise
    return 0


def write_now(line: str) -> None:
    print(line, flush=True)
