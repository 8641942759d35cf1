"""Sessions: created, listed, shown, ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from fabric_livy_magic.local.apache import request_parsing, views
from fabric_livy_magic.local.apache.handler import LivyHandler, part_of
from fabric_livy_magic.local.apache.refusals import LivyRefusal, illegal_state, message, rejected, requirement
from fabric_livy_magic.local.lakehouse.onelake_paths import BadPath, Outside
from fabric_livy_magic.local.lakehouse.workspaces import Lakehouse
from fabric_livy_magic.local.sessions.capacity import NoCapacity
from fabric_livy_magic.local.sessions.dependencies import with_local_files
from fabric_livy_magic.local.sessions.lifetimes import BadTime, time_s
from fabric_livy_magic.local.sessions.repl import Repl
from fabric_livy_magic.local.sessions.session import ENDED, Session
from fabric_livy_magic.local.spark.session_request import SessionRequest
from fabric_livy_magic.local.spark.settings import BadSetting
from fabric_livy_magic.local.web.answers import Refusal

PAGE = 100
POLL_INTERVAL_S = 0.02
NEVER_IN_CONF = "spark.submit.proxyUser.allowCustomClasspathInClusterMode"  # Livy refuses it whatever its settings
CANCELLED = "java.util.concurrent.CancellationException"
FULL = "Rejected, too many sessions are being created!"


class SparkHandler(LivyHandler):
    """What sessions and batches have in common."""

    @property
    def lakehouse(self) -> Lakehouse:
        return self.server.workspaces.first_lakehouse

    def check_running(self) -> None:
        if self.server.sessions.ended:
            raise Refusal(503, "the server is stopping")

    def check_name(self, request: SessionRequest) -> None:
        """A number would be taken for an id. Livy refuses an empty name, too."""
        if request.name is not None and all(letter.isdigit() for letter in request.name):
            raise rejected(f"Invalid session name: {request.name}")

    def check_unique(self, request: SessionRequest, others: Iterable[str | None], number: str) -> None:
        """`number` is the id that the refusal uses up."""
        if request.name is not None and request.name in others:
            raise rejected(f"Duplicate session name: Some({request.name}) for session {number}")

    def check_conf(self, request: SessionRequest) -> None:
        if NEVER_IN_CONF in request.conf:
            raise rejected(f"Blacklisted configuration values in session config: {NEVER_IN_CONF}")


def livy_message(problem: BadPath) -> str:
    if isinstance(problem, Outside):
        return f"requirement failed: Local path {problem.path} cannot be added to user sessions."
    return f"requirement failed: {problem}"


class SessionHandler(SparkHandler):
    def known_session(self, id_or_name: str) -> Session:
        """Each request for it is a heartbeat."""
        session = self.known(id_or_name, self.server.sessions.all())
        session.heartbeat()
        return session

    def repl_of(self, session: Session) -> Repl:
        """Raises Livy's refusal where its channel to the driver is broken, which happens with quirks only."""
        repl = session.repl()
        assert repl is not None  # a session of this dialect has one from its creation on
        if repl.channel_closed:
            raise illegal_state("RPC channel is closed.")
        if repl.channel_broken:
            repl.channel_closed = True
            raise LivyRefusal(500, CANCELLED)
        return repl

    def running_repl(self, session: Session) -> Repl:
        """For requests that Livy takes for a running session only."""
        state = views.state_of(session)
        if state == "starting" or not session.active:
            raise illegal_state(f"Session is in state {state}")
        return self.repl_of(session)

    async def active_repl(self, session: Session) -> Repl:
        """For requests that Livy sends on to the driver: waits while the session starts."""
        while session.active and not session.settled.is_set():
            await asyncio.sleep(POLL_INTERVAL_S)
        if not session.active:
            raise self._driver_died(session)
        return self.repl_of(session)

    def _driver_died(self, session: Session) -> LivyRefusal:
        """The first request after the driver's death fails with CANCELLED, later ones with a refusal."""
        if session.end_reason.message and not session.end_reported:
            session.end_reported = True
            return LivyRefusal(500, CANCELLED)
        return requirement("Session isn't active.")

    def reported_state(self, session: Session) -> str:
        state = views.state_of(session)
        session.end_reported = state in ENDED
        return state


class SessionsHandler(SessionHandler):
    def get(self) -> None:
        start, size = self.number("from", 0), self.number("size", PAGE)
        sessions = self.server.sessions.all()
        page = [views.session_view(session) for session in part_of(sessions, start, size)]
        self.answer({"from": start, "total": len(sessions), "sessions": page})

    def post(self) -> None:
        read = request_parsing.read_session(self.json_text)
        self.check_running()
        number = self.server.sessions.new_id()  # used up also where the request is refused
        request = request_parsing.session_request(read)
        located = self._checked(request, number)
        try:
            session = self.server.sessions.create(
                request, self.lakehouse, self.caller.name, session_id=number, located=located
            )
        except NoCapacity as problem:
            raise message(400, FULL) from problem
        except BadSetting as problem:
            raise rejected(str(problem)) from problem
        session.add_repl()
        session.start()
        self.set_header("Location", f"/sessions/{session.id}")
        self.answer(views.session_view(session), 201)

    def _checked(self, request: SessionRequest, number: str) -> SessionRequest:
        """The request with the addresses of its files on this machine. Raises Livy's refusal of what is wrong."""
        self.check_conf(request)
        try:
            located = with_local_files(request, self.lakehouse, self.server.workspaces)
            for time_text in (request.ttl, request.idle_timeout):
                if time_text is not None:
                    time_s(time_text)
        except BadTime as problem:
            raise rejected(str(problem)) from problem
        except BadPath as problem:
            raise rejected(livy_message(problem)) from problem
        try:
            self.check_name(request)
        except LivyRefusal:
            if self.server.quirks:
                self.server.sessions.launch_only(request, self.lakehouse, number)
            raise
        self.check_unique(request, (session.request.name for session in self.server.sessions.all()), number)
        return located


class OneSessionHandler(SessionHandler):
    def get(self, id_or_name: str) -> None:
        session = self.known_session(id_or_name)
        self.reported_state(session)
        self.answer(views.session_view(session))

    async def delete(self, id_or_name: str) -> None:
        session = self.known_session(id_or_name)
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(None, self.server.sessions.delete, session.id):
            raise message(404, f"Session {session.id} already stopped.")
        self.answer({"msg": "deleted"})


class StateHandler(SessionHandler):
    def get(self, id_or_name: str) -> None:
        session = self.known_session(id_or_name)
        self.answer({"id": int(session.id), "state": self.reported_state(session)})


class LogHandler(SessionHandler):
    def get(self, id_or_name: str) -> None:
        session = self.known_session(id_or_name)
        start, size = self.number("from", -1), self.number("size", PAGE)
        self.answer(views.log_view(int(session.id), session.log, start, size))


class ConnectHandler(SessionHandler):
    def post(self, id_or_name: str) -> None:
        session = self.known_session(id_or_name)
        session.touch()
        self.answer(views.session_view(session))


class StopHandler(SessionHandler):
    """It stays listed as dead."""

    async def post(self, id_or_name: str) -> None:
        session = self.known_session(id_or_name)
        await asyncio.get_running_loop().run_in_executor(None, session.stop)
        self.answer_nothing(204)


class InterruptHandler(SessionHandler):
    """Not of a statement: Livy's interrupt is a stop."""

    async def post(self, id_or_name: str) -> None:
        session = self.known_session(id_or_name)
        await asyncio.get_running_loop().run_in_executor(None, session.stop)
        self.answer({"msg": "interrupted"})
