"""Bodies of injected faults: pages of gateways, and responses that are cut or altered."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from fabric_livy_magic.local.sessions.capacity import FULL

# [FIELD] github.com/microsoft/fabric-migration/issues/14: no header says when to retry, only this text.
BLOCKED = "Request is blocked by the upstream service until: {until}"
MESSAGES = {
    401: "the access token has expired; get a new one",
    429: "Request is blocked by the upstream service: too many requests of this caller",
    430: FULL,
}


def gateway_page(status: int, reason: str) -> str:
    """As the gateways before the service write it."""
    title = f"{status} {reason}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>Microsoft-Azure-Application-Gateway/v2</center>\r\n"
        "</body>\r\n</html>\r\n"
    )


def blocked_until(moment: datetime) -> str:
    """As .NET writes a UTC time for Americans: `4/17/2026 12:22:35 PM (UTC)`."""
    hour = moment.hour % 12 or 12
    half = "AM" if moment.hour < 12 else "PM"
    until = f"{moment.month}/{moment.day}/{moment.year} {hour}:{moment.minute:02}:{moment.second:02} {half} (UTC)"
    return BLOCKED.format(until=until)


def first_half(body: bytes) -> bytes:
    """Never all of it, so that it is no longer valid JSON."""
    return body[: len(body) // 2]


def altered_statement(body: bytes, how: str) -> bytes | None:
    """The view of a finished statement, altered by `null-output` or `error-state`; None if the body is no such view."""
    try:
        view: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(view, dict) or view.get("state") != "available" or not view.get("output"):
        return None
    view |= {"output": None} if how == "null-output" else {"state": "Error"}
    return json.dumps(view).encode("ascii")
