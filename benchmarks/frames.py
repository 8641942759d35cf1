"""Spark to pandas, four ways, side by side on one embedded server.

    python benchmarks/frames.py [--rows 1000 100000 1000000] [--big 20000000]

For each number of rows, a cached frame of 10 mixed columns, best of three: our route; the route of row JSON
(`toJSON().collect()`, printed and parsed); `kind: sql`, which gives 1,000 rows; and the floor, which is the work of our
route in the session's own process: collect as Arrow, encode, decode, without HTTP. Then a frame of 20 M rows and 2 columns
by our route, with the peak memory of a client process that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.first_light import timed
from fabric_livy_magic import connect
from fabric_livy_magic.agent.client import package_name
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.sessions.session import Session
from tests.support import service

ROOT = str(Path(__file__).parents[1])
MIXED = """spark.range(0, {rows}, 1, 4).selectExpr(
    "id", "if(id % 10 = 0, null, cast(id % 1000 as int)) AS passengers", "rand(1) * 100 AS distance",
    "cast(id % 100000 / 7 as decimal(12, 2)) AS fare", "element_at(array('card', 'cash', 'dispute'), cast(id % 3 + 1 as int)) AS payment",
    "concat('trip-', id) AS trip", "date_add(date'2020-01-01', cast(id % 1000 as int)) AS day",
    "timestamp_seconds(1577836800 + id) AS pickup", "id % 2 = 0 AS stored", "round(rand(2) * 10, 2) AS tip").cache()"""
BIG = 'spark.range({rows}).selectExpr("id", "rand(1) AS value")'
FLOOR = """import sys, time
sys.path.insert(0, {root!r})
from fabric_livy_magic.frames.conversion import to_pandas
from fabric_livy_magic.frames.transfer import fetch
made = sys.modules[{module!r}]
began = time.perf_counter()
header = made.open_expression(globals(), spark, "df")
n = len(to_pandas(fetch(lambda operation, *words: getattr(made, operation)(*words), header), header["schema"]))
print(time.perf_counter() - began)"""
JSON_ROWS = 50_000  # printed at once: below the 20,000,000 characters of one answer


def text(session: Session, code: str) -> str:
    return session.run(code, plain=True).text


def by_json(session: Session, rows: int) -> pd.DataFrame:
    text(session, "told = df.toJSON().collect(); print(len(told))")
    lines: list[str] = []
    for start in range(0, rows, JSON_ROWS):
        lines += text(session, f"print('\\n'.join(told[{start}:{start + JSON_ROWS}]))").splitlines()
    text(session, "del told; print()")
    return pd.DataFrame([json.loads(line) for line in lines])


def by_sql(session: Session) -> pd.DataFrame:
    output = session.run("SELECT * FROM mixed", "sql", plain=True).output
    assert output is not None
    value = output.data["application/json"]
    return pd.DataFrame(value["data"], columns=[field["name"] for field in value["schema"]["fields"]])


def best_s(times: int, work: Callable[[], Any]) -> tuple[float, int]:
    rows: list[int] = []
    took_s = timed(lambda: rows.append(len(work())), times)
    return took_s[0], rows[-1]


def mixed(session: Session, rows: int) -> None:
    text(session, f"df = {MIXED.format(rows=rows)}; df.createOrReplaceTempView('mixed'); print(df.count())")
    session.frame("df")
    ours_s, got = best_s(3, lambda: session.frame("df"))
    floor_s = min(float(text(session, FLOOR.format(root=ROOT, module=f"{package_name()}.frames"))) for _ in range(3))
    json_s, json_rows = best_s(1 if rows >= 10**6 else 3, lambda: by_json(session, rows))
    sql_s, sql_rows = best_s(3, lambda: by_sql(session))
    assert got == json_rows == rows
    text(session, "df.unpersist(); print()")
    print(
        f"{rows:>10,} × 10{ours_s:10.3f} s{json_s:11.3f} s{sql_s:9.3f} s ({sql_rows:,} rows){floor_s:10.3f} s"
        f"   {json_s / ours_s:5.1f}× JSON, {ours_s / floor_s:.2f} of the floor",
        flush=True,
    )


def big(url: str, session_id: str, rows: int) -> tuple[float, int, int]:
    """Seconds, bytes of the frame, peak bytes of this process."""
    session = Runner({"target": url}).sessions.attach(session_id)
    began = time.perf_counter()
    frame = session.frame(BIG.format(rows=rows))
    took_s = time.perf_counter() - began
    assert len(frame) == rows
    status = Path("/proc/self/status").read_text()  # getrusage gives the parent's peak where that was higher
    peak_bytes = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return took_s, int(frame.memory_usage(deep=True).sum()), peak_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--big", type=int, default=20_000_000)
    options = parser.parse_args()
    os.environ["FABRIC_LIVY_TOKEN"] = service.TOKEN
    print(f"{os.cpu_count()} cores\n{'rows × columns':>15}{'ours':>12}{'row JSON':>13}{'kind: sql':>11}{'floor':>24}")
    with (
        tempfile.TemporaryDirectory() as folder,
        service.serving(Path(folder) / "lakehouse") as api,
        connect(api.base) as session,
    ):
        session.run("1")
        for rows in options.rows:
            mixed(session, rows)
        if options.big:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                took_s, frame_bytes, peak_bytes = pool.apply(big, (api.base, session.id, options.big))
            print(
                f"{options.big:>10,} ×  2{took_s:10.3f} s   frame {frame_bytes >> 20} MiB, client at peak {peak_bytes >> 20} MiB"
            )


if __name__ == "__main__":
    main()
