"""The handle of a background cell: threads, without a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from fabric_livy_magic.errors import (
    Interrupted,
    StatementCancelled,
    StatementError,
    WaitTimeout,
)
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.statements import STILL_RUNNING
from fabric_livy_magic.running.background import Background
from fabric_livy_magic.running.cell_queue import NOT_SENT
from fabric_livy_magic.running.results import Result
from tests.running.conftest import result


def test_a_handle_tells_the_latest_news() -> None:
    go_on = threading.Event()

    def work(hear: Callable[[Progress], None]) -> Result:
        hear(Progress("statement", "running", 1.0, 0.4))
        go_on.wait(10)
        return result("done")

    handle = Background(work, "main", "pyspark")
    while handle.state == "waiting":
        time.sleep(0.005)
    assert (handle.state, handle.progress) == ("running", 0.4)
    assert "running, 0 s, 40%" in str(handle)
    with pytest.raises(WaitTimeout):
        handle.result(0.01)
    go_on.set()
    assert handle.result(5).text == "done"
    assert "available" in handle._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    ("raised", "state"),
    [
        (Interrupted("Statement 3 was cancelled on the session."), "cancelled"),
        (Interrupted(NOT_SENT), "cancelled"),
        (KeyboardInterrupt(), "cancelled"),
        (Interrupted(STILL_RUNNING, may_run_on=True), "cancelling"),
        (StatementError("ValueError", "secret"), "error"),
    ],
)
def test_a_handle_claims_no_cancel_that_was_not_confirmed(raised: BaseException, state: str) -> None:
    def work(_: object) -> Result:
        raise raised

    handle = Background(work, "main", "pyspark")
    with pytest.raises(StatementError if state == "error" else StatementCancelled):
        handle.result(5)
    assert handle.state == state
