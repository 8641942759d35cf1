"""Sessions, batches, statements and logs as Apache Livy shows them: these keys, all of them, in every state."""

from __future__ import annotations

from typing import Any, Protocol

from fabric_livy_magic.local.sessions.session import Session
from fabric_livy_magic.local.sessions.statements import Statement
from fabric_livy_magic.local.spark.session_request import BatchRequest

JsonObject = dict[str, Any]

VIEW_LOG_LINES = 10
NO_APP_INFO = {"driverLogUrl": None, "sparkUiUrl": None, "executorLogUrls": None}  # as with Spark in local mode


class Log(Protocol):
    def stdout_lines(self) -> list[str]: ...
    def stderr_lines(self) -> list[str]: ...


class BatchLike(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def request(self) -> BatchRequest: ...
    @property
    def state(self) -> str: ...
    @property
    def log(self) -> Log: ...


def log_lines(log: Log) -> list[str]:
    return ["stdout: ", *log.stdout_lines(), "\nstderr: ", *log.stderr_lines()]


def log_view(number: int, log: Log, start: int, size: int) -> JsonObject:
    """A negative start means the end, a negative size everything."""
    lines = log_lines(log)
    if size < 0:
        size = len(lines)
    if start < 0:
        start = max(0, len(lines) - size)
    end = start + size if start + size < 1 << 31 else 0  # beyond an int of Java it is negative, and nothing comes
    return {"id": number, "from": start, "total": len(lines), "log": lines[start:end]}


def state_of(session: Session) -> str:
    """Livy has no state before the start of the session's process."""
    state = session.state
    return "starting" if state == "acquiring" else state


def session_view(session: Session) -> JsonObject:
    request = session.request
    return {
        "id": int(session.id),
        "name": request.name,
        "appId": None,
        "owner": None,
        "proxyUser": None,  # no impersonation here
        "state": state_of(session),
        "kind": request.kind,
        "appInfo": NO_APP_INFO,
        "log": log_lines(session.log)[-VIEW_LOG_LINES:],
        "ttl": request.ttl,
        "idleTimeout": request.idle_timeout,
        "driverMemory": request.driver_memory,
        "driverCores": request.driver_cores,
        "executorMemory": request.executor_memory,
        "executorCores": request.executor_cores,
        "conf": dict(request.conf),
        "archives": list(request.archives),
        "files": list(request.files),
        "heartbeatTimeoutInSecond": request.heartbeat_timeout_s,
        "jars": list(request.jars),
        "numExecutors": request.num_executors,
        "pyFiles": list(request.py_files),
        "queue": request.queue,
    }


def batch_state(batch: BatchLike) -> str:
    return "starting" if batch.state == "not_started" else batch.state


def batch_view(batch: BatchLike) -> JsonObject:
    return {
        "id": int(batch.id),
        "name": batch.request.name,
        "owner": None,
        "proxyUser": None,
        "state": batch_state(batch),
        "appId": None,
        "appInfo": NO_APP_INFO,
        "log": log_lines(batch.log)[-VIEW_LOG_LINES:],
    }


def statement_view(statement: Statement) -> JsonObject:
    """Called with the REPL's lock held."""
    return {
        "id": statement.id,
        "code": statement.code,
        "state": statement.state,
        "output": statement.output,
        "progress": statement.progress,
        "started": statement.started,
        "completed": statement.completed,
    }
