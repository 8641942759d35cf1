"""An interrupt at any moment, and the death of a kernel: real kernels, and real Spark behind a proxy that holds requests."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import service
from tests.support.holding import Proxy
from tests.support.kernels import Kernel, kernel
from tests.support.timing import eventually

pytestmark = pytest.mark.spark

STATEMENTS = r"/statements$"
ONE_STATEMENT = r"/statements/\d+$"
ENDS_WITHIN_S = 1.5
# Allowed once, where other tests use the cores at that moment. A request that is held is held for longer than either.
ENDS_WITHIN_AT_MOST_S = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def proxy(api: service.Api) -> Iterator[Proxy]:
    one = Proxy(api.base.partition("/v1/")[0])
    yield one
    one.close()


@pytest.fixture(scope="module")
def environ(api: service.Api, proxy: Proxy, folder: Path) -> dict[str, str]:
    path = api.base.partition("/v1/")[2]
    return {
        "FABRIC_LIVY_TARGET": f"{proxy.address}/v1/{path}",
        "FABRIC_LIVY_TOKEN": service.TOKEN,
        "FABRIC_LIVY_NOTEBOOK": str(folder / "Sales.ipynb"),
        "XDG_STATE_HOME": str(folder / "state"),
    }


@pytest.fixture(scope="module")
def notebook(environ: dict[str, str], folder: Path) -> Iterator[Kernel]:
    with kernel(environ, folder, spec="fabric-livy") as running:
        assert running.run("import time\n1 + 1").text.endswith("2")
        yield running


def alive(api: service.Api) -> list[str]:
    ended = {"dead", "killed", "error", "success", "shutting_down"}
    return [one["id"] for one in api.get("/sessions").json()["items"] if one["livyState"] not in ended]


def running(api: service.Api) -> list[str]:
    """The statements that are still running in any session."""
    return [
        statement["code"][-80:]
        for session in alive(api)
        for statement in api.get(f"/sessions/{session}/statements")
        .json()
        .get("statements", ())  # none in one that ends meanwhile
        if statement["state"] not in {"available", "cancelled", "error"}
    ]


# The cell, and the request that is held when the interrupt comes: (code, method, path, options). Without a path: once its
# statement runs in the session.
NEW = "%livy start other"
SLEEP = "time.sleep(60)"
FRAME = "%livy get spark.range(3_000_000).selectExpr('id','rand() x') -o got"
POINTS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "asking for a session, before the server acts": (NEW, "POST", r"/sessions$", {}),
    "asking for a session, after the server acted": (NEW, "POST", r"/sessions$", {"after_work": True}),
    "asking for a session, throttled": (NEW, "POST", r"/sessions$", {"status": 429}),
    "starting, while its state is requested": (NEW, "GET", r"/sessions/[^/]+$", {}),
    "starting, while the gateway is down": (NEW, "GET", r"/sessions/[^/]+$", {"status": 503}),
    "starting, throttled": (NEW, "GET", r"/sessions/[^/]+$", {"status": 429}),
    "sending a statement, before the server acts": (SLEEP, "POST", STATEMENTS, {}),
    "sending a statement, after the server acted": (SLEEP, "POST", STATEMENTS, {"after_work": True}),
    "sending a statement, throttled": (SLEEP, "POST", STATEMENTS, {"status": 429}),
    "waiting, while the state is requested": (SLEEP, "GET", ONE_STATEMENT, {}),
    "waiting, while the answer is on its way": (SLEEP, "GET", ONE_STATEMENT, {"after_work": True}),
    "waiting, throttled": (SLEEP, "GET", ONE_STATEMENT, {"status": 429}),
    "waiting, while the gateway is down": (SLEEP, "GET", ONE_STATEMENT, {"status": 503}),
    "in Python that sleeps": (SLEEP, "", "", {}),
    "in Python that computes": ("while True: pass", "", "", {}),
    "in a Spark job": ("spark.range(10**13).selectExpr('sum(sqrt(id))').collect()", "", "", {}),
    "in SQL": ("%%sql\nSELECT sum(sqrt(id)) FROM range(10000000000000)", "", "", {}),
    "in Scala": ("%%spark\nThread.sleep(60000)", "", "", {}),
    "in a session's own line": ("%livy_pyspark time.sleep(60)", "", "", {}),
    "fetching a frame": (FRAME, "GET", ONE_STATEMENT, {"after_work": True}),
    "listing sessions": ("%livy sessions", "GET", r"/sessions$", {}),
}


@pytest.mark.parametrize("point", POINTS)
def test_an_interrupt_ends_the_cell_and_leaves_nothing_running(
    point: str, notebook: Kernel, proxy: Proxy, api: service.Api
) -> None:
    took_s = ended_after(point, notebook, proxy, api)
    assert took_s < ENDS_WITHIN_AT_MOST_S
    if took_s >= ENDS_WITHIN_S:
        assert ended_after(point, notebook, proxy, api) < ENDS_WITHIN_S, took_s


def ended_after(point: str, notebook: Kernel, proxy: Proxy, api: service.Api) -> float:
    code, method, path, more = POINTS[point]
    before = alive(api)
    if method:
        with proxy.holding(method, path, **more) as hold:
            request = notebook.send(code)
            assert hold.reached.wait(20)
            took_s, message = interrupted_after(notebook, request)
        # The server may still be creating what has to be gone below.
        assert hold.status or hold.answered.wait(20)
    else:
        request = notebook.send(code)
        assert eventually(lambda: running(api))
        took_s, message = interrupted_after(notebook, request)
    assert notebook.run("%%local\n6 * 7").text == "42"
    assert eventually(lambda: running(api) == [] and alive(api) == before), (message, running(api), alive(api), before)
    return took_s


def interrupted_after(notebook: Kernel, request: str) -> tuple[float, str]:
    """After how many seconds, and with which message."""
    began = time.monotonic()
    notebook.interrupt()
    ended = notebook.wait(request, timeout_s=20)
    assert ended.status == "error"
    assert "Interrupt" in ended.ename, (ended.ename, ended.evalue)
    return time.monotonic() - began, ended.evalue


def test_the_session_goes_on_after_every_interrupt(notebook: Kernel) -> None:
    assert notebook.run("'still ' + 'here'").text == "'still here'"


# ------------------------------------------------------------------------------------------------ a killed kernel
def test_a_new_kernel_gets_the_result_of_the_statement_that_the_killed_one_waited_for(
    notebook: Kernel, environ: dict[str, str], folder: Path, api: service.Api
) -> None:
    notebook.run("kept = 40")
    notebook.send("time.sleep(2)\nprint('half way')\nkept + 2")
    assert eventually(lambda: running(api))
    os.kill(notebook.pid, signal.SIGKILL)
    with kernel(environ, folder, spec="fabric-livy") as new:
        found = new.run("%livy attach --last -o result")
        assert "half way" in found.text
        assert "time.sleep(2)" in found.text
        assert new.run("%%local\nresult").text == repr("half way\n42")
        assert new.run("kept").text == "40"
    assert alive(api) == []  # it was started by this notebook, so it ended with it


def test_what_is_remembered_is_for_this_user_alone_and_gone_with_the_session(folder: Path) -> None:
    records = folder / "state" / "fabric-livy-magic" / "sessions"
    assert list(records.iterdir()) == []
    assert records.stat().st_mode & 0o077 == 0
