"""A scripted Livy server on loopback: real sockets below `requests`, nothing patched.

Fabric's dialect follows the published swagger (2023-12-01), Apache Livy's follows rest-api.md and answers recorded from a
real Livy 0.9. A test says what the server is to do before the calls are made:

    fabric.session_goes("starting", "dead", log=["no capacity"])
    fabric.statement_goes("waiting", "running", "available")
    fabric.answer("SELECT 1", sql_output([("a", "integer")], [[1]]))
    fabric.fault("POST", "/statements", status=503)

and reads afterwards `fabric.requests` (all requests that came in) and `fabric.left_running` (sessions that were not deleted).
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.batch_fakes import FakeBatches
from tests.support.monitoring_fakes import FakeMonitoring
from tests.support.outputs import OUTPUTS, text_output

WORKSPACE, LAKEHOUSE = "3f1c9f0e-7a44-4c52-9d0e-1b1f6d6c2a01", "9b2d4c6e-58f1-4a7b-8c3d-2e4f6a8b0c02"
FABRIC_ROOT = f"/v1/workspaces/{WORKSPACE}/lakehouses/{LAKEHOUSE}/livyapi/versions/2023-12-01"
MONITORING = FABRIC_ROOT.partition("/livyapi/")[0]
APPLICATION = "application_1764360000000_0007"
RETAINED = 100  # statements of a session: Livy drops the older ones
ENDED = {"dead", "error", "killed", "success", "shutting_down"}

Reading = str | dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request as it came in; `path` is below the Livy base, without the query."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any
    raw_path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Fault:
    """Served in place of the answer to the next `times` requests that fit."""

    method: str
    path: str  # a regular expression, searched
    status: int | None = None
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)
    acts: bool = False  # True: the server handles the request, and only its answer is replaced
    closes: bool = False  # True: the connection ends without an answer
    cuts: bool = False  # True: the body is shorter than announced
    delay_s: float = 0.0  # before the answer, which is the real one where `acts` and no status is set
    times: int = 1

    def fits(self, request: Request) -> bool:
        return self.times > 0 and request.method == self.method and re.search(self.path, request.path) is not None


@dataclass
class _Script:
    """Readings in order; the last one stays. Index 0 is the POST's own answer."""

    readings: list[Reading]
    position: int = 0

    def now(self) -> Reading:
        return self.readings[min(self.position, len(self.readings) - 1)]

    def next(self) -> Reading:
        self.position += 1
        return self.now()


@dataclass
class _Session:
    id: str
    body: dict[str, Any]
    script: _Script
    more: dict[str, Any]
    statements: list[_Statement] = field(default_factory=list)


@dataclass
class _Statement:
    id: int
    body: dict[str, Any]
    script: _Script


class ErrorStatus(Exception):  # noqa: N818 - not an error of the fake
    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


