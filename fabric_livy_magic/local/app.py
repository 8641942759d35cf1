"""The Livy API of each lakehouse, and the application that serves it together with the look-ups."""

from __future__ import annotations

import asyncio
import re

from tornado.web import Application, RequestHandler

from fabric_livy_magic.local import requests_in, views
from fabric_livy_magic.local.handler import Handler, Refusal, Server, Unknown
from fabric_livy_magic.local.lookups import lookup_routes
from fabric_livy_magic.local.places import API_VERSION, MAY_RUN, Lakehouse
from fabric_livy_magic.local.requests_in import BadRequest
from fabric_livy_magic.local.session import ENDED, Session
from fabric_livy_magic.local.spark_settings import BadSetting
from fabric_livy_magic.local.statements import Statement

READING = ("Lakehouse.Read.All", "Lakehouse.Execute.All")


class LakehouseHandler(Handler):
    """Paths below one lakehouse."""

    lakehouse: Lakehouse

    async def prepare(self) -> None:
        await super().prepare()
        workspace_id, lakehouse_id, version = (str(part) for part in self.path_args[:3])
        workspace = self.workspace(workspace_id)
        lakehouse = workspace.lakehouse(lakehouse_id)
        if lakehouse is None:
            raise Refusal(404, f"lakehouse {lakehouse_id} is not known", "SparkCoreItemNotFound")
        self.lakehouse = lakehouse
        if version != API_VERSION:
            raise Refusal(404, f"API version {version} is not known, only {API_VERSION}")
        self.need_scope(*(READING if self.request.method == "GET" else ("Lakehouse.Execute.All",)))
        if workspace.role not in MAY_RUN:
            raise Refusal(
                403,
                f"the caller's role in the workspace is {workspace.role}; Spark needs Contributor or a higher one",
                "InsufficientPrivileges",
            )

    def session(self, session_id: str) -> Session:
        session = self.server.sessions.get(self.lakehouse.id, session_id)
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
        lakehouse = self.lakehouse
        sessions = self.server.sessions.all(lakehouse.id)
        items = [views.activity_view(s, lakehouse.id, lakehouse.workspace_id) for s in sessions[page.slice]]
        self.answer({"items": items, "totalCountOfMatchedItems": len(sessions), "pageSize": page.top})

    def post(self, *_ids: str) -> None:
        body = self.json_body()
        if self.server.sessions.ended:
            raise Refusal(503, "the server is stopping")
        try:
            requests_in.check_session_request(body)
            session = self.server.sessions.create(body, self.lakehouse)
        except (BadRequest, BadSetting) as problem:
            raise Refusal(400, str(problem)) from problem
        view = views.early_session_view(session, self.lakehouse.id)
        session.start()
        self.answer(view, 202)


class SessionHandler(LakehouseHandler):
    def get(self, *ids: str) -> None:
        self.answer(views.session_view(self.session(ids[3]), self.lakehouse.id))

    async def delete(self, *ids: str) -> None:
        self.session(ids[3])
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(None, self.server.sessions.delete, self.lakehouse.id, ids[3]):
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


def make_app(server: Server) -> Application:
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
    shared = {"server": server}
    return Application(
        [(rf"{path}/?", handler, shared) for path, handler in [*routes, *lookup_routes()]],
        default_handler_class=Unknown,
        default_handler_args=shared,
        log_function=quiet,
        compress_response=False,
    )


def quiet(_handler: RequestHandler) -> None:
    """No access log: a line per poll would be noise, and bodies hold code."""
