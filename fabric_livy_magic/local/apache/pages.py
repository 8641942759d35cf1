"""Beside the API itself: version, health, and pages for a browser."""

from __future__ import annotations

from html import escape

from fabric_livy_magic.local.apache import views
from fabric_livy_magic.local.apache.handler import HTML, LivyHandler
from fabric_livy_magic.local.apache.sessions import SessionHandler

LIVY_VERSION = "0.9.0-incubating"  # whose API this is


class VersionHandler(LivyHandler):
    def get(self) -> None:
        self.answer(
            {
                "version": LIVY_VERSION,
                "user": self.caller.name,
                "revision": "",
                "branch": "",
                "date": "",
                "url": "fabric-livy serve --dialect livy",
            }
        )


class PingHandler(LivyHandler):
    content_type = "text/plain;charset=iso-8859-1"

    def get(self) -> None:
        self.answer_text("pong\n")


class RootHandler(LivyHandler):
    content_type = HTML

    def get(self) -> None:
        self.set_header("Location", f"{self.request.protocol}://{self.request.host}/ui")
        self.answer_nothing(302)


class PageHandler(SessionHandler):
    content_type = HTML

    def show(self, title: str, *parts: str) -> None:
        """`parts` are HTML."""
        head = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        self.answer_text("\n".join([head, f"<body><h1>{escape(title)}</h1>", *parts, "</body></html>\n"]))


class MetricsHandler(PageHandler):
    def get(self) -> None:
        self.show("Metrics", '<p><a href="/metrics/ping">Ping</a></p>')


class SessionsPage(PageHandler):
    def get(self) -> None:
        rows = [
            f'<tr><td><a href="/ui/session/{session.id}">{session.id}</a></td>'
            f"<td>{escape(session.request.name or '')}</td><td>{escape(session.request.kind or '')}</td>"
            f"<td>{escape(views.state_of(session))}</td></tr>"
            for session in self.server.sessions.all()
        ]
        head = "<tr><th>Id</th><th>Name</th><th>Kind</th><th>State</th></tr>"
        self.show("Sessions", f"<table>{head}{''.join(rows)}</table>")


class SessionPage(PageHandler):
    def get(self, id_or_name: str) -> None:
        session = self.known_session(id_or_name)
        lines = "\n".join(views.log_lines(session.log))
        self.show(
            f"Session {session.id}",
            f"<p>{escape(session.request.kind or '')}, {escape(views.state_of(session))}</p>",
            f"<pre>{escape(lines)}</pre>",
        )
