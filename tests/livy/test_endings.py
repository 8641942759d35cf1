"""Why sessions end, in words: each state and reason seen in the field, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import SessionLostError
from fabric_livy_magic.livy.endings import IDLE, UNKNOWN, ending_of, failure_lines
from fabric_livy_magic.livy.models import SessionInfo
from fabric_livy_magic.livy.target_words import OF_APACHE_LIVY, OF_FABRIC
from fabric_livy_magic.settings import SessionSpec
from tests.support.clients import client_of
from tests.support.fakes import FakeFabric


def failed(code: str, message: str, state: str = "dead") -> dict[str, Any]:
    return {"state": state, "errorInfo": [{"errorCode": code, "message": message, "source": "System"}]}


ENDINGS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("idle", failed("LIVY_JOB_TIMED_OUT", "The session timed out"), []),
    ("idle", failed("SESSION_FAILED", "idle timeout: no statement for 20 minutes"), []),
    ("idle", failed("X", "Session was idle for 1200 seconds and is stopped"), []),
    ("idle", {"state": "dead", "isJobTimedOut": True}, []),
    ("memory", failed("SESSION_FAILED", "the JVM ended (exit code 137)"), []),
    ("memory", failed("X", "Container killed by YARN for exceeding physical memory limits"), []),
    ("memory", {"state": "dead"}, ["INFO fine", "java.lang.OutOfMemoryError: Java heap space"]),
    ("memory", {"state": "killed"}, ["ERROR YarnClusterScheduler: Lost executor 1: exit status: 143"]),
    (
        "capacity",
        {
            "fabricSessionStateInfo": {
                "state": "error",
                "errorMessage": "[TooManyRequestsForCapacity] This spark job can't be run. HTTP status code: 430",
            }
        },
        [],
    ),
    ("capacity", failed("X", "The node was preempted"), []),
    ("cancelled", {"fabricSessionStateInfo": {"state": "cancelled"}}, []),
    ("cancelled", {"state": "killed", "cancellationReason": "User cancelled the Spark application"}, []),
    ("cancelled", {"state": "dead", "cancellationReason": "by an admin"}, []),
    ("stopped", {"state": "killed"}, []),
    ("stopped", {"state": "shutting_down"}, []),
    ("stopped", {"state": "success"}, ["INFO Connection timed out, cancelled one task"]),
    ("unknown", {"state": "dead"}, []),
    ("unknown", failed("SESSION_FAILED", "the JVM ended (exit code 1)"), []),
    ("unknown", {"state": "error"}, ["java.net.SocketTimeoutException: Read timed out"]),
]


@pytest.mark.parametrize(("category", "view", "log"), ENDINGS, ids=[f"{one[0]}: {one[1]}" for one in ENDINGS])
def test_the_cause_of_a_sessions_end_is_recognised(category: str, view: dict[str, Any], log: list[str]) -> None:
    assert ending_of(SessionInfo.from_json({"id": "1", **view}), log).category == category


@given(st.text(), st.lists(st.text()))
def test_any_reason_and_log_can_be_read(reason: str, log: list[str]) -> None:
    assert ending_of(SessionInfo.from_json({"id": "1", **failed("X", reason)}), log).reason


def test_an_ending_says_what_is_lost_and_what_to_do(fabric: FakeFabric) -> None:
    from fabric_livy_magic.livy.statements import run_statement
    from fabric_livy_magic.livy.submission import MAYBE_RAN

    client = client_of(fabric)
    session_id = client.create_session(SessionSpec()).id
    log = ["INFO fine", *["INFO more"] * 20, "ERROR Executor: java.lang.OutOfMemoryError: Java heap space"]
    fabric.session_becomes("dead", errorInfo=[{"errorCode": "SESSION_FAILED", "message": "the JVM ended"}], log=log)
    with pytest.raises(SessionLostError) as raised:
        run_statement(client, session_id, "1 + 1", "pyspark")
    assert str(raised.value).splitlines() == [
        "The session is gone: its driver or an executor ran out of memory (dead: SESSION_FAILED the JVM ended). Its variables and "
        "temporary views are lost; tables are not. `%livy restart` starts it anew. Nothing was run again. Collect fewer rows, "
        "or give it more: `%livy start --driver-memory 56g --driver-cores 8`. " + MAYBE_RAN,
        "Its log ends:",
        "ERROR Executor: java.lang.OutOfMemoryError: Java heap space",
    ]


def test_endings_without_advice_give_none() -> None:
    for words in (OF_FABRIC, OF_APACHE_LIVY):
        assert IDLE.category in words.endings
        assert UNKNOWN.category not in words.endings


def test_lines_of_the_start_are_not_shown_as_the_logs_end() -> None:
    log = ["WARN NativeCodeLoader: Exception of the start", *(f"INFO line {n}" for n in range(60))]
    assert failure_lines([*log, "ERROR it broke", "\tat java.lang.Thread.run(Thread.java:1)"]) == "ERROR it broke"
    assert failure_lines([*log, "\tat java.lang.Thread.run(Thread.java:1)"]).splitlines() == [
        f"INFO line {n}" for n in range(52, 60)
    ]
