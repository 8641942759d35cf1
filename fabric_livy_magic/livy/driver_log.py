"""What comes to the log of a session's Spark driver, or to another log of the monitoring, read as it grows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from fabric_livy_magic.livy.monitoring import SparkMonitoring

PART_BYTES = 1024 * 1024  # the documented size of a part
MOST_PARTS = 4  # in one look
MOST_LINE_BYTES = 4 * 1024 * 1024
FIRST_BACK_BYTES = 256 * 1024  # of what was there before the first look


class DriverLog:
    """Its standard output, or its standard error; or what `ask` has, which takes the same parameters as `driver_log`."""

    def __init__(
        self, monitoring: SparkMonitoring, file_name: str = "stdout", ask: Callable[..., Any] | None = None
    ) -> None:
        self._monitoring = monitoring
        self._ask = ask or functools.partial(monitoring.driver_log, fileName=file_name)
        self._offset: int | None = None
        self._begun = b""  # a line whose end has not come

    @property
    def may_ask(self) -> bool:
        return self._monitoring.may_ask and self._monitoring.has_driver_log

    @property
    def is_near(self) -> bool:
        return self._monitoring.is_near

    def is_missing(self) -> None:
        """Nobody asks for it any more in this session."""
        self._monitoring.has_driver_log = False

    def read(self) -> list[bytes]:
        """The whole lines that have come since the last call. Raises FabricLivyError."""
        if self._offset is None:
            self._offset = max(0, self._length() - FIRST_BACK_BYTES)
        for _ in range(MOST_PARTS):
            query = {"isDownload": "true", "isPartial": "true", "offset": self._offset, "size": PART_BYTES}
            part: bytes = self._ask(**query).content
            self._offset += len(part)
            self._begun += part
            if len(part) < PART_BYTES:
                break
        *lines, self._begun = self._begun.split(b"\n")
        self._begun = self._begun if len(self._begun) <= MOST_LINE_BYTES else b""
        return lines

    def rest(self) -> bytes:
        """What came after the last line break."""
        rest, self._begun = self._begun, b""
        return rest

    def _length(self) -> int:
        about = self._ask(meta="true")
        about = about.get("containerLogMeta", about) if isinstance(about, dict) else {}
        length = about.get("length") if isinstance(about, dict) else None
        return int(length) if isinstance(length, int | str) and str(length).isdecimal() else 0
