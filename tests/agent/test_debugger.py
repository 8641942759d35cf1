"""A debugger of a session's Python: a client of the Debug Adapter Protocol attaches to real debugpy in a session with real Spark."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from fabric_livy_magic.cells.cell import Cell
from fabric_livy_magic.errors import SettingsError, StatementCancelled, StatementError
from fabric_livy_magic.livy.client import Dialect
from fabric_livy_magic.livy.statements import cancel_statement
from fabric_livy_magic.running import debugger
from fabric_livy_magic.running.earlier_statements import earlier_statements
from fabric_livy_magic.running.live_output import News
from fabric_livy_magic.running.results import Printed, Result
from fabric_livy_magic.running.run_cell import run_cell
from fabric_livy_magic.sessions.session import Session
from tests.support.dap import DapClient

pytestmark = pytest.mark.spark
CELL = "base = 40\ndef add(n):\n    total = base + n\n    return total\nprint(add(2))\n"
MODULE = "def double(n):\n    twice = 2 * n\n    return twice\n"

Start = Callable[..., "Future[Result]"]


@pytest.fixture(scope="module", autouse=True)
def without_a_debugger_in_the_end(session: Session) -> Iterator[None]:
    yield
    debugger.stop(session.repl)


@pytest.fixture
def listening(session: Session) -> debugger.Listening:
    run(session, CELL)
    return debugger.listen(session.repl, 0)


@pytest.fixture
def client(listening: debugger.Listening) -> Iterator[DapClient]:
    client = attached(listening)
    yield client
    client.close()


def attached(listening: debugger.Listening) -> DapClient:
    """debugpy takes one client at a time, and notices a moment later that the one before has gone."""
    until = time.monotonic() + 30
    while True:
        client = DapClient(listening.host, listening.port)
        try:
            client.attach(within_s=5)
        except (TimeoutError, AssertionError, OSError):
            client.close()
            if time.monotonic() > until:
                raise
        else:
            return client


@pytest.fixture
def start(session: Session) -> Iterator[Start]:
    """Runs a cell while the test talks with the debugger."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda code, on_output=None: pool.submit(run, session, code, on_output)


def run(session: Session, code: str, on_output: Callable[[Sequence[News]], None] | None = None) -> Result:
    return run_cell(session.repl, Cell(kind="pyspark", code=code), on_output=on_output)


def printed(result: Result) -> str:
    return "".join(part.text for part in result.parts if isinstance(part, Printed))


def file_of(listening: debugger.Listening, text: str = CELL) -> str:
    return next(path for _, path in listening.cells if Path(path).read_text(encoding="utf-8") == text)


# ------------------------------------------------------------------------------------------------ where a cell stops
def test_a_breakpoint_in_a_cell_stops_it_where_its_variables_are_read_and_it_goes_on(
    listening: debugger.Listening, client: DapClient, start: Start
) -> None:
    path = file_of(listening)
    assert [one["verified"] for one in client.set_breakpoints(path, [3])] == [True]
    running = start(CELL)
    thread = client.event("stopped")["threadId"]
    frame = client.top_frame(thread)
    assert (frame["name"], frame["line"], frame["source"]["path"]) == ("add", 3, path)
    assert client.variables(frame) == {"n": "2"}
    assert client.request("evaluate", expression="base + n", frameId=frame["id"])["result"] == "42"
    client.request("next", threadId=thread)
    assert client.top_frame(client.event("stopped")["threadId"])["line"] == 4
    client.request("continue", threadId=thread)
    assert printed(running.result(30)) == "42\n"


