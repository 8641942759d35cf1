"""The checks that every request passes, in whichever dialect: host, token and size; and the faults of a server that has some."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from types import TracebackType
from typing import Any, NoReturn

from tornado.web import HTTPError, RequestHandler, stream_request_body

from fabric_livy_magic.local.server.server import Server
from fabric_livy_magic.local.server.server_log import log_file
from fabric_livy_magic.local.server.tokens import FABRIC_AUDIENCES, Caller, NoToken, TokenRefused
from fabric_livy_magic.local.web.answers import CODES, AnsweringHandler, Refusal
from fabric_livy_magic.local.web.fault_injection import FaultInjection

LOG = logging.getLogger("fabric_livy_magic.local")
BODY_LIMIT = 64 * 1024 * 1024
_LENGTH = re.compile(r"[0-9]+(\s*,\s*[0-9]+)*")  # one that is repeated is joined by commas
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


@stream_request_body
class Handler(AnsweringHandler):
    """Checks host, token and size before a route's own handler runs."""

    audiences: tuple[str, ...] = FABRIC_AUDIENCES
    challenge = "Bearer"
    body_limit_bytes = BODY_LIMIT

    def initialize(self, server: Server) -> None:
        self.server = server
        self.request_id = str(uuid.uuid4())
        self._body = bytearray()
        self._injection: FaultInjection | None = None

    @property
    def origin(self) -> str:
        """Of this server, as the caller wrote it."""
        return f"{self.request.protocol}://{self.request.host}"

    async def prepare(self) -> None:
        host = re.sub(r":\d*$", "", self.request.host)
        if host.lower() not in LOCAL_HOSTS:
            # DNS rebinding: a web page whose host name was made to resolve to this machine still sends that name.
            raise Refusal(403, f"this server answers on localhost only, not as {host!r}")
        self.caller = await self._caller()
        if announces_more(self.request.headers.get("Content-Length", "0"), self.body_limit_bytes):
            raise self._too_large()
        if self.server.faults is not None:
            self._injection = FaultInjection(self, self.server.faults)

    async def _caller(self) -> Caller:
        try:
            token = "" if isinstance(self.server.tokens, NoToken) else self.bearer()
            return await self.server.tokens.check(token, self.audiences)
        except TokenRefused as refused:
            raise Refusal(refused.status, refused.message, refused.code) from refused

    def bearer(self) -> str:
        """The token of the request. Raises TokenRefused where there is none."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise TokenRefused(401, "Unauthorized", "the request carries no valid bearer token of this server")
        return token.strip()

    def data_received(self, chunk: bytes) -> None:
        if len(self._body) + len(chunk) <= self.body_limit_bytes:
            self._body.extend(chunk)
        elif not self._finished:
            # An exception from here would make tornado end the connection without a response.
            refusal = self._too_large()
            self.send_error(refusal.status_code, exc_info=(Refusal, refusal, None))

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    def json_body(self) -> dict[str, Any]:
        try:
            body = json.loads(self._body.decode("utf-8"), parse_constant=_no_constant)
        except (ValueError, RecursionError) as problem:
            raise Refusal(400, f"the request body is no JSON: {problem}") from problem
        if not isinstance(body, dict):
            raise Refusal(400, "the request body must be a JSON object")
        return body

    def write_error(self, status_code: int, **details: Any) -> None:
        # tornado closes the connection of a request that was refused before its body was read, and does not say so: a
        # client that keeps connections would send its next request into a closed one.
        self.set_header("Connection", "close")
        if status_code == 401:
            self.set_header("WWW-Authenticate", self.challenge)
        if status_code == 405:
            self.set_header("Allow", ", ".join(self._methods()))
        failure = details.get("exc_info", (None, None, None))[1]
        if isinstance(failure, Refusal):
            self.answer_status(failure.status_code, failure.message, failure.code)
            return
        code = CODES.get(status_code, "InternalError" if status_code >= 500 else "InvalidInput")
        message = (
            self._reason if status_code < 500 else f"the embedded Fabric failed; its log, {log_file()}, has the reason"
        )
        self.answer_status(status_code, message, code)

    def _methods(self) -> list[str]:
        return [name for name in self.SUPPORTED_METHODS if name != "OPTIONS" and self.has_method(name)]

    def has_method(self, name: str) -> bool:
        """Whether the handler's class has a method of its own for this HTTP method."""
        attribute = name.lower()
        return getattr(type(self), attribute) is not getattr(RequestHandler, attribute)

    def _too_large(self) -> Refusal:
        return Refusal(413, f"a request body may have {self.body_limit_bytes} bytes at most")

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> asyncio.Future[None]:
        if self._injection is not None:
            return self._injection.finish(chunk)
        return super().finish(chunk)

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Refusals are logged by `log_refused`."""
        if not isinstance(value, HTTPError):
            LOG.error("%s %s failed (%s)", self.request.method, logged_path(self), self.request_id, exc_info=value)


def log_refused(handler: RequestHandler) -> None:
    """One line for each error response; none for others, as one for each poll would be noise."""
    status = handler.get_status()
    if status >= 400 and isinstance(handler, Handler):
        level = logging.INFO if status == 404 else logging.WARNING
        outcome = " ".join(filter(None, (str(status), handler.refused_code, f"({handler.request_id})")))
        LOG.log(level, "%s %s %s", handler.request.method, logged_path(handler), outcome)


def logged_path(handler: RequestHandler) -> str:
    """Without its query, which may hold anything; as ASCII, so that no request writes lines of its own into the log."""
    return ascii(handler.request.path[:300])


def announces_more(length: str, most_bytes: int) -> bool:
    """Whether a Content-Length is more than that. Raises Refusal where it is no number: `isdigit` takes more than digits."""
    if not _LENGTH.fullmatch(length):
        raise Refusal(400, "the Content-Length is no number")
    digits = length.partition(",")[0].strip().lstrip("0")
    return len(digits) > 18 or int(digits or "0") > most_bytes


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
