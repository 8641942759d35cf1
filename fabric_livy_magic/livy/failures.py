"""Failed calls as HttpError: no connection, an error status, or an answer that no Livy server gives."""

from __future__ import annotations

import email.utils
import html
import re
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypedDict
from urllib.parse import urlsplit

import requests

from fabric_livy_magic.errors import (
    AccessError,
    AnswerTooLarge,
    CapacityError,
    ConnectionFailed,
    HttpError,
    NotFoundError,
    NotLivyError,
    ThrottledError,
)
from fabric_livy_magic.livy.exchange import CONNECT_TIMEOUT_S
from fabric_livy_magic.livy.json_answers import MOST_NESTED, read_json
from fabric_livy_magic.livy.target_words import OF_FABRIC, TargetWords

GZIP = b"\x1f\x8b"
CHECK_THE_NETWORK = "Is the address right, and the network (VPN, proxy) there?"
TRUST_HINT = "Where a proxy of the company opens TLS, its CA has to be trusted: `%livy config ca_file <PEM file>`."
NO_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
)  # OpenSSL's error codes for a server without TLS


# ------------------------------------------------------------------------------------------------ no answer at all
def connection_error(error: Exception, method: str, host: str, timeout_s: float) -> ConnectionFailed:
    """The error for what `requests` raised. `maybe_sent` is False only where the server cannot have seen the request."""
    cause = _root_cause(error)
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_error(error, method, host, cause)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        limit_s = min(CONNECT_TIMEOUT_S, timeout_s)
        return ConnectionFailed(f"{host} did not answer within {limit_s:.0f} s.", maybe_sent=False)
    if isinstance(error, requests.exceptions.Timeout):
        return ConnectionFailed(
            f"{host} took the request but gave no answer within {timeout_s:.0f} s. {_outcome_note(method)}".strip(),
            maybe_sent=True,
            is_timeout=True,
        )
    if "NameResolutionError" in repr(error):
        return ConnectionFailed(
            f"The name {host.partition(':')[0]} was not found: {cause}. {CHECK_THE_NETWORK}", maybe_sent=False
        )
    if _never_connected(error):
        return ConnectionFailed(
            f"No server answers at {host}: {cause}. Is the address right, and is it running?", maybe_sent=False
        )
    return ConnectionFailed(
        f"The connection to {host} broke: {cause}. {_outcome_note(method)}".strip(), maybe_sent=True
    )


def _tls_error(error: Exception, method: str, host: str, cause: str) -> ConnectionFailed:
    """TLS may also fail after the request was sent; only an error of the handshake is sure to come before."""
    if _is_distrusted(error):
        text = f"No trusted TLS connection to {host}: {cause}. {TRUST_HINT}"
        return ConnectionFailed(text, maybe_sent=False, may_pass=False)
    if any(word in repr(error) for word in NO_TLS):
        text = f"{host} does not speak TLS: {cause}. Is it an http:// address?"
        return ConnectionFailed(text, maybe_sent=False, may_pass=False)
    return ConnectionFailed(
        f"The TLS connection to {host} broke: {cause}. {_outcome_note(method)}".strip(), maybe_sent=True
    )


def _is_distrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in repr(error):
            return True
        error = error.__context__
    return False


def _outcome_note(method: str) -> str:
    return "It is not known whether the server acted on it." if method == "POST" else ""


def _never_connected(error: Exception) -> bool:
    return any(
        word in repr(error)
        for word in (
            "LocationParseError",
            "InvalidURL",
            "NewConnectionError",
            "NameResolutionError",
            "Failed to establish a new connection",
        )
    )


def _root_cause(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).rstrip(".")


# ------------------------------------------------------------------------------------------------ error statuses
_UNTIL = re.compile(r"until:\s*(\d+/\d+/\d+ \d+:\d+:\d+ [AP]M) \(UTC\)")


class _ErrorFields(TypedDict):
    status: int
    code: str | None
    request_id: str | None


def http_error(response: requests.Response, words: TargetWords = OF_FABRIC) -> HttpError:
    """The error status as HttpError, with the server's message, code, request id and `Retry-After`."""
    code, message, request_id = _error_details(response)
    error = _refusal(response, code, message, request_id, words)
    error.retry_after_s = retry_after_s(response.headers.get("Retry-After"), message)
    return error


