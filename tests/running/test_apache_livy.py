"""What the client does on Apache Livy beside a cell that runs, on the embedded server of that dialect, with its bugs and
without, and with --livy URL on a real one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from fabric_livy_magic import connect
from fabric_livy_magic.agent.client import call_text, package_name, read_reply
from fabric_livy_magic.errors import Interrupted, OutcomeUnknown, StatementError, WaitTimeout
from fabric_livy_magic.livy.waiting import run_in_background
from fabric_livy_magic.sessions.runner import Runner
from fabric_livy_magic.sessions.session import Session
from tests.support import service
from tests.support.timing import AT_ONCE_S, eventually, interrupt_after

TIMEOUT_S = 5.0
SECRETS = ("FABRIC_LIVY_TOKEN", "FABRIC_LIVY_PASSWORD")


QUIRKS = "with its bugs"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("plain", marks=pytest.mark.spark),
        pytest.param(QUIRKS, marks=pytest.mark.spark),
        pytest.param("livy", marks=pytest.mark.livy),
    ],
)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    if request.param == "livy":
        with connect(request.config.getoption("--livy")) as session:
            session.run("kept = 'kept'; import threading, time")
            yield session
        return
    options = ("--token", service.TOKEN, "--dialect", "livy", *(["--quirks"] if request.param == QUIRKS else []))
    with service.serving(tmp_path_factory.mktemp("house"), options) as api, pytest.MonkeyPatch.context() as patch:
        for name in SECRETS:
            patch.setenv(name, service.TOKEN)
        with connect(api.base, livy_user="me", request_timeout_s=TIMEOUT_S) as session:
            session.run("kept = 'kept'; import threading, time")
            yield session


def seconds_to_end(session: Session, code: str) -> float:
    """Interrupts it once it runs; from then on."""
    began = time.monotonic()
    thread = interrupt_after(0.3)
    with pytest.raises(Interrupted, match=r"was cancelled on the session") as caught:
        session.run(code)
    thread.join()
    assert not caught.value.may_run_on
    return time.monotonic() - began - 0.3


def test_twenty_interrupts_of_python_code_end_it_and_keep_the_variables(session: Session) -> None:
    for number in range(20):
        assert seconds_to_end(session, f"number = {number}\ntime.sleep(60)") < AT_ONCE_S
        assert session.run("(kept, number)").text == f"('kept', {number})"


def test_code_that_computes_is_interrupted(session: Session) -> None:
    assert seconds_to_end(session, "while True:\n    kept.upper()") < AT_ONCE_S


def test_python_code_is_interrupted_at_its_time_out(session: Session) -> None:
    with pytest.raises(WaitTimeout, match=r"longer than the 0\.5 s .* was cancelled on the session"):
        session.run("time.sleep(60)", timeout_s=0.5)
    assert session.run("kept").text == "'kept'"


def test_code_that_ends_a_call_into_the_jvm_is_interrupted_after_it(session: Session) -> None:
    code = "while True:\n    sc._jvm.java.lang.Thread.sleep(200)"
    assert seconds_to_end(session, code) < AT_ONCE_S
    assert session.run("spark.range(3).count()").text == "3"


def test_the_flag_of_another_repl_interrupts_as_well(session: Session) -> None:
    """The road of high-concurrency sessions: here a thread of the cell stands in for the other REPL."""
    request = "ef" * 16
    flag = f"sc._jvm.java.lang.System.setProperty('fabric_livy_magic.interrupt.{request}', '1')"
    code = f"threading.Timer(0.3, lambda: {flag}).start()\ntime.sleep(30)"
    output = session.remote.run(call_text(request, "cell", [code, 20, True]), "pyspark").output
    assert output is not None
    reply = read_reply(output.text, request)
    assert reply is not None
    assert reply.error is not None
    assert reply.error["ename"] == "KeyboardInterrupt"


# ------------------------------------------------------------------------------------------------ never for another
def interrupt(session: Session, request: str) -> Any:
    return session.repl.beside.value("interrupt_cell", request, within_s=10)


def test_an_interrupt_of_a_cell_that_has_just_ended_interrupts_nothing(session: Session) -> None:
    ended = read_reply_of(session, "kept")
    running = session.submit("time.sleep(1)\n'went on'")
    assert eventually(lambda: session.repl.remote.info().state.value == "busy")
    assert interrupt(session, ended) is False
    assert running.result().text == "'went on'"


def test_an_interrupt_at_any_moment_of_a_cells_end_reaches_no_later_code(session: Session) -> None:
    """Each cell ends at about the time of its interrupt: either that one is interrupted, or nothing is."""
    for number in range(12):
        request = f"{number:032x}"
        future, _ = run_in_background(lambda asked=request: interrupt(session, asked))  # type: ignore[misc]
        code = call_text(request, "cell", [f"time.sleep({number / 1000})\n'done'", 20])
        output = session.remote.run(code, "pyspark").output
        assert output is not None
        reply = read_reply(output.text, request)
        assert reply is not None, output
        assert reply.error is None or reply.error["ename"] == "KeyboardInterrupt"
        assert session.run("kept").text == "'kept'"
        future.result(10)


def read_reply_of(session: Session, code: str) -> str:
    """The id of the request of a cell that has ended."""
    request = "ab" * 16
    session.remote.run(call_text(request, "cell", [code, 20]), "pyspark")
    return request


def test_a_session_without_the_agent_takes_no_call(session: Session) -> None:
    for _ in range(5):
        arguments = ("interrupt_cell", "ab" * 16)
        assert session.repl.beside.value(*arguments, within_s=10, package="fabric_livy_agent_000000000000") is None
    assert session.repl.beside.may_ask


def test_an_error_of_a_question_is_told(session: Session) -> None:
    with pytest.raises(StatementError, match="nosuch"):
        session.repl.beside.value("nosuch", within_s=10)
    assert (
        package_name()
        in session.run("import sys; [name for name in sys.modules if 'fabric_livy_agent' in name][0]").text
    )


# ------------------------------------------------------------------------------------------------ questions beside a cell
def test_names_are_completed_while_a_cell_runs(session: Session) -> None:
    running = session.submit("a_new_name = 1\ntime.sleep(2)\n'done'")
    assert eventually(lambda: "a_new_name" in str(session.ask("complete", "a_new")))
    assert "kept" in session.ask("inspect", "kept", 0)
    assert not running.done
    assert running.result().text == "'done'"


def test_what_one_process_asks_beside_a_cell_disturbs_no_output(session: Session) -> None:
    running = session.submit("for n in range(30):\n    print(n, flush=True)\n    time.sleep(0.02)")
    while not running.done:
        session.ask("complete", "kep")
    assert running.result().text.split() == [str(n) for n in range(30)]


def test_tables_are_those_of_the_sessions_catalog(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_LIVY_PASSWORD", service.TOKEN)
    session.run("spark.range(1).createOrReplaceTempView('one_view')")
    session.run("spark.range(1).createOrReplaceTempView('two_view')")
    runner = Runner({"target": session.remote.client.http.base_url, "livy_user": "me"})
    runner.sessions.attach(session.id)
    assert runner.tables("ONE*") == [["one_view", "", "view"]]


def test_threads_of_jobs_end(session: Session) -> None:
    session.run("time.sleep(0.01)")
    interrupt(session, "cd" * 16)
    assert session.run("[one.name for one in threading.enumerate() if one.name == 'job']").text == "[]"


def test_an_output_that_livy_cannot_send_is_told_after_one_time_out(
    session: Session, request: pytest.FixtureRequest
) -> None:
    """The last one of a session: Livy's channel to its driver is broken by it."""
    if request.node.callspec.params["session"] != QUIRKS:
        pytest.skip("without its bugs the server sends any output; a real one takes a minute")
    with pytest.raises(OutcomeUnknown, match=r"larger than Livy can send \(`livy.rsc.rpc.max.size`.*Print less"):
        session.run('print("x" * (51 << 20))', "spark")
