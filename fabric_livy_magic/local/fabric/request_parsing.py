"""Request bodies and queries, checked: the refusal of a wrong type names the field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fabric_livy_magic.local.interpreters.engines import KINDS
from fabric_livy_magic.local.spark.session_request import BatchRequest, SessionRequest, StatementRequest

PAGE = 100
MOST_INT32 = 2**31 - 1

Body = dict[str, Any]


class BadRequest(ValueError):  # noqa: N818 - the status it becomes
    pass


def read_session_request(body: Body) -> SessionRequest:
    """Unknown fields are ignored, as Fabric does; a null counts as absent.

    `kind` is no part of Fabric's contract; clients made for Apache Livy send it when they create a session.
    """
    return SessionRequest(kind=_kind(_text(body, "kind")), **_common(body))


def read_batch_request(body: Body) -> BatchRequest:
    file = _text(body, "file")
    if not file:
        raise BadRequest("'file' is needed: the path of a .py or .jar file")
    return BatchRequest(file=file, class_name=_text(body, "className"), args=_texts(body, "args"), **_common(body))


def read_session_tag(body: Body) -> str | None:
    return _text(body, "sessionTag")


def _common(body: Body) -> dict[str, Any]:
    return {
        "name": _text(body, "name"),
        "conf": _text_map(body, "conf"),
        "tags": _text_map(body, "tags"),
        "driver_memory": _text(body, "driverMemory"),
        "driver_cores": _number(body, "driverCores"),
        "executor_memory": _text(body, "executorMemory"),
        "executor_cores": _number(body, "executorCores"),
        "num_executors": _number(body, "numExecutors"),
        "archives": _texts(body, "archives"),
        "jars": _texts(body, "jars"),
        "files": _texts(body, "files"),
        "py_files": _texts(body, "pyFiles"),
    }


def _kind(kind: str | None) -> str | None:
    if kind is not None and kind.lower() not in KINDS:
        raise BadRequest(f"kind {kind!r} is not known; use one of {_kinds()}")
    return KINDS[kind.lower()] if kind else None


def _kinds() -> str:
    return ", ".join(sorted(set(KINDS.values())))


def read_statement_request(body: Body, session_kind: str | None) -> StatementRequest:
    code, kind = body.get("code"), body.get("kind")
    if not isinstance(code, str):
        raise BadRequest("'code' must be a string")
    if not kind and not session_kind:
        raise BadRequest(f"'kind' is needed: one of {_kinds()}")
    found = _kind(_text(body, "kind") or session_kind)
    assert found is not None
    return StatementRequest(code, found, _text(body, "sourceId"))


# ---- one field


def _field(body: Body, key: str, fits: Callable[[Any], bool], what: str) -> Any:
    value = body.get(key)
    if value is not None and not fits(value):
        raise BadRequest(f"{key!r} must be {what}")
    return value


def _text(body: Body, key: str) -> str | None:
    value: str | None = _field(body, key, lambda value: isinstance(value, str), "a string")
    return value


def _number(body: Body, key: str) -> int:
    return _field(body, key, _is_int32, "a whole number") or 0


def _is_int32(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -MOST_INT32 - 1 <= value <= MOST_INT32


def _texts(body: Body, key: str) -> tuple[str, ...]:
    def fits(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)

    return tuple(_field(body, key, fits, "a list of strings") or ())


def _text_map(body: Body, key: str) -> dict[str, str]:
    def fits(value: Any) -> bool:
        return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())

    return _field(body, key, fits, "an object whose values are strings") or {}


# ---- queries


@dataclass(frozen=True)
class Page:
    top: int
    skip: int
    counted: bool

    @property
    def slice(self) -> slice:
        return slice(self.skip, self.skip + self.top)


def read_page(top: str | None, skip: str | None, count: str | None) -> Page:
    return Page(_whole("$top", top, PAGE), _whole("$skip", skip, 0), _flag("$count", count))


def read_byte_range(start: str | None, size: str | None) -> slice:
    """`from` and `size` of a statement's output, in bytes; all of it without them."""
    first = _whole("from", start, 0)
    return slice(first, None if size is None else first + _whole("size", size, 0))


def _whole(name: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MOST_INT32):
        raise BadRequest(f"{name} must be a whole number, not {text[:50]!r}")
    return int(text)


def _flag(name: str, text: str | None) -> bool:
    if text is not None and text.lower() not in ("true", "false"):
        raise BadRequest(f"{name} must be true or false, not {text[:50]!r}")
    return text is None or text.lower() == "true"
