"""What other programs take for the same work on the same Spark session of an Apache Livy server, for benchmarks/run.py."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.first_light import timed
from benchmarks.frames import best_s

FOLDER = Path(__file__).parent
POLL_S = 5  # of the script in Microsoft's documentation of the Livy API
USER = "livy"


def documented_script_s(url: str, token: str, session_id: str, code: str) -> float:
    """Its loop: submit, then look every five seconds."""
    with requests.Session() as http:
        http.headers["Authorization"] = f"Bearer {token}"
        began = time.perf_counter()
        made = http.post(f"{url}/sessions/{session_id}/statements", json={"code": code, "kind": "pyspark"}, timeout=60)
        statement = f"{url}/sessions/{session_id}/statements/{made.json()['id']}"
        while http.get(statement, timeout=60).json()["state"] != "available":
            time.sleep(POLL_S)
        return time.perf_counter() - began


def pylivy_times(
    url: str, token: str, session_id: str, code: str, rows: Mapping[int, str], rounds: int
) -> dict[str, Any]:
    """Seconds of a statement, and of a frame for each number of rows, whose variables `rows` has."""
    import livy

    session = livy.LivySession(url, int(session_id), auth=(USER, token), echo=False)
    session.run(code)
    statement_s = statistics.median(timed(lambda: session.run(code), rounds))
    frames_s = {count: best_s(rounds, lambda name=name: session.download(name))[0] for count, name in rows.items()}
    session.client.close()
    return {"statement_s": statement_s, "frames_s": frames_s}


def version_of(package: str, python: str = sys.executable) -> str:
    """In the environment of that Python; empty where it is not installed."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def process_json(python: str, file: str, words: Sequence[str], folder: Path, **environ: str) -> dict[str, Any]:
    """The line of JSON that a file of this folder prints last. Raises RuntimeError with the end of what it wrote."""
    done = subprocess.run(
        [python, str(FOLDER / file), *words],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{file} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-400:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
