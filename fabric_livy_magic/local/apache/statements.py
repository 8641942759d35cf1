"""Statements of a session, and completion."""

from __future__ import annotations

import asyncio
from typing import Any

from fabric_livy_magic.local.apache import request_parsing, views
from fabric_livy_magic.local.apache.handler import java_number, part_of
from fabric_livy_magic.local.apache.refusals import LivyRefusal, null_pointer, refused_by_driver, unreadable
from fabric_livy_magic.local.apache.request_parsing import SESSION_KINDS, SHARED
from fabric_livy_magic.local.apache.sessions import CANCELLED, POLL_INTERVAL_S, SessionHandler
from fabric_livy_magic.local.interpreters.json_text import dumps
from fabric_livy_magic.local.interpreters.quirks.limits import LARGEST_ANSWER_BYTES, LONGEST_STRING_CHARS
from fabric_livy_magic.local.sessions.repl import Repl
from fabric_livy_magic.local.sessions.session import Session
from fabric_livy_magic.local.sessions.statements import Statement


class StatementReader(SessionHandler):
    _client_gone = False

    def on_connection_close(self) -> None:
        self._client_gone = True

    async def answer_over_channel(self, session: Session, repl: Repl, view: Any) -> None:
        """With quirks, a response that is too large breaks Livy's channel to its driver, and the client waits until its time-out."""
        data = dumps(view)
        if self.server.quirks and len(data) > LARGEST_ANSWER_BYTES:
            repl.channel_broken = True
            while session.active and not self._client_gone:
                await asyncio.sleep(POLL_INTERVAL_S)
            raise LivyRefusal(500, CANCELLED)
        self.answer_bytes(data)


class StatementsHandler(StatementReader):
    async def get(self, id_or_name: str) -> None:
        session = self.known_session(id_or_name)
        repl = await self.active_repl(session)
        statements = repl.statements()
        start, size = self.number("from", 0), self.number("size", len(statements))
        if self.get_query_argument("order", "").lower() == "desc":
            statements.reverse()
        with repl.lock:
            page = [views.statement_view(one) for one in part_of(statements, start, size)]
        await self.answer_over_channel(session, repl, {"total_statements": len(statements), "statements": page})

    def post(self, id_or_name: str) -> None:
        request = request_parsing.read_statement(self.json_text)
        if self.server.quirks and request.code is not None and len(request.code) > LONGEST_STRING_CHARS:
            raise unreadable(f"String length ({len(request.code)}) exceeds the maximum length ({LONGEST_STRING_CHARS})")
        session = self.known_session(id_or_name)
        repl = self.running_repl(session)
        if request.code is None:
            raise null_pointer("code")
        statement = self._submitted(repl, request.code, kind_of(request.kind, session))
        self.set_header("Location", f"/sessions/{session.id}/statements/{statement.id}")
        with repl.lock:
            view = views.statement_view(statement)
        self.answer(view, 201)

    def _submitted(self, repl: Repl, code: str, kind: str) -> Statement:
        if kind != SHARED:
            return repl.submit(code, kind, None)
        if self.server.quirks:
            return repl.submit_stuck(code)
        raise refused_by_driver(f"Invalid kind: {SHARED}")


def kind_of(request: str | None, session: Session) -> str:
    if request is None and session.request.kind == SHARED:
        raise refused_by_driver("Code type should be specified if session kind is shared")
    kind = session.request.kind if request is None else request
    if kind not in SESSION_KINDS:
        raise refused_by_driver(f"Invalid kind: {kind}")
    return SESSION_KINDS[kind]


class StatementHandler(StatementReader):
    async def get(self, id_or_name: str, statement_id: str) -> None:
        session = self.known_session(id_or_name)
        number = java_number(statement_id)
        repl = await self.active_repl(session)
        statement = repl.statement(number)
        if statement is None:
            raise LivyRefusal(404, "Statement not found")
        with repl.lock:
            view = views.statement_view(statement)
        await self.answer_over_channel(session, repl, view)


class CancelHandler(SessionHandler):
    def post(self, id_or_name: str, statement_id: str) -> None:
        session = self.known_session(id_or_name)
        number = java_number(statement_id)
        self.running_repl(session).cancel(number)
        self.answer({"msg": "canceled"})


class CompletionHandler(SessionHandler):
    async def post(self, id_or_name: str) -> None:
        request = request_parsing.read_completion(self.json_text)
        session = self.known_session(id_or_name)
        repl = self.running_repl(session)
        if request.code is None:
            raise null_pointer("code")
        kind = SESSION_KINDS.get(request.kind or "", SHARED)
        if kind == SHARED:  # none that completes anything
            raise refused_by_driver(f"Invalid kind: {'null' if request.kind is None else request.kind}")
        loop = asyncio.get_running_loop()
        candidates = await loop.run_in_executor(None, repl.complete, kind, request.code, request.cursor)
        self.answer({"candidates": candidates})
