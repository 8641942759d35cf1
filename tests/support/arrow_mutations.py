"""Damaged Arrow streams with right checksums, read as a frame is: run in a process of its own, since Arrow may end it.

python -m tests.support.arrow_mutations FIRST_SEED COUNT      prints how many were read and how many refused, as JSON
"""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import random
import struct
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import polars
import pyarrow as pa

from fabric_livy_magic.errors import FrameError
from fabric_livy_magic.frames.conversion import to_pandas, to_polars
from fabric_livy_magic.frames.transfer import fetch
from fabric_livy_magic.running.results import ArrowTable

ROWS = 200
MOST_BYTES = 256 * 1024 * 1024
STRUCT = {"type": "struct", "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}]}
COLUMNS: dict[str, tuple[Any, Callable[[int], Any], Any]] = {
    "int": (pa.int32(), lambda n: n, "integer"),
    "long": (pa.int64(), lambda n: None if n % 7 == 0 else n * 10**12, "long"),
    "double": (pa.float64(), lambda n: n / 7, "double"),
    "bool": (pa.bool_(), lambda n: n % 2 == 0, "boolean"),
    "string": (pa.string(), lambda n: None if n % 5 == 0 else f"é{n}" * (n % 9), "string"),
    "binary": (pa.binary(), lambda n: bytes([n % 256]) * (n % 5), "binary"),
    "date": (pa.date32(), lambda n: dt.date(2020, 1, 1) + dt.timedelta(days=n), "date"),
    "timestamp": (pa.timestamp("us", tz="UTC"), lambda n: dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "timestamp"),
    "decimal": (pa.decimal128(20, 3), lambda n: decimal.Decimal(n).scaleb(-3), "decimal(20,3)"),
    "interval": (pa.int32(), lambda n: n, "interval month"),
    "duration": (pa.duration("us"), lambda n: dt.timedelta(seconds=n), "interval day to second"),
    "void": (pa.null(), lambda n: None, "void"),
    "list": (
        pa.list_(pa.int64()),
        lambda n: None if n % 6 == 0 else list(range(n % 4)),
        {"type": "array", "elementType": "long", "containsNull": True},
    ),
    "struct": (pa.struct([("a", pa.int64()), ("b", pa.string())]), lambda n: {"a": n, "b": str(n)}, STRUCT),
    "map": (
        pa.map_(pa.string(), pa.int32()),
        lambda n: [(str(one), one) for one in range(n % 3)],
        {"type": "map", "keyType": "string", "valueType": "integer", "valueContainsNull": True},
    ),
    "list of structs": (
        pa.list_(pa.struct([("a", pa.int64()), ("b", pa.string())])),
        lambda n: [{"a": n, "b": "x" * n}] * (n % 3),
        {"type": "array", "elementType": STRUCT, "containsNull": True},
    ),
    # No type of Spark's: these come from pandas and Arrow objects of the session, without its schema.
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), lambda n: "abc"[n % 3], None),
    "large string": (pa.large_string(), lambda n: str(n), None),
    **({"string view": (pa.string_view(), lambda n: "x" * (n % 40), None)} if hasattr(pa, "string_view") else {}),
    "fixed list": (pa.list_(pa.int32(), 2), lambda n: [n, n], None),
    "union": (pa.dense_union([pa.field("a", pa.int64()), pa.field("b", pa.string())]), None, None),  # type: ignore[dict-item]
}


