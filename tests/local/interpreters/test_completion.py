"""Completion of Scala code, on a real session in this process: the Fabric dialect has no path for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fabric_livy_magic.local.sessions.repl import Repl
from fabric_livy_magic.local.sessions.statements import Statement

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def repl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repl]:
    from fabric_livy_magic.local.lakehouse.workspaces import one_lakehouse
    from fabric_livy_magic.local.sessions.session import Session
    from fabric_livy_magic.local.spark.process_groups import ProcessGroups
    from fabric_livy_magic.local.spark.session_request import SessionRequest

    folder: Path = tmp_path_factory.mktemp("completion")
    workspaces = one_lakehouse(folder / "lake")
    groups = ProcessGroups(folder / "private")
    request = SessionRequest()
    private = folder / "private"
    session = Session(
        "completion", "completion", request, request, workspaces.first_lakehouse, workspaces, private, groups, "tests"
    )
    repl = session.add_repl()
    assert repl.complete("spark", '"a".', 4) == []  # no engine yet
    session.start()
    try:
        assert session.settled.wait(120)
        assert session.state == "idle", session.log.tail()
        yield repl
    finally:
        session.stop()
        groups.close()


def run_to_end(repl: Repl, code: str) -> Statement:
    statement = repl.submit(code, "spark", None)
    while not statement.finished:
        time.sleep(0.02)
    return statement


CASES = [
    ('"a".sub', 7, ["subSequence", "substring"]),
    ('"a".sub + 1', 7, ["subSequence", "substring"]),
    ('"a".charA', 9, ["charAt"]),
    ("completeM", 9, ["completeMe"]),
    ("undefined2.", 11, []),
    ("x", 50, []),
    ("x", -1, []),
]


def test_scala_completes_whole_names_before_the_cursor(repl: Repl) -> None:
    """The first completion starts the interpreter."""
    assert {"charAt", "compareTo", "+"} <= set(repl.complete("spark", '"a".', 4))
    run_to_end(repl, 'val completeMe = "x"')
    assert [repl.complete("spark", code, cursor) for code, cursor, _ in CASES] == [names for *_, names in CASES]


def test_completion_neither_waits_for_a_running_statement_nor_breaks_it(repl: Repl) -> None:
    """Scala's compiler is for one thread at a time; else the statement fails with "illegal cyclic reference"."""
    running = repl.submit("Thread.sleep(60000)", "spark", None)
    while running.state == "waiting":
        time.sleep(0.02)
    assert [repl.complete("spark", code, cursor) for code, cursor, _ in CASES[:2]] == [[], []]
    assert running.state == "running", running.output
    repl.cancel(running.id)
    after = run_to_end(repl, "1 + 1").output
    assert after is not None
    assert after["data"]["text/plain"].endswith(": Int = 2\n")
    assert repl.complete("spark", *CASES[0][:2]) == CASES[0][2]


@pytest.mark.parametrize("kind", ["pyspark", "sql", "sparkr"])
def test_other_kinds_complete_nothing(repl: Repl, kind: str) -> None:
    assert repl.complete(kind, "sel", 3) == []
