"""One request: URL, authorization, timeout, rate limit, retries where they are safe, and failures as HttpError."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import requests

from fabric_livy_magic.errors import HttpError, ThrottledError, WaitTimeout, without_calls
from fabric_livy_magic.livy import request_log
from fabric_livy_magic.livy.answers import read_answer
from fabric_livy_magic.livy.exchange import MOST_ANSWER_BYTES, Allowance, TimedAdapter, receive
from fabric_livy_magic.livy.failures import connection_error, http_error
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.rate import RateLimiter, shared_rate_limiter
from fabric_livy_magic.livy.retries import BRIEF, NO_RETRY, PATIENT, USUAL, RetryBudget, RetryPolicy, may_repeat
from fabric_livy_magic.livy.target_words import OF_FABRIC, TargetWords
from fabric_livy_magic.livy.waiting import Overdue, interruptible_call, interruptible_sleep, pause

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
OVERDUE_AFTER_S = 0.5  # the socket's own time-out comes first, where it is the socket that waits
SPARE_TIMEOUT_S = 20.0  # Spark loads its monitoring with the first call
LONGEST_CLOSED_S = 3600.0  # whatever a `Retry-After` asks for, so that a wrong one does not shut a kernel out for good


class Authorization(Protocol):
    """Puts a token on a request. `renew`, after a 401, has the next request fetch a new one; False where that cannot help.
    `account` is whose calls the server counts. `as_it_is` never asks for a token: it has that of an earlier request; None where
    there is none."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest: ...

    def as_it_is(self) -> Authorization | None: ...

    def keep_valid(self) -> None: ...

    def renew(self) -> bool: ...

    def account(self) -> str: ...


class _Deadline(NamedTuple):
    """`at_s` by the clock of the client."""

    at_s: float
    timeout_s: float


class RawAnswer(NamedTuple):
    headers: Mapping[str, str]
    content: bytes


class _Call(NamedTuple):
    """`body` is sent as JSON, unless it is bytes."""

    method: str
    path: str
    body: Mapping[str, Any] | bytes | None
    params: Mapping[str, Any] | None
    headers: Mapping[str, str] | None