def column_of(name: str) -> pa.Array:
    kind, value, _ = COLUMNS[name]
    if value is None:
        types, offsets = (
            pa.array([n % 2 for n in range(ROWS)], pa.int8()),
            pa.array([n // 2 for n in range(ROWS)], pa.int32()),
        )
        halves = [pa.array(range(ROWS // 2), pa.int64()), pa.array([str(n) for n in range(ROWS // 2)])]
        return pa.UnionArray.from_dense(types, offsets, halves, ["a", "b"])
    return pa.array([value(n) for n in range(ROWS)], kind)


def stream_of(names: list[str], *, packed: bool, pandas_metadata: bool = False) -> bytes:
    table = pa.table({f"c{number}": column_of(name) for number, name in enumerate(names)})
    if pandas_metadata:
        table = pa.Table.from_pandas(table.to_pandas().set_index("c0"))
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1) if packed else None)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        for batch in table.to_batches(max_chunksize=ROWS // 2):
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def header_of(content: bytes, schema: Any, rows: int = ROWS) -> dict[str, Any]:
    first = {"number": 0, "crc": zlib.crc32(content), "text": base64.b64encode(content).decode()}
    common = {"frame": None, "pieces": 1, "more": False, "zone": "UTC", "first": first}
    return {**common, "bytes": len(content), "rows": rows, "schema": schema}


ODD_NUMBERS = [-1, 0, 1, 2**31 - 1, -(2**31), 2**32 - 1, 2**62, -(2**63), 2**63 - 1, 255, 2**20]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """With one to four changes: of bits, of numbers at places where Arrow keeps some, of parts that are moved or left out."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed))
        match chance.choice(["bit", "byte", "int", "long", "long", "small", "cut", "copy", "swap"]):
            case "bit":
                changed[at] ^= 1 << chance.randrange(8)
            case "byte":
                changed[at] = chance.randrange(256)
            case "int":
                at -= at % 4
                changed[at : at + 4] = struct.pack("<q", chance.choice(ODD_NUMBERS))[:4]
            case "long":
                at -= at % 8
                changed[at : at + 8] = struct.pack("<q", chance.choice(ODD_NUMBERS))
            case "small":  # near what is there: most likely to be taken for right
                at -= at % 4
                changed[at] = (changed[at] + chance.choice([-8, -1, 1, 8, 64])) % 256
            case "cut":
                del changed[at : at + 8 * chance.randint(1, 8)]
            case "copy":
                changed[at:at] = changed[at : at + 8 * chance.randint(1, 8)]
            case "swap":
                other = chance.randrange(len(changed))
                changed[at : at + 8], changed[other : other + 8] = changed[other : other + 8], changed[at : at + 8]
        if not changed:
            return b""
    return bytes(changed)


def no_call(*_: Any) -> Any:
    raise AssertionError("all is in the header")


def shown(frame: Any) -> str:
    """Polars and pandas take dates that they cannot write: an error of theirs, which ends nothing."""
    try:
        return str(frame)
    except (polars.exceptions.PanicException, NotImplementedError, ValueError, OverflowError):
        return ""


def use(table: pa.Table, schema: Any, refused: Counter[str]) -> None:
    """Each form in which a user may have it."""
    forms: dict[str, Callable[[], Any]] = {
        "pandas": lambda: shown(to_pandas(table, schema)),
        "polars": lambda: shown(to_polars(table)),
        "columns": lambda: ArrowTable(table, schema).columns(5),
    }
    for name, form in forms.items():
        try:
            form()
        except FrameError:
            refused[name] += 1


def samples() -> list[tuple[bytes, Any]]:
    found = []
    for packed in (False, True):
        for name, (_, _, spark) in COLUMNS.items():
            schema = None if spark is None else {"type": "struct", "fields": [{"name": name, "type": spark}]}
            found.append((stream_of([name], packed=packed), schema))
        found.append((stream_of(["int", "string", "dictionary", "list"], packed=packed), None))
        found.append((stream_of(["string", "double", "bool"], packed=packed, pandas_metadata=True), None))
    return found


def main(first_seed: int, count: int) -> None:
    streams, outcomes = samples(), Counter[str]()
    for content, schema in streams:  # undamaged, all are read
        use(fetch(no_call, header_of(content, schema)), schema, outcomes)
    outcomes.clear()
    for seed in range(first_seed, first_seed + count):
        content, schema = streams[seed % len(streams)]
        content = mutated(content, random.Random(seed))
        print(seed, file=sys.stderr, flush=True)  # the last one is that which ended the process
        try:
            table = fetch(no_call, header_of(content, schema), most_bytes=MOST_BYTES)
        except FrameError:
            outcomes["refused"] += 1
            continue
        outcomes["read"] += 1
        use(table, schema, outcomes)
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
