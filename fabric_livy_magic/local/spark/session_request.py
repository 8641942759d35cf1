"""Requests of clients, checked, in one form for both dialects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class SessionRequest:
    """For a session. Times are texts as the client sent them; `kind` is the default of its statements."""

    name: str | None = None
    kind: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    driver_memory: str | None = None
    driver_cores: int = 0
    executor_memory: str | None = None
    executor_cores: int = 0
    num_executors: int = 0
    archives: tuple[str, ...] = ()
    jars: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    py_files: tuple[str, ...] = ()
    queue: str | None = None
    proxy_user: str | None = None
    ttl: str | None = None
    idle_timeout: str | None = None
    heartbeat_timeout_s: int = 0


@dataclass(frozen=True, kw_only=True)
class BatchRequest(SessionRequest):
    """A Spark application of its own: `file` is a Python script or a jar."""

    file: str
    class_name: str | None = None
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class StatementRequest:
    code: str
    kind: str
    source_id: str | None = None
