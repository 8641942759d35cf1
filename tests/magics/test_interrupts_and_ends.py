"""Interrupts of cells and starts, and what is left running when a notebook ends."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.magics.conftest import start_elsewhere
from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook
from tests.support.timing import AT_ONCE_S, eventually, interrupt_after


# ------------------------------------------------------------------------------------------------ interrupts
def test_ctrl_c_in_a_cell_cancels_its_statement_and_keeps_the_session(started: Notebook, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    interrupt = interrupt_after(0.3)
    began = time.monotonic()
    text = started.fails("%%livy_pyspark\nslow()")
    assert time.monotonic() - began < AT_ONCE_S
    interrupt.join()
    assert "KeyboardInterrupt: Statement 0 was cancelled on the session." in text
    assert len(fabric.seen("POST", "/cancel")) == 1
    fabric.statement_goes("available")
    assert started.ok("%%livy_pyspark\n1+1").text.strip() == "2"


def test_a_statement_that_was_given_up_is_told_by_status_with_its_time(started: Notebook, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    fabric.cancel_goes("cancelling")
    interrupt = interrupt_after(0.3)
    assert "still runs" in started.fails("%%livy_pyspark\nslow()")
    interrupt.join()
    fabric.session_becomes("busy")
    text = started.ok("%livy status").text
    assert re.search(
        r"busy since \d\d:\d\d:\d\d or later with what no cell waits for; `%livy statements` lists it", text
    )
    assert not re.search(r" idle +\d+ s ", text)


@pytest.mark.parametrize("cell", ["%livy start", "%%livy_pyspark\n1+1"], ids=["start", "first cell"])
def test_ctrl_c_while_a_session_starts_leaves_none(nb: Notebook, fabric: FakeFabric, cell: str) -> None:
    fabric.session_goes("starting")
    interrupt = interrupt_after(0.3)
    began = time.monotonic()
    text = nb.fails(cell)
    assert time.monotonic() - began < AT_ONCE_S
    interrupt.join()
    assert "KeyboardInterrupt: The session that was starting was stopped." in text
    assert fabric.left_running == []
    assert fabric.posted_code == []


def test_an_interrupted_start_whose_session_cannot_be_stopped_says_so_and_keeps_it_in_sight(
    nb: Notebook, fabric: FakeFabric
) -> None:
    fabric.session_goes("starting")
    fabric.fault("DELETE", "/sessions", status=400, body='{"message": "not now"}')
    interrupt = interrupt_after(1.5)  # it has been asked for by then, on a busy machine, too
    text = nb.fails("%livy start")
    interrupt.join()
    (session_id,) = fabric.left_running
    assert f"The session that was starting (id {session_id}) could not be stopped" in text
    assert session_id in nb.ok("%livy status").text
    nb.ok("%livy stop")
    assert fabric.left_running == []


def test_an_interrupted_start_whose_stop_breaks_is_stopped_behind_the_cell(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("starting")
    fabric.fault("DELETE", "/sessions", status=503)
    interrupt = interrupt_after(1.5)  # it has been asked for by then, on a busy machine, too
    text = nb.fails("%livy start")
    interrupt.join()
    assert "could not be stopped: " in text
    assert "It is told to stop once more, if this process still runs." in text
    assert eventually(lambda: not fabric.left_running)


@pytest.mark.parametrize(
    "fault", [{"status": 503, "times": 99}, {"delay_s": 6.0, "acts": True}], ids=["breaks", "stalls"]
)
def test_the_cell_after_an_interrupted_start_starts_another_session(
    nb: Notebook, fabric: FakeFabric, fault: dict[str, Any]
) -> None:
    fabric.session_goes("starting")
    fabric.fault("DELETE", "/sessions", **fault)
    interrupt = interrupt_after(1.5)  # it has been asked for by then, on a busy machine, too
    text = nb.fails("%%livy_pyspark\n1+1")
    interrupt.join()
    (given_up,) = re.findall(r"The session that was starting \(id (\S+)\)", text)
    assert given_up in nb.ok("%livy status").text
    fabric.session_goes("idle")
    assert "starting one" in nb.ok("%%livy_pyspark\n1+1").text
    assert len(fabric.seen("POST", "/sessions$")) == 2
    assert nb.ok("%%livy_pyspark\n1+1").text.strip() == "2"


def test_ctrl_c_while_an_attached_session_starts_leaves_it_alone(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("starting")
    session_id = start_elsewhere(fabric)
    nb.ok(f"%livy attach {session_id}")
    interrupt = interrupt_after(0.3)
    assert "goes on starting" in nb.fails("%%livy_pyspark\n1+1")
    interrupt.join()
    assert fabric.left_running == [session_id]


def test_a_session_that_is_slow_to_start_is_waited_for_by_the_next_cell(nb: Notebook, fabric: FakeFabric) -> None:
    fabric.session_goes("starting")
    nb.ok("%livy config start_timeout_s 0.2")
    assert "goes on starting" in nb.fails("%%livy_pyspark\n1+1")
    fabric.session_becomes("idle")
    nb.ok("%livy config start_timeout_s 20")
    assert nb.ok("%%livy_pyspark\n1+1").text.strip() == "2"
    assert len(fabric.seen("POST", "/sessions$")) == 1


# ------------------------------------------------------------------------------------------------ the end
def test_unloading_stops_every_session_that_was_started_here(started: Notebook, fabric: FakeFabric) -> None:
    started.ok("%livy start second")
    started.ok("%unload_ext fabric_livy_magic")
    assert fabric.left_running == []
    assert "not found" in started.fails("%livy status")


def test_an_attached_session_outlives_the_notebook(nb: Notebook, fabric: FakeFabric) -> None:
    session_id = start_elsewhere(fabric)
    nb.ok(f"%livy attach {session_id}")
    assert nb.ok("%%livy_pyspark\n1+1").text.strip() == "2"
    nb.ok("%unload_ext fabric_livy_magic")
    assert fabric.left_running == [session_id]


def test_a_session_that_cannot_be_stopped_at_the_end_is_named(started: Notebook, fabric: FakeFabric) -> None:
    (session_id,) = fabric.sessions
    fabric.fault("DELETE", "/sessions", status=503, times=99)
    assert f"Session {session_id} could not be stopped" in started.ok("%unload_ext fabric_livy_magic").text


def test_the_extension_can_be_loaded_again(started: Notebook, fabric: FakeFabric) -> None:
    started.ok("%reload_ext fabric_livy_magic")
    assert fabric.left_running == []
    started.ok(f"%livy use {fabric.url}")
    assert "2" in started.ok("%%livy_pyspark\n1+1").text
