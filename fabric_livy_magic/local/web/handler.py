"""What every request passes, in whichever dialect: host, token and size; and how it is answered."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any, NoReturn

from tornado.web import HTTPError, RequestHandler, stream_request_body

from fabric_livy_magic.local.json_text import dumps
from fabric_livy_magic.local.server import Server
from fabric_livy_magic.local.tokens import FABRIC_AUDIENCES, Caller, TokenRefused

BODY_LIMIT = 64 * 1024 * 1024
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
CODES = {
    400: "InvalidInput",
    401: "Unauthorized",
    403: "Forbidden",
    404: "EntityNotFound",
    405: "MethodNotAllowed",
    413: "RequestBodyTooLarge",
    430: "TooManyRequestsForCapacity",
    503: "ServiceUnavailable",
}


class Refusal(HTTPError):  # noqa: N818 - what the server does
    """An answer that is none of success; `message` is for the person who reads it."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(status)
        self.message = message
        self.code = code or CODES.get(status, "UnknownError")


@stream_request_body
class Handler(RequestHandler):
    """Checks host, token and size before anything else."""

    audiences: tuple[str, ...] = FABRIC_AUDIENCES
    challenge = "Bearer"
    body_limit_bytes = BODY_LIMIT

    def initialize(self, server: Server) -> None:
        self.server = server
        self._body = bytearray()
        self.request_id = str(uuid.uuid4())

    def set_default_headers(self) -> None:
        self.clear_header("Server")

    async def prepare(self) -> None:
        host = re.sub(r":\d*$", "", self.request.host)
        if host.lower() not in LOCAL_HOSTS:
            # A web page whose name was made to resolve to this machine (DNS rebinding) still sends its own name.
            raise Refusal(403, f"this server answers on localhost only, not as {host!r}")
        self.caller = await self._caller()
        length = self.request.headers.get("Content-Length", "0")
        if length.isdigit() and int(length) > self.body_limit_bytes:
            raise self._too_large()

    async def _caller(self) -> Caller:
        try:
            return await self.server.tokens.check(self.bearer(), self.audiences)
        except TokenRefused as refused:
            raise Refusal(refused.status, refused.message, refused.code) from refused

    def bearer(self) -> str:
        """The token that came with the request. Raises TokenRefused where there is none."""
        scheme, _, given = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise TokenRefused(401, "Unauthorized", "the request carries no valid bearer token of this server")
        return given.strip()

    def data_received(self, chunk: bytes) -> None:
        if len(self._body) + len(chunk) > self.body_limit_bytes:
            raise self._too_large()
        self._body.extend(chunk)

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

    def answer(self, value: Any, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.set_header("RequestId", self.request_id)
        self.finish(dumps(value))

    def write_error(self, status_code: int, **details: Any) -> None:
        # tornado closes the connection of a request that was refused before its body was read, and does not say so: a
        # client that keeps connections would send its next request into a closed one.
        self.set_header("Connection", "close")
        if status_code == 401:
            self.set_header("WWW-Authenticate", self.challenge)
        failure = details.get("exc_info", (None, None, None))[1]
        if isinstance(failure, Refusal):
            self.answer_refusal(failure)
            return
        code = CODES.get(status_code, "InternalError" if status_code >= 500 else "InvalidInput")
        message = self._reason if status_code < 500 else "the embedded Fabric failed; its own output has the reason"
        self.answer_refusal(Refusal(status_code, message, code))

    def _too_large(self) -> Refusal:
        return Refusal(413, f"a request body may have {self.body_limit_bytes} bytes at most")

    def answer_refusal(self, refusal: Refusal) -> None:
        """In the dialect's form."""
        raise NotImplementedError


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def quiet(_handler: RequestHandler) -> None:
    """No access log: a line per poll would be noise, and bodies hold code."""
