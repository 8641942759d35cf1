"""What a notebook and a program may rely on where the target is an Apache Livy server: on the embedded server of that dialect, with
Livy's bugs and without, and with --livy URL on a real one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic import connect
from fabric_livy_magic.agent.client import call_text, package_name, read_reply
from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import (
    FabricLivyError,
    Interrupted,
    OutcomeUnknown,
    SessionLostError,
    StatementCancelled,
    StatementError,
    WaitTimeout,
)
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.target_words import OF_APACHE_LIVY
from fabric_livy_magic.livy.waiting import run_in_background
from fabric_livy_magic.running.live_output import News
from fabric_livy_magic.running.run_cell import run_cell
from fabric_livy_magic.sessions.session import Session
from tests.support import service
from tests.support.fabrics_words import words_of_fabric
from tests.support.notebook import Notebook, notebook
from tests.support.timing import AT_ONCE_S, eventually, interrupt_after

TIMEOUT_S = 5.0
QUIRKS, REAL = "with its bugs", "livy"
ASKED = {"queue": "default", "ttl": "8h", "idleTimeout": "2h", "heartbeatTimeoutInSecond": 3600}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("plain", marks=pytest.mark.spark),
        pytest.param(QUIRKS, marks=pytest.mark.spark),
        pytest.param(REAL, marks=pytest.mark.livy),
    ],
)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    if request.param == REAL:
        with connect(request.config.getoption("--livy"), livy=ASKED) as session:
            session.run("kept = 'kept'; import threading, time")
            yield session
        return
    options = ("--token", service.TOKEN, "--dialect", "livy", *(["--quirks"] if request.param == QUIRKS else []))
    with service.serving(tmp_path_factory.mktemp("house"), options) as api, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FABRIC_LIVY_PASSWORD", service.TOKEN)
        with connect(api.base, livy_user="me", request_timeout_s=TIMEOUT_S, livy=ASKED) as session:
            session.run("kept = 'kept'; import threading, time")
            yield session


@pytest.fixture
def server(request: pytest.FixtureRequest) -> str:
    """Which of the three it is."""
    name: str = request.node.callspec.params["session"]
    return name


@pytest.fixture
def nb(
    session: Session,
    server: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Notebook]:
    """A notebook that is attached to the session."""
    with notebook(capsys, tmp_path) as one:
        one.ok("%load_ext fabric_livy_magic")
        if server != REAL:
            monkeypatch.setenv("FABRIC_LIVY_PASSWORD", service.TOKEN)
            one.ok("%livy config livy_user me")
        one.ok(f"%livy use {session.remote.client.http.base_url}")
        one.ok(f"%livy attach {session.id}")
        yield one


# ------------------------------------------------------------------------------------------------ Python that stops
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
    began = time.monotonic()
    with pytest.raises(WaitTimeout, match=r"longer than the 0.5 s .* was cancelled on the session"):
        session.run("time.sleep(60)", timeout_s=0.5)
    assert session.run("kept").text == "'kept'"
    assert time.monotonic() - began < AT_ONCE_S


def test_code_that_ends_a_call_into_the_jvm_is_interrupted_after_it(session: Session) -> None:
    began = time.monotonic()
    thread = interrupt_after(0.3)
    with pytest.raises(Interrupted):
        session.run("while True:\n    sc._jvm.java.lang.Thread.sleep(200)")
    thread.join()
    assert session.run("kept").text == "'kept'"
    assert time.monotonic() - began < AT_ONCE_S
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


def test_a_cell_of_another_program_is_ended_by_livy_cancel(session: Session, nb: Notebook) -> None:
    running = session.submit("time.sleep(60)")
    assert eventually(lambda: session.info().state.value == "busy")
    began = time.monotonic()
    assert "cancelled" in nb.ok("%livy cancel").text
    with pytest.raises(
        (StatementCancelled, StatementError), match=r"cancelled|KeyboardInterrupt"
    ):  # whichever is first there
        running.result()
    assert time.monotonic() - began < AT_ONCE_S
    assert session.run("kept").text == "'kept'"


def test_code_that_runs_on_without_the_agent_is_told_and_so_is_how_long_by_status(
    session: Session, nb: Notebook, server: str
) -> None:
    if server == "plain":
        pytest.skip("without Livy's bugs a cancel ends Python code")
    thread = interrupt_after(0.5)
    with pytest.raises(Interrupted, match="its code still runs: a Livy server stops Spark jobs") as caught:
        session.run("time.sleep(4)", plain=True)
    thread.join()
    assert caught.value.may_run_on
    assert "with what no cell waits for" in nb.ok("%livy status").text
    assert session.run("kept").text == "'kept'"


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


def test_what_a_cell_prints_comes_while_it_runs(session: Session) -> None:
    heard: list[float] = []
    pause_s = 1.5 if session.repl.beside.is_near else 8

    def hear(_: list[News]) -> None:
        heard.append(time.monotonic())

    run_cell(session.repl, Cell(kind="pyspark", code=f"print('early')\ntime.sleep({pause_s})"), on_output=hear)
    assert time.monotonic() - heard[0] > 0.3


def test_the_progress_of_a_spark_job_is_told(session: Session) -> None:
    told: list[Progress] = []
    session.run("sc.parallelize(range(8), 8).map(lambda one: time.sleep(0.3)).count()", on_progress=told.append)
    assert any(0 < (one.fraction or 0) < 1 for one in told)


def test_threads_of_jobs_end(session: Session) -> None:
    session.run("time.sleep(0.01)")
    interrupt(session, "cd" * 16)
    assert session.run("[one.name for one in threading.enumerate() if one.name == 'job']").text == "[]"


# ------------------------------------------------------------------------------------------------ its own requests and words
def test_a_session_is_asked_for_in_livys_own_words(session: Session) -> None:
    view = session.remote.client.http.get(f"/sessions/{session.id}")
    assert {key: view[key] for key in ASKED} == ASKED


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--tag team=sales", "Apache Livy has no tags of sessions"),
        ("--environment Data", "Environments are Fabric's"),
        ("--livy que=a", "Did you mean 'queue'"),
    ],
)
def test_what_it_does_not_have_is_refused_before_a_session_starts(nb: Notebook, line: str, says: str) -> None:
    assert says in nb.fails(f"%livy start more {line}")


def test_tables_are_those_of_the_sessions_catalog(session: Session, nb: Notebook) -> None:
    session.run("spark.range(1).createOrReplaceTempView('one_view')")
    session.run("spark.range(1).createOrReplaceTempView('two_view')")
    text = nb.ok("%livy tables ONE*").text
    assert "one_view" in text
    assert "two_view" not in text


def test_doctor_and_status_speak_of_nothing_of_fabrics(nb: Notebook, session: Session) -> None:
    text = nb.ok("%livy doctor").text + nb.ok("%livy status").text + nb.ok("%livy whoami").text
    assert session.id in text
    assert not words_of_fabric(text)


def test_a_wrong_password_is_told_in_its_words(session: Session, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if server == REAL:
        pytest.skip("that one may take any")
    monkeypatch.setenv("FABRIC_LIVY_PASSWORD", "wrong")
    with pytest.raises(FabricLivyError) as caught:
        connect(session.remote.client.http.base_url, livy_user="me")
    assert OF_APACHE_LIVY.sign_in in str(caught.value)
    assert not words_of_fabric(str(caught.value))


# ------------------------------------------------------------------------------------------------ Scala
def test_scala_is_completed_also_where_that_takes_long(session: Session) -> None:
    session.run('val words = "some words"', "spark")
    assert eventually(lambda: "charAt" in (session.candidates("words.ch", "spark") or []), 30)
    assert session.candidates("words.charA", "spark") == ["charAt"]


def test_an_output_that_livy_cannot_send_is_told_once_it_was_silent(session: Session, server: str) -> None:
    """The last one of a session: Livy's channel to its driver is broken by it."""
    if server != QUIRKS:
        pytest.skip("without its bugs the server sends any output")
    with pytest.raises(OutcomeUnknown, match=r"larger than Livy can send \(`livy.rsc.rpc.max.size`.*Print less"):
        session.run('print("x" * (51 << 20))', "spark")


def test_a_session_that_has_ended_shows_what_its_log_says_of_it(session: Session, server: str) -> None:
    if server == QUIRKS:
        pytest.skip("its channel is broken by then")
    with pytest.raises(SessionLostError) as caught:
        session.run('System.err.println("java.lang.OutOfMemoryError: of this test"); System.exit(3)', "spark")
    assert "of this test" in str(caught.value)
    assert not words_of_fabric(str(caught.value))
