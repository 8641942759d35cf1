"""The routes of Apache Livy's dialect. Only the collections take a slash at the end."""

from __future__ import annotations

from typing import Any

from tornado.web import Application

from fabric_livy_magic.local.apache import batches, pages, sessions, statements
from fabric_livy_magic.local.apache.handler import LivyHandler, Unknown
from fabric_livy_magic.local.apache.jobs import CancelJobHandler, Jobs, OneJobHandler, SubmitJobHandler
from fabric_livy_magic.local.apache.resources import RESOURCES, AddHandler, UploadHandler
from fabric_livy_magic.local.server.server import Server
from fabric_livy_magic.local.web.handler import log_refused

ID = r"/([^/]+)"

Route = tuple[str, type[LivyHandler], dict[str, Any]]


def session_routes() -> list[Route]:
    one, jobs = rf"/sessions{ID}", Jobs()
    plain: list[tuple[str, type[LivyHandler]]] = [
        (r"/sessions/?", sessions.SessionsHandler),
        (one, sessions.OneSessionHandler),
        (rf"{one}/state", sessions.StateHandler),
        (rf"{one}/log", sessions.LogHandler),
        (rf"{one}/connect", sessions.ConnectHandler),
        (rf"{one}/stop", sessions.StopHandler),
        (rf"{one}/interrupt", sessions.InterruptHandler),
        (rf"{one}/statements", statements.StatementsHandler),
        (rf"{one}/statements{ID}", statements.StatementHandler),
        (rf"{one}/statements{ID}/cancel", statements.CancelHandler),
        (rf"{one}/completion", statements.CompletionHandler),
    ]
    return [
        *((path, handler, {}) for path, handler in plain),
        (rf"{one}/(?:submit|run)-job", SubmitJobHandler, {"jobs": jobs}),
        (rf"{one}/jobs{ID}", OneJobHandler, {"jobs": jobs}),
        (rf"{one}/jobs{ID}/cancel", CancelJobHandler, {"jobs": jobs}),
        *((rf"{one}/add-{kind}", AddHandler, {"kind": kind}) for kind in RESOURCES),
        *((rf"{one}/upload-{kind}", UploadHandler, {"kind": kind}) for kind in RESOURCES),
    ]


def batch_routes() -> list[Route]:
    one = rf"/batches{ID}"
    refused_batches: dict[str, Any] = {"refused": {}}
    return [
        (r"/batches/?", batches.BatchesHandler, refused_batches),
        (one, batches.OneBatchHandler, refused_batches),
        (rf"{one}/state", batches.BatchStateHandler, refused_batches),
        (rf"{one}/log", batches.BatchLogHandler, refused_batches),
    ]


def page_routes() -> list[Route]:
    return [
        (r"/", pages.RootHandler, {}),
        (r"/version/?", pages.VersionHandler, {}),
        (r"/metrics", pages.MetricsHandler, {}),
        (r"/metrics/ping", pages.PingHandler, {}),
        (r"/ui/?", pages.SessionsPage, {}),
        (rf"/ui/session{ID}", pages.SessionPage, {}),
    ]


def make_app(server: Server) -> Application:
    routes = [*session_routes(), *batch_routes(), *page_routes()]
    return Application(
        [(path, handler, {"server": server, **more}) for path, handler, more in routes],
        default_handler_class=Unknown,
        default_handler_args={"server": server},
        log_function=log_refused,
        compress_response=False,
    )
