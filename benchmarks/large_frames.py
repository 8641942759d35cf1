"""A large frame from Spark to this machine, inline and by files in the lakehouse, side by side on one embedded server.

    python benchmarks/large_frames.py                   20 M rows of 56 bytes, 1 GiB
    python benchmarks/large_frames.py --rows 2000000 --rounds 3

Each is fetched as Arrow by a client process of its own, the two roads in turn. The ratio is that of the rounds' medians; of the
client's memory its peak is shown, and how much of it is the frame.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fabric_livy_magic import connect
from fabric_livy_magic.sessions.runner import Runner
from tests.support import service

MIB = 1024 * 1024
FRAME = """spark.range(0, {rows}, 1, 8).selectExpr(
    "id", "rand(1) AS a", "rand(2) AS b", "id * 7 AS c", "rand(3) AS d", "timestamp_seconds(id) AS e", "id % 1000 AS f")"""
# What inline takes: its driver holds the frame.
CONF = {"spark.driver.memory": "4g", "spark.driver.maxResultSize": "0"}


def fetch(url: str, session_id: str, rows: int, via: str) -> tuple[float, int, int]:
    """Seconds, bytes of the frame, peak bytes of this process."""
    session = Runner({"target": url}).sessions.attach(session_id)
    session.frame("spark.range(1)", via=via, library="arrow")
    began = time.perf_counter()
    frame = session.frame(FRAME.format(rows=rows), via=via, library="arrow")
    took_s = time.perf_counter() - began
    assert frame.num_rows == rows
    status = Path("/proc/self/status").read_text()  # getrusage gives the parent's peak where that was higher
    return took_s, frame.nbytes, int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ["FABRIC_LIVY_TOKEN"] = service.TOKEN
    found: dict[str, list[tuple[float, int, int]]] = {"inline": [], "onelake": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        service.serving(Path(folder) / "lakehouse") as api,
        connect(api.base, conf=CONF) as session,
    ):
        session.run("1")
        for _ in range(options.rounds):
            for via, took in found.items():
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    took.append(pool.apply(fetch, (api.base, session.id, options.rows, via)))
    seconds = {via: statistics.median(one[0] for one in took) for via, took in found.items()}
    peaks = {via: max(one[2] for one in took) / MIB for via, took in found.items()}
    frame_mib = found["inline"][0][1] / MIB
    ratio = seconds["inline"] / seconds["onelake"]
    if options.json:
        print(
            json.dumps(
                {"rows": options.rows, "frame_mib": frame_mib, "seconds": seconds, "ratio": ratio, "peak_mib": peaks}
            )
        )
        return
    print(f"{options.rows:,} rows, {frame_mib:.0f} MiB, {os.cpu_count()} cores")
    for via in found:
        print(f"{via:>8}: {seconds[via]:6.1f} s, the client's peak {peaks[via]:.0f} MiB")
    print(f"onelake is {ratio:.1f} times as fast")


if __name__ == "__main__":
    main()