def _refusal(
    response: requests.Response, code: str, message: str, request_id: str | None, words: TargetWords
) -> HttpError:
    status = response.status_code
    without_details = not code and not message
    request_id = request_id or response.headers.get("RequestId") or response.headers.get("x-ms-request-id")
    detail = ": ".join(part for part in (code, message) if part) or response.reason or "no reason given"
    host = urlsplit(response.url or "").netloc
    request_note = f" (request id {request_id})" if request_id else ""
    fields: _ErrorFields = {"status": status, "code": code or None, "request_id": request_id}
    if status == 401:
        return AccessError(f"Not signed in: {detail}{request_note}. {words.sign_in}", **fields)
    if status == 403:
        return AccessError(f"No access: {detail}{request_note}. {_ACCESS_HINTS.get(code, words.no_access)}", **fields)
    if status == 404 and without_details:  # a Livy server would name the missing session or statement
        path = urlsplit(response.url or "").path
        return NotFoundError(f"Not found: {host} has nothing at {path}{request_note}. {words.address}", **fields)
    if status in {404, 410}:
        return NotFoundError(f"Not found: {detail}{request_note}.", **fields)
    if status == 429:
        return ThrottledError(f"{host} asks for fewer calls: {detail}{request_note}.", **fields)
    if status == 430:
        return CapacityError(f"The Spark capacity is full: {detail}{request_note}. {words.full}", **fields)
    if 300 <= status < 400:
        return NotLivyError(
            f"{host} redirects to {response.headers.get('Location', 'elsewhere')}. Give that address instead.", **fields
        )
    return HttpError(f"{host} answered {status}: {detail}{request_note}.", **fields)


_ACCESS_HINTS = {  # by the server's code: where it is not a role that is missing
    "InsufficientScopes": (
        "The sign-in did not ask for it. An own app registration needs that delegated permission of the Power BI service "
        "with consent; then sign in again."
    ),
    "ServicePrincipalsNotAllowed": (
        "A Fabric administrator has to allow service principals (Admin portal → Tenant settings → Developer settings), or "
        "sign in as a person."
    ),
    "PrincipalTypeNotSupported": "This call is not open to an application: sign in as a person.",
}


def _error_details(response: requests.Response) -> tuple[str, str, str | None]:
    """(code, message, request id) from every form of error body that was seen; of HTML the title."""
    code_of_storage = response.headers.get("x-ms-error-code", "")  # all that OneLake's answer to a HEAD has
    try:
        body = read_json(response.content)
    except ValueError:
        return code_of_storage, _excerpt(response), None
    if isinstance(body, str):  # Apache Livy: a bare JSON string; a JVM stack may follow the first line
        return "", body.strip().split("\n")[0].rstrip("."), None
    if not isinstance(body, Mapping):
        return "", str(body)[:300], None
    inner = body["error"] if isinstance(body.get("error"), Mapping) else body
    code = str(inner.get("errorCode") or inner.get("code") or "")
    message = str(inner.get("message") or inner.get("msg") or "").strip().rstrip(".")
    return code, message, str(inner.get("requestId") or "") or None


def nested_error(response: requests.Response, base_url: str) -> AnswerTooLarge:
    return AnswerTooLarge(
        f"{base_url} answered with JSON that is nested more than {MOST_NESTED} deep, which is not read. A cell that shows less "
        "deep a value can be read.",
        status=response.status_code,
    )


def not_livy_error(response: requests.Response, base_url: str, words: TargetWords = OF_FABRIC) -> NotLivyError:
    return NotLivyError(
        f"{base_url} answered, but not as a Livy server does: {_excerpt(response)}. {words.address}",
        status=response.status_code,
    )


def _excerpt(response: requests.Response) -> str:
    if response.content.startswith(GZIP):  # Apache Livy compresses its empty answers without a Content-Encoding
        return ""
    text = response.content[:20_000].decode("utf-8", "replace")
    title = re.search(r"<title[^>]{0,200}>(.{0,1000}?)</title>", text, re.IGNORECASE | re.DOTALL)
    if title:
        return f"an HTML page, “{html.unescape(' '.join(title[1].split()))}”"
    if re.search(r"<html|<!doctype", text, re.IGNORECASE):
        return "an HTML page"
    return repr(" ".join(text.split())[:200]) if text.strip() else ""


def retry_after_s(header: str | None, message: str = "", now: Callable[[], float] = time.time) -> float | None:
    """Seconds to wait, from a header in seconds or as a date, or from Fabric's `until: 4/17/2026 12:22:35 PM (UTC)`."""
    moment_s: float | None = None
    try:
        if header and header.strip().isdecimal():
            return float(header)
        if header:
            moment_s = _utc(email.utils.parsedate_to_datetime(header)).timestamp()
    except (ValueError, OverflowError):
        pass  # an unreadable header counts as none
    if moment_s is None and (until := _UNTIL.search(message)):
        try:
            moment_s = _utc(datetime.strptime(until[1], "%m/%d/%Y %I:%M:%S %p")).timestamp()
        except (ValueError, OverflowError):
            return None  # then RetryPolicy's pauses apply
    return None if moment_s is None else max(0.0, moment_s - now())


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
