"""One request: URL, authorization, timeout, rate limit, retries where they are safe, and failures as HttpError."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

from fabric_livy_magic.errors import HttpError, ThrottledError, without_calls
from fabric_livy_magic.livy import request_log
from fabric_livy_magic.livy.failures import CONNECT_TIMEOUT_S, connection_error, http_error, not_livy_error
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.rate import RateLimiter, shared_rate_limiter
from fabric_livy_magic.livy.retries import NO_RETRY, PATIENT, USUAL, RetryBudget, RetryPolicy, may_repeat
from fabric_livy_magic.livy.waiting import interruptible_call, interruptible_sleep, pause

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


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
    """Puts a token on a request. `renew`, after a 401, has the next request fetch a new one; False where that cannot help.
    `account` is whose calls the server counts."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest: ...

    def renew(self) -> bool: ...

    def account(self) -> str: ...


@dataclass(frozen=True)
class Accepted:
    """The response 202 without a body: the call goes on as a long-running operation of the Fabric API."""

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
        retry: RetryPolicy = USUAL,
        rate_limiter: RateLimiter | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = interruptible_sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._authorization = authorization
        self._timeout_s = timeout_s
        self._retry = retry
        self._rate_limiters = (
            [rate_limiter] if rate_limiter else []
        )  # one at most, shared with the copies that `with_short_timeouts` and others make
        self._clock = clock
        self._sleep = sleep
        self._listener: Callable[[Progress], None] | None = None
        self._subject = ""
        self._session = requests.Session()
        self._session.hooks["response"].append(request_log.log_response)
        # A proxy of the company must not see loopback calls, and ~/.netrc must not replace the token.
        self._session.trust_env = not self.is_loopback
        self._verify = None if verify is True else verify
        self._session.headers.update({"Accept": "application/json", "X-Requested-By": "fabric-livy-magic"})

    def __repr__(self) -> str:
        return f"LivyHttp({self.base_url!r})"

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return self.request("GET", path, params=params)

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        idempotent: bool = False,
        on_late_answer: Callable[[Any], None] | None = None,
    ) -> Any:
        """`idempotent`: sending it twice does no harm, so that it is retried whatever became of it. `on_late_answer` gets the
        answer if it comes after an interrupt has ended the wait for it; None where the request failed."""
        return self.request("POST", path, body=body, idempotent=idempotent, on_late_answer=on_late_answer)

    def delete(self, path: str) -> Any:
        return self.request("DELETE", path)

    def at(self, base_url: str) -> LivyHttp:
        """The same connection and sign-in for another base on the same server."""
        other = copy.copy(self)
        other.base_url = base_url.rstrip("/")
        return other

    def with_short_timeouts(self) -> LivyHttp:
        """The same connections with a time-out of 4 s a call and no retry: for calls after an interrupt, and in a kernel that
        is killed 5 s after its shutdown request."""
        other = copy.copy(self)
        other._timeout_s = min(self._timeout_s, 4.0)
        other._retry = NO_RETRY
        return other

    def reporting_to(self, listener: Callable[[Progress], None] | None, subject: str) -> LivyHttp:
        """The same connections; each wait between two calls is reported to `listener`, and retries go on for longer, as
        what is waited for runs on the server and the user sees the wait."""
        other = copy.copy(self)
        other._listener, other._subject = listener, subject
        if self._retry is USUAL:
            other._retry = PATIENT
        return other

    @property
    def is_loopback(self) -> bool:
        return urlsplit(self.base_url).hostname in LOOPBACK

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).netloc

    def _rate_limiter(self) -> RateLimiter:
        if not self._rate_limiters and self.is_loopback:  # no limit for this machine
            self._rate_limiters.append(RateLimiter(None))
        elif not self._rate_limiters:
            # This may sign in first.
            account = interruptible_call(self._authorization.account) if self._authorization else ""
            self._rate_limiters.append(shared_rate_limiter(self._host.lower(), account))
        return self._rate_limiters[0]

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        idempotent: bool = False,
        on_late_answer: Callable[[Any], None] | None = None,
    ) -> Any:
        """The answer's JSON, None where it has no body. Raises HttpError or a subclass.

        A POST that is not `idempotent` is repeated only after an answer that says the server did nothing (401 once, with
        a new token; 429), or where no connection came about; anything else might run the user's code twice.
        """
        rate_limiter, budget, token_renewed = self._rate_limiter(), RetryBudget(self._retry), False
        idempotent = idempotent or method in {"GET", "DELETE"}

        def send() -> Any:
            # What `requests` and we hold meanwhile has the token in its headers: an error goes on without it.
            return without_calls(lambda: self._send_once(method, path, body, params))

        while True:
            self._wait_for_turn(rate_limiter, is_command=method != "GET")
            try:
                answer = interruptible_call(send, on_late_answer)
            except HttpError as error:
                if error.status == 401 and not token_renewed and self._authorization and self._authorization.renew():
                    token_renewed = True
                    continue
                pause_s, may_wait = budget.pause_after(error, self._clock())
                if isinstance(error, ThrottledError):
                    rate_limiter.close_until(self._clock() + pause_s)
                if not may_wait or not may_repeat(
                    error,
                    idempotent=idempotent,
                    is_verified=self.base_url in rate_limiter.verified_urls,
                    is_loopback=self.is_loopback,
                ):
                    raise
                if not isinstance(error, ThrottledError):  # the rate limiter waits for that
                    self.wait(pause_s, str(error))
            else:
                rate_limiter.verified_urls.add(self.base_url)
                return answer

    def _wait_for_turn(self, rate_limiter: RateLimiter, *, is_command: bool) -> None:
        began_s = self._clock()
        while (wait_s := rate_limiter.acquire(self._clock(), is_command=is_command)) > 0:
            closed_s = rate_limiter.closed_for_s(self._clock())
            if closed_s > 0 and self._clock() - began_s + closed_s > self._retry.throttled_s:
                refusal = ThrottledError(
                    f"{self._host} asked for fewer calls: it wants none for another {closed_s:.0f} s.", status=429
                )
                refusal.retry_after_s = closed_s
                raise refusal
            self.wait(wait_s, f"{self._host} asks for fewer calls")

    def wait(self, seconds: float, reason: str, sleep: Callable[[float], None] | None = None) -> None:
        """A pause between two calls, reported to the listener."""
        began_s = self._clock()

        def report() -> None:
            if self._listener:
                waited_s = self._clock() - began_s
                detail = f"{reason.rstrip('.')}; going on in {max(0.0, seconds - waited_s):.0f} s"
                self._listener(Progress(self._subject, "waiting", waited_s, detail=detail))

        pause(seconds, sleep or self._sleep, report if self._listener else None)

    def _send_once(
        self, method: str, path: str, body: Mapping[str, Any] | None, params: Mapping[str, Any] | None
    ) -> Any:
        try:
            response = self._session.request(
                method,
                self.base_url + path,
                json=body,
                params=params,
                auth=self._authorization,
                timeout=(CONNECT_TIMEOUT_S, self._timeout_s),
                verify=self._verify,  # passed here, as REQUESTS_CA_BUNDLE overrides Session.verify
                allow_redirects=False,  # a redirect could carry the token to another host
            )
        # ValueError: an invalid host or Location
        except (requests.RequestException, ValueError) as error:
            request_log.log_failure(method, path, error)
            raise connection_error(error, method, self._host, self._timeout_s) from error
        if response.status_code >= 300:
            raise http_error(response)
        try:
            answer = json.loads(response.content, parse_float=WrittenFloat) if response.content.strip() else None
        except (ValueError, RecursionError):
            raise not_livy_error(response, self.base_url) from None
        if answer is None and response.status_code == 202 and "x-ms-operation-id" in response.headers:
            return Accepted(response.headers["x-ms-operation-id"])
        if answer is None and method == "GET":  # a GET always has a body
            raise not_livy_error(response, self.base_url)
        return answer
