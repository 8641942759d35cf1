"""Statements of a session, and of a REPL of a high-concurrency session."""

from __future__ import annotations

import re

from fabric_livy_magic.local.fabric import request_parsing, views
from fabric_livy_magic.local.fabric.request_parsing import BadRequest
from fabric_livy_magic.local.fabric.sessions import SparkHandler, session_gone
from fabric_livy_magic.local.sessions.repl import Repl
from fabric_livy_magic.local.sessions.statements import Statement
from fabric_livy_magic.local.web.answers import Refusal


class ReplHandler(SparkHandler):
    """`repl_id` is empty for a session's own REPL."""

    def repl(self, session_id: str, repl_id: str) -> Repl:
        session = self.known_session(session_id)
        repl = session.repl(repl_id.lower())
        if repl is None and not repl_id:
            raise Refusal(
                404, f"session {session.id} takes statements through its REPLs only", "SparkCoreSessionNotFound"
            )
        if repl is None:
            raise Refusal(404, f"session {session.id} has no REPL {repl_id}", "SparkCoreReplNotFound")
        return repl

    def statement(self, repl: Repl, statement_id: str) -> Statement:
        if not re.fullmatch(r"\d{1,10}", statement_id, re.ASCII):
            raise Refusal(400, f"{statement_id!r} is no statement id: a whole number is needed")
        statement = repl.statement(int(statement_id))
        if statement is None:
            raise Refusal(404, f"there is no statement {statement_id}", "StatementNotFound")
        return statement

    def answer_statement(self, repl: Repl, statement: Statement, part: slice = slice(0, None)) -> None:
        with repl.lock:
            view = views.statement_view(statement, part)
        self.answer(view)


class StatementsHandler(ReplHandler):
    def get(self, *, session_id: str, repl_id: str = "", **_ids: str) -> None:
        repl = self.repl(session_id, repl_id)
        with repl.lock:
            statements = [views.statement_view(statement) for statement in repl.statements()]
        self.answer({"statements": statements, "total_statements": len(statements)})

    def post(self, *, session_id: str, repl_id: str = "", **_ids: str) -> None:
        body = self.json_body()
        session, repl = self.known_session(session_id), self.repl(session_id, repl_id)
        try:
            request = request_parsing.read_statement_request(body, session.request.kind)
        except BadRequest as problem:
            raise Refusal(400, str(problem)) from problem
        if not session.active:
            raise session_gone(session)
        self.answer_statement(repl, repl.submit(request.code, request.kind, request.source_id))


class StatementHandler(ReplHandler):
    def get(self, *, session_id: str, statement_id: str, repl_id: str = "", **_ids: str) -> None:
        repl = self.repl(session_id, repl_id)
        statement = self.statement(repl, statement_id)
        try:
            part = request_parsing.read_byte_range(self.query("from"), self.query("size"))
        except BadRequest as problem:
            raise Refusal(400, str(problem)) from problem
        self.answer_statement(repl, statement, part)


class CancelHandler(ReplHandler):
    def post(self, *, session_id: str, statement_id: str, repl_id: str = "", **_ids: str) -> None:
        repl = self.repl(session_id, repl_id)
        repl.cancel(self.statement(repl, statement_id).id)
        self.answer({"msg": "canceled"})