class FakeFabric:
    def __init__(self, *, apache: bool = False) -> None:
        self.apache = apache
        self.root = "" if apache else FABRIC_ROOT
        self.ids_are_numbers = apache
        self.token = f"SECRET-{uuid.uuid4().hex}"
        self.requests: list[Request] = []
        self.deleted: list[str] = []
        self.sessions: dict[str, _Session] = {}
        self.batches = FakeBatches(apache)
        self.monitoring = FakeMonitoring()
        self.log = ["25/11/23 04:00:00 INFO SparkContext: Running Spark version 3.5.5"]
        self._faults: list[Fault] = []
        self._answers = dict(OUTPUTS)
        self._session_script: list[Reading] = ["starting", "idle"]
        self._session_more: dict[str, Any] = {}
        self._statement_script: list[Reading] = ["waiting", "available"]
        self._cancel_script: list[Reading] = ["cancelling", "cancelled"]
        self._monitoring_script: _Script | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = _serve(self)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}{self.root}"

    def stop(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    # ------------------------------------------------------------------------------------ what a test scripts
    def session_goes(self, *readings: Reading, **more: Any) -> None:
        """Readings of the sessions that come: a state, or a dict that is the whole answer but for its id. `more` is in
        each of them (log, tags, errorInfo, name …)."""
        self._session_script, self._session_more = list(readings), more

    def statement_goes(self, *readings: Reading) -> None:
        """Readings of the statements that come: a state, or a dict of fields; `"missing"` answers 404 for once."""
        self._statement_script = list(readings)

    def cancel_goes(self, *readings: Reading) -> None:
        """What a statement goes through once its cancel has come."""
        self._cancel_script = list(readings)

    def monitoring_goes(self, *readings: tuple[list[Any], list[Any]]) -> None:
        """Spark's jobs and stages; each question for jobs is a reading. Without any there is no monitoring (404)."""
        self._monitoring_script = _Script([{"jobs": jobs, "stages": stages} for jobs, stages in readings], -1)

    def batch_goes(self, *readings: Reading, **more: Any) -> None:
        """Readings of the batches that come, as `session_goes`."""
        self.batches.goes, self.batches.more = list(readings), more

    def answer(self, code: str, output: dict[str, Any]) -> None:
        self._answers[code] = output

    def fault(self, method: str, path: str, **how: Any) -> Fault:
        self._faults.append(Fault(method, path, **how))
        return self._faults[-1]

    def session_becomes(self, *readings: Reading, **more: Any) -> None:
        """All sessions of now change their state (an idle timeout, a crash)."""
        for session in self.sessions.values():
            session.script, session.more = _Script(list(readings)), more

    def forget_sessions(self) -> None:
        self.sessions.clear()

    # ------------------------------------------------------------------------------------ what a test looks at
    def seen(self, method: str, path: str = "") -> list[Request]:
        return [one for one in self.requests if one.method == method and re.search(path, one.path)]

    @property
    def monitoring_calls(self) -> list[Request]:
        return [one for one in self.requests if "/livySessions/" in one.path]

    @property
    def posted_code(self) -> list[tuple[str, str]]:
        return [(one.body["kind"], one.body["code"]) for one in self.seen("POST", "/statements$")]

    @property
    def left_running(self) -> list[str]:
        """Sessions that cost money still."""
        return [one.id for one in self.sessions.values() if one.script.now() not in ENDED]

    # ------------------------------------------------------------------------------------ the server
    def handle(self, request: Request) -> tuple[int, Any, Fault | None]:
        with self._lock:
            self.requests.append(request)
            fault = next((one for one in self._faults if one.fits(request)), None)
            if fault:
                fault.times -= 1
                if not fault.acts:
                    return fault.status or 500, fault.body, fault
            try:
                self._check(request)
                status, body = self._route(request)
            except ErrorStatus as refusal:
                status, body = refusal.status, refusal.body
            if fault and fault.status:
                return fault.status, fault.body, fault
            return status, body, fault

    def wait(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _check(self, request: Request) -> None:
        if self.apache:
            if request.method in {"POST", "DELETE"} and "x-requested-by" not in request.headers:
                raise ErrorStatus(400, "Missing Required Header for CSRF protection.")
        elif request.headers.get("authorization") != f"Bearer {self.token}":
            raise ErrorStatus(
                401, self._refusal("TokenExpired", "Access token has expired, resubmit with a new access token")
            )

    def _route(self, request: Request) -> tuple[int, Any]:
        if answer := self.batches.answer(request.method, request.path, request.query, request.body):
            return answer
        if request.method == "GET" and (known := self.monitoring.answer(request.path, request.query)):
            return known
        for method, pattern, answer in (
            ("GET", rf"\?{MONITORING}/livySessions/([^/]+)", self._monitored),
            ("GET", rf"\?{MONITORING}/livySessions/([^/]+)/applications/{APPLICATION}/(jobs|stages)", self._spark),
            ("POST", r"/sessions", self._create),
            ("GET", r"/sessions", self._list),
            ("GET", r"/sessions/([^/]+)", self._session),
            ("DELETE", r"/sessions/([^/]+)", self._delete),
            ("GET", r"/sessions/([^/]+)/log", self._log),
            ("POST", r"/sessions/([^/]+)/statements", self._submit),
            ("GET", r"/sessions/([^/]+)/statements", self._statements),
            ("GET", r"/sessions/([^/]+)/statements/(\d+)", self._statement),
            ("POST", r"/sessions/([^/]+)/statements/(\d+)/cancel", self._cancel),
        ):
            if method == request.method and (match := re.fullmatch(pattern, request.path)):
                return answer(request, *match.groups())
        if self.apache:
            raise ErrorStatus(404, None)
        raise ErrorStatus(404, self._refusal("EntityNotFound", "The requested resource could not be found"))

    def _monitored(self, request: Request, session_id: str) -> tuple[int, Any]:
        self._find(session_id)
        if self._monitoring_script is None:
            raise ErrorStatus(404, self._refusal("EntityNotFound", "The requested resource could not be found"))
        return 200, {"livyId": session_id, "sparkApplicationId": APPLICATION, "state": "InProgress"}

    def _spark(self, request: Request, session_id: str, what: str) -> tuple[int, Any]:
        self._find(session_id)
        if (script := self._monitoring_script) is None:
            raise ErrorStatus(404, self._refusal("EntityNotFound", "The requested resource could not be found"))
        reading = script.next() if what == "jobs" else script.now()
        assert isinstance(reading, dict)
        return 200, reading[what]

    def _create(self, request: Request) -> tuple[int, Any]:
        body = request.body or {}
        if self.apache and (strange := set(body) - APACHE_SESSION_FIELDS):
            raise ErrorStatus(400, f'Unrecognized field "{strange.pop()}" (class CreateInteractiveRequest)')
        session_id = str(len(self.sessions) + len(self.deleted)) if self.ids_are_numbers else str(uuid.uuid4())
        session = _Session(session_id, body, _Script(list(self._session_script)), dict(self._session_more))
        self.sessions[session_id] = session
        return (201 if self.apache else 202), self._session_json(session, session.script.now())

    def _list(self, request: Request) -> tuple[int, Any]:
        skip = int(request.query.get("from" if self.apache else "$skip", ["0"])[0])
        size = int(request.query.get("size" if self.apache else "$top", ["100"])[0])
        found = list(self.sessions.values())
        page = [self._session_json(one, one.script.now()) for one in found[skip : skip + size]]
        if self.apache:
            return 200, {"from": skip, "total": len(found), "sessions": page}
        more = ("submittedAt", "submitterName", "submitterId")
        items = [
            {
                "id": one["id"],
                "name": one.get("name"),
                "livyState": one.get("state"),
                **{key: one.get(key) for key in more},
            }
            for one in page
        ]
        return 200, {"items": items, "totalCountOfMatchedItems": len(found), "pageSize": size}

    def _session(self, request: Request, session_id: str) -> tuple[int, Any]:
        session = self._find(session_id)
        reading = session.script.next()
        if reading == "missing":
            raise ErrorStatus(404, self._refusal("SessionNotFound", f"Session {session_id} is not visible yet"))
        return 200, self._session_json(session, reading)

    def _session_json(self, session: _Session, reading: Reading) -> dict[str, Any]:
        number: Any = int(session.id) if self.ids_are_numbers else session.id
        if isinstance(reading, dict):
            return {"id": number, **reading, **session.more}
        name = session.body.get("name")
        if self.apache:
            answer = {"id": number, "name": name, "appId": None, "owner": None, "proxyUser": None, "kind": "shared"}
            return {**answer, "state": reading, "appInfo": {}, **session.more, "log": self._log_of(session)[-10:]}
        return {"id": number, "name": name, "state": reading, "livyInfo": {"currentState": reading}, **session.more}

    def _delete(self, request: Request, session_id: str) -> tuple[int, Any]:
        self._find(session_id)
        del self.sessions[session_id]
        self.deleted.append(session_id)
        return 200, {"msg": "deleted"} if self.apache else None

    def _log(self, request: Request, session_id: str) -> tuple[int, Any]:
        if not self.apache:
            raise ErrorStatus(404, self._refusal("EntityNotFound", "The requested resource could not be found"))
        log = self._log_of(self._find(session_id))
        return 200, {"id": int(session_id), "from": 0, "total": len(log), "log": log}

    def _log_of(self, session: _Session) -> list[str]:
        log: list[str] = session.more.get("log", self.log)
        return log

    def _submit(self, request: Request, session_id: str) -> tuple[int, Any]:
        session = self._find(session_id)
        if (state := session.script.now()) in ENDED:
            raise ErrorStatus(500, f"java.lang.IllegalStateException: Session is in state {state}")
        if self.apache and (strange := set(request.body) - {"code", "kind"}):
            raise ErrorStatus(400, f'Unrecognized field "{strange.pop()}" (class ExecuteRequest)')
        statement = _Statement(len(session.statements), request.body, _Script(list(self._statement_script)))
        session.statements.append(statement)
        return (201 if self.apache else 200), self._statement_json(statement, statement.script.now())

    def _statements(self, request: Request, session_id: str) -> tuple[int, Any]:
        found = self._find(session_id).statements[-RETAINED:]
        begin = int(request.query.get("from", ["0"])[0])
        page = found[begin : begin + int(request.query.get("size", [str(len(found))])[0])]
        return 200, {
            "total_statements": len(found),
            "statements": [self._statement_json(one, one.script.now()) for one in page],
        }

    def _statement(self, request: Request, session_id: str, number: str) -> tuple[int, Any]:
        session = self._find(session_id)
        if self.apache and session.script.now() in ENDED:
            raise ErrorStatus(400, {"msg": "requirement failed: Session isn't active."})
        if not 0 <= len(session.statements) - 1 - int(number) < RETAINED:
            raise ErrorStatus(404, "Statement not found")
        statement = session.statements[int(number)]
        reading = statement.script.next()
        if reading == "missing":
            raise ErrorStatus(404, self._refusal("StatementNotFound", "Statement not found"))
        return 200, self._statement_json(statement, reading)

    def _statement_json(self, statement: _Statement, reading: Reading) -> dict[str, Any]:
        answer = {"id": statement.id, "code": statement.body["code"], "output": None}
        if not self.apache:
            answer["sourceId"] = statement.body.get("sourceId")
        if isinstance(reading, dict):
            return {**answer, **reading}
        if reading in {"available", "Error"}:
            answer["output"] = self._answers.get(statement.body["code"].strip(), text_output(""))
        if self.apache:
            answer |= {"progress": 1.0 if reading == "available" else 0.0, "started": 1732334400000, "completed": 0}
        return {**answer, "state": reading}

    def _cancel(self, request: Request, session_id: str, number: str) -> tuple[int, Any]:
        statement = self._find(session_id).statements[int(number)]
        if statement.script.now() not in {"available", "Error", "cancelled"}:
            statement.script = _Script(list(self._cancel_script))
        return 200, {"msg": "canceled"}

    def _find(self, session_id: str) -> _Session:
        if session_id in self.sessions:
            return self.sessions[session_id]
        raise ErrorStatus(404, self._refusal("SessionNotFound", f"Session '{session_id}' not found."))

    def _refusal(self, code: str, message: str) -> Any:
        if self.apache:
            return {"msg": message}
        return {"errorCode": code, "message": message, "requestId": "8d6a7c1e-0000-4000-8000-00000000beef"}


APACHE_SESSION_FIELDS = {
    *(
        "kind",
        "proxyUser",
        "jars",
        "pyFiles",
        "files",
        "driverMemory",
        "driverCores",
        "executorMemory",
        "executorCores",
    ),
    *("numExecutors", "archives", "queue", "name", "conf", "heartbeatTimeoutInSecond", "ttl", "idleTimeout"),
}


def _serve(fake: FakeFabric) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            parts = urlsplit(self.path)
            path = parts.path.removeprefix(fake.root) if parts.path.startswith(fake.root) else f"?{parts.path}"
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(raw) if raw else None
            request = Request(self.command, path, parse_qs(parts.query), headers, body, self.path)
            status, answer, fault = fake.handle(request)
            if fault and fault.delay_s:
                fake.wait(fault.delay_s)
            if fault and fault.closes:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send(status, answer, fault)

        def send(self, status: int, answer: Any, fault: Fault | None) -> None:
            as_text = isinstance(answer, str) and fault is not None
            # A real Livy compresses the empty answer to an unknown path, without a header that says so.
            nothing = gzip.compress(b"") if fake.apache and status == 404 else b""
            payload = nothing if answer is None else answer if isinstance(answer, bytes) else b""
            if answer is not None and not isinstance(answer, bytes):
                payload = (answer if as_text else json.dumps(answer)).encode()
            lines = [f"HTTP/1.1 {status} {self.responses.get(status, ('',))[0]}"]
            lines += [f"{name}: {value}" for name, value in (fault.headers if fault else {}).items()]
            kind = "text/html" if as_text and "<" in answer[:50] else "application/json"
            extra = 100 if fault and fault.cuts else 0
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(payload) + extra}", "", ""]
            self.close_connection = bool(extra)
            payload = b"" if self.command == "HEAD" else payload
            self.wfile.write("\r\n".join(lines).encode() + payload)  # one write, so that no delayed ACK slows a test

        do_GET = do_HEAD = do_POST = do_DELETE = do_PUT = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server
