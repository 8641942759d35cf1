"""Where the package's log goes. It is silent until `write_to` is called.

Every logger below `fabric_livy_magic` writes lines without tokens, secrets, code and data, and none above INFO, which
Python would show by default.
"""

from __future__ import annotations

import logging
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.printable import printable

LOGGER = logging.getLogger("fabric_livy_magic")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_own_handlers: list[logging.Handler] = []


class _PrintableLines(logging.Formatter):
    """A line quotes a server: its id of a request, the path that it named."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


class _PrivateFile(logging.FileHandler):
    """Readable by this user alone, also where the file exists already."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            Path(self.baseFilename).chmod(0o600)
            return open(descriptor, "a", encoding="utf-8")  # noqa: PTH123 - a descriptor
        except BaseException:
            os.close(descriptor)
            raise


class _CurrentStderr(logging.StreamHandler[Any]):
    """Looks up standard error for each line: a kernel replaces it for each cell."""

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, _: Any) -> None:
        pass


def write_to(path: Path | None = None) -> None:
    """Logs everything into a file, or else to standard error, instead of an earlier destination. Raises SettingsError."""
    try:
        handler = _CurrentStderr() if path is None else _PrivateFile(path)
    except OSError as error:
        raise SettingsError(f"Nothing can be logged into {path}: {error.strerror}.") from error
    stop_writing()
    handler.setFormatter(_PrintableLines(_FORMAT))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    LOGGER.propagate = False  # a program that logs by itself would show each line twice
    _own_handlers.append(handler)


def stop_writing() -> None:
    while _own_handlers:
        handler = _own_handlers.pop()
        LOGGER.removeHandler(handler)
        handler.close()
    LOGGER.setLevel(logging.NOTSET)
    LOGGER.propagate = True
