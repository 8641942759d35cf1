"""Frames by files in the lakehouse, end to end: as they come inline, and nothing is left of them, however they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from fabric_livy_magic.errors import (
    SettingsError,
    SignInError,
    StatementError,
    WaitTimeout,
)
from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.fabric.transfers import FRAMES, LEFT_AFTER
from fabric_livy_magic.livy.client import Dialect
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.waiting import Deadline
from fabric_livy_magic.running import agent_calls, earlier_statements, frame_roads
from fabric_livy_magic.sessions.session import Session
from tests.support import service
from tests.support.rooms import ROOT

pytestmark = pytest.mark.spark
LARGE = "spark.range(0, 400_000, 1, 5).selectExpr('id', 'rand(1) AS r', 'named_struct(\"n\", id) AS s')"


@pytest.fixture(autouse=True)
def only_fabric(request: pytest.FixtureRequest, session: Session) -> Iterator[None]:
    is_fabric = session.remote.client.dialect is Dialect.FABRIC
    if is_fabric == ("without_onelake" in request.node.name):
        pytest.skip("of the other server")
    yield
    if is_fabric:
        assert session.files.list("Files", recursive=True) == []
    session.repl.has_used_onelake = session.repl.is_refused_by_onelake = False


def test_a_frame_by_files_is_the_one_inline_and_is_seen_on_its_way(session: Session) -> None:
    reports: list[Progress] = []
    by_files = session.frame(LARGE, library="arrow", via="onelake", on_progress=reports.append)
    inline = session.frame(LARGE, library="arrow", via="inline")
    assert by_files.equals(inline)
    assert by_files.schema.equals(inline.schema, check_metadata=True)
    shown = [one for one in reports if one.subject == "file"]
    assert shown[-1].state == "downloading"
    assert shown[-1].fraction == 1
    assert "MiB/s" in shown[-1].detail


def test_a_frame_is_sent_by_files_and_stays_when_they_are_gone(session: Session) -> None:
    table = session.frame(LARGE, library="arrow", via="inline")
    reports: list[Progress] = []
    assert session.put(table, "sent", via="onelake", on_progress=reports.append)[0] == 400_000
    assert any(one.subject == "file" and one.state == "uploading" and "MiB/s" in one.detail for one in reports)
    assert session.frame("sent", library="arrow").equals(table)


def test_what_is_large_goes_by_files_by_itself(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(session.repl.settings, onelake_above_mib=1.0)
    monkeypatch.setattr(session.repl, "_settings", lambda: settings)
    for expression, is_large in ((LARGE, True), ("spark.range(400_000).where('id < 9')", False)):
        reports: list[Progress] = []
        frame = session.frame(expression, on_progress=reports.append)
        assert len(frame) == (400_000 if is_large else 9)
        assert any(one.subject == "file" for one in reports) == is_large
        reports.clear()
        session.put(frame, "again", on_progress=reports.append)
        assert any(one.subject == "file" for one in reports) == is_large
    assert len(session.run(f"SELECT * FROM range(0, {400_000})", "sql", limit=300_000).frame) == 300_000


def test_an_error_of_the_query_is_sparks_own(session: Session) -> None:
    with pytest.raises(StatementError, match="too far"):
        session.frame("spark.range(9).selectExpr('raise_error(\"too far\") AS n')", via="onelake")
    with pytest.raises(StatementError, match="is no DataFrame"):
        session.frame("5", via="onelake")
    with pytest.raises(SettingsError, match=r"not 'onelak'\. Did you mean 'onelake'"):
        session.frame("spark.range(9)", via="onelak")


@pytest.mark.parametrize("direction", ["down", "up"])
def test_an_interrupt_leaves_nothing(session: Session, direction: str) -> None:
    table = session.frame(LARGE, library="arrow", via="inline")

    def interrupt(progress: Progress) -> None:
        if progress.subject == "file":
            raise KeyboardInterrupt

    options: dict[str, Any] = {"via": "onelake", "on_progress": interrupt}
    use: Callable[..., Any]
    use = partial(session.frame, LARGE) if direction == "down" else partial(session.put, table, "stopped")
    with pytest.raises(KeyboardInterrupt, match="The transfer was stopped"):
        use(**options)
    assert session.run("'stopped' in globals()").text == "False"


def test_an_interrupt_while_spark_writes_leaves_nothing(session: Session) -> None:
    slow = "spark.range(0, 8, 1, 8).selectExpr('java_method(\"java.lang.Thread\", \"sleep\", 700L) AS n', 'id')"
    began = time.monotonic()

    def interrupt(progress: Progress) -> None:
        if time.monotonic() - began > 1.5:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, StatementError)):
        session.frame(slow, via="onelake", on_progress=interrupt)
    assert session.run("'in step'").text == "'in step'"  # after what the session had still to do


class TimeUntilFilesCome(Deadline):
    is_over = False

    @property
    def left_s(self) -> float:
        return 0.0 if self.is_over else 600.0


def test_a_cell_whose_time_is_over_during_the_transfer_ends(session: Session) -> None:
    deadline, call = TimeUntilFilesCome(None), session.repl.agent_call()

    def hear(progress: Progress) -> None:
        deadline.is_over = progress.subject == "file"

    def open_frame(files: Any) -> Any:
        return agent_calls.open_frame(call, LARGE, None, files)

    with pytest.raises(WaitTimeout, match="before its frame had arrived"):
        frame_roads.fetch(session.repl, open_frame, via="onelake", deadline=deadline, on_progress=hear)


# ------------------------------------------------------------------------------------------------ a client that dies
CLIENT = """
import sys, time
from fabric_livy_magic.sessions.runner import Runner
session = Runner({"target": sys.argv[1]}).sessions.attach(sys.argv[2])
def hear(progress):
    if progress.subject == "file":
        print("on its way", flush=True)
        time.sleep(600 if sys.argv[4] == "killed" else 0.01)
