"""The face in a terminal: `fabric-livy demo | serve | run FILE | config`."""

from __future__ import annotations

import argparse
import os
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from fabric_livy_magic import __version__
from fabric_livy_magic.errors import FabricLivyError, SettingsError, StatementError, short_remote_error

QUICKSTART = "01_quickstart.ipynb"
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
        "run", help="run a file: .ipynb in a kernel; .py, .sql, .scala and .r as one statement on a session"
    )
    run.add_argument("file", type=Path)
    run.add_argument("--target", help="local, or a Livy connection string (default: FABRIC_LIVY_TARGET)")
    run.add_argument("--output", type=Path, help="where to write an executed notebook (default: beside it)")
    run.set_defaults(command=_run)

    config = commands.add_parser("config", help="show the settings and where each came from")
    config.set_defaults(command=_config)
    return parser


def _demo(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="fabric-livy-demo-") as lakehouse:
        print("The quickstart notebook on an embedded Fabric: real Spark on this machine, no account, no cost.\n")
        return _run_notebook(quickstart(), options.output, {"FABRIC_LIVY_LAKEHOUSE": lakehouse})


def _run_notebook(notebook: Path, executed: Path, extra: dict[str, str]) -> int:
    from fabric_livy_magic.execute import run_notebook

    began = time.monotonic()
    passed = run_notebook(notebook, executed, lambda line: print(line, flush=True), {**os.environ, **extra})
    verdict = "All cells ran" if passed else "A cell failed"
    print(f"\n{verdict}, {time.monotonic() - began:.1f} s in all. The executed notebook: {executed}")
    return 0 if passed else 1


def quickstart() -> Path:
    """The notebook of a source checkout, else the one that the wheel installed."""
    checkout = Path(__file__).parents[1] / "notebooks" / QUICKSTART
    installed = Path(sysconfig.get_path("data")) / "share" / "fabric-livy-magic" / "notebooks" / QUICKSTART
    return checkout if checkout.exists() else installed


def _serve(options: argparse.Namespace) -> int:
    from fabric_livy_magic.local.serve import run_serve

    return run_serve(options)


def _run(options: argparse.Namespace) -> int:
    file: Path = options.file
    if not file.is_file():
        raise SettingsError(f"There is no file {file}.")
    if file.suffix == ".ipynb":
        extra = {"FABRIC_LIVY_TARGET": options.target} if options.target else {}
        return _run_notebook(file, options.output or file.with_suffix(".executed.ipynb"), extra)
    kind = KIND_OF_SUFFIX.get(file.suffix.lower())
    if kind is None:
        raise SettingsError(f"{file}: a file that can be run ends in .ipynb, {', '.join(KIND_OF_SUFFIX)}.")
    try:
        code = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} could not be read as text: {error}") from error
    return _run_statement(code, kind, options.target)


def _run_statement(code: str, kind: str, target: str | None) -> int:
    from fabric_livy_magic import connect, display

    progress = display.progress_line("auto", None, target or "the target")
    try:
        with connect(target, on_progress=progress) as session:
            result = session.run(code, kind, on_progress=progress)
            progress.erase()
            bundle = display.result_bundle(result, rows_shown=1000)
            print(bundle.get("text/plain", ""))
    finally:
        progress.erase()
    return 0


def _config(options: argparse.Namespace) -> int:
    from fabric_livy_magic.display import text_table
    from fabric_livy_magic.settings import explain, resolve

    rows = [[str(part) for part in row] for row in explain(resolve())]
    print(text_table(["setting", "value", "from", "what it is"], rows))
    return 0
