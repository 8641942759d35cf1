"""The embedded Fabric alone, over HTTP: how soon it answers, how long trivial statements take, what an idle session costs.

    python benchmarks/local_fabric.py [--statements 100] [--rounds 3]

Prints seconds from the start of the server to the first result of each kind, with empty and with warm caches, each in a
new server; then, for each kind, median and 95th percentile from POST to `available` of a trivial statement, polled
without pause; then Delta statements of a new session, each as it comes; then the memory of a session at rest. Real
Livy 0.9 beside it: 9, 209 and 386 ms.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.processes import MARK, marked
from tests.support.service import Api, Session, close, start

TRIVIAL = {"pyspark": "1", "sql": "select 1", "spark": "1"}
LIVY_MS = {"pyspark": 9, "sql": 209, "spark": 386}
DELTA = {
    "create and first write": "create table trips as select id, id * 1.5 as fare from range(1000)",
    "second write": "insert into trips values (1000, 7.5)",
    "first MERGE": (
        "merge into trips t using (select id + 990 as id, 1.0 as fare from range(20)) s on t.id = s.id "
        "when matched then update set * when not matched then insert *"
    ),
    "time travel": "select count(*) from trips version as of 1",
    "DESCRIBE HISTORY": "describe history trips",
}
CACHE_WAIT_S = 300


@contextmanager
def server(folder: Path, mark: str = "") -> Iterator[Api]:
    process, api = start(folder / "lakehouse", extra_env={"XDG_CACHE_HOME": str(folder / "cache"), MARK: mark})
    try:
        yield api
    finally:
        api.http.close()
        close(process)


def first_result_s(folder: Path, kind: str) -> float:
    began = time.perf_counter()
    with server(folder) as api:
        session = api.start_session()
        session.wait_for("idle")
        session.output(TRIVIAL[kind], kind)
        return time.perf_counter() - began


def wait_for_caches(folder: Path) -> None:
    """They are filled in the background when a session has ended well."""
    until = time.monotonic() + CACHE_WAIT_S
    archives = folder / "cache" / "fabric-livy-magic" / "class-data"
    while not any(not path.stem.endswith("-base") for path in archives.glob("*.jsa")):
        if time.monotonic() > until:
            sys.exit(f"no class-data archive after {CACHE_WAIT_S} s")
        time.sleep(1)
    time.sleep(5)  # until it is written


def first_results(folder: Path, rounds: int) -> None:
    print(f"first PySpark result, empty caches: {first_result_s(folder, 'pyspark'):.1f} s", flush=True)
    wait_for_caches(folder)
    for kind in TRIVIAL:
        times_s = [first_result_s(folder, kind) for _ in range(rounds)]
        print(f"first {kind} result, warm caches: {statistics.median(times_s):.1f} s of {rounds}", flush=True)


def took_ms(session: Session, kind: str, code: str = "") -> float:
    began = time.perf_counter()
    body = {"code": code or TRIVIAL[kind], "kind": kind}
    submitted = session.api.post(f"{session.path}/statements", body).json()
    if submitted["state"] != "available":
        path = f"{session.path}/statements/{submitted['id']}"
        while session.api.get(path).json()["state"] != "available":
            pass
    return (time.perf_counter() - began) * 1000


def statements(folder: Path, count: int) -> None:
    with server(folder) as api:
        session = api.start_session()
        session.wait_for("idle")
        for kind in TRIVIAL:
            for _ in range(count):
                took_ms(session, kind)
        print(f"\n{'trivial statement, POST to available':<40}{'median':>8}{'p95':>8}{'real Livy':>11}")
        for kind in TRIVIAL:
            times_ms = sorted(took_ms(session, kind) for _ in range(count))
            worst_ms = times_ms[min(len(times_ms) - 1, int(len(times_ms) * 0.95))]
            print(f"{kind:<40}{statistics.median(times_ms):8.1f}{worst_ms:8.1f}{LIVY_MS[kind]:>8} ms", flush=True)


def delta(folder: Path) -> None:
    print("\nDelta statements of a new session")
    with server(folder) as api:
        session = api.start_session()
        session.wait_for("idle")
        for name, code in DELTA.items():
            print(f"{name:<40}{took_ms(session, 'sql', code) / 1000:8.2f} s", flush=True)


def memory(folder: Path) -> None:
    mark = uuid.uuid4().hex
    with server(folder, mark) as api:
        api.start_session().wait_for("idle")
        time.sleep(10)
        found = {pid: (command, own_bytes(pid)) for pid, command in marked(mark).items()}
    print(f"\nmemory of server and one session at rest: {sum(size for _, size in found.values()) >> 20} MiB")
    for command, size in found.values():
        words = command.split()
        print(f"{size >> 20:6} MiB  {Path(words[0]).name} … {' '.join(words[-2:])[-60:]}")


def own_bytes(pid: int) -> int:
    """The process' share: pages that several processes have count in parts (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--statements", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as name:
        first_results(Path(name), options.rounds)
        statements(Path(name), options.statements)
        delta(Path(name))
        memory(Path(name))


if __name__ == "__main__":
    main()
