"""The HTTP face: routes, checks of each request, and errors in Fabric's form."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from fabric_livy_magic.local import requests_in, views
from fabric_livy_magic.local.json_text import dumps
from fabric_livy_magic.local.requests_in import BadRequest
from fabric_livy_magic.local.session import ENDED, Session
from fabric_livy_magic.local.sessions import Sessions
from fabric_livy_magic.local.spark_settings import BadSetting
from fabric_livy_magic.local.statements import Statement

BODY_LIMIT = 64 * 1024 * 1024
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
API_VERSION = "2023-12-01"
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
class Place:
    """The one workspace and lakehouse of a server. Their ids follow from the folder, so that they survive restarts."""

    lakehouse: Path

    @property
    def workspace_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.lakehouse.as_uri()}#workspace"))

    @property
    def lakehouse_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.lakehouse.as_uri()}#lakehouse"))

    def livy_path(self) -> str:
        return f"workspaces/{self.workspace_id}/lakehouses/{self.lakehouse_id}/livyapi/versions/{API_VERSION}"


class Refusal(HTTPError):  # noqa: N818 - what the server does
    """A 4xx answer; `message` is for the person who reads it."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(status)
        self.message = message
        self.code = code or CODES[status]


@stream_request_body
class Handler(RequestHandler):
    """Checks host, token and size before anything else."""

    def initialize(self, sessions: Sessions, place: Place, token: str) -> None:
        self.sessions = sessions
        self.place = place
        self._token = token
        self._body = bytearray()
        self.request_id = str(uuid.uuid4())

    def set_default_headers(self) -> None:
        self.clear_header("Server")

    def prepare(self) -> None:
        host = re.sub(r":\d*$", "", self.request.host)
        if host.lower() not in LOCAL_HOSTS:
            # A web page whose name was made to resolve to this machine (DNS rebinding) still sends its own name.
            raise Refusal(403, f"this server answers on localhost only, not as {host!r}")
        scheme, _, given = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token.encode()):
            self.set_header("WWW-Authenticate", "Bearer")
            raise Refusal(401, "the request carries no valid bearer token of this server")
        length = self.request.headers.get("Content-Length", "0")
        if length.isdigit() and int(length) > BODY_LIMIT:
            raise Refusal(413, f"a request body may have {BODY_LIMIT} bytes at most")

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
        failure = details.get("exc_info", (None, None, None))[1]
        if isinstance(failure, Refusal):
            self.answer(views.error_view(failure.code, failure.message, self.request_id), status_code)
            return
        code = CODES.get(status_code, "InternalError" if status_code >= 500 else "InvalidInput")
        message = self._reason if status_code < 500 else "the embedded Fabric failed; its own output has the reason"
        self.answer(views.error_view(code, message, self.request_id), status_code)


class Unknown(Handler):
    def prepare(self) -> None:
        super().prepare()
        raise Refusal(404, f"there is nothing at {self.request.path}")


class LakehouseHandler(Handler):
    """Paths below one lakehouse."""

    def prepare(self) -> None:
        super().prepare()
        workspace, lakehouse, version = (str(part) for part in self.path_args[:3])
        if workspace.lower() != self.place.workspace_id:
            raise Refusal(404, f"workspace {workspace} is not known", "WorkspaceNotFound")
        if lakehouse.lower() != self.place.lakehouse_id:
            raise Refusal(404, f"lakehouse {lakehouse} is not known", "SparkCoreItemNotFound")
        if version != API_VERSION:
            raise Refusal(404, f"API version {version} is not known, only {API_VERSION}")

    def session(self, session_id: str) -> Session:
        session = self.sessions.get(session_id)
        if session is None:
            raise Refusal(404, f"session {session_id} is not known", "SparkCoreSessionNotFound")
        return session

    def statement(self, session: Session, statement_id: str) -> Statement:
        if not re.fullmatch(r"\d{1,10}", statement_id):
            raise Refusal(400, f"{statement_id!r} is no statement id: a whole number is needed")
        statement = session.repl.statement(int(statement_id))
        if statement is None:
            raise Refusal(404, f"session {session.id} has no statement {statement_id}", "StatementNotFound")
        return statement

    def answer_statement(self, session: Session, statement: Statement) -> None:
        with session.repl.lock:
            view = views.statement_view(statement)
        self.answer(view)


