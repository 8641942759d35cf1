"""Which path is whose, in Apache Livy's dialect. A slash at the end belongs to the collections only."""

from __future__ import annotations

from tornado.web import Application

from fabric_livy_magic.local.apache import pages, sessions, statements
from fabric_livy_magic.local.apache.handler import LivyHandler, Unknown
from fabric_livy_magic.local.server import Server
from fabric_livy_magic.local.web.handler import quiet

ID = r"/([^/]+)"


def session_routes() -> list[tuple[str, type[LivyHandler]]]:
    one = rf"/sessions{ID}"
    return [
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


def page_routes() -> list[tuple[str, type[LivyHandler]]]:
    return [
        (r"/", pages.RootHandler),
        (r"/version/?", pages.VersionHandler),
        (r"/metrics", pages.MetricsHandler),
        (r"/metrics/ping", pages.PingHandler),
        (r"/ui/?", pages.SessionsPage),
        (rf"/ui/session{ID}", pages.SessionPage),
    ]


def make_app(server: Server) -> Application:
    shared = {"server": server}
    return Application(
        [(path, handler, shared) for path, handler in [*session_routes(), *page_routes()]],
        default_handler_class=Unknown,
        default_handler_args=shared,
        log_function=quiet,
        compress_response=False,
    )
