"""Cancel of each kind of work, and the statement after it."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from fabric_livy_magic.local.interpreters.outputs import Output, error
from fabric_livy_magic.local.sessions.repl import Repl
from tests.support.service import Session
from tests.support.timing import eventually

pytestmark = pytest.mark.spark

# kind, code, seconds until the work is under way
WORK = [
    ("pyspark", "import time; time.sleep(60)", 0.3),
    ("pyspark", "while True: pass", 0.3),
    ("pyspark", "import subprocess; subprocess.run(['sleep', '60'])", 0.3),
    ("pyspark", "sc._jvm.java.lang.Thread.sleep(60000)", 0.3),
    ("pyspark", "import time\nsc.parallelize(range(4), 4).map(lambda i: time.sleep(30)).collect()", 2.0),
    ("pyspark", "import time\nfor i in range(3):\n    try: time.sleep(60)\n    except: pass", 0.3),
    ("sql", "select sum(hash(a.id, b.id)) from range(1000000) a cross join range(100000) b", 1.5),
    ("sql", "select java_method('java.lang.Thread', 'sleep', 60000L)", 0.5),
    ("spark", "Thread.sleep(60000)", 0.7),
    ("spark", "sc.parallelize(1 to 4, 4).map{i => Thread.sleep(30000); i}.collect()", 1.5),
]
NEXT = {"pyspark": ("'after'", "'after'"), "spark": ('println("after")', "after\n")}


@pytest.fixture(scope="module")
def warm(session: Session) -> Session:
    session.text("kept = 'yes'")
    session.text('println("warm")', "spark")
    return session


@pytest.mark.parametrize(("kind", "code", "under_way_s"), WORK, ids=[f"{kind}: {code[:40]}" for kind, code, _ in WORK])
def test_cancel_ends_the_statement_and_the_next_one_runs(
    warm: Session, kind: str, code: str, under_way_s: float
) -> None:
    number = warm.submit(code, kind)
    warm.wait(number, "running", within_s=10)
    time.sleep(under_way_s)
    requested_at = time.monotonic()
    answer = warm.cancel(number)
    assert (answer.status_code, answer.json()) == (200, {"msg": "canceled"})
    assert warm.statement(number)["state"] in ("cancelling", "cancelled")
    view = warm.wait(number, within_s=20)
    assert view["state"] == "cancelled"
    assert time.monotonic() - requested_at < 15
    if kind == "sql":
        assert warm.rows("select 'after'") == [["after"]]
    else:
        assert warm.text(NEXT[kind][0], kind) == NEXT[kind][1]
    assert warm.text("kept") == "'yes'"
    assert warm.text("spark.range(3).count()") == "3"
    warm.wait_for("idle", within_s=5)


STARTS_LATE = """
val work = new Runnable { def run(): Unit = { Thread.sleep(3000); sc.parallelize(1 to 8, 8).foreach(_ => Thread.sleep(300000)) } }
@volatile var late: Thread = null
"""


def test_a_job_that_a_cancelled_statement_starts_late_is_cancelled_too(warm: Session) -> None:
    """As one that Spark still plans for while the statement is interrupted. It would take all cores."""
    warm.text(STARTS_LATE, "spark")
    number = warm.submit("late = new Thread(work); late.start(); Thread.sleep(60000)", "spark")
    warm.wait(number, "running", within_s=10)
    time.sleep(1.5)
    warm.cancel(number)
    assert warm.wait(number, within_s=20)["state"] == "cancelled"
    assert warm.text("late.join(20000); println(late.isAlive)", "spark") == "false\n"
    assert warm.text("spark.range(3).count()") == "3"


def test_a_waiting_statement_is_cancelled_at_once_and_never_runs(warm: Session) -> None:
    first = warm.submit("import time; time.sleep(4)")
    warm.wait(first, "running")
    second = warm.submit("kept = 'no'")
    warm.cancel(second)
    view = warm.statement(second)
    assert (view["state"], view["output"], view["started"], view["progress"]) == ("cancelled", None, 0, 1.0)
    assert warm.statement(first)["state"] == "running"
    assert warm.wait(first)["output"]["status"] == "ok"
    assert warm.text("kept") == "'yes'"


def test_cancel_of_a_finished_statement_changes_nothing(warm: Session) -> None:
    number = warm.submit("1")
    before = warm.wait(number)
    assert warm.cancel(number).status_code == 200
    assert warm.statement(number) == before


def test_cancels_at_the_end_of_a_statement_reach_no_other(warm: Session) -> None:
    """The interrupt is on its way while statements end and begin; each ends as itself or cancelled, none is lost."""
    for pause in (0.15, 0.19, 0.2, 0.21, 0.25):
        number = warm.submit(f"import time; time.sleep({pause})")
        warm.wait(number, "running", "available")
        warm.cancel(number)
        following = [warm.submit("'untouched'") for _ in range(3)]
        assert warm.wait(number)["state"] in ("cancelled", "available")
        for other in following:
            assert warm.wait(other)["output"]["data"] == {"text/plain": "'untouched'"}


class _FirstCallsBreak:
    """The Spark of a REPL whose first call of each kind breaks, as a connection to a JVM under load can."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.notes: list[str] = []
        self._stopped = threading.Event()

    def _called(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1
        if self.calls[name] == 1:
            raise ConnectionResetError(name)

    def run(self, code: str, group: str) -> Output:
        self._stopped.wait(60)
        return error("Error", "the statement was interrupted")

    def interrupt(self) -> None:
        self._called("interrupt")
        self._stopped.set()

    def cancel_jobs(self, group: str) -> None:
        self._called("cancel_jobs")

    def note(self, line: str) -> None:
        self.notes.append(line)

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def test_a_cancel_is_tried_again_after_a_call_that_broke() -> None:
    spark = _FirstCallsBreak()
    repl = Repl(spark)
    repl.start({"spark": spark})
    statement = repl.submit("Thread.sleep(60000)", "spark", None)
    assert eventually(lambda: statement.state != "waiting")
    repl.cancel(statement.id)
    assert eventually(lambda: statement.finished)
    repl.close("the test is over")
    assert (statement.state, spark.calls["interrupt"]) == ("cancelled", 2)
    assert spark.calls["cancel_jobs"] > 1
    assert sorted(spark.notes) == [
        "cancel: ConnectionResetError: cancel_jobs",
        "cancel: ConnectionResetError: interrupt",
    ]
