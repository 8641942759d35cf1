"""Mocks for what a session of the embedded Fabric cannot reach: which folders have them, and which of them were used.

What is in the folders, the session's own Python reads: data only, no code of theirs runs. docs/mocks.md describes them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import SettingsError

# Conf keys of a session's request: folders, joined as in PATH; the file to which uses are written; whether to record.
MOCKS_CONF, USED_CONF, RECORD_CONF = (
    "spark.fabric_livy.mocks",
    "spark.fabric_livy.mocksUsed",
    "spark.fabric_livy.mocksRecord",
)
USED_VARIABLE, RECORD_VARIABLE = "FABRIC_LIVY_MOCKS_USED", "FABRIC_LIVY_MOCKS_RECORD"


@dataclass(frozen=True)
class MockUse:
    """`name` says which one, without any value. A missing one was asked for, and nothing answered."""

    what: str
    name: str
    file: Path
    is_missing: bool = False
    times: int = 1

    def __str__(self) -> str:
        return f"{self.what} {self.name}{f' ({self.times} times)' if self.times > 1 else ''}"


def folders_of(text: str, folder: Path) -> list[Path]:
    """Of the setting: relative ones are looked for from `folder` upwards, as is a project's file. Raises SettingsError."""
    return [_found(Path(one).expanduser(), folder.absolute()) for one in text.split(os.pathsep) if one]


def _found(named: Path, folder: Path) -> Path:
    for place in (folder, *folder.parents):
        if (place / named).is_dir():
            return (place / named).resolve()
    raise SettingsError(f"mocks is a folder, and there is none called {named} in {folder}, nor in a folder above it.")


def session_conf(mocks: str, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """For the request of a session of an embedded Fabric; empty without mocks."""
    folders = folders_of(mocks, folder)
    if not folders:
        return {}
    more = {USED_CONF: environ.get(USED_VARIABLE, ""), RECORD_CONF: environ.get(RECORD_VARIABLE, "")}
    return {
        MOCKS_CONF: os.pathsep.join(map(str, folders)),
        **{key: value for key, value in more.items() if value},
    }


def facts_of(conf: Mapping[str, str], private: Path) -> dict[str, Any] | None:
    """For the session's Python, by the conf of its request; without a file of the client's, uses are in its own folder."""
    folders = [one for one in conf.get(MOCKS_CONF, "").split(os.pathsep) if one]
    if not folders:
        return None
    used = conf.get(USED_CONF) or str(private / "mocks-used.jsonl")
    return {"folders": folders, "used": used, "record": bool(conf.get(RECORD_CONF))}


def read_used(file: Path) -> list[MockUse]:
    """Each once, in the order of their first use. Empty where nothing was used."""
    found: dict[tuple[str, str, bool], MockUse] = {}
    for use in _uses(file):
        key = (use.what, use.name, use.is_missing)
        times = found[key].times + 1 if key in found else 1
        found[key] = MockUse(*key[:2], use.file, use.is_missing, times)
    return list(found.values())


def _uses(file: Path) -> Iterator[MockUse]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        use = json.loads(line)
        yield MockUse(use["mock"], use["name"], Path(use["file"]), bool(use.get("missing")))


def used_text(uses: Sequence[MockUse]) -> str:
    """For the end of a run."""
    used, missing = ([use for use in uses if use.is_missing is is_missing] for is_missing in (False, True))
    lines = ["Mocks used:", *(f"  {use}" for use in used)] if used else ["No mock was used."]
    lines += ["Without a mock:", *(f"  {use}: add it to {use.file}" for use in missing)] if missing else []
    return "\n".join(lines)