def test_a_breakpoint_in_a_module_of_the_repository_stops_the_cell_that_calls_it(
    client: DapClient, start: Start, tmp_path: Path
) -> None:
    module = tmp_path / "doubling.py"
    module.write_text(MODULE, encoding="utf-8")
    client.set_breakpoints(str(module), [3])
    running = start(f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\nimport doubling\nprint(doubling.double(4))")
    thread = client.event("stopped")["threadId"]
    frame = client.top_frame(thread)
    assert (frame["name"], frame["line"], Path(frame["source"]["path"]).samefile(module)) == ("double", 3, True)
    assert client.variables(frame) == {"n": "4", "twice": "8"}
    client.request("stepOut", threadId=thread)
    assert client.top_frame(client.event("stopped")["threadId"])["line"] == 4
    client.request("continue", threadId=thread)
    assert printed(running.result(30)) == "8\n"


def test_a_cell_that_has_no_file_yet_stops_at_its_breakpoint_call_and_gets_one(client: DapClient, start: Start) -> None:
    code = "first = 'ü😀'\nbreakpoint()\nprint(first)\n"
    running = start(code)
    thread = client.event("stopped")["threadId"]
    frame = client.top_frame(thread)
    assert Path(frame["source"]["path"]).read_text(encoding="utf-8") == code
    client.request("continue", threadId=thread)
    assert printed(running.result(30)) == "ü😀\n"


def test_a_step_over_a_cells_last_line_ends_the_cell_and_shows_no_line_of_this_package(
    listening: debugger.Listening, client: DapClient, start: Start
) -> None:
    client.set_breakpoints(file_of(listening), [5])
    running = start(CELL)
    thread = client.event("stopped")["threadId"]
    client.request("next", threadId=thread)
    assert printed(running.result(30)) == "42\n"


def test_breakpoints_hold_when_the_same_cell_runs_again(
    listening: debugger.Listening, client: DapClient, start: Start
) -> None:
    client.set_breakpoints(file_of(listening), [4])
    for _ in range(2):
        running = start(CELL)
        thread = client.event("stopped")["threadId"]
        assert client.top_frame(thread)["line"] == 4
        client.request("continue", threadId=thread)
        assert printed(running.result(30)) == "42\n"


# ------------------------------------------------------------------------------------------------ while it stands
def test_what_was_printed_shows_while_the_cell_stands_and_nothing_of_it_twice(
    session: Session, client: DapClient, start: Start
) -> None:
    heard: list[str] = []
    came = threading.Event()

    def hear(news: Sequence[News]) -> None:
        heard.extend(one.text for one in news if isinstance(one, Printed))
        came.set()

    running = start("print('before')\nbreakpoint()\nprint('after')", hear)
    thread = client.event("stopped")["threadId"]
    if session.remote.client.dialect is Dialect.FABRIC:  # Apache Livy shows no log of the driver
        assert came.wait(30)
        assert heard == ["before\n"]
    client.request("continue", threadId=thread)
    assert printed(running.result(30)) == "before\nafter\n"


def test_an_interrupt_ends_a_cell_that_stands_and_later_cells_stop_again(
    session: Session, listening: debugger.Listening, client: DapClient, start: Start
) -> None:
    if session.remote.client.dialect is not Dialect.FABRIC:
        pytest.skip("Apache Livy's cancel ends Spark jobs, and no Python")
    client.set_breakpoints(file_of(listening), [3])
    running = start(CELL)
    client.event("stopped")
    (paused,) = [one for one in earlier_statements(session.repl) if not one.is_over]
    cancel_statement(session.remote.client, session.id, paused.info.id)
    with pytest.raises((StatementCancelled, StatementError)):
        running.result(30)
    running = start(CELL)
    thread = client.event("stopped")["threadId"]
    client.request("continue", threadId=thread)
    assert printed(running.result(30)) == "42\n"


def test_a_client_that_goes_away_lets_the_cell_go_on_and_another_may_come(
    listening: debugger.Listening, client: DapClient, start: Start
) -> None:
    client.set_breakpoints(file_of(listening), [3])
    running = start(CELL)
    client.event("stopped")
    client.disconnect()
    client.close()
    assert printed(running.result(30)) == "42\n"
    second = attached(listening)
    second.set_breakpoints(file_of(listening), [4])
    running = start(CELL)
    thread = second.event("stopped")["threadId"]
    second.disconnect()
    assert printed(running.result(30)) == "42\n"
    assert thread
    second.close()


# ------------------------------------------------------------------------------------------------ begin and end
def test_a_second_call_gives_the_same_address_and_the_cells_since(
    session: Session, listening: debugger.Listening
) -> None:
    run(session, "later = 1")
    again = debugger.listen(session.repl, 0)
    assert (again.host, again.port) == (listening.host, listening.port)
    assert file_of(again, "later = 1")


def test_only_this_machine_can_reach_it(listening: debugger.Listening) -> None:
    found = {
        one.laddr.ip
        for one in psutil.net_connections("tcp")
        if one.laddr and one.laddr.port == listening.port and one.status == psutil.CONN_LISTEN
    }
    assert found == {"127.0.0.1"}


def test_its_end_closes_the_port_and_removes_the_files_and_it_can_begin_again(
    session: Session, listening: debugger.Listening, client: DapClient, start: Start
) -> None:
    path = file_of(listening)
    assert debugger.stop(session.repl)
    client.event("terminated")
    client.close()
    assert not Path(path).exists()
    until = time.monotonic() + 10
    while is_open(listening) and time.monotonic() < until:
        time.sleep(0.1)
    assert not is_open(listening)
    assert not debugger.stop(session.repl)
    assert printed(run(session, CELL)) == "42\n"
    other = debugger.listen(session.repl, 0)
    second = attached(other)
    second.set_breakpoints(file_of(other), [3])
    running = start(CELL)
    thread = second.event("stopped")["threadId"]
    second.request("continue", threadId=thread)
    assert printed(running.result(30)) == "42\n"
    second.close()


def is_open(listening: debugger.Listening) -> bool:
    try:
        socket.create_connection((listening.host, listening.port), timeout=2).close()
    except OSError:
        return False
    return True


def test_a_port_that_is_taken_is_named(session: Session) -> None:
    debugger.stop(session.repl)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"cannot listen at 127.0.0.1:{port}"):
            debugger.listen(session.repl, port)


def test_without_debugpy_it_says_what_to_install(session: Session) -> None:
    debugger.stop(session.repl)
    run(session, "import sys\nkept = sys.modules.pop('debugpy', None)\nsys.modules['debugpy'] = None")
    try:
        with pytest.raises(SettingsError, match=r"pip install 'fabric-livy-magic\[debug\]'"):
            debugger.listen(session.repl, 0)
    finally:
        run(session, "del sys.modules['debugpy']\nif kept: sys.modules['debugpy'] = kept")
