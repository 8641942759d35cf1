"""The log of a batch, read as it grows: by the byte where Fabric's monitoring has the driver's log, else what the server keeps of it."""

from __future__ import annotations

from collections.abc import Sequence

from fabric_livy_magic.errors import FabricLivyError, NotFoundError, ThrottledError
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.driver_log import DriverLog
from fabric_livy_magic.livy.models import BatchInfo
from fabric_livy_magic.livy.monitoring import Monitored, SparkMonitoring

MOST_KEPT = 200
STREAMS = ("stdout", "stderr")
LEFT_OUT = "… lines in between are no longer kept"


class BatchLog:
    """Of one batch. A program in Python writes both its streams to `stdout`: Spark starts it so."""

    def __init__(self, client: LivyClient, batch_id: str) -> None:
        self._client = client
        self._id = batch_id
        self._app_id = ""
        monitoring = SparkMonitoring(client.http, lambda: Monitored(batch_id, self._app_id))
        self._has_files = monitoring.may_ask
        self._files = {name: DriverLog(monitoring, name) for name in STREAMS}
        self._has_read_files = False
        self._seen: dict[str, list[str]] = {}

    def new_lines(self, info: BatchInfo) -> dict[str, list[str]]:
        """What has come since the last call, by stream. `info` is the batch of now; where it has ended, these are the last lines.
        Raises HttpError."""
        self._app_id = info.app_id or ""
        if self._has_files and self._app_id:
            try:
                return self._of_files(is_last=info.state.has_ended)
            except ThrottledError:
                if not info.state.has_ended:
                    return {}  # it comes with the next look
            except FabricLivyError:
                pass  # no monitoring, or not of this: the batch itself has the end of its log
            self._has_files = False
        return self._of_window(info)

    def _of_window(self, info: BatchInfo) -> dict[str, list[str]]:
        """Before its Spark application is known, and where nothing else has its log."""
        is_in_it = self._client.dialect is Dialect.FABRIC
        found = {}
        for name, now in by_stream(info.log if is_in_it else self._client.batch_log(self._id)).items():
            found[name] = added_lines(self._seen.get(name, ()), now)
            self._seen[name] = now
        return found

    def _of_files(self, *, is_last: bool) -> dict[str, list[str]]:
        found = {}
        for name, file in self._files.items():
            try:
                lines = file.read()
            except NotFoundError:
                if name == "stdout":
                    raise
                continue
            while is_last and (more := file.read()):
                lines += more
            if is_last and (rest := file.rest()):
                lines.append(rest)
            texts = [line.decode("utf-8", "replace").rstrip("\r") for line in lines]
            seen = self._seen.get(name, [])
            found[name] = texts if self._has_read_files else lines_after(seen, texts)
            self._seen[name] = [*seen, *found[name]][-MOST_KEPT:]  # for the case that these files are no longer given
        self._has_read_files = True
        return found


def by_stream(lines: Sequence[str]) -> dict[str, list[str]]:
    """Livy's log has both streams below one another: `stdout: `, lines, `stderr: `, lines. Without these headings it is one."""
    found: dict[str, list[str]] = {name: [] for name in STREAMS}
    current = "stdout"
    for line in lines:
        heading = line.strip()
        if heading in {f"{name}:" for name in STREAMS}:
            current = heading[:-1]
        else:
            found[current].append(line.rstrip("\r\n"))
    return found


def lines_after(seen: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Those of a whole log below the ones that were seen of its end, at an earlier time; the last of these may have been half a line."""
    for known in (seen, seen[:-1]):
        for start in range(len(lines) - len(known), -1, -1) if known else ():
            if list(lines[start : start + len(known)]) == list(known):
                return list(lines[start + len(known) :])
    return list(lines)


def added_lines(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """The new ones of a log of which only the last lines are kept. The last line of `before` may have been half a line: then the whole
    comes. Where nothing of `before` is left, a line says that there is a gap."""
    for shift in range(len(before)):
        kept = list(before[shift:])
        if list(now[: len(kept)]) == kept:
            return list(now[len(kept) :])
        last = len(kept) - 1
        if kept[last] and last < len(now) and list(now[:last]) == kept[:last] and now[last].startswith(kept[last]):
            return list(now[last:])
    return [*([LEFT_OUT] if before and now else []), *now]