try:
    session.frame(sys.argv[3], via="onelake", on_progress=hear)
except KeyboardInterrupt as error:
    print(error, flush=True)
"""


def client_on_its_way(session: Session, how: str) -> subprocess.Popen[str]:
    url = session.target.url
    words = [sys.executable, "-c", CLIENT, url, session.id, LARGE.replace("400_000", "3_000_000"), how]
    environment = {**os.environ, "FABRIC_LIVY_TOKEN": service.TOKEN}
    child = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None
    assert child.stdout.readline() == "on its way\n"
    return child


def test_what_a_killed_client_has_left_is_swept_by_age_and_a_running_ones_is_not(session: Session) -> None:
    child = client_on_its_way(session, "killed")
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=30)
    [left] = session.files.list(FRAMES)
    assert session.files.list(left.path)
    session.frame("spark.range(3)", via="onelake")
    assert [one.path for one in session.files.list(FRAMES)] == [left.path]  # it may be a running client's
    old = time.time() - LEFT_AFTER.total_seconds() - 60
    session.run(f"import os; os.utime('/lakehouse/default/{left.path}', ({old}, {old}))")
    session.frame("spark.range(3)", via="onelake")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one child")
def test_a_client_that_is_interrupted_during_the_transfer_leaves_nothing(session: Session) -> None:
    child = client_on_its_way(session, "interrupted")
    child.send_signal(signal.SIGINT)
    text, _ = child.communicate(timeout=60)
    assert "The transfer was stopped" in text
    assert child.returncode == 0


def test_a_result_in_files_is_collected_by_the_next_notebook(session: Session) -> None:
    request = {"path": f"{FRAMES}/{'a' * 32}", "uri": session.files.abfss(f"{FRAMES}/{'a' * 32}"), "above_bytes": 0}
    call = session.repl.agent_call()
    call("open_sql", "SELECT id FROM range(7)", {}, None, [], None, None, request)
    ran = earlier_statements.earlier_statements(session.repl)[-1]
    assert earlier_statements.fetch_result(session.repl, ran).frame["id"].tolist() == list(range(7))


# ------------------------------------------------------------------------------------------------ without access
class RefusedOneLake(OneLake):
    """A client of OneLake whose token is not for it."""

    def _call(self, *arguments: Any, **more: Any) -> Any:
        raise SignInError("There is no token for storage.")


def test_without_a_token_for_storage_a_large_frame_comes_inline(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(session.repl.settings, onelake_above_mib=1.0)
    monkeypatch.setattr(session.repl, "_settings", lambda: settings)
    files = session.files
    refused = RefusedOneLake(files._http, files.workspace_id, files.lakehouse_id)
    monkeypatch.setattr(session.repl, "onelake", lambda: refused)
    frame = session.frame(LARGE)
    assert len(frame) == 400_000
    assert session.repl.is_refused_by_onelake
    assert session.put(frame, "inline")[0] == 400_000
    for use in (lambda: session.frame(LARGE, via="onelake"), lambda: session.put(frame, "x", via="onelake")):
        with pytest.raises(SignInError, match="no token for storage"):
            use()


def test_a_server_without_onelake_has_frames_inline_and_says_so(session: Session) -> None:
    assert len(session.frame("spark.range(3)")) == 3
    with pytest.raises(SettingsError, match=r"without OneLake.*via inline"):
        session.frame("spark.range(3)", via="onelake")
