"""One request: URL, authorization, timeout, its turn, further tries where they are safe, and its failure as our error."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

from fabric_livy_magic.errors import HttpError, ThrottledError
from fabric_livy_magic.livy import request_log
from fabric_livy_magic.livy.failures import CONNECT_TIMEOUT_S, broken, error_from, not_livy
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.rate import Pace, shared_pace
from fabric_livy_magic.livy.retries import NO_RETRY, PATIENT, USUAL, RetryPolicy, Tries, may_repeat
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
    """Puts a token on a request. `renew` fetches a new one after a 401 and tells whether that makes sense; `account` is
    whose calls the server counts."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest: ...

    def renew(self) -> bool: ...

    def account(self) -> str: ...


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
        retry: RetryPolicy = USUAL,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = interruptible_sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._authorization = authorization
        self._timeout_s = timeout_s
        self._retry = retry
        self._paces = [pace] if pace else []  # one at most, shared with the copies that `brief` and others make
        self._clock = clock
        self._sleep = sleep
        self._listener: Callable[[Progress], None] | None = None
        self._subject = ""
        self._session = requests.Session()
        self._session.hooks["response"].append(request_log.answered)
        # A proxy of the company must not see loopback calls, and ~/.netrc must not replace the token.
        self._session.trust_env = not self._is_loopback
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
        late: Callable[[Any], None] | None = None,
    ) -> Any:
        """`idempotent`: twice is as good as once, so that it may be sent again whatever became of it. `late` gets the
        answer if it comes after an interrupt ended the waiting for it; None where it failed."""
        return self.request("POST", path, body=body, idempotent=idempotent, late=late)

    def delete(self, path: str) -> Any:
        return self.request("DELETE", path)

    def at(self, base_url: str) -> LivyHttp:
        """The same connection and sign-in for another base on the same server."""
        other = copy.copy(self)
        other.base_url = base_url.rstrip("/")
        return other

    def with_short_timeouts(self) -> LivyHttp:
        """The same connections with 4 s a call and no second try: for what must not keep a person, or a kernel that is
        killed 5 s after it was told to shut down, waiting."""
        other = copy.copy(self)
        other._timeout_s = min(self._timeout_s, 4.0)
        other._retry = NO_RETRY
        return other

    def reporting_to(self, listener: Callable[[Progress], None] | None, subject: str) -> LivyHttp:
        """The same connections, with each wait between two calls told to `listener`, and more patience: what is waited
        for runs on the server, and somebody sees the wait."""
        other = copy.copy(self)
        other._listener, other._subject = listener, subject
        if self._retry is USUAL:
            other._retry = PATIENT
        return other

    @property
    def _is_loopback(self) -> bool:
        return urlsplit(self.base_url).hostname in LOOPBACK

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).netloc

    def _pace(self) -> Pace:
        if not self._paces and self._is_loopback:  # this machine bears any number of calls
            self._paces.append(Pace(None))
        elif not self._paces:
            # It may have to sign in first.
            account = interruptible_call(self._authorization.account) if self._authorization else ""
            self._paces.append(shared_pace(self._host.lower(), account))
        return self._paces[0]

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        idempotent: bool = False,
        late: Callable[[Any], None] | None = None,
    ) -> Any:
        """The answer's JSON, None where it has no body. Raises HttpError or one of its kinds.

        A POST that is not `idempotent` is repeated only after an answer that says the server did nothing (401 once, with
        a new token; 429), or where no connection came about; anything else might run the user's code twice.
        """
        pace, tries, renewed = self._pace(), Tries(self._retry), False
        idempotent = idempotent or method in {"GET", "DELETE"}
        while True:
            self._wait_for_turn(pace, is_command=method != "GET")
            try:
                answer = interruptible_call(lambda: self._once(method, path, body, params), late)
            except HttpError as error:
                if error.status == 401 and not renewed and self._authorization and self._authorization.renew():
                    renewed = True
                    continue
                pause_s, may_wait = tries.pause_after(error, self._clock())
                if isinstance(error, ThrottledError):
                    pace.close(self._clock() + pause_s)
                if not may_wait or not may_repeat(
                    error,
                    idempotent=idempotent,
                    proven=self.base_url in pace.proven,
                    is_loopback=self._is_loopback,
                ):
                    raise
                if not isinstance(error, ThrottledError):  # the gate is what waits for that
                    self.wait(pause_s, str(error))
            else:
                pace.proven.add(self.base_url)
                return answer

    def _wait_for_turn(self, pace: Pace, *, is_command: bool) -> None:
        began_s = self._clock()
        while (wait_s := pace.take(self._clock(), is_command=is_command)) > 0:
            closed_s = pace.closed_for_s(self._clock())
            if closed_s > 0 and self._clock() - began_s + closed_s > self._retry.throttled_s:
                refusal = ThrottledError(
                    f"{self._host} asked for fewer calls: it wants none for another {closed_s:.0f} s.", status=429
                )
                refusal.retry_after_s = closed_s
                raise refusal
            self.wait(wait_s, f"{self._host} asks for fewer calls")

    def wait(self, seconds: float, why: str, sleep: Callable[[float], None] | None = None) -> None:
        """A pause between two calls, which the listener hears of."""
        began_s = self._clock()

        def report() -> None:
            if self._listener:
                waited_s = self._clock() - began_s
                detail = f"{why.rstrip('.')}; going on in {max(0.0, seconds - waited_s):.0f} s"
                self._listener(Progress(self._subject, "waiting", waited_s, detail=detail))

        pause(seconds, sleep or self._sleep, report if self._listener else None)

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None, params: Mapping[str, Any] | None) -> Any:
        try:
            response = self._session.request(
                method,
                self.base_url + path,
                json=body,
                params=params,
                auth=self._authorization,
                timeout=(CONNECT_TIMEOUT_S, self._timeout_s),
                verify=self._verify,  # given here, as REQUESTS_CA_BUNDLE overrides Session.verify
                allow_redirects=False,  # a redirect could carry the token to another host
            )
        # ValueError: of a host, or a Location, that can be none
        except (requests.RequestException, ValueError) as error:
            request_log.broke(method, path, error)
            raise broken(error, method, self._host, self._timeout_s) from error
        if response.status_code >= 300:
            raise error_from(response)
        try:
            answer = json.loads(response.content, parse_float=WrittenFloat) if response.content.strip() else None
        except (ValueError, RecursionError):
            raise not_livy(response, self.base_url) from None
        if answer is None and response.status_code == 202 and "x-ms-operation-id" in response.headers:
            return Accepted(response.headers["x-ms-operation-id"])
        if answer is None and method == "GET":  # whatever is asked for is there, or refused
            raise not_livy(response, self.base_url)
        return answer
