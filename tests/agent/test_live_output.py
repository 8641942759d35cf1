"""Outputs of a cell while it runs, on real Spark: through the driver's log, and in Livy's dialect beside the cell."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

import pytest

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import StatementError
from fabric_livy_magic.livy.client import Dialect
from fabric_livy_magic.livy.driver_log import DriverLog
from fabric_livy_magic.output.live_screen import LiveScreen
from fabric_livy_magic.running.live_output import News
from fabric_livy_magic.running.results import Part, Printed, Shown, Updated
from fabric_livy_magic.running.run_cell import run_cell
from fabric_livy_magic.sessions.session import Session
from tests.support.scala_words import in_this_scala

pytestmark = pytest.mark.spark
LONG = "import time\nfor n in range(6):\n    print(n)\n    time.sleep(0.4)\n"


class Screen:
    """Notes when each part came."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.came_at: list[float] = []
        self.clears = 0

    def show(self, parts: Sequence[Part]) -> None:
        self.parts += parts
        self.came_at += [time.monotonic()] * len(parts)

    def clear(self, *, is_followed: bool) -> None:
        self.parts.clear()
        self.clears += 1


def watch(session: Session, code: str, kind: str = "pyspark") -> tuple[Screen, int]:
    """What is on the screen in the end, and how many parts came before it."""
    screen = Screen()
    live = LiveScreen(screen)
    live_parts = 0

    def hear(news: Sequence[News]) -> None:
        nonlocal live_parts
        live.hear(news)
        live_parts += len(news)

    try:
        parts = run_cell(session.repl, Cell(kind=kind, code=code), on_output=hear).parts
    except StatementError as error:
        parts = error.parts
    screen.show(live.rest(parts))
    return screen, live_parts


def text_of(screen: Screen) -> str:
    return "".join(part.text for part in screen.parts if isinstance(part, Printed))


def test_prints_come_while_the_cell_runs_once_and_in_order(session: Session) -> None:
    screen, live = watch(session, LONG + "'done'")
    assert text_of(screen) == "0\n1\n2\n3\n4\n5\n"
    assert screen.parts[-1] == Shown({"text/plain": "'done'"}, is_value=True)
    assert live >= 2
    assert screen.came_at[-1] - screen.came_at[0] > 0.5


def test_what_child_processes_print_comes_as_well(session: Session) -> None:
    screen, _ = watch(
        session, "import subprocess\nsubprocess.run('for n in 1 2 3 4; do echo $n; sleep 0.5; done', shell=True);"
    )
    assert text_of(screen) == "1\n2\n3\n4\n"
    assert len(screen.parts) > 1


def test_what_came_before_an_error_is_not_shown_again(session: Session) -> None:
    screen, _ = watch(session, LONG + "1 / 0")
    assert text_of(screen) == "0\n1\n2\n3\n4\n5\n"


def test_a_loop_that_clears_leaves_its_last_outputs(session: Session) -> None:
    screen, live = watch(
        session,
        "from IPython.display import clear_output\nimport time\nfor n in range(6):\n    clear_output(wait=True)\n    print(n)\n    display(n)\n    time.sleep(0.4)",
    )
    assert [part.text for part in screen.parts if not isinstance(part, Updated)] == ["5\n", "5"]  # type: ignore[union-attr]
    assert live
    assert screen.clears >= 2


def test_frames_and_texts_of_any_script_come_whole(session: Session) -> None:
    screen, live = watch(session, "import time\nprint('ü€😀\\ud800')\ndisplay(spark.range(3))\ntime.sleep(2)")
    printed, table = screen.parts
    assert isinstance(printed, Printed)
    assert printed.text.startswith("ü€😀")
    assert getattr(table, "rows", None) == 3
    assert live == 2


# ------------------------------------------------------------------------------------------------ Scala
def test_what_a_scala_cell_prints_comes_while_it_runs_once_and_in_order(session: Session) -> None:
    watch(session, "1", "spark")  # the start of Scala
    code = 'val one = 1\nfor (n <- 0 until 6) { print("\\r" + n + " ü€😀"); Thread.sleep(400) }\nval two = 2'
    screen, live = watch(session, code, "spark")
    lines = "".join(f"\r{n} ü€😀" for n in range(6))
    assert text_of(screen).rstrip() == in_this_scala("one: Int = 1\n") + lines + in_this_scala("two: Int = 2")
    if session.remote.client.dialect is not Dialect.FABRIC:
        assert live == 0
        return
    assert live >= 2
    assert screen.came_at[-1] - screen.came_at[0] > 0.5


def test_what_a_scala_cell_printed_before_what_it_displays_comes_first_and_is_not_shown_again(session: Session) -> None:
    code = 'println("a")\nThread.sleep(1000)\ndisplayHTML("<b>b</b>")\nprintln("c")\nThread.sleep(1000)'
    screen, live = watch(session, code, "spark")
    texts = [part.text.strip() for part in screen.parts if isinstance(part, Printed)]
    assert (texts[0], texts[-1]) == ("a", "c")
    assert [part.data["text/html"] for part in screen.parts if isinstance(part, Shown)] == ["<b>b</b>"]
    assert not any("fabric-livy" in text for text in texts)
    assert (live > 0) is (session.remote.client.dialect is Dialect.FABRIC)


def test_an_error_of_a_scala_cell_shows_what_came_before_once(session: Session) -> None:
    screen, _ = watch(session, 'println("a")\nThread.sleep(1000)\nprintln("b")\nsys.error("c")', "spark")
    assert text_of(screen).count("a\n") == (1 if session.remote.client.dialect is Dialect.FABRIC else 0)


def test_quick_cells_write_nothing_and_the_logs_do_not_show_what_others_write(session: Session) -> None:
    assert watch(session, "print(1)")[1] == 0
    assert not any("live fabric-livy" in line for line in session.logs())


def test_a_cell_that_has_written_enough_says_so_and_writes_no_more(session: Session) -> None:
    if session.remote.client.dialect is not Dialect.FABRIC:
        pytest.skip("Apache Livy shows no log of the driver")
    channel = uuid.uuid4().hex
    reply = session.repl.agent_call()("cell", LONG, 20, False, 1, None, [channel, 0.1, 1000])
    assert [event["text"] for event in reply.events] == ["0\n1\n2\n3\n4\n5\n"]
    (line,) = [one for one in DriverLog(session.remote.monitoring).read() if channel.encode() in one]
    assert b"what else this cell shows comes at its end" in line
