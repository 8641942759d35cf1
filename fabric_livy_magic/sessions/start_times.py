"""How long earlier starts of sessions took, kept beside the records of sessions: what a person who waits may expect.

By server and by what was asked for, since a custom pool takes minutes where the starter pool takes seconds. No names, no code.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import statistics
from pathlib import Path

from fabric_livy_magic.livy.client import session_body
from fabric_livy_magic.own_folders import user_folder, write_private
from fabric_livy_magic.settings import SessionSpec

MOST_KEPT = 15  # starts of one kind, the latest: a capacity changes
MOST_KINDS = 50
ENOUGH = 3  # fewer say nothing about what is usual


def start_kind(server: str, spec: SessionSpec) -> str:
    """What has an effect on the time: names and tags of a session have none."""
    asked = {key: value for key, value in session_body(spec).items() if key not in {"name", "tags"}}
    text = json.dumps([server, spec.high_concurrency, asked], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def usual_start_text(kind: str) -> str:
    """`usually about 12 s`: the median; after one or two starts what the last one took. Empty where nothing is known."""
    times = _read().get(kind, [])
    if len(times) >= ENOUGH:
        return f"usually about {statistics.median(times):.0f} s"
    return f"last time {times[-1]:.0f} s" if times else ""


def note_start(kind: str, took_s: float) -> None:
    """Best effort: another kernel that writes at the same moment may win, and a folder may be closed."""
    known = _read()
    times = [*known.pop(kind, []), round(took_s, 1)][-MOST_KEPT:]
    kept = dict([*known.items(), (kind, times)][-MOST_KINDS:])
    with contextlib.suppress(OSError):
        write_private(_file(), json.dumps(kept))


def _read() -> dict[str, list[float]]:
    try:
        content = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        kind: [float(one) for one in times if isinstance(one, int | float) and 0 <= one < 86_400]
        for kind, times in content.items()
        if isinstance(times, list)
    }


def _file() -> Path:
    return user_folder("state") / "start_times.json"
