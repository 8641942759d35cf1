"""One request: URL, authorization, timeout, a short retry where it is safe, and the server's refusal as our error."""

from __future__ import annotations

import copy
import email.utils
import html
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TypedDict
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import LocationParseError  # the one that requests lets through

from fabric_livy_magic.errors import (
    AccessError,
    CapacityError,
    ConnectionFailed,
    HttpError,
    NotFoundError,
    NotLivyError,
    ThrottledError,
)
from fabric_livy_magic.livy import request_log
from fabric_livy_magic.livy.waiting import interruptible, nap

CONNECT_TIMEOUT_S = 10.0
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
GZIP = b"\x1f\x8b"
CHECK_THE_ADDRESS = "Check the address: it should be a lakehouse's Livy connection string, or a Livy server's root."


class WrittenFloat(float):
    """A JSON number as a float whose `str` has all the digits that were sent: a decimal may have more than a float."""

    _text: str

    def __new__(cls, text: str) -> WrittenFloat:
        number = super().__new__(cls, text)
        number._text = str(text)
        return number

    def __str__(self) -> str:
        return self._text


class Authorization(Protocol):
    """Puts a token on a request. `renew` fetches a new one after a 401 and tells whether that makes sense."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest: ...

    def renew(self) -> bool: ...


@dataclass(frozen=True)
class RetryPolicy:
    """How long a refused or broken call is tried again. What may be tried again is `LivyHttp._may_repeat`'s business."""

    budget_s: float = 60.0
    first_pause_s: float = 0.3

    def pauses(self) -> Iterator[float]:
        pause_s, spent_s = self.first_pause_s, 0.0
        while spent_s + pause_s <= self.budget_s:
            yield pause_s
            spent_s += pause_s
            pause_s *= 2


@dataclass(frozen=True)
class Accepted:
    """The answer of a call that goes on as an operation of the Fabric API, without a body."""

    operation_id: str


class LivyHttp:
    """Sends to one Livy base URL. Safe to use from several threads."""

    def __init__(
        self,
        base_url: str,
        authorization: Authorization | None = None,
        *,
        timeout_s: float = 60.0,
        verify: str | bool = True,
        retry: RetryPolicy = RetryPolicy(),
        sleep: Callable[[float], None] = nap,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._authorization = authorization
        self._timeout_s = timeout_s
        self._retry = retry
        self._sleep = sleep
        self._session = requests.Session()
        self._session.hooks["response"].append(request_log.answered)
        # A proxy of the company must not see loopback calls, and ~/.netrc must not replace the token.
        self._session.trust_env = urlsplit(base_url).hostname not in LOOPBACK
        if verify is not True:
            self._session.verify = verify
        self._session.headers.update({"Accept": "application/json", "X-Requested-By": "fabric-livy-magic"})

    def __repr__(self) -> str:
        return f"LivyHttp({self.base_url!r})"

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return self.request("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any] | None = None, late: Callable[[Any], None] | None = None) -> Any:
        """`late` gets the answer if it comes after an interrupt ended the waiting for it; None where it failed."""
        return self.request("POST", path, body=body, late=late)

    def delete(self, path: str) -> Any:
        return self.request("DELETE", path)

    def at(self, base_url: str) -> LivyHttp:
        """The same connection and sign-in for another base on the same server."""
        other = copy.copy(self)
        other.base_url = base_url.rstrip("/")
        return other

    def brief(self) -> LivyHttp:
        """The same connections with 4 s a call and no second try: for what must not keep a person, or a kernel that is
        killed 5 s after it was told to shut down, waiting."""
        other = copy.copy(self)
        other._timeout_s = min(self._timeout_s, 4.0)
        other._retry = RetryPolicy(budget_s=0.0)
        return other

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        late: Callable[[Any], None] | None = None,
    ) -> Any:
        """The answer's JSON, None where it has no body. Raises HttpError or one of its kinds.

        A POST is repeated only after an answer that says the server did nothing (401 once, with a new token; 429);
        anything else might run the user's code twice.
        """
        pauses = self._retry.pauses()
        renewed = False
        while True:
            try:
                return interruptible(lambda: self._once(method, path, body, params), late)
            except HttpError as error:
                if error.status == 401 and not renewed and self._authorization and self._authorization.renew():
                    renewed = True
                    continue
                pause_s = next(pauses, None)
                if pause_s is None or not _may_repeat(method, error):
                    raise
                told_s = error.retry_after_s if isinstance(error, ThrottledError) else None
                if told_s is not None and told_s > self._retry.budget_s:
                    raise
                self._sleep(pause_s if told_s is None else told_s)

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None, params: Mapping[str, Any] | None) -> Any:
        try:
            response = self._session.request(
                method,
                self.base_url + path,
                json=body,
                params=params,
                auth=self._authorization,
                timeout=(CONNECT_TIMEOUT_S, self._timeout_s),
                allow_redirects=False,  # a redirect could carry the token to another host
            )
        except (requests.RequestException, LocationParseError) as error:
            request_log.broke(method, path, error)
            raise self._broken(error, method) from error
        if response.status_code >= 300:
            raise error_from(response)
        answer = self._decoded(response)
        if answer is None and response.status_code == 202 and "x-ms-operation-id" in response.headers:
            return Accepted(response.headers["x-ms-operation-id"])
        return answer

    def _decoded(self, response: requests.Response) -> Any:
        if not response.content.strip():
            return None
        try:
            return json.loads(response.content, parse_float=WrittenFloat)
        except (ValueError, RecursionError):
            raise NotLivyError(
                f"{self.base_url} answered, but not as a Livy server does: {_excerpt(response)}. {CHECK_THE_ADDRESS}",
                status=response.status_code,
            ) from None

    def _broken(self, error: Exception, method: str) -> HttpError:
        host = urlsplit(self.base_url).netloc
        cause = _innermost(error)
        if isinstance(error, requests.exceptions.SSLError):
            return ConnectionFailed(f"No trusted TLS connection to {host}: {cause}.", maybe_sent=False)
        if isinstance(error, requests.exceptions.ConnectTimeout):
            return ConnectionFailed(f"{host} did not answer within {CONNECT_TIMEOUT_S:.0f} s.", maybe_sent=False)
        if isinstance(error, requests.exceptions.Timeout):
            return ConnectionFailed(
                f"{host} took the request but gave no answer within {self._timeout_s:.0f} s. {_unknown(method)}".strip(),
                maybe_sent=True,
            )
        if _never_connected(error):
            return ConnectionFailed(
                f"No server answers at {host}: {cause}. Is the address right, and is it running?", maybe_sent=False
            )
        return ConnectionFailed(f"The connection to {host} broke: {cause}. {_unknown(method)}".strip(), maybe_sent=True)


