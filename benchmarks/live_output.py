"""How soon the first line of a running cell could be seen by each road, and what that costs in calls.

    python benchmarks/live_output.py

On an embedded Fabric, in a high-concurrency session: by the driver's log (what is built), by statements on a second REPL of the same Spark
application, and by a file in `Files/`. The cell notes when it has printed; each road is looked at as fast as it answers. What the real Fabric's
driver log takes cannot be measured here.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fabric_livy_magic import connect
from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import NotFoundError
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.livy.driver_log import DriverLog
from fabric_livy_magic.running.live_output import News
from fabric_livy_magic.running.results import Printed
from fabric_livy_magic.running.run_cell import run_cell
from fabric_livy_magic.sessions.session import Session
from tests.support import service

ROUNDS = 3
PROPERTY = "fabric_livy_benchmark"
MARK = "marked"
CELL = f"""
import time, os
time.sleep(1)
now = time.time()
line = f"{MARK} {{now!r}} {MARK}"
{{send}}
time.sleep(4)
now
"""


def printing(kind: str) -> str:
    if kind == "spark":
        return 'for (n <- 0 until 50) { println("line " + n); Thread.sleep(200) }'
    return "import time\nfor n in range(50):\n    print('line', n)\n    time.sleep(0.2)"


def as_built_s(session: Session, kind: str) -> tuple[float, int]:
    """Seconds from the start of a cell that prints every 0.2 s for 10 s to its first line here; the lines that came in all."""
    came: list[float] = []
    text: list[str] = []

    def hear(news: Sequence[News]) -> None:
        came.append(time.monotonic())
        text.extend(one.text for one in news if isinstance(one, Printed))

    began = time.monotonic()
    run_cell(session.repl, Cell(kind=kind, code=printing(kind)), on_output=hear)
    return came[0] - began, "".join(text).count("line")


def road_s(session: Session, send: str, look: Callable[[], str]) -> tuple[float, float]:
    """(seconds from the print to when it was seen, calls a minute of this road as fast as it answers)."""
    seen: list[float] = []
    looks, ended = [0], threading.Event()

    def watch() -> None:
        began = time.monotonic()
        while not ended.is_set():
            found = look()
            looks[0] += 1
            if MARK in found and not seen:
                seen.append(time.time())
        looks.append(round(60 * looks[0] / (time.monotonic() - began)))

    watching = threading.Thread(target=watch)
    watching.start()
    printed = float(session.run(CELL.replace("{send}", send)).text)
    ended.set()
    watching.join()
    return (seen[0] - printed if seen else float("inf")), looks[1]


def read_if_there(files: OneLake) -> str:
    try:
        return files.read("Files/live/cell").decode()
    except NotFoundError:
        return ""


def main() -> int:
    os.environ["FABRIC_LIVY_TOKEN"] = service.TOKEN
    with (
        tempfile.TemporaryDirectory() as folder,
        service.serving(Path(folder), ("--token", service.TOKEN)) as api,
        connect(api.base, high_concurrency=True) as session,
    ):
        for kind in ("pyspark", "spark"):
            session.run("1", kind)  # the agent, the start of Scala
            rounds = [as_built_s(session, kind) for _ in range(ROUNDS)]
            print(
                f"{kind:<8} as built: first line {statistics.median(first for first, _ in rounds):.2f} s after the cell began"
            )
        assert session.repl.pool is not None
        second = session.repl.pool.get(1, 60)
        second.agent_call()("ping")
        log = DriverLog(session.remote.monitoring)
        files = session.files
        roads = {
            "the driver's log": ("sc._jvm.System.out.println(line)", lambda: b"\n".join(log.read()).decode()),
            "a second REPL": (
                f"sc._jvm.System.setProperty({PROPERTY!r}, line)",
                lambda: second.remote.run(f"print(sc._jvm.System.getProperty({PROPERTY!r}))", "pyspark").output.text,
            ),
            "a file in Files/": (
                "os.makedirs('/lakehouse/default/Files/live', exist_ok=True); open('/lakehouse/default/Files/live/cell', 'a').write(line)",
                lambda: read_if_there(files),
            ),
        }
        for name, (send, look) in roads.items():
            rounds = []
            for _ in range(ROUNDS):
                rounds.append(road_s(session, send, look))
                session.run(
                    f"sc._jvm.System.clearProperty({PROPERTY!r}); import shutil; shutil.rmtree('/lakehouse/default/Files/live', True)"
                )
            delay = statistics.median(one for one, _ in rounds)
            print(f"{name:<18} seen {delay:.2f} s after it was printed, {rounds[-1][1]:.0f} looks a minute at most")
    return 0


if __name__ == "__main__":
    sys.exit(main())
