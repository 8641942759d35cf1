"""The logs of a session or batch that a person asks for: Livy's own window on it, the driver's, Livy's and the executors' files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from fabric_livy_magic.errors import MonitoringError, NotFoundError, SettingsError
from fabric_livy_magic.livy.application import Application
from fabric_livy_magic.livy.batch_logs import STREAMS, added_lines, by_stream
from fabric_livy_magic.livy.client import LIVE_LINE
from fabric_livy_magic.livy.driver_log import DriverLog
from fabric_livy_magic.livy.spark_report import DRIVER, Executor, executors_of

MOST_EXECUTOR_BYTES = 16 * 1024 * 1024  # read from its beginning: the API has no other way
LEFT_OUT = "… the rest is not read: the API gives the log of an executor from its beginning alone"
SESSION_LOG, DRIVER_LOG, LIVY_LOG = "session", "driver", "livy"


class LogOfRun(Protocol):
    def new_lines(self, *, is_last: bool = False) -> Mapping[str, list[str]]:
        """What has come since the last call, by stream. `is_last`: nothing more comes. Raises HttpError, MonitoringError."""
        ...


class WindowLog:
    """The last lines, as Livy keeps them of each stream."""

    def __init__(self, read: Callable[[], list[str]]) -> None:
        self._read = read
        self._seen: dict[str, list[str]] = {}

    def new_lines(self, *, is_last: bool = False) -> Mapping[str, list[str]]:
        now = by_stream(self._read())
        found = {name: added_lines(self._seen.get(name, ()), lines) for name, lines in now.items()}
        self._seen = now
        return found


class FileLog:
    """One or more files, by their names, read on from where the last look ended."""

    def __init__(self, application: Application, files: Mapping[str, DriverLog], what: str) -> None:
        self._application = application
        self._files = files
        self._what = what

    def new_lines(self, *, is_last: bool = False) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        with self._application.explained(self._what):
            for name, file in self._files.items():
                try:
                    found[name] = self._lines_of(file, is_last=is_last)
                except NotFoundError:
                    if name == next(iter(self._files)):
                        raise
        return found

    def _lines_of(self, file: DriverLog, *, is_last: bool) -> list[str]:
        lines = file.read()
        while is_last and (more := file.read()):
            lines += more
        if is_last and (rest := file.rest()):
            lines.append(rest)
        return text_lines(lines)


class ExecutorLog:
    """Both streams of one executor, each with its `-active` file where its logs roll: the whole each time, of which the new part is
    given."""

    def __init__(self, application: Application, wanted: str) -> None:
        self._application = application
        self._wanted = wanted
        self._container = ""
        self._sizes: dict[str, int] = {}

    def new_lines(self, *, is_last: bool = False) -> Mapping[str, list[str]]:
        monitoring = self._application.monitoring
        found: dict[str, list[str]] = {}
        with self._application.explained(f"the log of executor {self._wanted}"):
            containers = containers_of(monitoring.executor_logs())
            self._container = self._container or self._find(containers)
            for name, size in sorted(containers.get(self._container, {}).items()):
                before = self._sizes.get(name, 0)
                if name.removesuffix("-active") not in STREAMS or min(size, MOST_EXECUTOR_BYTES) <= before:
                    continue
                content = monitoring.executor_log(self._container, name, min(size, MOST_EXECUTOR_BYTES))
                whole = content if is_last or size > MOST_EXECUTOR_BYTES else content[: content.rfind(b"\n") + 1]
                found[name] = text_lines(whole[before:].rstrip(b"\n").split(b"\n")) if whole[before:] else []
                found[name] += [LEFT_OUT] if size > MOST_EXECUTOR_BYTES else []
                self._sizes[name] = max(before, len(whole))
        return found

    def _find(self, containers: Mapping[str, Any]) -> str:
        if self._wanted in containers:
            return self._wanted
        executors = executors_of(self._application.monitoring.get("/allexecutors"))
        if container := container_of(self._wanted, executors, sorted(containers)):
            return container
        known = ", ".join(one.id for one in executors) or "none so far"
        raise SettingsError(f"There is no log of an executor {self._wanted!r}. This application has had: {known}.")


def container_of(wanted: str, executors: list[Executor], containers: list[str]) -> str:
    """Of the executor of that id: as Spark names it; without that YARN's first container is the driver's, and the one of executor N the
    next but N. Empty where there is none."""
    own = next((one for one in executors if one.id == wanted), None)
    if own is None:
        return ""
    if own.container_id:
        return own.container_id if own.container_id in containers else ""
    number = 0 if own.id == DRIVER else int(own.id) if own.id.isdecimal() else -1
    suffix = f"_{number + 1:06d}"
    return next((one for one in containers if one.endswith(suffix)), "") if number >= 0 else ""


def containers_of(answer: Any) -> dict[str, dict[str, int]]:
    """Sizes of log files by their names, by container. A size may be text."""
    found: dict[str, dict[str, int]] = {}
    for one in answer if isinstance(answer, list) else []:
        if not isinstance(one, Mapping):
            continue
        files = one.get("containerLogMeta")
        files = files if isinstance(files, list) else [files]
        found[str(one.get("containerId") or "")] = {
            str(file.get("fileName") or ""): _size(file) for file in files if isinstance(file, Mapping)
        }
    return found


def _size(file: Mapping[str, Any]) -> int:
    value = str(file.get("fileSize", file.get("length", "")))
    return int(value) if value.isdecimal() and len(value) < 16 else 0


def text_lines(lines: list[bytes]) -> list[str]:
    """Without those that a cell has written for its notebook."""
    texts = [line.decode("utf-8", "replace").rstrip("\r") for line in lines]
    return [text for text in texts if LIVE_LINE not in text]


def log_of_run(application: Application, source: str, executor: str, window: Callable[[], list[str]]) -> LogOfRun:
    """`source` is one of the three above; `executor`, where it is given, counts instead. `window` reads Livy's own."""
    if source == SESSION_LOG and not executor:
        return WindowLog(window)
    what = f"--executor {executor}" if executor else f"--{source}"
    if not application.is_fabric:
        raise MonitoringError(
            f"{what} is for Fabric, which has that log in its monitoring API. Apache Livy has one log of a session, with what its driver "
            "writes: `%livy logs` without it."
        )
    if executor:
        return ExecutorLog(application, executor)
    if source == LIVY_LOG:
        ask = application.monitoring.livy_log
        return FileLog(application, {LIVY_LOG: DriverLog(application.monitoring, ask=ask)}, "Livy's log")
    return FileLog(application, {name: DriverLog(application.monitoring, name) for name in STREAMS}, "the driver's log")
