"""`fabric-livy test`: the notebooks of a repository that are tests."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fabric_livy_magic.cli.run_commands import seconds_option, write_now
from fabric_livy_magic.printable import draws_colours


def add_test_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    test = commands.add_parser(
        "test",
        help="run the notebooks that are tests: whose name begins or ends with `test`, or with the tag `test`",
        description="Runs the notebooks that are tests. Exit code: 0 all passed, 1 some failed, 2 wrong use or no test, 130 interrupted.",
    )
    test.add_argument(
        "paths", type=Path, nargs="*", default=[Path()], metavar="PATH", help="folders or notebooks (default: here)"
    )
    test.add_argument("--target", help="where they run (default: local, an embedded Fabric)")
    test.add_argument(
        "-k", "--keyword", metavar="WORDS", default="", help="only those whose name or path has the words, as in pytest"
    )
    test.add_argument(
        "-n", "--workers", metavar="N", default="", help="so many side by side, each with a Spark; needs pytest-xdist"
    )
    test.add_argument("--cell-timeout", metavar="SECONDS", type=seconds_option, help="of one cell (default: 300)")
    test.add_argument("--timeout", metavar="SECONDS", type=seconds_option, help="of a whole notebook (default: 900)")
    test.add_argument(
        "--mocks",
        metavar="FOLDER",
        type=Path,
        help="its answers stand for secrets, HTTP, semantic link, warehouses and the like; of an embedded Fabric only",
    )
    test.add_argument("--junit", metavar="FILE", type=Path, help="write the results as JUnit XML")
    test.add_argument(
        "--html", metavar="FILE", type=Path, help="write a report with all cells and outputs, as one HTML file"
    )
    test.add_argument("--coverage", action="store_true", help="tell which cells and lines ran")
    test.set_defaults(command=_test)


def _test(options: argparse.Namespace) -> int:
    from fabric_livy_magic.testing.run_tests import TestRun, run_tests

    limits: list[str] = []
    for option, seconds in (
        ("--fabric-cell-timeout", options.cell_timeout),
        ("--fabric-notebook-timeout", options.timeout),
    ):
        limits += [option, f"{seconds:g}"] if seconds else []
    run = TestRun(
        paths=options.paths,
        target=options.target or "",
        mocks=options.mocks,
        keyword=options.keyword,
        workers=options.workers,
        junit=options.junit,
        html=options.html,
        coverage=options.coverage,
        limits=limits,
    )
    return run_tests(run, write_now, draws_colours(sys.stdout))
