"""`%livy ui` and the Cancel button of a running cell in JupyterLab: on the session of this folder, and against a scripted Fabric, whose
sessions have hostile names."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fabric_livy_magic.printable import printable
from tests.kernel.fabric_kernel.conftest import end_kernel, write_notebook
from tests.magics.conftest import start_elsewhere
from tests.support import service
from tests.support.browser import screenshot, serious_findings
from tests.support.clients import onelake_of
from tests.support.fakes import FakeFabric
from tests.support.hostile_texts import HOSTILE_TEXTS
from tests.support.jupyter_server import JupyterServer, begin, cell, has_ended, jupyter_page, run
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
    screenshot(page, "panel", cell(page, UI).locator(".jp-OutputArea-output").first)


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
    screenshot(page, "panel files", cell(page, UI).locator(".jp-OutputArea-output").first)
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


def test_any_name_of_a_session_or_a_workspace_is_shown_and_does_nothing(page: Any, elsewhere: FakeFabric) -> None:
    names = [text for text in HOSTILE_TEXTS if len(text) < 10_000]
    for name in names:
        elsewhere.session_goes("idle", name=name)
        start_elsewhere(elsewhere)
    found = [{"id": str(uuid.uuid4()), "displayName": name} for name in names]
    elsewhere.fault("GET", r"^\?.*/workspaces$", status=200, body={"value": found}, times=9)
    run(page, USE)
    section(page, "Sessions")
    press(page, "Refresh")
    assert_all_are_shown(page, "elsewhere", [f"{printable(name)} · idle" for name in names])
    section(page, "Target")
    press(page, "List workspaces")
    assert_all_are_shown(page, "workspace", list(map(printable, names)))
    screenshot(page, "panel with all hostile names")
    assert page.evaluate("done") == []


def assert_all_are_shown(page: Any, choice: str, labels: list[str]) -> None:
    """Each in the list and among the choices. A browser draws a run of blanks and line ends as one blank."""
    options = cell(page, UI).get_by_label(choice, exact=True).locator("option")
    options.nth(len(labels) - 1).wait_for(state="attached")
    drawn = {" ".join(one.split()) for one in options.all_text_contents()}
    cells = {" ".join(one.split()) for one in cell(page, UI).locator(".flm-list td").all_text_contents()}
    for label in labels:
        words = " ".join(label.split())
        assert any(one.startswith(words) for one in drawn), label
        assert words.removesuffix(" · idle") in cells, label


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


def test_opened_again_without_its_kernel_it_says_what_does_the_same(jupyter: JupyterServer, page: Any) -> None:
    gone = cell(page, UI).get_by_text("The panel works while its kernel runs: `%livy ui` opens it again.")
    assert gone.is_hidden()
    jupyter.command(page, "docmanager:save")
    page.wait_for_function("jupyterapp.shell.currentWidget.context.model.dirty === false")
    end_kernel(page)
    jupyter.open(page, NAME)
    gone.wait_for()
    says(cell(page, UI), "Batches: %livy batch list")
    cell(page, UI).get_by_text("model not found").wait_for(state="attached")
    assert cell(page, UI).get_by_text("model not found").is_hidden()
    assert cell(page, UI).get_by_role("button").count() == 0
    screenshot(page, "panel opened again")
