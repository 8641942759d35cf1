"""`serve --quirks`: the bugs of Apache Livy that the recorded statements do not show (those are in test_replay)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fabric_livy_magic import connect
from fabric_livy_magic.errors import StatementCancelled, StatementError
from fabric_livy_magic.local.interpreters.quirks.worker import LivyShell
from fabric_livy_magic.local.sessions.statements import RETAINED, StatementStore
from fabric_livy_magic.sessions import session as client
from fabric_livy_magic.signin.external_credentials import StaticToken
from tests.support import service
from tests.support.scala_words import IS_213, in_this_scala
from tests.support.service import Session

LONGEST = 20_000_000


@contextmanager
def livy_shell() -> Iterator[LivyShell]:
    """No fixture, because it replaces sys.stdout, which pytest sets for each phase of a test."""
    streams = sys.stdout, sys.stderr
    try:
        yield LivyShell()
    finally:
        sys.stdout, sys.stderr = streams


def test_what_was_printed_before_an_error_comes_with_the_next_request() -> None:
    with livy_shell() as shell:
        output = shell.run("print('partial'); 1/0")
        following = [shell.run("1")["data"], shell.run("2")["data"]]
    assert (output["ename"], output.get("data")) == ("ZeroDivisionError", None)
    assert following == [{"text/plain": "partial\n1"}, {"text/plain": "2"}]


@pytest.mark.parametrize(
    "code",
    ["%json", "x = {1: {'a': 1}}\n%table x", "x = [[1], ['a']]\n%table x", "import sys; sys.stdout.close()"],
)
def test_code_that_ends_the_process(code: str) -> None:
    with livy_shell() as shell, pytest.raises((TypeError, ValueError)):
        shell.run(code)


@pytest.mark.parametrize("raises", ["raise ZeroDivisionError()", "return 5"])
def test_an_exception_whose_text_cannot_be_made_ends_the_process(raises: str) -> None:
    code = f"class Bad(Exception):\n    def __str__(self): {raises}\nraise Bad()"
    with livy_shell() as shell, pytest.raises((ZeroDivisionError, TypeError)):
        shell.run(code)


def test_a_magic_that_fails_is_a_result() -> None:
    with livy_shell() as shell:
        output = shell.run("%json nosuch")
    reply = {"status": "error", "ename": "KeyError", "evalue": "'nosuch'", "traceback": ["KeyError: 'nosuch'\n"]}
    assert output == {"status": "ok", "data": {"msg_type": "execute_reply", "content": reply}}


def test_code_before_an_unknown_magic_runs() -> None:
    with livy_shell() as shell:
        outputs = [shell.run("x = 1\n%foo\nx = 2"), shell.run("x, __name__")]
    assert outputs[0]["ename"] == "UnknownMagic"
    assert outputs[1]["data"] == {"text/plain": "(1, 'builtins')"}


@pytest.mark.parametrize(("evicts_unfinished", "first"), [(False, True), (True, False)])
def test_livy_evicts_the_oldest_statement_even_if_it_waits(evicts_unfinished: bool, first: bool) -> None:
    store = StatementStore(evicts_unfinished=evicts_unfinished)
    for _ in range(RETAINED + 1):
        store.add("1", "sql", None)
    assert (store.get(0) is not None) is first
    assert store.get(RETAINED) is not None


@pytest.fixture(scope="module")
def livy_like(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    lake: Path = tmp_path_factory.mktemp("quirks")
    with service.serving(lake, ["--token", service.TOKEN, "--quirks"]) as api:
        session = api.start_session()
        session.wait_for("idle")
        yield session


@pytest.mark.spark
def test_a_text_is_as_long_as_livys_json_library_takes_it(livy_like: Session) -> None:
    assert len(livy_like.text(f"print('x' * {LONGEST})")) == LONGEST
    output = livy_like.error(f"print('x' * {LONGEST + 1})")
    assert output["ename"] == "com.fasterxml.jackson.core.exc.StreamConstraintsException"
    of_spark_3 = f"String length ({LONGEST + 1}) exceeds the maximum length ({LONGEST})"
    allowed = f"the maximum allowed ({LONGEST}, from `StreamReadConstraints.getMaxStringLength()`)"
    of_spark_4 = f"String value length ({LONGEST + 1}) exceeds {allowed}"
    assert output["evalue"] == (of_spark_4 if IS_213 else of_spark_3)
    assert livy_like.text("'next'") == "'next'"


@pytest.mark.spark
def test_a_cancel_does_not_reach_python_code(livy_like: Session) -> None:
    number = livy_like.submit("import time; time.sleep(2.5); 'slept'")
    livy_like.wait(number, "running")
    livy_like.cancel(number)
    time.sleep(1.5)
    assert livy_like.statement(number)["state"] == "cancelling"
    view = livy_like.wait(number)
    assert (view["state"], view["output"]["data"]) == ("cancelled", {"text/plain": "'slept'"})


@pytest.fixture(scope="module")
def side_by_side(livy_like: Session) -> Iterator[client.Session]:
    """A high-concurrency session of the client: with another REPL it interrupts code that a cancel does not reach."""
    api = livy_like.api
    with connect(api.base, credential=StaticToken(service.TOKEN), high_concurrency=True) as session:
        session.run("import time\nkept = 1")
        yield session


@pytest.mark.spark
@pytest.mark.parametrize(
    "code", ["time.sleep(30)", "while True: pass", "import subprocess; subprocess.run(['sleep', '30'])"]
)
def test_a_second_repl_ends_python_code_that_a_cancel_does_not_reach(side_by_side: client.Session, code: str) -> None:
    handle = side_by_side.submit(code)
    while handle.state != "running":
        time.sleep(0.02)
    time.sleep(0.3)
    handle.cancel()
    began = time.monotonic()
    with pytest.raises(StatementCancelled):
        handle.result(20)
    assert side_by_side.run("kept + 1").text == "2"
    assert time.monotonic() - began < 15  # the code would run for 30 s, or forever
    assert side_by_side.run("spark.range(3).count()").text == "3"


@pytest.mark.spark
def test_a_call_into_the_jvm_is_not_torn_by_a_second_repl(side_by_side: client.Session) -> None:
    """Else the next call would get its reply."""
    handle = side_by_side.submit(
        "for n in range(2000):\n    assert sc._jvm.java.lang.Math.abs(-n) == n\n    time.sleep(0.002)"
    )
    time.sleep(0.5)
    handle.cancel()
    with pytest.raises((StatementCancelled, StatementError)):
        handle.result(20)
    assert side_by_side.run("[sc._jvm.java.lang.Math.abs(-n) for n in range(50)] == list(range(50))").text == "True"


@pytest.mark.spark
def test_a_context_that_was_stopped_before_its_first_query_is_spoken_of_as_in_livy(livy_like: Session) -> None:
    session = livy_like.api.start_session()
    session.wait_for("idle")
    session.text("spark.stop()")
    assert session.text("1 + 1", "spark") == in_this_scala("res0: Int = 2\n")
    failed = session.error("spark.range(3).count()", "spark")
    assert failed["evalue"] == "java.lang.IllegalStateException: LiveListenerBus is stopped."
    assert "stopped SparkContext" in session.error("sc.parallelize(1 to 3).count()", "spark")["evalue"]
    livy_like.api.delete(session.path)


@pytest.mark.spark
def test_a_context_that_scala_stopped_is_spoken_of_in_sparks_own_words(livy_like: Session) -> None:
    """Of its session only the next test comes after this one."""
    livy_like.text("spark.stop()", "spark")
    assert livy_like.text("1 + 1") == "2"
    assert livy_like.text("println(1)", "spark") == "1\n"
    errors = [livy_like.error("spark.range(3).count()", kind) for kind in ("pyspark", "spark")]
    assert [error["ename"] for error in errors] == ["Py4JJavaError", "Error"]
    for error in errors:
        assert "stopped" in error["evalue"]
        assert "SparkSession.builder.getOrCreate()" not in error["evalue"]
    assert livy_like.error("select 1", "sql")["evalue"] == "Fail to start interpreter"


@pytest.mark.spark
def test_json_that_is_no_reply(livy_like: Session) -> None:
    """The last test of its session: from now on replies are out of step with requests."""
    output = livy_like.error("import os; os.write(1, b'5\\n')")
    assert output["ename"] == "org.json4s.package$MappingException"
    assert livy_like.text("'mine'") == ""
