"""Logs of sessions and batches: files that their processes write, read from the end."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

TAIL_BYTES = 64 * 1024
TAIL_LINES = 100
STREAM_BYTES = 512 * 1024
MOST_BYTES = 256 * 1024 * 1024  # of each stream of a batch, on the disk
STREAM_LINES = 200  # Livy's `livy.cache-log.size`
REASON_WORDS = ("error", "exception", "caused by", "fatal", "unrecognized", "invalid", "could not", "failed")
REASON_LINES = 3
OWN_MARK = " fabric-livy "


def last_lines(path: Path, lines: int, most_bytes: int) -> list[str]:
    """Reads no more than the last `most_bytes` of the file."""
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - most_bytes))
            text = log.read(most_bytes).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    found = re.split(r"\r\n|\n|\r", text)
    if not found[-1]:
        found.pop()
    return found[-lines:]


def significant_lines(lines: Sequence[str]) -> str:
    """The last lines that look like the reason of an error, or follow such a line."""
    kept = [line.strip() for line in lines if not line.lstrip().startswith("at ") and OWN_MARK not in line]
    matches = [any(word in line.lower() for word in REASON_WORDS) for line in kept]
    reasons = [
        line for line, matching, follows in zip(kept, matches, [False, *matches], strict=False) if matching or follows
    ]
    return " ".join(reasons[-REASON_LINES:])


def driver_logs(stdout: Path, stderr: Path) -> Mapping[str, Path]:
    """Those that exist, by the names of driver logs in Fabric's monitoring."""
    return {name: path for name, path in (("stdout", stdout), ("stderr", stderr)) if path.exists()}


class SessionLog:
    """What the JVM, the Python process and the server write, and in a file of its own the JVM's standard output."""

    def __init__(self, path: Path, stdout: Path) -> None:
        self._path = path
        self._stdout = stdout

    def write(self, line: str) -> None:
        now = datetime.now(UTC)
        try:
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as log:
                log.write(f"{now:%y/%m/%d %H:%M:%S}{OWN_MARK}{line.rstrip()}\n")
        except FileNotFoundError:
            pass  # the session's folder has been removed, and its log with it

    @property
    def files(self) -> Mapping[str, Path]:
        return driver_logs(self._stdout, self._path)

    def tail(self) -> list[str]:
        """The last lines of both: first the standard output, then the log."""
        printed = last_lines(self._stdout, TAIL_LINES // 2, TAIL_BYTES)
        return printed + last_lines(self._path, TAIL_LINES - len(printed), TAIL_BYTES)

    def stdout_lines(self) -> list[str]:
        return last_lines(self._stdout, STREAM_LINES, STREAM_BYTES)

    def stderr_lines(self) -> list[str]:
        return last_lines(self._path, STREAM_LINES, STREAM_BYTES)

    def significant_lines(self) -> str:
        return significant_lines(self.tail())


class BatchLog:
    """The standard output and the standard error of an application. Spark sends both of a Python script to the former."""

    def __init__(self, folder: Path) -> None:
        self.stdout_file = folder / "stdout"
        self.stderr_file = folder / "stderr"

    @property
    def files(self) -> Mapping[str, Path]:
        return driver_logs(self.stdout_file, self.stderr_file)

    def stdout_lines(self) -> list[str]:
        return last_lines(self.stdout_file, STREAM_LINES, STREAM_BYTES)

    def stderr_lines(self) -> list[str]:
        return last_lines(self.stderr_file, STREAM_LINES, STREAM_BYTES)

    def shorten(self, most_bytes: int = MOST_BYTES) -> None:
        """Keeps an endless output from filling the disk. The streams are open to append, so what follows is kept."""
        for file in (self.stdout_file, self.stderr_file):
            if file.stat().st_size > most_bytes:
                kept = last_lines(file, STREAM_LINES, STREAM_BYTES)
                os.truncate(file, 0)
                with file.open("a", encoding="utf-8") as log:
                    log.write("\n".join(["… older lines were dropped", *kept, ""]))

    def tail(self) -> list[str]:
        """The last lines of both, in Livy's form."""
        ends = [last_lines(file, TAIL_LINES // 2, TAIL_BYTES // 2) for file in (self.stdout_file, self.stderr_file)]
        return ["stdout: ", *ends[0], "\nstderr: ", *ends[1]]
