"""`%livy explore` by the messages of its widgets: changes while Spark works, cells meanwhile, the session's queue."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.fabric_kernel.conftest import statements_sent
from tests.support import service
from tests.support.kernels import Executed, Kernel

pytestmark = pytest.mark.spark
WITHIN_S = 60.0
MAKE = """
import time
def nap(n):
    time.sleep(300)  # longer than any wait here
    return n
spark.udf.register("nap", nap, "long")
slow = spark.range(2).selectExpr("id", "id * 2 AS double", "nap(id) AS lazy")
"""


class Controls:
    """The widgets of one view, as its front end knows them: description → (comm, state)."""

    def __init__(self, kernel: Kernel, shown: Executed) -> None:
        self._kernel = kernel
        opened = [content for kind, content in shown.outputs if kind == "comm_open"]
        states = [(one["comm_id"], one["data"]["state"]) for one in opened]
        self._found = {str(state.get("description")): (comm, state) for comm, state in states}

    def choose(self, description: str, label: str) -> None:
        comm, state = self._found[description]
        change = {"index": state["_options_labels"].index(label)}
        content = {"comm_id": comm, "data": {"method": "update", "state": change, "buffer_paths": []}}
        client = self._kernel.client
        client.shell_channel.send(client.session.msg("comm_msg", content))


def updates(kernel: Kernel) -> Iterator[str]:
    """The text of each display that is updated, and what the view says."""
    until = time.monotonic() + WITHIN_S
    while True:
        message: dict[str, Any] = kernel.client.get_iopub_msg(timeout=max(0.01, until - time.monotonic()))
        content = message["content"]
        if message["msg_type"] == "update_display_data":
            yield str(content["data"].get("text/plain"))
        elif message["msg_type"] == "comm_msg":
            yield str(content["data"].get("state", {}).get("value", ""))


def test_the_last_change_wins_and_nothing_piles_up(started: Kernel, api: service.Api) -> None:
    assert started.run(MAKE).status == "ok"
    shown = started.run("%livy explore slow")
    assert "--chart hist x=id\nslow" in shown.text
    controls = Controls(started, shown)
    before = statements_sent(api)
    controls.choose("x", "lazy")
    next(one for one in updates(started) if "Spark works on it" in one)
    for label in ("double", "lazy", "double", "lazy", "double"):
        controls.choose("x", label)
    drawn = next(one for one in updates(started) if "rows by" in one)
    assert drawn.startswith("rows by double")
    assert "--chart hist x=double\nslow" in next(updates(started))
    assert statements_sent(api) - before <= 6
    assert started.run("'next'").text == "'next'"


def test_a_change_waits_for_the_cell_that_runs(started: Kernel) -> None:
    controls = Controls(started, started.run("%livy explore slow"))
    request = started.send("time.sleep(3); print('the cell has ended')")
    time.sleep(1)
    controls.choose("x", "double")
    seen = []
    while len(seen) < 2:
        message = started.client.get_iopub_msg(timeout=WITHIN_S)
        text = str(message["content"])
        if message["msg_type"] == "stream" and "the cell has ended" in text:
            seen.append("cell")
        elif message["msg_type"] == "update_display_data" and "rows by double" in text:
            seen.append("chart")
    assert seen == ["cell", "chart"]
    started._reply(request)


def test_where_nobody_could_use_controls_the_profile_is_shown_without_them(started: Kernel) -> None:
    client = started.client
    started.run("few = spark.range(4).selectExpr('id', 'string(id % 2) AS half')")
    shown = started.wait(str(client.execute("%livy explore few", allow_stdin=False)))
    assert "few · 4 rows · 2 columns" in shown.text
    assert "The same as a cell:\n%livy explore few --profile" in shown.text
    assert [kind for kind, _ in shown.outputs if kind == "comm_open"] == []
    assert "widget" not in shown.everything
