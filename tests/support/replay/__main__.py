"""The whole replay, as a command: `python -m tests.support.replay`."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import service
from tests.support.replay import comparison, http, statements
from tests.support.replay.comparison import Case
from tests.support.replay.target import Target


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.support.replay", description=__doc__)
    parser.add_argument("--quirks", action="store_true", help="start the server with Livy's bugs")
    parser.add_argument("--dialect", choices=("fabric", "livy"), default="fabric")
    parser.add_argument("--only", default="", metavar="REGEX", help="only cases whose id matches")
    parser.add_argument("--workers", type=int, default=1, help="sessions alive at a time (default: 1)")
    parser.add_argument("--base-url", metavar="URL", help="a server that runs already, in place of one of our own")
    parser.add_argument("--token", help="for that server")
    parser.add_argument("--all", action="store_true", help="show the differences that are listed, too")
    options = parser.parse_args()
    of_statements = chosen(statements.statement_cases(options.dialect), options.only)
    of_http = chosen(http.http_cases() if options.dialect == "livy" else [], options.only)
    cases = [*of_statements, *of_http]
    began = time.monotonic()
    with target_of(options) as target:
        results = statements.run_all(target, of_statements, options.workers)
        results |= http.run_all(target, of_http, options.workers)
    known = comparison.known_differences(options.dialect, quirks=options.quirks)
    surprises = comparison.surprises(cases, results, {} if options.all else known)
    for case_id, surprise in surprises.items():
        print(f"=== {case_id}\n{surprise}\n")
    different = sum(bool(comparison.difference(case, results[case["id"]])) for case in cases)
    print(
        f"{len(cases)} cases, {len(cases) - different} as recorded, {different} different, "
        f"{len(surprises)} not as listed, {time.monotonic() - began:.0f} s"
    )
    return 1 if surprises else 0


def chosen(cases: Iterable[Case], pattern: str) -> list[Case]:
    return [case for case in cases if re.search(pattern, case["id"])]


@contextmanager
def target_of(options: argparse.Namespace) -> Iterator[Target]:
    if options.base_url:
        yield Target(options.base_url, options.token, options.dialect)
        return
    server_options = ["--token", service.TOKEN]
    server_options += ["--quirks"] if options.quirks else []
    server_options += ["--dialect", options.dialect] if options.dialect != "fabric" else ["--no-schemas"]
    with tempfile.TemporaryDirectory(prefix="replay-") as folder, service.serving(Path(folder), server_options) as api:
        yield Target(api.base, service.TOKEN, options.dialect)


if __name__ == "__main__":
    sys.exit(main())
