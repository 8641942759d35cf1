"""Request bodies, read as Jackson reads them for Apache Livy.

An unknown field is an error, numbers and booleans are taken as text where text is expected, and what follows the first JSON
value is ignored. What Livy notices only when it uses a value is raised by `session_request` and `batch_request`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from fabric_livy_magic.local.apache.refusals import LivyRefusal, null_pointer, requirement, thrown, unreadable
from fabric_livy_magic.local.interpreters.engines import KINDS
from fabric_livy_magic.local.spark.session_request import BatchRequest, SessionRequest

Fields = dict[str, Any]
Reader = Callable[[str, Any], Any]

SHARED = "shared"
SESSION_KINDS = {**KINDS, SHARED: SHARED}


# ---- one field


def text(name: str, value: Any) -> str | None:
    if isinstance(value, dict | list):
        raise _mismatch("java.lang.String", name, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def texts(name: str, value: Any) -> list[str | None] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise _mismatch("scala.collection.immutable.List<java.lang.String>", name, value)
    return [text(name, item) for item in value]


def text_map(name: str, value: Any) -> dict[str, str | None] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _mismatch("scala.collection.immutable.Map<java.lang.String,java.lang.String>", name, value)
    return {key: text(name, item) for key, item in value.items()}


def number(name: str, value: Any) -> int:
    """The fraction is cut off, and a text is parsed."""
    if value is None:
        return 0
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            read = int(value) if not isinstance(value, str) or value.strip() else 0
            if abs(read) < 1 << 31:
                return read
    except (ValueError, OverflowError):
        pass  # refused below
    raise _mismatch("int", name, value)


def anything(_name: str, value: Any) -> Any:
    return value


def kind(_name: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise unreadable("requirement failed: Kind should be a string.")
    if value not in SESSION_KINDS:
        raise unreadable(f"Invalid kind: {value}")
    return SESSION_KINDS[value]


def base64_bytes(name: str, value: Any) -> bytes | None:
    if value is None:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise _mismatch("byte[]", name, value) from None


def _mismatch(wanted: str, name: str, value: Any) -> LivyRefusal:
    found = {dict: "Object", list: "Array", str: "String", bool: "Boolean"}.get(type(value), "Number")
    return unreadable(f'Cannot deserialize value of type `{wanted}` from {found} value: see field "{name}"')


# ---- bodies

COMMON: Mapping[str, Reader] = {
    "proxyUser": text,
    "jars": texts,
    "pyFiles": texts,
    "files": texts,
    "driverMemory": text,
    "driverCores": anything,
    "executorMemory": text,
    "executorCores": anything,
    "numExecutors": anything,
    "archives": texts,
    "queue": text,
    "name": text,
    "conf": text_map,
}
SESSION: Mapping[str, Reader] = {
    "kind": kind,
    **COMMON,
    "heartbeatTimeoutInSecond": number,
    "ttl": text,
    "idleTimeout": text,
}
BATCH: Mapping[str, Reader] = {"file": text, "args": texts, "className": text, **COMMON}
STATEMENT: Mapping[str, Reader] = {"code": text, "kind": text}
COMPLETION: Mapping[str, Reader] = {"code": text, "kind": text, "cursor": number}
JOB: Mapping[str, Reader] = {"job": base64_bytes, "jobType": text}
RESOURCE: Mapping[str, Reader] = {"uri": text}


def read_body(body: bytes, fields: Mapping[str, Reader], java_class: str) -> Fields:
    """Raises Livy's own refusal."""
    value = _first_value(body)
    if value is None:
        raise null_pointer(java_class)
    if not isinstance(value, dict):
        raise _mismatch(java_class, "(the whole body)", value)
    read: Fields = {}
    for name, field in value.items():
        if name not in fields:
            known = ", ".join(f'"{one}"' for one in fields)
            raise unreadable(
                f'Unrecognized field "{name}" (class {java_class}), not marked as ignorable '
                f"({len(fields)} known properties: {known})"
            )
        read[name] = fields[name](name, field)
    return read


