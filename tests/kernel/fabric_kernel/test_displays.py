"""Displays of the session as a front end gets them: its messages with a person, and what nbclient saves without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.util import run_sync
from nbformat.v4 import new_code_cell, new_notebook

from tests.kernel.fabric_kernel.conftest import sessions
from tests.support import service
from tests.support.kernels import Executed, Kernel, kernel_dirs

pytestmark = pytest.mark.spark
LOOP = "from IPython.display import clear_output\nimport time\nfor n in range(5):\n    clear_output(wait=True)\n    print(n)\n    displayHTML(f'<b>{n}</b>')\n    time.sleep(0.4)"


def ids(ran: Executed, kind: str) -> list[str]:
    return [content["transient"].get("display_id", "") for one, content in ran.outputs if one == kind]


def test_an_update_from_a_later_cell_goes_to_the_display_by_an_id_that_no_local_one_has(started: Kernel) -> None:
    first = started.run("h = display('one', display_id='name')")
    (name,) = ids(first, "display_data")
    assert name.startswith("fabric-livy-")
    updated = started.run("h.update('two')")
    assert ids(updated, "update_display_data") == [name]
    assert updated.bundles == [{"text/plain": "'two'"}]
    local = started.run("%%local\nfrom IPython.display import display\ndisplay(1, display_id='name');")
    assert "name" in ids(local, "display_data")


def test_a_handles_display_is_updated_where_the_value_of_the_cell_is_shown_too(started: Kernel) -> None:
    ran = started.run("h = display('a', display_id=True)\nprint('p')\nh.update('b')\n1 + 1")
    assert [kind for kind, _ in ran.outputs if kind in {"display_data", "stream", "execute_result"}] == [
        "display_data",
        "stream",
        "execute_result",
    ]
    assert ran.text == "p\n'b'\n2"


def test_a_tables_display_is_changed_to_another_table(started: Kernel) -> None:
    started.run("h = display(spark.range(2), display_id=True)")
    (table,) = started.run("h.update(spark.range(3))").bundles[-1:]
    assert table["text/html"].count("<tr>") == 4


def test_what_is_printed_comes_before_the_cell_has_ended(started: Kernel) -> None:
    request = started.send("import time\nprint('fir' + 'st')\ntime.sleep(4)\nprint('last')")
    content = started.wait_for_output(request, "first")
    assert content == {"name": "stdout", "text": "first\n"}
    assert started.wait(request).printed == "last\n"


def test_the_progress_line_stands_above_what_comes_and_stays_one(started: Kernel) -> None:
    ran = started.run("import time\nfor n in range(4):\n    print(n)\n    time.sleep(0.5)")
    kinds = [kind for kind, _ in ran.outputs if kind in {"display_data", "stream"}]
    assert (kinds[0], set(kinds[1:])) == ("display_data", {"stream"})
    assert ran.printed == "0\n1\n2\n3\n"


def test_an_interrupt_keeps_what_has_come(started: Kernel) -> None:
    request = started.send("import time\nprint('fir' + 'st')\ntime.sleep(60)")
    started.wait_for_output(request, "first")
    started.interrupt()
    assert started.wait(request).printed == ""
    assert started.run("'next'").text == "'next'"


def test_each_clear_draws_the_line_anew_above_the_outputs(started: Kernel) -> None:
    ran = started.run(LOOP)
    last = max(number for number, (kind, _) in enumerate(ran.outputs) if kind == "clear_output")
    line, shown = [content["data"] for kind, content in ran.outputs[last:] if kind == "display_data"]
    assert line["text/plain"].startswith("Running: ")
    assert shown["text/html"] == "<b>4</b>"


@pytest.mark.parametrize("mode", ["off", "plain"])
def test_without_a_progress_line_output_comes_at_the_end(started: Kernel, mode: str) -> None:
    started.run(f"%livy config progress {mode}")
    try:
        ran = started.run("import time\nprint('first')\ntime.sleep(1.5)\nprint('last')")
        assert [content["text"] for kind, content in ran.outputs if kind == "stream"] == ["first\nlast\n"]
    finally:
        started.run("%livy config progress auto")


def test_a_notebook_that_nbclient_runs_has_the_last_state_of_each_output(
    api: service.Api, started: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABRIC_LIVY_TARGET", api.base)
    monkeypatch.setenv("FABRIC_LIVY_TOKEN", service.TOKEN)
    (session,) = sessions(api)
    bar = "from tqdm.notebook import tqdm\nfor _ in tqdm(range(3), desc='bar'): pass"
    cells = [f"%livy attach {session['id']}", "h = display('one', display_id=True)", LOOP, bar, "h.update('two')"]
    notebook = new_notebook(cells=[new_code_cell(one) for one in cells])
    specs = KernelSpecManager(kernel_dirs=kernel_dirs(), ensure_native_kernel=True)
    manager = AsyncKernelManager(kernel_name="fabric-livy", kernel_spec_manager=specs)
    client = NotebookClient(notebook, km=manager, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    assert client.kc
    client.kc.stop_channels()  # of a kernel that is given it stops neither
    run_sync(manager.shutdown_kernel)()
    shown = [[text_of(output) for output in cell.outputs] for cell in notebook.cells[1:]]
    assert shown[0] == ["'two'"]
    assert shown[1] == ["4\n", "<HTML>"]
    (tqdm,) = shown[2]
    assert tqdm.startswith("bar:\u2007100% |####################| 3/3")
    assert shown[3] == []
    assert "widget-view" not in repr(notebook)


def text_of(output: Any) -> str:
    return str(output.text if "text" in output else output.data["text/plain"])
