"""What every request passes: host, token and size; and how it is answered, errors in Fabric's form."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

from tornado.web import HTTPError, RequestHandler, stream_request_body

from fabric_livy_magic.local import views
from fabric_livy_magic.local.json_text import dumps
from fabric_livy_magic.local.places import Places, Workspace
from fabric_livy_magic.local.sessions import Sessions
from fabric_livy_magic.local.tokens import FABRIC_AUDIENCES, Caller, TokenRefused, Tokens

BODY_LIMIT = 64 * 1024 * 1024
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
CODES = {
    400: "InvalidInput",
    401: "Unauthorized",
    403: "Forbidden",
    404: "EntityNotFound",
    405: "MethodNotAllowed",
    413: "RequestBodyTooLarge",
    503: "ServiceUnavailable",
}


@dataclass(frozen=True)
class Server:
    """What all handlers share."""

    sessions: Sessions
    places: Places
    tokens: Tokens
    page_size: int


class Refusal(HTTPError):  # noqa: N818 - what the server does
    """A 4xx answer; `message` is for the person who reads it."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(status)
        self.message = message
        self.code = code or CODES[status]


@stream_request_body
class Handler(RequestHandler):
    """Checks host, token and size before anything else."""

    audiences: tuple[str, ...] = FABRIC_AUDIENCES

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
        if length.isdigit() and int(length) > BODY_LIMIT:
            raise Refusal(413, f"a request body may have {BODY_LIMIT} bytes at most")

    async def _caller(self) -> Caller:
        scheme, _, given = self.request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise TokenRefused(401, "Unauthorized", "the request carries no valid bearer token of this server")
            caller = await self.server.tokens.check(given.strip(), self.audiences)
        except TokenRefused as refused:
            raise Refusal(refused.status, refused.message, refused.code) from refused
        if caller.is_application and not self.server.places.service_principals:
            raise Refusal(
                403,
                "the tenant setting 'Service principals can use Fabric APIs' is off, so an application may not call",
                "ServicePrincipalsNotAllowed",
            )
        return caller

    def need_scope(self, *scopes: str) -> None:
        """One of them, where the caller is a person whose token names single scopes."""
        if not self.caller.may(*scopes):
            raise Refusal(
                403,
                "the caller does not have sufficient scopes to perform this operation: "
                f"{' or '.join(scopes)} is needed",
                "InsufficientScopes",
            )

    def workspace(self, workspace_id: str) -> Workspace:
        workspace = self.server.places.workspace(workspace_id)
        if workspace is None:
            raise Refusal(404, f"workspace {workspace_id} is not known", "WorkspaceNotFound")
        return workspace

    def data_received(self, chunk: bytes) -> None:
        if len(self._body) + len(chunk) > BODY_LIMIT:
            raise Refusal(413, f"a request body may have {BODY_LIMIT} bytes at most")
        self._body.extend(chunk)

    def json_body(self) -> dict[str, Any]:
        try:
            body = json.loads(self._body.decode("utf-8"))
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
            self.set_header("WWW-Authenticate", "Bearer")
        failure = details.get("exc_info", (None, None, None))[1]
        if isinstance(failure, Refusal):
            self.answer(views.error_view(failure.code, failure.message, self.request_id), status_code)
            return
        code = CODES.get(status_code, "InternalError" if status_code >= 500 else "InvalidInput")
        message = self._reason if status_code < 500 else "the embedded Fabric failed; its own output has the reason"
        self.answer(views.error_view(code, message, self.request_id), status_code)


class Unknown(Handler):
    async def prepare(self) -> None:
        await super().prepare()
        raise Refusal(404, f"there is nothing at {self.request.path}")
