"""Statements and errors as the published API shows them; sessions are in `session_views`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from fabric_livy_magic.local.interpreters.outputs import Output
from fabric_livy_magic.local.sessions.statements import Statement

JsonObject = dict[str, Any]


def error_view(code: str, message: str, request_id: str) -> JsonObject:
    return {"errorCode": code, "message": message, "requestId": request_id, "moreDetails": []}


def time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def person_id(name: str) -> str:
    """A stable id derived from the name; an embedded Fabric has no directory of users."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"fabric-livy:{name}"))


def statement_view(statement: Statement, part: slice = slice(0, None)) -> JsonObject:
    """`part` is the requested part of the output's text, in bytes."""
    view = {
        "id": statement.id,
        "code": statement.code,
        "state": statement.state,
        "sourceId": statement.source_id,
        "output": _part_of(statement.output, part) if statement.output else None,
        "progress": statement.progress,
        "started": statement.started,
        "completed": statement.completed,
    }
    if statement.source_id is None:
        del view["sourceId"]
    return view


def _part_of(output: Output, part: slice) -> Output:
    """The contract pages an output by bytes and does not say of which part; only text can be cut."""
    text = output.get("data", {}).get("text/plain")
    if text is None or part == slice(0, None):
        return output
    cut = text.encode("utf-8", errors="surrogatepass")[part].decode("utf-8", errors="ignore")
    return {**output, "data": {**output["data"], "text/plain": cut}}