class _Attempt:
    """One sending of a request, in a thread of its own. The time-out counts from `begin`: before that a person may sign in.
    What no time-out of a socket ends (a name look-up, a sign-in under a deadline) is given up by its caller."""

    def __init__(self, timeout_s: float, left_s: float) -> None:
        self.timeout_s = min(timeout_s, left_s)
        self._given_up_at_s = time.monotonic() + left_s + OVERDUE_AFTER_S

    def begin(self) -> None:
        """Raises where nobody waits for it any more: then nothing is sent."""
        if self.is_overdue():
            raise requests.Timeout
        self._given_up_at_s = min(self._given_up_at_s, time.monotonic() + self.timeout_s + OVERDUE_AFTER_S)

    def is_overdue(self) -> bool:
        return time.monotonic() >= self._given_up_at_s


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
        self.words = OF_FABRIC
        """Of the messages of failed calls."""
        self._authorization = authorization
        self._timeout_s = timeout_s
        self._retry = retry
        self._rate_limiters = (
            [rate_limiter] if rate_limiter else []
        )  # one at most, shared with the copies that `with_short_timeouts` and others make
        self._clock = clock
        self._sleep = sleep
        self._deadline = _Deadline(math.inf, math.inf)
        self._allowance: Allowance | None = None
        self._listener: Callable[[Progress], None] | None = None
        self._subject = ""
        self._is_spare = self._is_raw = False
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, TimedAdapter())
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
        return self.once(4.0)

    def once(self, timeout_s: float) -> LivyHttp:
        """The same connections, for calls that are sent once and are silent for no longer."""
        other = copy.copy(self)
        other._retry, other._timeout_s = NO_RETRY, min(self._timeout_s, timeout_s)
        return other

    def speaking(self, words: TargetWords) -> LivyHttp:
        """The same connections, with the messages of another kind of server."""
        other = copy.copy(self)
        other.words = words
        return other

    def spare(self) -> LivyHttp:
        """The same connections, for calls that nobody waits for: sent once, with the sign-in that there is, and only while the
        rate limit has calls to spare (ThrottledError without a status). A 429 to one holds up no other call."""
        other = copy.copy(self)
        other._is_spare, other._retry, other._timeout_s = True, NO_RETRY, min(self._timeout_s, SPARE_TIMEOUT_S)
        other._authorization = self._authorization.as_it_is() if self._authorization else None
        return other

    def raw(self) -> LivyHttp:
        """The same connections, for answers that are no JSON: each is a `RawAnswer`."""
        other = copy.copy(self)
        other._is_raw = True
        return other

    def reporting_to(self, listener: Callable[[Progress], None] | None, subject: str) -> LivyHttp:
        """The same connections; each wait between two calls is reported to `listener`, and retries go on for longer, as
        what is waited for runs on the server and the user sees the wait."""
        other = copy.copy(self)
        other._listener, other._subject = listener, subject
        if self._retry is USUAL:
            other._retry = PATIENT
        return other

    def within(self, timeout_s: float) -> LivyHttp:
        """The same connections, for all calls together that long: each call's time-out, the retries, and the waits between.
        After that WaitTimeout, except for a POST that may have been sent, which fails as such."""
        other = copy.copy(self)
        at_s = self._clock() + timeout_s
        other._deadline = self._deadline if self._deadline.at_s <= at_s else _Deadline(at_s, timeout_s)
        return other

    def briefly(self, timeout_s: float) -> LivyHttp:
        """As `within`, and with seconds of retries: for what a person waits for, and can ask for again."""
        other = self.within(timeout_s)
        other._retry = BRIEF
        return other

    def for_list(self, most_bytes: int) -> LivyHttp:
        """The same connections; all answers together may have that many bytes."""
        other = copy.copy(self)
        other._allowance = Allowance(most_bytes)
        return other

    def sign_in(self) -> None:
        """Asks for the token now, not with the first request. Raises SignInError."""
        if (authorization := self._authorization) is not None:
            interruptible_call(lambda: without_calls(authorization.account))

    def keep_signed_in(self) -> None:
        """Renews a token whose end is near, without a prompt. Raises SignInError."""
        if (authorization := self._authorization) is not None:
            without_calls(authorization.keep_valid)

    def authorization_header(self) -> str:
        """That of a request which is sent now, as far as no token has to be asked for; empty otherwise."""
        as_it_is = self._authorization.as_it_is() if self._authorization else None
        if as_it_is is None:
            return ""
        return str(as_it_is(requests.Request("DELETE", self.base_url).prepare()).headers.get("Authorization", ""))

    @property
    def verify(self) -> str | bool:
        """The certificates to trust, as `requests` takes it."""
        return True if self._verify is None else self._verify

    @property
    def _left_s(self) -> float:
        return self._deadline.at_s - self._clock()

    def check_time(self) -> None:
        """Raises WaitTimeout where the time of `within` is over."""
        if self._left_s <= 0:
            raise self._gave_up("the request was not sent")

    def _gave_up(self, reason: str) -> WaitTimeout:
        waited = f"Gave up waiting for {self._host} after {self._deadline.timeout_s:.0f} s"
        return WaitTimeout(f"{waited}: {reason.rstrip('.')}.")

    @property
    def is_loopback(self) -> bool:
        return urlsplit(self.base_url).hostname in LOOPBACK

    @property
    def has_sign_in(self) -> bool:
        """Whether a call now would ask nobody for a token, not even by a program or a silent renewal."""
        return self._authorization is None or self._authorization.as_it_is() is not None

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
        body: Mapping[str, Any] | bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        idempotent: bool = False,
        on_late_answer: Callable[[Any], None] | None = None,
    ) -> Any:
        """The answer's JSON, None where it has no body; for a POST see also `Accepted` and `Taken`. Raises HttpError or a subclass.

        A POST that is not `idempotent` is repeated only after an answer that says the server did nothing (401 once, with
        a new token; 429), or where no connection came about; anything else might run the user's code twice.
        """
        rate_limiter, budget, token_renewed = self._rate_limiter(), RetryBudget(self._retry), False
        idempotent = idempotent or method in {"GET", "HEAD", "DELETE"}
        call = _Call(method, path, body, params, headers)
        while True:
            self._wait_for_turn(rate_limiter, is_command=method not in {"GET", "HEAD"})
            self.check_time()
            try:
                answer = self._attempt(call, on_late_answer)
            except HttpError as error:
                if error.status == 401 and not token_renewed and self._authorization and self._authorization.renew():
                    token_renewed = True
                    continue
                if idempotent and self._left_s <= 0:
                    raise self._gave_up(str(error)) from error
                pause_s, may_wait = budget.pause_after(error, self._clock())
                if isinstance(error, ThrottledError) and not self._is_spare:
                    rate_limiter.close_until(self._clock() + min(pause_s, LONGEST_CLOSED_S))
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

    def _attempt(self, call: _Call, on_late_answer: Callable[[Any], None] | None) -> Any:
        attempt = _Attempt(self._timeout_s, self._left_s)

        def send() -> Any:
            # What `requests` and we hold meanwhile has the token in its headers: an error goes on without it.
            return without_calls(lambda: self._send_once(attempt, call))

        try:
            return interruptible_call(send, on_late_answer, attempt.is_overdue)
        except Overdue:
            request_log.log_failure(call.method, call.path, requests.Timeout())
            raise connection_error(requests.Timeout(), call.method, self._host, attempt.timeout_s) from None

    def _wait_for_turn(self, rate_limiter: RateLimiter, *, is_command: bool) -> None:
        if self._is_spare:
            if not rate_limiter.acquire_spare(self._clock()):
                raise ThrottledError(f"No call to {self._host} is to spare.")
            return
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

        pause(min(seconds, max(0.0, self._left_s)), sleep or self._sleep, report if self._listener else None)
        if seconds > 0 and self._left_s <= 0:
            raise self._gave_up(reason)

    def _send_once(self, attempt: _Attempt, call: _Call) -> Any:
        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request = self._authorization(request) if self._authorization else request
            attempt.begin()
            return request

        try:
            response = self._session.request(
                call.method,
                self.base_url + call.path,
                data=call.body if isinstance(call.body, bytes) else None,
                json=None if isinstance(call.body, bytes) else call.body,
                params=call.params,
                headers=call.headers,
                auth=authorize if self._authorization else None,
                timeout=attempt.timeout_s,
                verify=self._verify,  # passed here, as REQUESTS_CA_BUNDLE overrides Session.verify
                allow_redirects=False,  # a redirect could carry the token to another host
                stream=True,
            )
            content = receive(response, self._allowance or MOST_ANSWER_BYTES)
        # ValueError: an invalid host or Location
        except (requests.RequestException, ValueError) as error:
            request_log.log_failure(call.method, call.path, error)
            raise connection_error(error, call.method, self._host, attempt.timeout_s) from error
        request_log.log_response(response, len(content))
        if response.status_code >= 300:
            raise http_error(response, self.words)
        if self._is_raw:
            return RawAnswer(response.headers, content)
        return read_answer(response, content, call.method, self.base_url, self.words)
