"""What sparkmagic takes for a statement and for frames on a session that runs, for benchmarks/run.py, which starts it with a Python
that has sparkmagic.

    python benchmarks/sparkmagic_times.py URL SESSION --code "1 + 1" --frames df --rounds 3

The password of the server is FABRIC_LIVY_PASSWORD. Prints one line of JSON. Needs nothing of this package.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import time
from collections.abc import Callable

from sparkmagic.auth.basic import Basic
from sparkmagic.livyclientlib.command import Command
from sparkmagic.livyclientlib.endpoint import Endpoint
from sparkmagic.livyclientlib.livyreliablehttpclient import LivyReliableHttpClient
from sparkmagic.livyclientlib.livysession import LivySession
from sparkmagic.livyclientlib.sparkstorecommand import SparkStoreCommand

ENOUGH_S = 20.0  # of calls of one kind


class Display:
    """Of a notebook, for its progress bar."""

    def display(self, *_shown: object) -> None:
        pass

    writeln = send_error = html = write = stderr_flush = stdout_flush = display


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    """As that of first_light.py."""
    took: list[float] = []
    while len(took) < rounds and sum(took) < ENOUGH_S:
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("session", type=int)
    parser.add_argument("--code", default="1 + 1")
    parser.add_argument("--frames", nargs="*", default=[], help="variables of the session")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    auth = Basic()
    auth.username, auth.password = "livy", os.environ["FABRIC_LIVY_PASSWORD"]
    client = LivyReliableHttpClient.from_endpoint(Endpoint(options.url, auth))
    session = LivySession(client, {"kind": "pyspark"}, Display(), session_id=options.session)

    def statement() -> None:
        succeeded, text, _ = Command(options.code).execute(session)
        assert succeeded, text

    def frame_s(name: str) -> float | str:
        """Or why it did not come."""
        frame = SparkStoreCommand(name, samplemethod="take", maxrows=-1)
        try:
            return min(timed(lambda: len(frame.execute(session)), options.rounds))
        except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
            return f"failed: {type(error).__name__}"

    with contextlib.redirect_stdout(io.StringIO()):
        Command("import sys").execute(session)
        statement_s = statistics.median(timed(statement, options.rounds))
        frames_s = {name: frame_s(name) for name in options.frames}
    print(json.dumps({"statement_s": statement_s, "frames_s": frames_s}))


if __name__ == "__main__":
    main()
