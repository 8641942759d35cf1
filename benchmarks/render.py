"""How long it takes to make a result's output, and how large it is: 1,000 rows of 50 columns of the usual types, from Arrow.

    python benchmarks/render.py

Within 60 ms of one core and 1.5 MB of HTML.
"""

from __future__ import annotations

import argparse
import datetime
import decimal
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from fabric_livy_magic.output.results import Look, part_bundle
from fabric_livy_magic.running.results import ArrowTable

ROWS, COLUMNS, RUNS = 1000, 50, 15
MOST_S, MOST_BYTES = 0.060, 1_500_000
DAY = datetime.datetime(2024, 1, 1)
# Of ten columns.
KINDS: list[tuple[str, Any, Callable[[random.Random], Any]]] = [
    ("long", pa.int64(), lambda r: r.randrange(10**7)),
    ("integer", pa.int32(), lambda r: r.randrange(300)),
    ("double", pa.float64(), lambda r: r.uniform(-100, 10_000)),
    ("double", pa.float64(), lambda r: round(r.uniform(0, 100), 2)),
    ("decimal(10,2)", pa.decimal128(10, 2), lambda r: decimal.Decimal(r.randrange(10**6)).scaleb(-2)),
    ("string", pa.string(), lambda r: r.choice(["Harlem", "Astoria", "Queens Village", "East Village & more"])),
    ("string", pa.string(), lambda r: f"order {r.randrange(10**9):09}"),
    ("boolean", pa.bool_(), lambda r: r.random() < 0.5),
    ("date", pa.date32(), lambda r: (DAY + datetime.timedelta(days=r.randrange(1000))).date()),
    ("timestamp", pa.timestamp("us", tz="UTC"), lambda r: DAY + datetime.timedelta(seconds=r.randrange(10**8))),
]


def sample() -> tuple[pa.Table, dict[str, Any]]:
    """A tenth of the values are null."""
    values = random.Random(7)
    columns, fields = [], []
    for number in range(COLUMNS):
        kind, arrow, value = KINDS[number % len(KINDS)]
        made = [None if values.random() < 0.1 else value(values) for _ in range(ROWS)]
        columns.append(pa.array(made, type=arrow))
        fields.append({"name": f"{kind.partition('(')[0]}_{number}", "type": kind})
    return pa.table(columns, names=[one["name"] for one in fields]), {"fields": fields}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    arrow, schema = sample()
    took_s, size = [], 0
    for _ in range(RUNS):
        began = time.process_time()  # others may use the machine
        bundle = part_bundle(ArrowTable(arrow, schema), Look(10, ROWS), 1.0)
        took_s.append(time.process_time() - began)
        size = len(bundle["text/html"].encode())
    best, middle = min(took_s), statistics.median(took_s)
    print(
        f"{ROWS:,} × {COLUMNS}: {best * 1000:.0f} ms at best, {middle * 1000:.0f} ms in the middle of {RUNS}; {size:,} bytes"
    )
    if best > MOST_S or size > MOST_BYTES:
        raise SystemExit(f"More than {MOST_S * 1000:.0f} ms or {MOST_BYTES:,} bytes.")


if __name__ == "__main__":
    main()