def _may_repeat(method: str, error: HttpError) -> bool:
    if isinstance(error, ThrottledError):
        return True
    if method not in {"GET", "DELETE"}:
        return False
    if isinstance(error, ConnectionFailed):
        return error.maybe_sent  # where nothing listens at all, the user should hear of it at once
    if "IllegalStateException" in str(error):
        return False  # Apache Livy's word for what that session cannot do, now or in a minute
    return error.status is not None and error.status >= 500


def _unknown(method: str) -> str:
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


def _innermost(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).rstrip(".")


# ------------------------------------------------------------------------------------------------ what a refusal says
_UNTIL = re.compile(r"until:\s*(\d+/\d+/\d+ \d+:\d+:\d+ [AP]M) \(UTC\)")


class _Named(TypedDict):
    status: int
    code: str | None
    request_id: str | None


def error_from(response: requests.Response) -> HttpError:
    """The refusal as one of our errors, with the server's own words, code and request id."""
    status = response.status_code
    code, message, request_id = _told(response)
    silent = not code and not message
    request_id = request_id or response.headers.get("RequestId") or response.headers.get("x-ms-request-id")
    detail = ": ".join(part for part in (code, message) if part) or response.reason or "no reason given"
    host = urlsplit(response.url or "").netloc
    about = f" (request id {request_id})" if request_id else ""
    named: _Named = {"status": status, "code": code or None, "request_id": request_id}
    if status == 401:
        return AccessError(f"Not signed in: {detail}{about}. {SIGN_IN_HINT}", **named)
    if status == 403:
        return AccessError(f"No access: {detail}{about}. {_NO_ACCESS.get(code, _NO_ROLE)}", **named)
    if status == 404 and silent:  # a Livy server names the session or statement that it misses; this path it has not
        path = urlsplit(response.url or "").path
        return NotFoundError(f"Not found: {host} has nothing at {path}{about}. {CHECK_THE_ADDRESS}", **named)
    if status in {404, 410}:
        return NotFoundError(f"Not found: {detail}{about}.", **named)
    if status == 429:
        throttled = ThrottledError(f"{host} asks for fewer calls: {detail}{about}.", **named)
        throttled.retry_after_s = retry_after_s(response.headers.get("Retry-After"), message)
        return throttled
    if status == 430:
        return CapacityError(
            f"The Spark capacity is full: {detail}{about}. Stop a session that is not needed (`%livy sessions` lists them), "
            "wait, or choose a larger capacity.",
            **named,
        )
    if 300 <= status < 400:
        return NotLivyError(
            f"{host} redirects to {response.headers.get('Location', 'elsewhere')}. Give that address instead.", **named
        )
    return HttpError(f"{host} answered {status}: {detail}{about}.", **named)


_NO_ROLE = "The workspace needs to give this account the Contributor role or a higher one."
_NO_ACCESS = {  # where the server's code tells that a role is not what is missing
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

SIGN_IN_HINT = (
    "The token is missing, expired or meant for another service. "
    "Set FABRIC_LIVY_TOKEN, or sign in with `az login`, and run the cell again"
)


def _told(response: requests.Response) -> tuple[str, str, str | None]:
    """(code, message, request id) from every error body seen in the field; HTML becomes its title."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return "", _excerpt(response), None
    if isinstance(body, str):  # Apache Livy: a bare JSON string; a JVM stack may follow the first line
        return "", body.strip().split("\n")[0].rstrip("."), None
    if not isinstance(body, Mapping):
        return "", str(body)[:300], None
    inner = body["error"] if isinstance(body.get("error"), Mapping) else body
    code = str(inner.get("errorCode") or inner.get("code") or "")
    message = str(inner.get("message") or inner.get("msg") or "").strip().rstrip(".")
    return code, message, str(inner.get("requestId") or "") or None


def _excerpt(response: requests.Response) -> str:
    if response.content.startswith(GZIP):  # Apache Livy packs its empty answers and does not say so
        return ""
    text = response.content[:20_000].decode("utf-8", "replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
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
            return None  # the pauses of RetryPolicy apply
    return None if moment_s is None else max(0.0, moment_s - now())


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
