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
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from fabric_livy_magic.frames import to_pandas
from fabric_livy_magic.remote import agent_frames
from fabric_livy_magic.transfer import fetch
from tests.local import service

ROOT = str(Path(__file__).parents[1])
MIXED = """spark.range(0, {rows}, 1, 4).selectExpr(
    "id", "if(id % 10 = 0, null, cast(id % 1000 as int)) AS passengers", "rand(1) * 100 AS distance",
    "cast(id % 100000 / 7 as decimal(12, 2)) AS fare", "element_at(array('card', 'cash', 'dispute'), cast(id % 3 + 1 as int)) AS payment",
    "concat('trip-', id) AS trip", "date_add(date'2020-01-01', cast(id % 1000 as int)) AS day",
    "timestamp_seconds(1577836800 + id) AS pickup", "id % 2 = 0 AS stored", "round(rand(2) * 10, 2) AS tip").cache()"""
BIG = 'spark.range({rows}).selectExpr("id", "rand(1) AS value")'
INSTALL = """import sys, types
made = types.ModuleType("benchmark_frames")
exec(compile({source!r}, "agent_frames.py", "exec"), made.__dict__)
sys.modules["benchmark_frames"] = made"""
FLOOR = """import sys, time
sys.path.insert(0, {root!r})
from fabric_livy_magic.frames import to_pandas
from fabric_livy_magic.transfer import fetch
made = sys.modules["benchmark_frames"]
began = time.perf_counter()
header = made.open_expression(globals(), spark, "df")
n = len(to_pandas(fetch(lambda operation, *told: getattr(made, operation)(*told), header), header["schema"]))
print(time.perf_counter() - began)"""
JSON_ROWS = 50_000  # printed at once: below the 20,000,000 characters of one answer


class Client:
    """Stands in for `session.frame(…)`: operations of the agent by plain statements."""

    def __init__(self, ready: dict[str, Any], session_id: str) -> None:
        self.ready, self.id = ready, session_id
        self._own = threading.local()

    def text(self, code: str, kind: str = "pyspark") -> str:
        output = self.output(code, kind)
        return str(output["data"]["text/plain"])

    def output(self, code: str, kind: str = "pyspark") -> dict[str, Any]:
        if not hasattr(self._own, "api"):
            self._own.api = service.Api(self.ready)
        api, path = self._own.api, f"/sessions/{self.id}/statements"
        view = api.post(path, {"code": code, "kind": kind}).json()
        while view["state"] not in service.FINISHED:
            time.sleep(0.005)
            view = api.get(f"{path}/{view['id']}").json()
        output: dict[str, Any] = view["output"]
        assert output["status"] == "ok", output
        return output

    def call(self, operation: str, *told: Any) -> Any:
        front = "globals(), spark, " if operation == "open_expression" else ""
        arguments = ", ".join(map(repr, told))
        code = f'import json, sys; print(json.dumps(sys.modules["benchmark_frames"].{operation}({front}{arguments})))'
        return json.loads(self.text(code))

    def frame(self, expression: str) -> pd.DataFrame:
        header = self.call("open_expression", expression)
        return to_pandas(fetch(self.call, header), header["schema"])


def by_json(client: Client, rows: int) -> pd.DataFrame:
    client.text("told = df.toJSON().collect(); print(len(told))")
    lines: list[str] = []
    for start in range(0, rows, JSON_ROWS):
        lines += client.text(f"print('\\n'.join(told[{start}:{start + JSON_ROWS}]))").splitlines()
    client.text("del told; print()")
    return pd.DataFrame([json.loads(line) for line in lines])


def by_sql(client: Client) -> pd.DataFrame:
    value = client.output("SELECT * FROM mixed", "sql")["data"]["application/json"]
    return pd.DataFrame(value["data"], columns=[field["name"] for field in value["schema"]["fields"]])


def best_s(times: int, work: Callable[[], Any]) -> tuple[float, int]:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        rows = len(work())
        took.append(time.perf_counter() - began)
    return min(took), rows


def mixed(client: Client, rows: int) -> None:
    client.text(f"df = {MIXED.format(rows=rows)}; df.createOrReplaceTempView('mixed'); print(df.count())")
    client.frame("df")
    ours_s, got = best_s(3, lambda: client.frame("df"))
    floor_s = min(float(client.text(FLOOR.format(root=ROOT))) for _ in range(3))
    json_s, json_rows = best_s(1 if rows >= 10**6 else 3, lambda: by_json(client, rows))
    sql_s, sql_rows = best_s(3, lambda: by_sql(client))
    assert got == json_rows == rows
    client.text("df.unpersist(); print()")
    print(
        f"{rows:>10,} × 10{ours_s:10.3f} s{json_s:11.3f} s{sql_s:9.3f} s ({sql_rows:,} rows){floor_s:10.3f} s"
        f"   {json_s / ours_s:5.1f}× JSON, {ours_s / floor_s:.2f} of the floor",
        flush=True,
    )


def big(ready: dict[str, Any], session_id: str, rows: int) -> tuple[float, int, int]:
    """Seconds, bytes of the frame, peak bytes of this process."""
    client = Client(ready, session_id)
    began = time.perf_counter()
    frame = client.frame(BIG.format(rows=rows))
    took_s = time.perf_counter() - began
    assert len(frame) == rows
    status = Path("/proc/self/status").read_text()  # getrusage tells the parent's peak where that was higher
    peak_bytes = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return took_s, int(frame.memory_usage(deep=True).sum()), peak_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--big", type=int, default=20_000_000)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores\n{'rows × columns':>15}{'ours':>12}{'row JSON':>13}{'kind: sql':>11}{'floor':>24}")
    with tempfile.TemporaryDirectory() as folder, service.serving(Path(folder) / "lakehouse") as api:
        session = api.start_session()
        session.wait_for("idle")
        client = Client(api.ready, session.id)
        client.text(INSTALL.format(source=Path(agent_frames.__file__).read_text(encoding="utf-8")) + "\nprint()")
        for rows in options.rows:
            mixed(client, rows)
        if options.big:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                took_s, frame_bytes, peak_bytes = pool.apply(big, (api.ready, session.id, options.big))
            print(
                f"{options.big:>10,} ×  2{took_s:10.3f} s   frame {frame_bytes >> 20} MiB, client at peak {peak_bytes >> 20} MiB"
            )


if __name__ == "__main__":
    main()
