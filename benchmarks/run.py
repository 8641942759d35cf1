"""All benchmarks in one command: a Markdown table of this package beside others on one server, with ratios.

    python benchmarks/run.py                       the table, then what each further benchmark of this folder prints
    python benchmarks/run.py --quick               the table alone, of small sizes, in at most two minutes
    python benchmarks/run.py --keep                writes the figures to benchmarks/figures.json and README.md, as a release does
    python benchmarks/run.py --sparkmagic PYTHON   the Python of an environment that has sparkmagic

Beside it stand, in the same run on the same session of an embedded Fabric that speaks Apache Livy's API: rows as JSON, the script of
Microsoft's documentation with its look every five seconds, pylivy and sparkmagic where they are installed; a plain ipykernel, and
PySpark alone. Ratios are compared with benchmarks/figures.json: the exit code is 1 where one became worse by more than a tenth. Only
figures of one machine, and of the same options, can be compared.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import kernel_start, peers
from benchmarks.figures import Figure, as_json, compared, described, from_json, quote, table, with_quote
from benchmarks.first_light import timed
from benchmarks.frames import MIXED, best_s, by_json, text
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.sessions.session import Session
from tests.support.kernels import kernel
from tests.support.livy_dialect import serving
from tests.support.service import TOKEN

FOLDER = Path(__file__).parent
KEPT = FOLDER / "figures.json"
README = FOLDER.parent / "README.md"
CODE = "1 + 1"
QUICK_ROUNDS = 3
FIRST = "first PySpark result, from nothing"
STATEMENT = "a warm statement, `1 + 1`"
SCRIPT = f"the documented script, a look every {peers.POLL_S} s"
MEASURING = {"run.py", "figures.py", "peers.py", "bare_pyspark.py", "sparkmagic_times.py"}
PACKAGES = ("fabric-livy-magic", "pyspark", "pandas", "pyarrow", "ipykernel", "livy")


def frame_of(rows: int) -> str:
    return f"{rows:,} × 10 into pandas"


def variable(rows: int) -> str:
    return f"frame_{rows}"


# ------------------------------------------------------------------------------------------------ what is measured
def in_kernels(folder: Path, environ: dict[str, str], session_id: str, rounds: int) -> list[Figure]:
    """A plain ipykernel beside ours, and beside a cell that runs on the session."""
    ready: dict[str, list[float]] = {spec: [] for spec in kernel_start.SPECS}
    for _ in range(rounds + 1):
        for spec, times_s in ready.items():
            times_s.append(kernel_start.ready_s(spec, folder))
    plain_s, own_s = (statistics.median(times_s[1:]) for times_s in ready.values())
    with kernel(environ, folder) as notebook:
        for code in ("%load_ext fabric_livy_magic", f"%livy attach {session_id}", "%livy_pyspark 1"):
            done = notebook.run(code)
            assert done.status == "ok", done.traceback
        local_s = statistics.median(timed(lambda: notebook.run(CODE), rounds))
        cell_s = statistics.median(timed(lambda: notebook.run(f"%%livy_pyspark\n{CODE}"), rounds))
    return [
        Figure("the kernel is ready", own_s, "plain ipykernel", plain_s),
        Figure("a cell, `1 + 1`, as a front end sees it", cell_s, "plain ipykernel, without Spark", local_s),
    ]


def pylivy(url: str, session_id: str, rows: Sequence[int], rounds: int) -> dict[str, Any] | str:
    """What it took, or why that was not measured. So does `sparkmagic`."""
    if not peers.version_of("livy"):
        return "not installed"
    names = {count: variable(count) for count in rows}
    return peers.pylivy_times(url, TOKEN, session_id, CODE, names, rounds)


def sparkmagic(
    python: str, folder: Path, url: str, session_id: str, rows: Sequence[int], rounds: int
) -> dict[str, Any] | str:
    if not peers.version_of("sparkmagic", python):
        return "not installed"
    words = [url, session_id, "--code", CODE, "--rounds", str(rounds), "--frames", *map(variable, rows)]
    home = {"HOME": str(folder), "FABRIC_LIVY_PASSWORD": TOKEN}  # it writes its settings and log there
    try:
        found = peers.process_json(python, "sparkmagic_times.py", words, folder, **home)
    except RuntimeError as error:  # it is often installed without what it needs, Kerberos say
        return f"failed: {str(error).splitlines()[-1]}"
    return {**found, "frames_s": {count: found["frames_s"][variable(count)] for count in rows}}


def on_the_session(
    session: Session, others: dict[str, Any], rows: Sequence[int], rounds: int, url: str
) -> list[Figure]:
    """`others`: of each program what it took, or why it was not measured. Of PySpark alone only frames count."""
    own_s = statistics.median(timed(lambda: session.run(CODE), rounds))
    script_s = peers.documented_script_s(url, TOKEN, session.id, CODE)
    figures = [Figure(STATEMENT, own_s, SCRIPT, script_s)]
    for peer, found in others.items():
        if isinstance(found, str):
            figures.append(Figure(STATEMENT, own_s, peer, why=found))
        elif "statement_s" in found:
            figures.append(Figure(STATEMENT, own_s, peer, found["statement_s"]))
    for count in rows:
        frame_s, got = best_s(rounds, lambda count=count: session.frame(variable(count)))
        text(session, f"df = {variable(count)}; print()")
        json_s, json_rows = best_s(min(rounds, 3), lambda count=count: by_json(session, count))
        assert got == json_rows == count
        figures.append(Figure(frame_of(count), frame_s, "rows as JSON, without the agent", json_s))
        for peer, found in others.items():
            took = found if isinstance(found, str) else found["frames_s"][count]
            peer_s, why = (None, took) if isinstance(took, str) else (took, "")
            figures.append(Figure(frame_of(count), frame_s, peer, peer_s, why))
    return figures


def measured(rows: Sequence[int], rounds: int, python: str) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = ["--rows", *map(str, rows), "--rounds", str(rounds)]
        peers.process_json(
            sys.executable, "bare_pyspark.py", ["--rows", "10", "--rounds", "1"], folder
        )  # files into the cache
        bare = peers.process_json(sys.executable, "bare_pyspark.py", words, folder)
        bare["frames_s"] = {int(count): took for count, took in bare["frames_s"].items()}
        began = time.perf_counter()
        with serving(folder / "lakehouse") as api:
            environ = {"FABRIC_LIVY_TARGET": api.base, "FABRIC_LIVY_TOKEN": TOKEN}
            os.environ.update(environ)
            started = api.start_session(kind="pyspark")  # pylivy and sparkmagic name no kind with a statement
            started.wait_for("idle")
            session = Runner({"target": api.base}).sessions.attach(str(started.id))
            session.run("spark.range(5).count()")
            figures = [Figure(FIRST, time.perf_counter() - began, "PySpark alone", bare["first_s"])]
            for count in rows:
                text(session, f"{variable(count)} = {MIXED.format(rows=count)}; print({variable(count)}.count())")
            figures += in_kernels(folder, environ, session.id, rounds)
            others = {
                "pylivy": pylivy(api.base, session.id, rows, rounds),
                "sparkmagic": sparkmagic(python, folder, api.base, session.id, rows, rounds),
                "PySpark alone, with Arrow": {"frames_s": bare["frames_s"]},
            }
            return figures + on_the_session(session, others, rows, rounds, api.base)


# ------------------------------------------------------------------------------------------------ where, and what else
def versions(sparkmagic_python: str) -> dict[str, str]:
    found = {"Python": platform.python_version(), **{name: peers.version_of(name) for name in PACKAGES}}
    found["sparkmagic"] = peers.version_of("sparkmagic", sparkmagic_python)
    return {name: version for name, version in found.items() if version}


def machine() -> str:
    """Without its name, which is nobody's business."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    return f"{platform.system()}, {os.cpu_count()} × {model}"