class SessionsHandler(LakehouseHandler):
    def get(self, *_ids: str) -> None:
        try:
            page = requests_in.read_page(self.get_query_argument("$top", ""), self.get_query_argument("$skip", ""))
        except BadRequest as problem:
            raise Refusal(400, str(problem)) from problem
        sessions = self.sessions.all()
        place = self.place
        items = [views.activity_view(s, place.lakehouse_id, place.workspace_id) for s in sessions[page.slice]]
        self.answer({"items": items, "totalCountOfMatchedItems": len(sessions), "pageSize": page.top})

    def post(self, *_ids: str) -> None:
        body = self.json_body()
        if self.sessions.ended:
            raise Refusal(503, "the server is stopping")
        try:
            requests_in.check_session_request(body)
            session = self.sessions.create(body)
        except (BadRequest, BadSetting) as problem:
            raise Refusal(400, str(problem)) from problem
        view = views.early_session_view(session, self.place.lakehouse_id)
        session.start()
        self.answer(view, 202)


class SessionHandler(LakehouseHandler):
    def get(self, *ids: str) -> None:
        self.answer(views.session_view(self.session(ids[3]), self.place.lakehouse_id))

    async def delete(self, *ids: str) -> None:
        self.session(ids[3])
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(None, self.sessions.delete, ids[3]):
            raise Refusal(404, f"session {ids[3]} is not known", "SparkCoreSessionNotFound")
        self.answer({"msg": "deleted"})


class ResetTimeoutHandler(LakehouseHandler):
    def post(self, *ids: str) -> None:
        session = self.session(ids[3])
        if not session.active:
            raise gone(session)
        session.repl.touch()
        self.set_status(204)
        self.finish()


class StatementsHandler(LakehouseHandler):
    def get(self, *ids: str) -> None:
        session = self.session(ids[3])
        with session.repl.lock:
            statements = [views.statement_view(statement) for statement in session.repl.statements()]
        self.answer({"statements": statements, "total_statements": len(statements)})

    def post(self, *ids: str) -> None:
        body = self.json_body()
        session = self.session(ids[3])
        try:
            asked = requests_in.read_statement_request(body, session.request.get("kind"))
        except BadRequest as problem:
            raise Refusal(400, str(problem)) from problem
        if not session.active:
            raise gone(session)
        statement = session.repl.submit(asked.code, asked.kind, asked.source_id)
        self.answer_statement(session, statement)


class StatementHandler(LakehouseHandler):
    def get(self, *ids: str) -> None:
        session = self.session(ids[3])
        self.answer_statement(session, self.statement(session, ids[4]))


class CancelHandler(LakehouseHandler):
    def post(self, *ids: str) -> None:
        session = self.session(ids[3])
        session.repl.cancel(self.statement(session, ids[4]).id)
        self.answer({"msg": "canceled"})


def gone(session: Session) -> Refusal:
    """404 is what Fabric says of a session that can take no more statements."""
    state = "dead" if session.state in ENDED else session.state
    reason = f": {session.error_message}" if session.error_message else ""
    return Refusal(404, f"session {session.id} is {state}{reason}", "SparkCoreSessionNotFound")


def make_app(sessions: Sessions, place: Place, token: str) -> Application:
    base = r"/v1/workspaces/([^/]+)/lakehouses/([^/]+)/(?i:livyapi)/versions/([^/]+)"
    session = rf"{base}/sessions/([^/]+)"
    routes: list[tuple[str, type[Handler]]] = [
        (rf"{base}/sessions", SessionsHandler),
        (session, SessionHandler),
        (rf"{session}/reset-timeout", ResetTimeoutHandler),
        (rf"{session}/statements", StatementsHandler),
        (rf"{session}/statements/([^/]+)", StatementHandler),
        (rf"{session}/statements/([^/]+)/cancel", CancelHandler),
    ]
    shared = {"sessions": sessions, "place": place, "token": token}
    return Application(
        [(rf"{path}/?", handler, shared) for path, handler in routes],
        default_handler_class=Unknown,
        default_handler_args=shared,
        log_function=quiet,
        compress_response=False,
    )


def quiet(_handler: RequestHandler) -> None:
    """No access log: a line per poll would be noise, and bodies hold code."""
