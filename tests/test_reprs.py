"""The text form of every object can be pasted into an issue: it has neither code, nor data, nor a secret."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from fabric_livy_magic.agent.client import Reply
from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.cells.kernel_cells import KernelCell, Step
from fabric_livy_magic.cells.subcommands import Command
from fabric_livy_magic.frames.livy_json import read_result
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.models import Output, SessionInfo, StatementInfo
from fabric_livy_magic.livy.sessions import StandardSession
from fabric_livy_magic.livy.waiting import Deadline
from fabric_livy_magic.notebook_runs.prepare import CellToRun
from fabric_livy_magic.notebooks.ipython_syntax import split_line_magics
from fabric_livy_magic.notebooks.model import Cell as NotebooksCell
from fabric_livy_magic.notebooks.model import Notebook, OriginalFile
from fabric_livy_magic.running.background import Background
from fabric_livy_magic.running.cell_run import CellRun
from fabric_livy_magic.running.earlier_statements import EarlierStatement
from fabric_livy_magic.running.repl import Repl
from fabric_livy_magic.running.results import LivyTable, Printed, Result, Shown
from fabric_livy_magic.sessions.connections import Connections
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.sessions.session import Session
from fabric_livy_magic.settings import SessionSpec, Target
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.request_auth import BasicAuth, BearerAuth
from fabric_livy_magic.signin.tokens import AccessToken
from tests.support.outputs import sql_output

SECRET = "eyJSECRET"
OUTPUT = Output(status="error", data={"text/plain": SECRET}, evalue=SECRET, traceback=(SECRET,))
ROWS = Output.from_json(sql_output([("word", "string")], [[SECRET]]))
STATEMENT = StatementInfo.from_json({"id": 0, "state": "available", "code": SECRET, "output": {"evalue": SECRET}})
SESSION = SessionInfo.from_json({"id": "1", "state": "idle", "log": [SECRET], "conf": {"key": SECRET}})
CLIENT = LivyClient(LivyHttp("https://host", BearerAuth(StaticToken(SECRET))))
RUNNER = Runner({"target": "https://host"}, StaticToken(SECRET))
REPL = Repl("main", StandardSession(CLIENT, SESSION), lambda: RUNNER.settings, RUNNER.account.onelake)
RESULT = Result(kind="sql", session="main", elapsed_s=1.0, parts=(Printed(SECRET), LivyTable(ROWS)), output=OUTPUT)


def failing(_: Any) -> Result:
    raise ValueError(SECRET)


OBJECTS: list[Any] = [
    AccessToken(SECRET),
    StaticToken(SECRET),
    BasicAuth("me", SECRET),
    BearerAuth(StaticToken(SECRET)),
    CLIENT.http,
    CLIENT,
    Connections(StaticToken(SECRET)),
    RUNNER,
    StandardSession(CLIENT, SESSION),
    RUNNER.account,
    RUNNER.sessions,
    Session(RUNNER.sessions, "main", Target(text="x"), StandardSession(CLIENT, SESSION), started_here=True),
    REPL,
    CellRun(REPL, Cell(kind="sql", code=SECRET), Deadline(None), {"name": SECRET}),
    SESSION,
    STATEMENT,
    OUTPUT,
    EarlierStatement(STATEMENT, "pyspark", SECRET),
    Cell(kind="sql", code=SECRET, parameters=(("name", SECRET),)),
    Command("start", argparse.Namespace(conf=[SECRET])),
    SessionSpec(conf={"fs.azure.account.key": SECRET}),
    Reply(({"text": SECRET},), SECRET, {"evalue": SECRET}, SECRET),
    Printed(SECRET),
    Shown({"text/plain": SECRET}),
    LivyTable(ROWS),
    RESULT,
    Background(lambda _: RESULT, "main", "sql"),
    Background(failing, "main", "sql"),
    split_line_magics(SECRET),
    KernelCell((Step("livy_sql", SECRET, SECRET),)),
    CellToRun(0, SECRET),
    Notebook(cells=(NotebooksCell(source=SECRET, outputs=({"text": SECRET},)),), original=OriginalFile(SECRET, ".py")),
]


@pytest.mark.parametrize("one", OBJECTS, ids=lambda one: type(one).__name__)
def test_a_repr_can_be_pasted_anywhere(one: Any) -> None:
    assert SECRET not in repr(one) + str(one)
    if isinstance(one, Background):
        assert SECRET not in str(one._repr_mimebundle_())


def test_the_examples_do_hold_the_secret() -> None:
    assert read_result(ROWS).word[0] == SECRET
    assert SECRET in RESULT.text
