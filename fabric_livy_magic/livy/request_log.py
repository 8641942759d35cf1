"""One line for each request: its number, method, path, status, time, bytes and the server's id. Never a header, never a body."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

_LOG = logging.getLogger(__name__)
_NUMBERS = itertools.count(1)


def log_response(response: requests.Response, received_bytes: int) -> None:
    """The URL's query (paging) is left out, too."""
    if _LOG.isEnabledFor(logging.DEBUG):
        server_id = response.headers.get("RequestId") or response.headers.get("x-ms-request-id") or "-"
        _LOG.debug(
            "#%d %s %s → %d in %.0f ms, %d bytes, id %s",
            next(_NUMBERS),
            response.request.method,
            (response.request.path_url or "").partition("?")[0],
            response.status_code,
            response.elapsed.total_seconds() * 1000,
            received_bytes,
            server_id,
        )


def log_failure(method: str, path: str, error: Exception) -> None:
    """For a request without an answer. The error's text is left out: it may quote what was sent."""
    _LOG.debug("#%d %s %s → no answer: %s", next(_NUMBERS), method, path, type(error).__name__)