def further_benchmarks() -> None:
    for file in sorted(path for path in FOLDER.glob("*.py") if path.name not in MEASURING):
        done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
        ended = "" if done.returncode == 0 else f", ended with {done.returncode}"
        print(f"\n### `{file.name}`{ended}\n\n```\n{(done.stdout + done.stderr).strip()}\n```", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, and the table alone")
    parser.add_argument("--rows", type=int, nargs="*", help="of the frames (default: 1000 100000 1000000; quick: 1000)")
    parser.add_argument("--rounds", type=int, help="of each (default: 15; quick: 3)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument(
        "--kept", type=Path, default=KEPT, help="compare with this file (default: benchmarks/figures.json)"
    )
    parser.add_argument("--keep", action="store_true", help="write the figures to that file and README.md afterwards")
    parser.add_argument("--sparkmagic", metavar="PYTHON", default=sys.executable, help="a Python that has sparkmagic")
    options = parser.parse_args()
    rows = options.rows or ([1_000] if options.quick else [1_000, 100_000, 1_000_000])
    figures = measured(rows, options.rounds or (QUICK_ROUNDS if options.quick else 15), options.sparkmagic)
    command = " ".join(["python benchmarks/run.py", *(["--quick"] if options.quick else [])])
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    about = {"date": date, "machine": machine(), "command": command, "versions": versions(options.sparkmagic)}
    print(f"{described(about)}\n\n{table(figures)}\n", flush=True)
    is_worse = False
    if options.kept.exists():
        said, is_worse = compared(figures, *from_json(options.kept.read_text(encoding="utf-8")))
        print(said)
    else:
        print(f"There are no kept figures in {options.kept.name} to compare with; --keep writes them.")
    for path in filter(None, [options.json, options.kept if options.keep else None]):
        path.write_text(as_json(figures, about), encoding="utf-8")
    if options.keep and options.kept == KEPT:
        README.write_text(with_quote(README.read_text(encoding="utf-8"), quote(figures, about)), encoding="utf-8")
    if not options.quick:
        further_benchmarks()
    return int(is_worse)


if __name__ == "__main__":
    sys.exit(main())