def _first_value(body: bytes) -> Any:
    try:
        text = body.decode("utf-8").lstrip(" \t\r\n")
        if not text:
            raise unreadable("No content to map due to end-of-input")
        return json.JSONDecoder(parse_constant=_no_constant).raw_decode(text)[0]
    except UnicodeDecodeError as problem:
        raise unreadable(f"Invalid UTF-8: {problem.reason}") from problem
    except RecursionError as problem:
        raise unreadable("Document nesting depth exceeds the maximum allowed") from problem
    except ValueError as problem:
        raise unreadable(f"Unexpected character or end of input: {problem}") from problem


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"Non-standard token '{name}'")


# ---- the requests in them


def read_session(body: bytes) -> Fields:
    return read_body(body, SESSION, "org.apache.livy.server.interactive.CreateInteractiveRequest")


def session_request(read: Fields) -> SessionRequest:
    if read.get("kind", SHARED) is None:
        raise null_pointer("kind")
    return SessionRequest(
        kind=read.get("kind", SHARED),
        ttl=read.get("ttl"),
        idle_timeout=read.get("idleTimeout"),
        heartbeat_timeout_s=read.get("heartbeatTimeoutInSecond", 0),
        **_common(read),
    )


def read_batch(body: bytes) -> Fields:
    return read_body(body, BATCH, "org.apache.livy.server.batch.CreateBatchRequest")


def batch_request(read: Fields) -> BatchRequest:
    """The caller checks its file."""
    return BatchRequest(
        file=read.get("file") or "", class_name=read.get("className"), args=_items(read, "args"), **_common(read)
    )


def _common(read: Fields) -> dict[str, Any]:
    return {
        "name": read.get("name"),
        "conf": {key: value for key, value in _present(read, "conf", {}).items() if value is not None},
        "driver_memory": read.get("driverMemory"),
        "driver_cores": _integer(read, "driverCores"),
        "executor_memory": read.get("executorMemory"),
        "executor_cores": _integer(read, "executorCores"),
        "num_executors": _integer(read, "numExecutors"),
        "archives": _items(read, "archives"),
        "jars": _items(read, "jars"),
        "files": _items(read, "files"),
        "py_files": _items(read, "pyFiles"),
        "queue": read.get("queue"),
        "proxy_user": read.get("proxyUser"),
    }


def _present(read: Fields, name: str, default: Any) -> Any:
    value = read.get(name, default)
    if value is None:
        raise null_pointer(name)
    return value


def _items(read: Fields, name: str) -> tuple[str, ...]:
    items = _present(read, name, ())
    if None in items:
        raise null_pointer(name)
    return tuple(items)


def _integer(read: Fields, name: str) -> int:
    """Jackson does not know that Scala expects a number here, so Livy fails only when it uses the value."""
    value = read.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 1 << 31:
        found = {str: "String", bool: "Boolean", float: "Double"}.get(type(value), "Object")
        wrong = f"class java.lang.{found} cannot be cast to class java.lang.Integer"
        raise thrown("java.lang.ClassCastException", f'{wrong}: "{name}"')
    return value


@dataclass(frozen=True)
class StatementBody:
    code: str | None
    kind: str | None


def read_statement(body: bytes) -> StatementBody:
    read = read_body(body, STATEMENT, "org.apache.livy.ExecuteRequest")
    return StatementBody(read.get("code"), read.get("kind"))


@dataclass(frozen=True)
class CompletionBody(StatementBody):
    cursor: int


def read_completion(body: bytes) -> CompletionBody:
    read = read_body(body, COMPLETION, "org.apache.livy.CompletionRequest")
    return CompletionBody(read.get("code"), read.get("kind"), read.get("cursor", 0))


@dataclass(frozen=True)
class JobBody:
    pickled: bytes | None
    job_type: str | None

    def checked(self) -> bytes:
        if not self.pickled:
            raise requirement("no job provided.")
        return self.pickled


def read_job(body: bytes) -> JobBody:
    read = read_body(body, JOB, "org.apache.livy.client.common.HttpMessages$SerializedJob")
    return JobBody(read.get("job"), read.get("jobType"))


def read_resource(body: bytes) -> str | None:
    """The URI of a file to add."""
    uri: str | None = read_body(body, RESOURCE, "org.apache.livy.client.common.HttpMessages$AddResource").get("uri")
    return uri
