"""Request bodies, checked: wrong types get an answer that names the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fabric_livy_magic.local.engines import KINDS

PAGE = 100


class BadRequest(ValueError):  # noqa: N818 - the status it becomes
    pass


TEXT = ("name", "driverMemory", "executorMemory", "kind")
WHOLE_NUMBERS = ("driverCores", "executorCores", "numExecutors")
TEXT_MAPS = ("conf", "tags")
TEXT_LISTS = ("archives",)


def check_session_request(body: dict[str, Any]) -> None:
    """Unknown fields are let through, as Fabric does; a null counts as absent."""
    given = {key: value for key, value in body.items() if value is not None}
    for key in TEXT:
        _need(key, given, lambda value: isinstance(value, str), "a string")
    for key in WHOLE_NUMBERS:
        _need(key, given, lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number")
    for key in TEXT_MAPS:
        _need(key, given, _is_text_map, "an object whose values are strings")
    for key in TEXT_LISTS:
        _need(key, given, _is_text_list, "a list of strings")


def _need(key: str, body: dict[str, Any], fits: Any, what: str) -> None:
    if key in body and not fits(body[key]):
        raise BadRequest(f"{key!r} must be {what}")


def _is_text_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_text_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


@dataclass(frozen=True)
class StatementRequest:
    code: str
    kind: str
    source_id: str | None


def read_statement_request(body: dict[str, Any], session_kind: str | None) -> StatementRequest:
    """`session_kind` is no part of Fabric's contract; clients made for Apache Livy send it when they make a session."""
    code, kind, source_id = (body.get(key) for key in ("code", "kind", "sourceId"))
    if not isinstance(code, str):
        raise BadRequest("'code' must be a string")
    if source_id is not None and not isinstance(source_id, str):
        raise BadRequest("'sourceId' must be a string")
    kind = kind or session_kind
    if not kind:
        raise BadRequest(f"'kind' is needed: one of {', '.join(sorted(set(KINDS.values())))}")
    if not isinstance(kind, str) or kind.lower() not in KINDS:
        raise BadRequest(f"kind {kind!r} is not known; use one of {', '.join(sorted(set(KINDS.values())))}")
    return StatementRequest(code, KINDS[kind.lower()], source_id)


@dataclass(frozen=True)
class Page:
    top: int
    skip: int

    @property
    def slice(self) -> slice:
        return slice(self.skip, self.skip + self.top)


def read_page(top: str, skip: str) -> Page:
    for name, text in (("$top", top), ("$skip", skip)):
        if text and not (text.isascii() and text.isdigit() and len(text) < 10):
            raise BadRequest(f"{name} must be a whole number, not {text!r}")
    return Page(int(top or PAGE), int(skip or 0))
