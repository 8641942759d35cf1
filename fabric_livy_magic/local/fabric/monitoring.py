"""Fabric's monitoring of Spark: the Livy sessions there are, Spark's own REST API of each, and its logs.

Paths and forms: learn.microsoft.com/fabric/data-engineering, pages open-source-apis, driver-log and livy-log, and
learn.microsoft.com/rest/api/fabric/spark/livy-sessions. Nothing of this is in the Livy API's own contract.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from py4j.protocol import Py4JError

from fabric_livy_magic.local.fabric.handler import FabricHandler
from fabric_livy_magic.local.fabric.lookups import ListHandler, OfLakehouse
from fabric_livy_magic.local.fabric.views import person_id, time_text
from fabric_livy_magic.local.session import ENDED, Session
from fabric_livy_magic.local.spark.jvm import JvmGone
from fabric_livy_magic.local.spark.rest import RestAnswer
from fabric_livy_magic.local.web.handler import Refusal

OF_ITEM = ("Item.Read.All", "Item.ReadWrite.All", "Lakehouse.Read.All", "Lakehouse.ReadWrite.All")
OF_WORKSPACE = ("Workspace.Read.All", "Workspace.ReadWrite.All")
ATTEMPT = "1"  # an application of local Spark has one attempt and no number for it
PART_BYTES = 1024 * 1024  # the documented size of a part

JsonObject = dict[str, Any]


class WorkspaceSessionsHandler(ListHandler):
    def get(self, workspace_id: str) -> None:
        self.need_scope(*OF_WORKSPACE)
        workspace = self.workspace(workspace_id)
        found = [one for one in self.server.sessions.all() if one.lakehouse.workspace_id == workspace.id]
        self.answer_page([monitored_view(session) for session in found])


class LakehouseSessionsHandler(OfLakehouse, ListHandler):
    def get(self, workspace_id: str, lakehouse_id: str) -> None:
        self.need_scope(*OF_ITEM)
        lakehouse = self.lakehouse(workspace_id, lakehouse_id)
        found = [one for one in self.server.sessions.all() if one.lakehouse.id == lakehouse.id]
        self.answer_page([monitored_view(session) for session in found])


class MonitoredHandler(OfLakehouse):
    def session(self, workspace_id: str, lakehouse_id: str, livy_id: str) -> Session:
        self.need_scope(*OF_ITEM)
        lakehouse = self.lakehouse(workspace_id, lakehouse_id)
        session = self.server.sessions.get(livy_id)
        if session is None or session.lakehouse.id != lakehouse.id:
            raise Refusal(404, f"Livy session {livy_id} is not known", "SparkCoreSessionNotFound")
        return session


class MonitoredSessionHandler(MonitoredHandler):
    def get(self, workspace_id: str, lakehouse_id: str, livy_id: str) -> None:
        self.answer(monitored_view(self.session(workspace_id, lakehouse_id, livy_id)))


class LivyLogHandler(MonitoredHandler):
    """What the server itself noted of a session is in the driver's log here, so both are the same."""

    def get(self, workspace_id: str, lakehouse_id: str, livy_id: str) -> None:
        session = self.session(workspace_id, lakehouse_id, livy_id)
        if self.get_query_argument("type", "") != "livy":
            raise Refusal(400, "without an application the log's type is livy", "InvalidParameter")
        answer_log(self, "livy.log", session.log.files["stderr"])


class ApplicationHandler(MonitoredHandler):
    """Everything below one Spark application."""

    async def get(self, workspace_id: str, lakehouse_id: str, livy_id: str, app_id: str, rest: str | None) -> None:
        session = self.session(workspace_id, lakehouse_id, livy_id)
        if session.application.id != app_id:
            raise Refusal(404, f"session {livy_id} has no application {app_id}", "SparkCoreApplicationNotFound")
        path = (rest or "").rstrip("/")
        if path == f"/{ATTEMPT}" or path.startswith(f"/{ATTEMPT}/"):
            path = path[len(ATTEMPT) + 1 :]
        if path == "/logs" and self.get_query_argument("type", ""):
            self._answer_driver_log(session)
            return
        if session.state in ENDED:
            raise Refusal(404, f"session {livy_id} has ended; only its logs are left", "SparkCoreApplicationNotFound")
        answer = await asyncio.get_running_loop().run_in_executor(None, self._ask_spark, session, path)
        if answer.status != 200:
            text = answer.body.decode("utf-8", errors="replace") if answer.content_type == "text/plain" else ""
            raise Refusal(answer.status, text or f"Spark has nothing at {path}", "SparkCoreResourceNotFound")
        self.set_header("Content-Type", answer.content_type)
        self.finish(answer.body)

    def _ask_spark(self, session: Session, path: str) -> RestAnswer:
        try:
            return session.rest.get(quote(path), quote(self.request.query, safe="%&=+,:;/?@!$'()*"))
        except (JvmGone, Py4JError, OSError) as gone:
            raise Refusal(404, f"the application does not answer: {gone}", "SparkCoreApplicationNotFound") from gone

    def _answer_driver_log(self, session: Session) -> None:
        files = session.log.files
        match self.get_query_argument("type"):
            case "driver":
                name = self.get_query_argument("fileName", "")
                if name not in files:
                    raise Refusal(404, f"there is no driver log {name!r}, only {', '.join(files)}", "LogFileNotFound")
                if self._asks("meta"):
                    self.answer(container(session, file_meta(name, files[name])))
                else:
                    answer_log(self, name, files[name])
            case "rollingdriver" if self._asks("meta"):
                start = self.get_query_argument("filenamePrefix", "")
                found = [file_meta(name, path) for name, path in files.items() if name.startswith(start)]
                self.answer(container(session, found))
            case kind:
                raise Refusal(400, f"{kind!r} is no type of driver log", "InvalidParameter")

    def _asks(self, argument: str) -> bool:
        return self.get_query_argument(argument, "").lower() == "true"


