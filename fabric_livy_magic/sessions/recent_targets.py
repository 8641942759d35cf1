"""The targets of this user's latest sessions, as they were typed, kept beside the records of sessions."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from fabric_livy_magic.own_folders import user_folder, write_private

MOST_KEPT = 12


def recent_targets() -> list[str]:
    """The latest first; empty where the file cannot be read."""
    try:
        content = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [one for one in content if isinstance(one, str)] if isinstance(content, list) else []


def note_target(text: str) -> None:
    """Best effort: a folder may be closed."""
    kept = list(dict.fromkeys([text, *recent_targets()]))[:MOST_KEPT]
    with contextlib.suppress(OSError):
        write_private(_file(), json.dumps(kept))


def _file() -> Path:
    return user_folder("state") / "recent_targets.json"
