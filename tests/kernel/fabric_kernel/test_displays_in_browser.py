"""What comes from the session while a cell runs and after it, in JupyterLab, on the session of this folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.fabric_kernel.conftest import write_notebook
from tests.support import service
from tests.support.browser import screenshot
from tests.support.jupyter_server import JupyterServer, jupyter_page
from tests.support.kernels import Kernel

pytestmark = [pytest.mark.spark, pytest.mark.browser]
LOOP = """from IPython.display import clear_output
import time
import matplotlib.pyplot as plt
for epoch in range(8):
    clear_output(wait=True)
    plt.plot([1, 2, epoch])
    plt.title(f"epoch {epoch}")
    plt.show()
    time.sleep(0.5)"""
HANDLE = "handle = display('first', display_id=True)"
PRINTS = "for epoch in range(60):\n    print('epoch', epoch)\n    time.sleep(0.2)"
BAR = "from tqdm.notebook import tqdm\nfor _ in tqdm(range(5), desc='bar'):\n    time.sleep(0.5)"
SCRIPT = "display({'application/javascript': 'window.done.push(7)', 'text/plain': 'script'}, raw=True)"


@pytest.fixture(scope="module")
def page(api: service.Api, started: Kernel, jupyter: JupyterServer, chromium: Any) -> Iterator[Any]:
    write_notebook(jupyter, "displays.ipynb", api, [LOOP, HANDLE, "handle.update('second')", PRINTS, BAR, SCRIPT])
    with jupyter_page(chromium) as page:
        jupyter.open(page, "displays.ipynb")
        page.evaluate(
            "() => { jupyterapp.commands.execute('notebook:run-all-cells') }"
        )  # which ends with the last cell
        yield page


def outputs(page: Any, cell: int) -> Any:
    return page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output")


def has_run(page: Any, cell: int) -> None:
    """A cell's number stands beside it once it has ended."""
    page.wait_for_function(
        "cell => /\\d/.test(document.querySelectorAll('.jp-CodeCell')[cell].querySelector('.jp-InputPrompt').textContent)",
        arg=cell,
    )


def test_a_loop_that_clears_ends_with_one_figure(page: Any) -> None:
    outputs(page, 1).locator("img").wait_for()  # while it runs
    has_run(page, 1)
    assert outputs(page, 1).locator("img").count() == 1
    assert outputs(page, 1).count() == 2
    assert outputs(page, 1).nth(1).locator("img").count() == 1  # below the line that says how long it took
    screenshot(page, "clear_output")


def test_a_handle_changes_the_output_of_an_earlier_cell(page: Any) -> None:
    has_run(page, 3)
    assert outputs(page, 2).all_text_contents() == ["'second'"]
    assert outputs(page, 3).count() == 0


def test_prints_appear_while_the_cell_runs_once_and_in_order(page: Any) -> None:
    seen = outputs(page, 4).get_by_text("epoch 1")
    seen.first.wait_for()
    assert "epoch 59" not in str(page.locator(".jp-CodeCell").nth(4).text_content())
    screenshot(page, "prints")
    has_run(page, 4)
    texts = outputs(page, 4).locator("pre").all_text_contents()
    assert "".join(texts).split("epoch ")[1:] == [f"{epoch}\n" for epoch in range(60)]


def test_a_bar_of_tqdm_is_readable_and_moves(page: Any) -> None:
    bar = outputs(page, 5).locator("progress")
    bar.wait_for()
    assert float(bar.get_attribute("value")) < 5
    has_run(page, 5)
    assert bar.get_attribute("value") == "5"
    assert "bar: 100%" in str(outputs(page, 5).last.text_content()).replace("\u2007", " ")
    assert "model not found" not in str(page.locator(".jp-Notebook").text_content())
    screenshot(page, "tqdm")


def test_a_script_of_the_session_runs_as_a_local_one_would(page: Any) -> None:
    has_run(page, 6)
    page.wait_for_function("done.includes(7)")


def test_the_saved_notebook_has_the_last_state_of_each_output(jupyter: JupyterServer, page: Any) -> None:
    jupyter.command(page, "docmanager:save")
    page.wait_for_function("jupyterapp.shell.currentWidget.context.model.dirty === false")
    cells = json.loads((jupyter.folder / "displays.ipynb").read_text(encoding="utf-8"))["cells"]
    kinds = [[kind for output in cell["outputs"] for kind in output.get("data", {"text": 0})] for cell in cells]
    assert kinds[1].count("image/png") == 1
    assert "".join(cells[2]["outputs"][0]["data"]["text/plain"]) == "'second'"
    assert not any("widget-view" in kind for cell in kinds for kind in cell)
