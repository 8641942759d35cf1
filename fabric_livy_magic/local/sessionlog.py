"""A session's log: a file that the JVM, the Python process and the server write to, and one of the JVM's output."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

TAIL_BYTES = 64 * 1024
TAIL_LINES = 100
KEPT_LINES = 200  # of each of the two; Livy's `livy.cache-log.size`
TELLING = ("error", "exception", "caused by", "fatal", "unrecognized", "invalid", "could not", "failed")
TELLING_LINES = 3
OURS = " fabric-livy "


class SessionLog:
    def __init__(self, path: Path, stdout: Path) -> None:
        self._path = path
        self._stdout = stdout

    def write(self, line: str) -> None:
        now = datetime.now(UTC)
        try:
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as log:
                log.write(f"{now:%y/%m/%d %H:%M:%S}{OURS}{line.rstrip()}\n")
        except FileNotFoundError:
            pass  # the session's folder is gone, and its log with it

    def tail(self) -> list[str]:
        """The end of both: first what was printed, then the log."""
        printed = self.stdout_lines()[-TAIL_LINES // 2 :]
        return printed + self.stderr_lines()[-(TAIL_LINES - len(printed)) :]

    def stdout_lines(self) -> list[str]:
        return _end_of(self._stdout)

    def stderr_lines(self) -> list[str]:
        return _end_of(self._path)

    def telling_lines(self) -> str:
        """The last lines that look like a reason, or follow one that does."""
        lines = [line.strip() for line in self.tail() if not line.lstrip().startswith("at ") and OURS not in line]
        looks = [any(word in line.lower() for word in TELLING) for line in lines]
        telling = [line for line, here, before in zip(lines, looks, [False, *looks], strict=False) if here or before]
        return " ".join(telling[-TELLING_LINES:])


def _end_of(path: Path) -> list[str]:
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL_BYTES))
            text = log.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-KEPT_LINES:]
