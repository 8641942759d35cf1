"""What front ends send by themselves, such as VS Code's helper code, and interrupts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.fabric_kernel.conftest import codes, new_kernel, sessions, statements_sent
from tests.support import service
from tests.support.kernels import Kernel
from tests.support.timing import AT_ONCE_S

pytestmark = pytest.mark.spark


# ------------------------------------------------------------------------------------------------ helper code
# As VS Code's Jupyter extension sends it: silently, or as a thread that requests completions.
HELPER = (
    "import json as _VSCODE_json\nprint(_VSCODE_json.dumps([name for name in globals() if name == '_VSCODE_json']))"
)
COMPLETER = """
def __jupyter_exec_background__():
    from IPython.display import display
    from threading import Thread
    from traceback import format_exc
    output = display({"application/json": {}}, raw=True, display_id=True)
    def do_implementation():
        import time
        began = time.monotonic()
        answer = get_ipython().kernel.do_complete(%r, %d)
        return {"answer": answer, "seconds": time.monotonic() - began}
    def bg_main():
        try:
            output.update({"application/json": {"result": do_implementation()}}, raw=True)
        except Exception:
            output.update({"application/json": {"error": format_exc()}}, raw=True)
    Thread(target=bg_main, daemon=True).start()
__jupyter_exec_background__()
del __jupyter_exec_background__
"""


def send_helper_code(notebook: Kernel, code: str) -> str:
    content = {
        "code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": True, "stop_on_error": False
    }  # fmt: skip
    message = notebook.client.session.msg("execute_request", content)
    message["metadata"] = {"cellId": "vscode-notebook-cell:/home/me/a.ipynb#W0sZmlsZQ%3D%3D"}
    notebook.client.shell_channel.send(message)
    return str(message["header"]["msg_id"])


def completions(notebook: Kernel, code: str) -> dict[str, Any]:
    """As VS Code requests them."""
    request = send_helper_code(notebook, COMPLETER % (code, len(code)))
    until = time.monotonic() + 10
    while time.monotonic() < until:
        message = notebook.client.get_iopub_msg(timeout=10)
        if message["msg_type"] == "update_display_data" and message["parent_header"].get("msg_id") == request:
            reply: dict[str, Any] = message["content"]["data"]["application/json"]
            assert "error" not in reply, reply["error"]
            return reply["result"]  # type: ignore[no-any-return]
    raise AssertionError("no completion came")


@pytest.fixture
def notebook(api: service.Api, tmp_path: Path) -> Iterator[Kernel]:
    """A kernel that has run nothing yet."""
    with new_kernel(api, tmp_path) as running:
        yield running


def test_nothing_starts_a_session_before_the_first_cell(notebook: Kernel, api: service.Api) -> None:
    before = [one["id"] for one in sessions(api)]
    assert notebook.wait(send_helper_code(notebook, HELPER)).printed == '["_VSCODE_json"]\n'
    assert notebook.run("%%local\n6 * 7").text == "42"
    for code in ("spark.ran", "%%sql\nSELECT * FROM ", "%livy st"):
        assert completions(notebook, code)["seconds"] < 5
        notebook.client.complete(code, reply=True, timeout=10)
        notebook.client.inspect(code, reply=True, timeout=10)
    notebook.client.is_complete("SELECT (")
    silent = notebook.client.execute("x_silent = 1", silent=True)
    assert notebook.wait(silent).status == "ok"
    assert notebook.run("%%local\nx_silent").text == "1"
    shown = notebook.client.inspect("x_silent", 0, reply=True, timeout=10)["content"]  # as for the Variables view
    assert shown["found"]
    assert [one["id"] for one in sessions(api)] == before


def test_helper_code_stays_here_while_the_session_is_idle(started: Kernel, api: service.Api) -> None:
    before = codes(api)
    assert started.wait(send_helper_code(started, HELPER)).printed == '["_VSCODE_json"]\n'
    assert codes(api) == before


def test_a_completion_calls_the_idle_session_and_is_there_in_time(started: Kernel, api: service.Api) -> None:
    started.run("frame = spark.range(3).withColumnRenamed('id', 'ident')")
    assert completions(started, "frame['")["answer"]["matches"] == ["'ident'"]
    assert not any("__jupyter_exec_background__" in code for code in codes(api))


def test_nothing_of_a_front_end_waits_or_reaches_the_session_while_a_cell_runs(
    started: Kernel, api: service.Api
) -> None:
    started.run("import time\nwaited_for = 1")
    # VS Code's helper threads outlive the request that started them.
    started.run(
        "%%local\nimport threading, time\nanswers = []\n"
        "def ask():\n    time.sleep(0.7)\n    for code in ('waited', 'frame.', '%livy sta', '%%sql\\nSELECT * FROM '):\n"
        "        began = time.monotonic()\n        found = get_ipython().kernel.do_complete(code, len(code))\n"
        "        answers.append((code, found['matches'][:3], time.monotonic() - began))\n"
        "threading.Thread(target=ask).start()"
    )
    before = statements_sent(api)
    assert started.run("time.sleep(6)").status == "ok"
    answers = json.loads(started.run("%%local\nimport json\nprint(json.dumps(answers))").printed)
    assert [one[0] for one in answers] == ["waited", "frame.", "%livy sta", "%%sql\nSELECT * FROM "]
    assert all(seconds < 3 for _, _, seconds in answers)
    assert answers[0][1] == ["waited_for"]
    assert answers[2][1] == ["start", "status", "statements"]
    assert statements_sent(api) == before + 1


def test_an_interrupt_ends_a_cell_of_the_session_within_a_second(started: Kernel) -> None:
    for code in (
        "import time\ntime.sleep(60)",
        "while True: pass",
        "%%sql\nSELECT sum(sqrt(id)) FROM range(10000000000000)",
    ):
        request = started.send(code)
        time.sleep(1.5)
        began = time.monotonic()
        started.interrupt()
        stopped = started.wait(request, timeout_s=20)
        assert time.monotonic() - began < AT_ONCE_S
        assert (stopped.status, stopped.ename) == ("error", "Interrupted")
        assert "KeyboardInterrupt" in stopped.traceback
        assert started.run("'next'", timeout_s=30).text == "'next'"


def test_an_interrupt_ends_a_local_cell(started: Kernel) -> None:
    request = started.send("%%local\nimport time\ntime.sleep(30)")
    time.sleep(0.7)
    started.interrupt()
    assert started.wait(request, timeout_s=10).ename == "KeyboardInterrupt"


def test_the_kernel_answers_while_a_cell_runs(started: Kernel) -> None:
    """Widgets send comm messages, which are handled while a cell waits."""
    started.run(
        "%%local\nreceived = []\ndef on_open(comm, message):\n    comm.on_msg(lambda one: received.append(one['content']['data']))\n"
        "get_ipython().kernel.comm_manager.register_target('own', on_open)"
    )
    client = started.client
    client.shell_channel.send(client.session.msg("comm_open", {"comm_id": "c1", "target_name": "own", "data": {}}))
    request = started.send("import time\ntime.sleep(5)")
    time.sleep(0.5)
    client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": "c1", "data": {"clicked": 1}}))
    time.sleep(0.7)
    control = client.session.msg("kernel_info_request", {})
    client.control_channel.send(control)
    began = time.monotonic()
    while client.control_channel.get_msg(timeout=5)["parent_header"].get("msg_id") != control["header"]["msg_id"]:
        pass
    assert time.monotonic() - began < 3.5
    assert started.wait(request).status == "ok"
    assert started.run("%%local\nreceived").text == "[{'clicked': 1}]"


# ------------------------------------------------------------------------------------------------ notebook.exit
def test_an_exit_leaves_out_the_rest_of_run_all_and_nothing_that_a_person_runs_afterwards(started: Kernel) -> None:
    """JupyterLab sends all cells of Run All at once."""
    cells = (
        "ran = ['before']",
        "notebookutils.notebook.exit('nothing <new>')",
        "ran.append('after')",
        "%%sql\nSELECT after_the_exit",
        "%%local\nran_here = 1",
    )
    done = [started.wait(request) for request in [started.send(cell) for cell in cells]]
    assert [one.status for one in done] == ["ok"] * 5
    assert "ExitValue: nothing <new>" in done[1].text
    for one in done[2:]:
        (bundle,) = one.bundles
        assert "ended the notebook with the value 'nothing <new>'" in bundle["text/plain"]
        assert "<new>" not in bundle["text/html"]
    assert started.run(cells[2]).text == ""  # once more: it runs
    assert started.run("ran").text == "['before', 'after']"
    assert started.run("%%local\n'ran_here' in globals()").text == "False"
