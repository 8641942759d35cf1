"""Where the package's log goes. It says nothing until somebody asks for it."""

from __future__ import annotations

import logging
from pathlib import Path

LOGGER = logging.getLogger("fabric_livy_magic")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_ours: list[logging.Handler] = []


def write_to(path: Path | None = None) -> None:
    """Everything, into a file that only this user can read, or else to standard error."""
    if path is not None:
        path.touch(mode=0o600)
    handler = logging.StreamHandler() if path is None else logging.FileHandler(path, encoding="utf-8")
    stop_writing()
    handler.setFormatter(logging.Formatter(_FORMAT))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    _ours.append(handler)


def stop_writing() -> None:
    while _ours:
        handler = _ours.pop()
        LOGGER.removeHandler(handler)
        handler.close()
    LOGGER.setLevel(logging.NOTSET)
