"""The server's own log: refusals, failures, injected faults. Never a body, code, a query or a token.

One file for all servers of a user, as most of them live for one notebook only; each line has its server's process id.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import re
import traceback
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType

from fabric_livy_magic.own_folders import own_folder, user_folder

OWN_LOGGER = "fabric_livy_magic.local"
INFO_LOGGERS = (OWN_LOGGER, "tornado")  # others log from WARNING on
MOST_BYTES = 1024 * 1024  # and as much in the one before


def log_file() -> Path:
    return user_folder("state") / "serve.log"


def begin_log() -> Path | None:
    """None where no such file can be written; failures then go to standard error."""
    try:
        path = log_file()
        own_folder(path.parent)
        _write_to(_OwnerOnlyFile(path, maxBytes=MOST_BYTES, backupCount=1, encoding="utf-8"))
    except OSError:
        stderr = logging.StreamHandler()
        stderr.setLevel(logging.ERROR)
        _write_to(stderr)
        return None
    return path


def _write_to(handler: logging.Handler) -> None:
    """On the root logger, so that no library's logger writes to standard error itself."""
    handler.setFormatter(_Formatter())
    logging.getLogger().addHandler(handler)
    for name in INFO_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)


class _OwnerOnlyFile(logging.handlers.RotatingFileHandler):
    """Readable by its owner alone, also after a rollover. Several servers write it; one of them rolls it over."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return open(descriptor, "a", encoding=self.encoding)  # noqa: PTH123 - of a descriptor; logging closes it

    def doRollover(self) -> None:  # noqa: N802 - the name that logging calls
        path = Path(self.baseFilename)
        assert self.stream is not None  # it is full
        with contextlib.suppress(OSError):  # another server has just done so
            if path.stat().st_ino == os.fstat(self.stream.fileno()).st_ino:
                path.replace(f"{path}.1")
        self.stream.close()
        self.stream = self._open()


class _Formatter(logging.Formatter):
    """Exceptions without their messages, and libraries' lines without their arguments: both may hold a user's text."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(process)d %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        if not record.name.startswith(OWN_LOGGER):
            words = re.split(r"[%:\n]", str(record.msg))[0].strip()
            record = logging.makeLogRecord({**record.__dict__, "msg": f"{record.name}: {words}", "args": ()})
        return super().format(record)

    def formatException(  # noqa: N802 - the name that logging calls
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        frames = "".join(traceback.format_tb(ei[2]))
        return f"{frames}{ei[0].__name__ if ei[0] else ''}"
