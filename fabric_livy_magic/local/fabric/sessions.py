"""Sessions of a lakehouse: created, listed, shown, kept alive, ended."""

from __future__ import annotations

import asyncio

from fabric_livy_magic.local.fabric import request_parsing, session_views
from fabric_livy_magic.local.fabric.handler import LakehouseHandler
from fabric_livy_magic.local.fabric.request_parsing import BadRequest, Page
from fabric_livy_magic.local.lakehouse.notebook_lakehouses import Home
from fabric_livy_magic.local.lakehouse.onelake_paths import BadPath
from fabric_livy_magic.local.sessions.capacity import FULL, NoCapacity
from fabric_livy_magic.local.sessions.dependencies import with_local_files
from fabric_livy_magic.local.sessions.session import Session
from fabric_livy_magic.local.spark.session_request import SessionRequest
from fabric_livy_magic.local.spark.settings import BadSetting
from fabric_livy_magic.local.web.answers import Refusal


class SparkHandler(LakehouseHandler):
    """For routes that start or find Spark applications."""

    def check_running(self) -> None:
        if self.server.sessions.ended:
            raise Refusal(503, "the server is stopping")

    def page(self) -> Page:
        try:
            return request_parsing.read_page(*(self.query(name) for name in ("$top", "$skip", "$count")))
        except BadRequest as problem:
            raise Refusal(400, str(problem)) from problem

    def known_session(self, session_id: str) -> Session:
        session = self.server.sessions.get(session_id)
        if session is None or session.lakehouse.id != self.lakehouse.id:
            raise Refusal(404, f"session {session_id} is not known", "SparkCoreSessionNotFound")
        return session

    def located(self, request: SessionRequest) -> tuple[SessionRequest, Home]:
        """The request with the addresses of its files on this machine, and where its session works. Raises BadPath."""
        home = self.server.sessions.home_of(request, self.lakehouse)
        return with_local_files(request, home.lakehouse, home.workspaces, resolve_conf=False), home

    def refusal_of(self, problem: Exception) -> Refusal:
        """The refusal of a request that starts no Spark application."""
        if isinstance(problem, NoCapacity):
            return Refusal(430, f"{FULL}. Here: {problem}.", "TooManyRequestsForCapacity")
        return Refusal(400, str(problem))


class SessionsHandler(SparkHandler):
    def get(self, **_ids: str) -> None:
        page = self.page()
        sessions = [one for one in self.server.sessions.all() if one.lakehouse.id == self.lakehouse.id]
        items = [session_views.activity_view(session) for session in sessions[page.slice]]
        count = {"totalCountOfMatchedItems": len(sessions)} if page.counted else {}
        self.answer({"items": items, **count, "pageSize": page.top})

    def post(self, **_ids: str) -> None:
        body = self.json_body()
        self.check_running()
        try:
            session = self._create(request_parsing.read_session_request(body))
        except (BadRequest, BadPath, BadSetting, NoCapacity) as problem:
            raise self.refusal_of(problem) from problem
        view = session_views.early_session_view(session)
        session.start()
        self.answer(view, 202)

    def _create(self, request: SessionRequest) -> Session:
        located, home = self.located(request)
        session = self.server.sessions.create(request, self.lakehouse, self.caller.name, located=located, home=home)
        session.add_repl()
        if not session.is_guest:
            self.server.fresh_lakehouses.note_own_application(self.lakehouse)
        return session


class SessionHandler(SparkHandler):
    def get(self, *, session_id: str, **_ids: str) -> None:
        self.answer(session_views.session_view(self.known_session(session_id)))

    async def delete(self, *, session_id: str, **_ids: str) -> None:
        self.known_session(session_id)
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(None, self.server.sessions.delete, session_id):
            raise Refusal(404, f"session {session_id} is not known", "SparkCoreSessionNotFound")
        self.answer({"msg": "deleted"})


class ResetTimeoutHandler(SparkHandler):
    def post(self, *, session_id: str, **_ids: str) -> None:
        session = self.known_session(session_id)
        if not session.active:
            raise session_gone(session)
        session.touch()
        self.set_status(204)
        self.finish()


def session_gone(session: Session) -> Refusal:
    """Fabric answers 404 for a session that takes no more statements."""
    why = session.end_reason.message or session.end_reason.cancellation_reason
    reason = f": {why}" if why else ""
    return Refusal(404, f"session {session.id} is {session.state}{reason}", "SparkCoreSessionNotFound")
