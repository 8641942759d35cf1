"""Fabric's monitoring of Spark: the list of Livy sessions, Spark's own REST API of each, and its logs.

Paths and forms: learn.microsoft.com/fabric/data-engineering, pages open-source-apis, driver-log, executor-log and livy-log, and
learn.microsoft.com/rest/api/fabric/spark/livy-sessions. The Livy API's own contract has none of it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

from py4j.protocol import Py4JError

from fabric_livy_magic.local.fabric.handler import FabricHandler
from fabric_livy_magic.local.fabric.lookups import ListHandler, WithLakehouse
from fabric_livy_magic.local.fabric.monitoring_views import (
    Job,
    application_id,
    container,
    executor_file_meta,
    file_meta,
    is_batch,
    monitored_view,
)
from fabric_livy_magic.local.server.server import Server
from fabric_livy_magic.local.sessions.session import Session
from fabric_livy_magic.local.spark.jvm import JvmGone
from fabric_livy_magic.local.spark.rest import RestAnswer
from fabric_livy_magic.local.web.answers import Refusal

ITEM_SCOPES = ("Item.Read.All", "Item.ReadWrite.All", "Lakehouse.Read.All", "Lakehouse.ReadWrite.All")
WORKSPACE_SCOPES = ("Workspace.Read.All", "Workspace.ReadWrite.All")
ATTEMPT = "1"  # an application of local Spark has one attempt and no number for it
PART_BYTES = 1024 * 1024  # the documented size of a part


def all_jobs(server: Server) -> list[Job]:
    """Sessions and batches in the order of their submission; those that were deleted, too, for a while."""
    found: dict[str, Job] = {one.id: one for one in server.ended_jobs.all()}
    found |= {one.id: one for one in server.sessions.all()}
    found |= {one.id: one for one in server.batches.all()}
    return sorted(found.values(), key=lambda job: job.times["notStarted"])


class WorkspaceSessionsHandler(ListHandler):
    def get(self, workspace_id: str) -> None:
        self.need_scope(*WORKSPACE_SCOPES)
        workspace = self.workspace(workspace_id)
        found = [job for job in all_jobs(self.server) if job.lakehouse.workspace_id == workspace.id]
        self.answer_page([monitored_view(job) for job in found])


class LakehouseSessionsHandler(WithLakehouse, ListHandler):
    def get(self, workspace_id: str, lakehouse_id: str) -> None:
        self.need_scope(*ITEM_SCOPES)
        lakehouse = self.lakehouse(workspace_id, lakehouse_id)
        found = [job for job in all_jobs(self.server) if job.lakehouse.id == lakehouse.id]
        self.answer_page([monitored_view(job) for job in found])


class MonitoredHandler(WithLakehouse):
    def job(self, workspace_id: str, lakehouse_id: str, livy_id: str) -> Job:
        self.need_scope(*ITEM_SCOPES)
        lakehouse = self.lakehouse(workspace_id, lakehouse_id)
        job: Job | None = self.server.sessions.get(livy_id) or self.server.batches.get(livy_id)
        job = job or self.server.ended_jobs.get(livy_id)
        if job is None or job.lakehouse.id != lakehouse.id:
            raise Refusal(404, f"Livy session {livy_id} is not known", "SparkCoreSessionNotFound")
        return job


class MonitoredSessionHandler(MonitoredHandler):
    def get(self, workspace_id: str, lakehouse_id: str, livy_id: str) -> None:
        self.answer(monitored_view(self.job(workspace_id, lakehouse_id, livy_id)))


class LivyLogHandler(MonitoredHandler):
    """The server's own lines about a session are in the driver's log here, so both logs are the same."""

    def get(self, workspace_id: str, lakehouse_id: str, livy_id: str) -> None:
        job = self.job(workspace_id, lakehouse_id, livy_id)
        if self.get_query_argument("type", "") != "livy":
            raise Refusal(400, "without an application the log's type is livy", "InvalidParameter")
        log = job.log.files.get("stderr")
        if log is None:
            raise Refusal(404, f"{livy_id} has not written a log yet", "LogFileNotFound")
        answer_log(self, "livy.log", log)


class ApplicationHandler(MonitoredHandler):
    """Everything below one Spark application. A batch has logs only, as its JVM belongs to its program."""

    async def get(self, workspace_id: str, lakehouse_id: str, livy_id: str, app_id: str, rest: str | None) -> None:
        job = self.job(workspace_id, lakehouse_id, livy_id)
        if application_id(job) != app_id:
            raise Refusal(404, f"session {livy_id} has no application {app_id}", "SparkCoreApplicationNotFound")
        path = (rest or "").rstrip("/")
        if path == f"/{ATTEMPT}" or path.startswith(f"/{ATTEMPT}/"):
            path = path[len(ATTEMPT) + 1 :]
        if path == "/logs" and self.get_query_argument("type", ""):
            self._answer_driver_log(job)
            return
        if is_batch(job):
            raise Refusal(404, f"{livy_id} is a batch; this server has its logs only", "SparkCoreResourceNotFound")
        if not isinstance(job, Session) or job.ended:
            raise Refusal(404, f"session {livy_id} has ended; only its logs are left", "SparkCoreApplicationNotFound")
        answer = await asyncio.get_running_loop().run_in_executor(None, self._ask_spark, job, path)
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

    def _answer_driver_log(self, job: Job) -> None:
        files = job.log.files
        match self.get_query_argument("type"):
            case "driver":
                name = self.get_query_argument("fileName", "")
                if name not in files:
                    raise Refusal(404, f"there is no driver log {name!r}, only {', '.join(files)}", "LogFileNotFound")
                if self._flag("meta"):
                    self.answer(container(job, file_meta(name, files[name])))
                else:
                    answer_log(self, name, files[name])
            case "rollingdriver" if self._flag("meta"):
                start = self.get_query_argument("filenamePrefix", "")
                found = [file_meta(name, path) for name, path in files.items() if name.startswith(start)]
                self.answer(container(job, found))
            case "executor":
                self._answer_executor_log(job)
            case kind:
                raise Refusal(400, f"{kind!r} is no type of log", "InvalidParameter")

    def _answer_executor_log(self, job: Job) -> None:
        """Local Spark runs its tasks in the driver: it has one container, whose files are the driver's. A size is as text here, and
        there is no offset: the content is read from its beginning."""
        files = job.log.files
        if self._flag("meta"):
            start = self.get_query_argument("filenamePrefix", "")
            metas = [executor_file_meta(name, path) for name, path in files.items() if name.startswith(start)]
            self.answer([container(job, metas)])
            return
        name, own = self.get_query_argument("fileName", ""), container(job, None)["containerId"]
        if name not in files or self.get_query_argument("containerId", "") != own:
            raise Refusal(404, f"container {own} has {', '.join(files)}", "LogFileNotFound")
        with files[name].open("rb") as log:
            part = log.read(_number(self, "size", PART_BYTES))
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(part)

    def _flag(self, argument: str) -> bool:
        return self.get_query_argument(argument, "").lower() == "true"


def answer_log(handler: FabricHandler, name: str, path: Path) -> None:
    """`offset` and `size` count bytes, and only when `isDownload` and `isPartial` are true."""
    query = {key: handler.get_query_argument(key, "").lower() for key in ("meta", "isDownload", "isPartial")}
    if query["meta"] == "true":
        handler.answer(file_meta(name, path))
        return
    offset, size = 0, -1
    if query["isDownload"] == query["isPartial"] == "true":
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
