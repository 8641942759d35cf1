"""`%livy ui` and the Cancel button of a running cell in JupyterLab: on the session of this folder, and against a scripted Fabric, whose
sessions have hostile names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.fabric_kernel.conftest import write_notebook
from tests.magics.conftest import start_elsewhere
from tests.support import service
from tests.support.browser import screenshot, serious_findings
from tests.support.clients import onelake_of
from tests.support.fakes import FakeFabric
from tests.support.jupyter_server import JupyterServer, jupyter_page
from tests.support.kernels import Kernel

pytestmark = [pytest.mark.spark, pytest.mark.browser]
HOSTILE = "<img src=x onerror=hacked()>{{hacked()}}"
ODD_FILE = "<b>ä & notes#1.txt"
NAME = "panel.ipynb"
ATTACH, UI, SLOW, USE = range(4)
TASKS = "import time\nspark.sparkContext.parallelize(range(120), 120).map(lambda n: time.sleep(0.5)).count()"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[FakeFabric]:
    fake = FakeFabric()
    fake.token = service.TOKEN
    yield fake
    fake.stop()


@pytest.fixture(scope="module")
def page(
    api: service.Api, started: Kernel, jupyter: JupyterServer, chromium: Any, elsewhere: FakeFabric
) -> Iterator[Any]:
    write_notebook(jupyter, NAME, api, ["%livy ui", TASKS, f"%livy use {elsewhere.url}\n%livy config rich off"])
    with jupyter_page(chromium) as page:
        jupyter.open(page, NAME)
        run(page, ATTACH)
        run(page, UI)
        press(page, "Refresh", is_there=True)
        yield page
        assert page.evaluate("done") == []


def begin(page: Any, number: int) -> None:
    page.evaluate(
        "number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number;"
        "jupyterapp.commands.execute('notebook:run-cell') }",
        number,
    )
    page.wait_for_function(f"() => {PROMPT}({number}) === '[*]:'")


def has_ended(page: Any, number: int) -> None:
    page.wait_for_function(f"() => /\\d/.test({PROMPT}({number}))")


PROMPT = "(n => document.querySelectorAll('.jp-Notebook .jp-InputPrompt')[n].textContent)"


def run(page: Any, number: int) -> None:
    page.evaluate(
        "number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number;"
        "return jupyterapp.commands.execute('notebook:run-cell') }",
        number,
    )
    has_ended(page, number)


def cell(page: Any, number: int) -> Any:
    return page.locator(".jp-Notebook .jp-CodeCell").nth(number)


def press(page: Any, label: str, *, is_there: bool = False) -> None:
    button = cell(page, UI).get_by_role("button", name=label, exact=True)
    button.wait_for()
    if not is_there:
        button.click()


def section(page: Any, title: str) -> Any:
    page.get_by_role("tab", name=title).click()
    return cell(page, UI).locator(".widget-tab-contents")


def says(place: Any, text: str) -> None:
    place.get_by_text(text).first.wait_for()


def tasks_done(place: Any) -> int:
    found = re.search(r"(\d+) of 120 tasks", str(place.text_content()))
    return int(found[1]) if found else -1


def wait_for_more_tasks(page: Any, place: Any, than: int) -> int:
    for _ in range(300):
        if (done := tasks_done(place)) > than:
            return done
        page.wait_for_timeout(100)
    raise AssertionError(f"still {than} tasks")


def test_it_opens_with_the_sessions_in_both_themes(jupyter: JupyterServer, page: Any) -> None:
    says(section(page, "Sessions"), "%livy stop main")
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        jupyter.command(page, "apputils:change-theme", theme=theme)
        page.wait_for_timeout(500)
        screenshot(page, f"panel {theme}")
        assert serious_findings(page, cell(page, UI).locator(".jp-OutputArea-output").first) == []
    screenshot(page, "panel", cell(page, UI).locator(".jp-OutputArea-output"))


def test_folders_are_browsed_and_a_deletion_asks_first(api: service.Api, page: Any, tmp_path: Path) -> None:
    local, files = tmp_path / "notes.txt", onelake_of(api)
    local.write_text("the first line\nthe second\n", encoding="utf-8")
    files.upload(local, f"Files/panel/{ODD_FILE}")
    shown = section(page, "Files")
    says(shown, "panel/")
    cell(page, UI).get_by_label("entry", exact=True).select_option("panel/")
    press(page, "Open")
    says(shown, ODD_FILE)
    press(page, "First lines")
    says(cell(page, UI), "the first line")
    press(page, "Delete")
    says(shown, "Delete it? What is deleted is gone.")
    assert serious_findings(page, cell(page, UI).locator(".jp-OutputArea-output").first) == []
    screenshot(page, "panel files", cell(page, UI).locator(".jp-OutputArea-output"))
    press(page, "Yes")
    says(shown, "Nothing is in Files/panel.")
    assert files.list("Files/panel") == []
    press(page, "Up")
    says(shown, "panel/")


def test_while_a_cell_runs_the_panel_follows_it_and_acts_and_cancel_ends_it(jupyter: JupyterServer, page: Any) -> None:
    begin(page, SLOW)
    output = cell(page, SLOW).locator(".jp-OutputArea")
    first = wait_for_more_tasks(page, output, 0)
    statements = section(page, "Statements")
    wait_for_more_tasks(page, statements, first)
    section(page, "Catalog").locator("table:visible, .flm-c:visible").first.wait_for()
    cancel = output.get_by_role("button", name="Cancel", exact=True)
    cancel.wait_for()
    screenshot(page, "panel while a cell runs")
    cancel.click()
    has_ended(page, SLOW)
    says(output, "KeyboardInterrupt")
    assert output.get_by_role("button").count() == 0
    jupyter.command(page, "docmanager:save")
    page.wait_for_timeout(500)
    saved = json.loads((jupyter.folder / NAME).read_text(encoding="utf-8"))["cells"][SLOW]["outputs"]
    assert "widget" not in json.dumps(saved)
    assert "Interrupted after" in json.dumps(saved)


def test_the_front_ends_interrupt_takes_the_button_away_too(jupyter: JupyterServer, page: Any) -> None:
    begin(page, SLOW)
    output = cell(page, SLOW).locator(".jp-OutputArea")
    output.get_by_role("button", name="Cancel", exact=True).wait_for()
    jupyter.command(page, "kernelmenu:interrupt")
    has_ended(page, SLOW)
    says(output, "KeyboardInterrupt")
    assert output.get_by_role("button").count() == 0


def test_sessions_are_started_attached_and_stopped_and_hostile_names_are_names(
    page: Any, elsewhere: FakeFabric
) -> None:
    run(page, USE)
    elsewhere.session_goes("idle", name=HOSTILE)
    sessions = section(page, "Sessions")
    cell(page, UI).get_by_label("name", exact=True).fill(HOSTILE)
    press(page, "Start")
    says(cell(page, UI), f"Session '{HOSTILE}' is ready after")
    theirs = start_elsewhere(elsewhere)
    press(page, "Refresh")
    says(cell(page, UI), f"%livy attach {theirs}")
    press(page, "Attach")
    says(cell(page, UI), f"Attached to session {theirs} as '{theirs}'.")
    cell(page, UI).get_by_label("session", exact=True).select_option(HOSTILE)
    press(page, "Stop")
    says(cell(page, UI), f"Session '{HOSTILE}' is stopped.")
    assert len(elsewhere.deleted) == 1
    screenshot(page, "panel with hostile names")
    assert sessions.get_by_text(HOSTILE).count() > 0


def test_a_batch_is_submitted_looked_at_and_cancelled(page: Any, elsewhere: FakeFabric) -> None:
    elsewhere.batches.log = ["stdout: ", HOSTILE, "\nstderr: "]
    elsewhere.batch_goes("running", name=HOSTILE)
    run(page, USE)
    batches = section(page, "Batches")
    press(page, "Refresh")
    says(batches, "There is no batch on")
    cell(page, UI).get_by_label("file", exact=True).fill(f"Files/job.py --name '{HOSTILE}' -- 3")
    press(page, "Submit")
    says(cell(page, UI), "waits for its end")
    (batch_id,) = elsewhere.batches.kept
    says(cell(page, UI), f"(id {batch_id}, running)")
    press(page, "Log of the batch")
    says(cell(page, UI), f"%livy batch logs {batch_id}")
    screenshot(page, "panel with a batch")
    press(page, "Cancel the batch")
    says(cell(page, UI), "was told to end")
    says(batches, "killed")
    assert elsewhere.batches.cancelled == [batch_id]