def monitored_view(session: Session) -> JsonObject:
    """One session as the Monitoring hub lists it."""
    times = {name: session.times.get(name) for name in ("notStarted", "starting", "idle", "dead", "killed")}
    begun, ended = times["idle"], times["killed"] or times["dead"]
    view = {
        "sparkApplicationId": session.application.id,
        "state": monitored_state(session),
        "livyId": session.id,
        "origin": "SubmittedJob",
        "attemptNumber": 1,
        "maxNumberOfAttempts": 1,
        "livyName": session.name,
        "submitter": {"id": person_id(session.submitter), "type": "User"},
        "item": {
            "workspaceId": session.lakehouse.workspace_id,
            "itemId": session.lakehouse.id,
            "referenceType": "ById",
        },
        "itemName": session.lakehouse.name,
        "itemType": "Lakehouse",
        "jobType": "SparkSession",
        "submittedDateTime": _moment(times["notStarted"]),
        "startDateTime": _moment(begun),
        "endDateTime": _moment(ended),
        "queuedDuration": _duration(times["notStarted"], begun or ended),
        "runningDuration": _duration(begun, ended),
        "totalDuration": _duration(times["notStarted"], ended),
        "cancellationReason": session.ending.message or None,
    }
    return {key: value for key, value in view.items() if value is not None}


def monitored_state(session: Session) -> str:
    state = session.state
    if state in ENDED:
        return "Failed" if session.ending.message else "Cancelled"
    return "NotStarted" if state in ("acquiring", "not_started", "starting") else "InProgress"


def _moment(time: datetime | None) -> str | None:
    return time_text(time) if time else None


def _duration(begun: datetime | None, ended: datetime | None) -> JsonObject | None:
    """Until now where it has not ended."""
    if begun is None:
        return None
    return {"value": ((ended or datetime.now(UTC)) - begun).total_seconds(), "timeUnit": "Seconds"}


def container(session: Session, meta: Any) -> JsonObject:
    number = str(session.application.id).removeprefix("local-")
    return {"containerId": f"container_{number}_0001_01_000001", "nodeId": "localhost", "containerLogMeta": meta}


def file_meta(name: str, path: Path) -> JsonObject:
    stat = path.stat()
    changed = datetime.fromtimestamp(stat.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "GMT"
    return {"fileName": name, "length": stat.st_size, "lastModified": changed, "metaData": {}}


def answer_log(handler: FabricHandler, name: str, path: Path) -> None:
    """`offset` and `size` count bytes, and only when `isDownload` and `isPartial` are true."""
    asked = {key: handler.get_query_argument(key, "").lower() for key in ("meta", "isDownload", "isPartial")}
    if asked["meta"] == "true":
        handler.answer(file_meta(name, path))
        return
    offset, size = 0, -1
    if asked["isDownload"] == asked["isPartial"] == "true":
        offset, size = _number(handler, "offset", 0), _number(handler, "size", PART_BYTES)
    with path.open("rb") as log:
        log.seek(offset)
        part = log.read(size)
    handler.set_header("Content-Type", "text/plain; charset=utf-8")
    handler.finish(part)


def _number(handler: FabricHandler, argument: str, default: int) -> int:
    text = handler.get_query_argument(argument, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise Refusal(400, f"{argument} is a whole number, not {text!r}", "InvalidParameter")
    return int(text)


def monitoring_routes() -> list[tuple[str, type[FabricHandler]]]:
    workspace = r"/v1/workspaces/([^/]+)"
    sessions = rf"{workspace}/lakehouses/([^/]+)/livySessions"
    return [
        (rf"{workspace}/spark/livySessions", WorkspaceSessionsHandler),
        (sessions, LakehouseSessionsHandler),
        (rf"{sessions}/([^/]+)", MonitoredSessionHandler),
        (rf"{sessions}/([^/]+)/applications/none/logs", LivyLogHandler),
        (rf"{sessions}/([^/]+)/applications/([^/]+)(/.*)?", ApplicationHandler),
    ]
