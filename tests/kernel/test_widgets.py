"""Widgets in a real kernel, by what a front end sends and gets: the Cancel button beside the progress of a cell, and the panel."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipykernel
import pytest

from tests.support.fakes import FakeFabric
from tests.support.kernels import Kernel, kernel
from tests.support.outputs import text_output

ABORTED_WITHIN_S = 1.0  # of the end of a cell that failed: what is sent so soon does not run
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def running(fabric: FakeFabric, tmp_path: Path) -> Iterator[Kernel]:
    fabric.session_goes("idle")
    environ = {"FABRIC_LIVY_TARGET": fabric.url, "FABRIC_LIVY_TOKEN": fabric.token, "FABRIC_LIVY_RICH": "off"}
    with kernel(environ, tmp_path, with_person=True, spec="fabric-livy") as one:
        fabric.answer("1", text_output("1"))
        first = one.run("1")
        assert first.status == "ok", first.traceback
        yield one


class FrontEnd:
    """The messages of a cell's widgets, as a front end keeps them by model."""

    def __init__(self, kernel: Kernel, request: str) -> None:
        self.kernel, self.request = kernel, request
        self.models: dict[str, dict[str, Any]] = {}
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def read_until(self, holds: Any, within_s: float = 20) -> None:
        until = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < until, self.models
            message = self.kernel.client.get_iopub_msg(timeout=within_s)
            kind, content = message["msg_type"], message["content"]
            self.seen.append((kind, content))
            if kind == "comm_open":
                self.models[content["comm_id"]] = dict(content["data"]["state"])
            elif kind == "comm_close":
                del self.models[content["comm_id"]]
            elif kind == "comm_msg" and "state" in content["data"]:
                self.models[content["comm_id"]].update(content["data"]["state"])

    def model(self, kind: str, description: str = "") -> str:
        return next(
            key
            for key, state in self.models.items()
            if state.get("_model_name") == kind and description in {"", state.get("description")}
        )

    def send(self, model: str, data: dict[str, Any], subshell: str | None = None) -> None:
        client = self.kernel.client
        message = client.session.msg("comm_msg", {"comm_id": model, "data": data})
        if subshell:
            message["header"]["subshell_id"] = subshell
        client.shell_channel.send(message)

    def new_subshell(self) -> str:
        client = self.kernel.client
        client.control_channel.send(client.session.msg("create_subshell_request"))
        return str(client.get_control_msg(timeout=10)["content"]["subshell_id"])

    def shows_view(self) -> bool:
        return any(VIEW in content.get("data", {}) for kind, content in self.seen if kind == "update_display_data")

    def displayed(self) -> list[dict[str, str]]:
        return [content["data"] for kind, content in self.seen if kind == "display_data"]

    def has_ended(self) -> bool:
        return any(kind == "error" for kind, _ in self.seen)


def test_a_click_cancels_the_statement_once_and_the_button_is_gone(running: Kernel, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    front_end = FrontEnd(running, running.send("forever"))
    front_end.read_until(front_end.shows_view)
    button, progress = front_end.model("ButtonModel"), front_end.model("HTMLModel")
    front_end.send(button, {"method": "update", "state": {"_view_count": 1}})
    before = front_end.models[progress]["value"]
    front_end.read_until(lambda: front_end.models[progress]["value"] != before)
    for _ in range(2):
        front_end.send(button, {"method": "custom", "content": {"event": "click"}})
    front_end.read_until(front_end.has_ended)
    assert front_end.models == {}
    assert len(fabric.seen("POST", "/cancel$")) == 1
    last = [content["data"] for kind, content in front_end.seen if kind == "update_display_data"][-1]
    assert VIEW not in last
    assert last["text/plain"].startswith("Interrupted after")
    (error,) = [content for kind, content in front_end.seen if kind == "error"]
    assert (error["ename"], "cancelled" in error["evalue"]) == ("Interrupted", True)
    fabric.statement_goes("available")
    time.sleep(ABORTED_WITHIN_S)
    assert running.run("1", 20).status == "ok"


def test_a_front_end_that_draws_no_widget_keeps_the_line(running: Kernel, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    front_end = FrontEnd(running, running.send("forever"))
    front_end.read_until(front_end.shows_view)
    front_end.read_until(lambda: not front_end.models)  # it was not drawn in time
    drawn = [content["data"] for kind, content in front_end.seen if kind == "update_display_data"]
    assert VIEW not in drawn[-1]
    front_end.seen.clear()
    front_end.read_until(lambda: front_end.seen)
    running.interrupt()
    front_end.read_until(front_end.has_ended)
    time.sleep(ABORTED_WITHIN_S)
    fabric.statement_goes("running")
    again = FrontEnd(running, running.send("once more"))
    again.read_until(lambda: sum(kind == "update_display_data" for kind, _ in again.seen) > 3)
    assert not again.shows_view()
    running.interrupt()
    again.read_until(again.has_ended)


def test_the_panel_is_a_widget_with_a_text_and_without_a_person_text_alone(running: Kernel, fabric: FakeFabric) -> None:
    front_end = FrontEnd(running, running.send("%livy ui"))
    front_end.read_until(lambda: len(front_end.displayed()) == 2)
    view, instead = front_end.displayed()
    assert sorted(view) == [VIEW, "text/plain"]
    assert "needs a front end" in view["text/plain"]
    assert "%livy status" in instead["text/plain"]
    front_end.read_until(lambda: any("%livy stop main" in str(one.get("value")) for one in front_end.models.values()))
    headless = running.client.execute("%livy ui", allow_stdin=False)
    done = running.wait(str(headless))
    assert {kind for kind, _ in done.outputs} == {"status", "execute_input", "stream"}
    assert "Settings (`%livy config`)" in done.printed


def test_in_a_plain_kernel_the_panel_acts_while_a_cell_runs_by_a_subshell(fabric: FakeFabric, tmp_path: Path) -> None:
    if ipykernel.version_info[0] < 7:
        pytest.skip("ipykernel 6 has no subshells")
    fabric.session_goes("idle")
    environ = {"FABRIC_LIVY_TARGET": fabric.url, "FABRIC_LIVY_TOKEN": fabric.token, "FABRIC_LIVY_RICH": "off"}
    with kernel(environ, tmp_path, with_person=True) as plain:
        front_end = FrontEnd(plain, plain.send("%load_ext fabric_livy_magic\n%livy start\n%livy ui"))
        front_end.read_until(lambda: any("%livy stop main" in str(one) for one in front_end.models.values()))
        subshell = front_end.new_subshell()
        fabric.statement_goes("running")
        plain.send("%%livy_pyspark\nforever")
        front_end.read_until(lambda: any("cell that runs: Running" in str(one) for one in front_end.models.values()))
        button = front_end.model("ButtonModel", "Interrupt the cell")
        front_end.send(button, {"method": "custom", "content": {"event": "click"}}, subshell)
        front_end.read_until(front_end.has_ended)
    assert len(fabric.seen("POST", "/cancel$")) == 1
