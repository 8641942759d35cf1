"""The panel in this process, without a front end: buttons are clicked, a line runs in a thread, its outputs stand in the panel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import pytest

from fabric_livy_magic.errors import SettingsError
from fabric_livy_magic.livy.waiting import interruptible_sleep
from fabric_livy_magic.output.bundles import show, show_updatable
from fabric_livy_magic.widgets.panel import Panel
from fabric_livy_magic.widgets.panel_outputs import text_overview

HOSTILE = "<img src=x onerror=hacked()>"


class Notebook:
    """The notebook as the panel sees it: `lines` are those that were run."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.records: dict[str, list[dict[str, Any]]] = {
            "%livy status": [{"name": "main", "state": "idle"}, {"name": HOSTILE, "state": "idle"}],
            "%livy sessions": [
                {"name": None, "state": "idle", "owner": "ada", "id": "7", "name_here": None},
                {"name": None, "state": "dead", "owner": "ada", "id": "8", "name_here": None},
                {"name": None, "state": "idle", "owner": "ada", "id": "9", "name_here": "main"},
            ],
            "%livy batch list": [
                {"name": HOSTILE, "state": "running", "id": "b-1"},
                {"name": None, "state": "dead", "id": "b-2"},
            ],
        }
        self.work: Callable[[str], None] = lambda line: None
        self.cells: list[str] = []
        self.interrupted = 0
        self.why_not = ""

    def run(self, line: str) -> Any:
        self.lines.append(line)
        if line not in self.records:
            self.work(line)
        show({"text/plain": f"{line} was run: {HOSTILE}"})
        return self.records.get(line)

    def why_not_asked(self) -> str:
        return self.why_not

    @property
    def asked(self) -> list[str]:
        """Without the list of statements, which costs no call."""
        return [line for line in self.lines if line != "%livy statements"]

    def recent_targets(self) -> list[str]:
        return ["Sales/Bronze", "local"]

    def running_cells(self) -> list[str]:
        return self.cells

    def interrupt_cell(self) -> None:
        self.interrupted += 1


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def panel(notebook: Notebook) -> Panel:
    panel = Panel(notebook)
    panel.open()
    wait_until(lambda: is_idle(panel))
    return panel


def wait_until(holds: Callable[[], bool], within_s: float = 10) -> None:
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def all_of(box: Any) -> list[Any]:
    return [box, *(inner for child in getattr(box, "children", ()) for inner in all_of(child))]


def button(panel: Panel, label: str) -> Any:
    return next(one for one in all_of(panel.box) if isinstance(one, widgets.Button) and one.description == label)


def field(panel: Panel, label: str) -> Any:
    kinds = (widgets.Dropdown, widgets.Text)
    return next(one for one in all_of(panel.box) if isinstance(one, kinds) and one.description == label)


def html(panel: Panel) -> str:
    return "".join(one.value for one in all_of(panel.box) if isinstance(one, widgets.HTML))


def is_idle(panel: Panel) -> bool:
    return not button(panel, "Refresh").disabled


def test_it_opens_with_its_first_section_and_asks_the_server_for_no_other(panel: Panel, notebook: Notebook) -> None:
    assert notebook.asked == ["%livy status", "%livy sessions"]
    assert field(panel, "session").value == "main"
    assert [value for _, value in field(panel, "elsewhere").options] == ["7"]
    panel.box.children[0].selected_index = 3
    wait_until(lambda: notebook.asked[2:] == ["%livy tables"] and is_idle(panel))
    panel.box.children[0].selected_index = 0
    wait_until(lambda: is_idle(panel))
    assert len(notebook.asked) == 3


def test_a_button_runs_its_line_shows_what_it_says_and_refreshes_the_section(panel: Panel, notebook: Notebook) -> None:
    field(panel, "session").value = HOSTILE
    stop = button(panel, "Stop")
    assert stop.tooltip == f"%livy stop '{HOSTILE}'"
    stop.click()
    wait_until(lambda: len(notebook.asked) == 5 and is_idle(panel))
    assert notebook.asked[2:] == [stop.tooltip, "%livy status", "%livy sessions"]
    assert "<img" not in html(panel)
    assert "was run: &lt;img src=x onerror=hacked()&gt;" in html(panel)


def test_a_name_that_no_message_can_hold_is_shown_by_its_numbers_and_used_as_it_is(notebook: Notebook) -> None:
    odd = "a\ud800\x1b[31m\u202e"
    notebook.records["%livy status"] = [{"name": odd, "state": "idle"}]
    panel = Panel(notebook)
    panel.open()
    wait_until(lambda: is_idle(panel))
    assert field(panel, "session").options == (("a\\ud800\\x1b[31m\\u202e", odd),)
    assert button(panel, "Stop").tooltip == "%livy stop 'a\\ud800\\x1b[31m\\u202e'"
    button(panel, "Stop").click()
    wait_until(lambda: len(notebook.asked) == 5 and is_idle(panel))
    assert notebook.asked[2] == f"%livy stop '{odd}'"


def test_batches_are_submitted_looked_at_and_cancelled_by_the_lines_they_show(panel: Panel, notebook: Notebook) -> None:
    panel.box.children[0].selected_index = 5
    wait_until(lambda: notebook.asked[2:] == ["%livy batch list"] and is_idle(panel))
    labels = [label for label, _ in field(panel, "batch").options]
    assert labels == [f"{HOSTILE} · running", "b-2 · dead"]
    assert button(panel, "Submit").disabled
    field(panel, "file").value = "job.py -- 3"
    for label, line in (
        ("Log of the batch", "%livy batch logs b-1"),
        ("State and reason", "%livy batch show b-1"),
        ("Cancel the batch", "%livy batch cancel b-1"),
        ("Submit", "%livy batch submit job.py -- 3"),
    ):
        before = len(notebook.asked)
        assert button(panel, label).tooltip == line
        button(panel, label).click()
        wait_until(lambda before=before: len(notebook.asked) == before + 2 and is_idle(panel))  # type: ignore[misc]
        assert notebook.asked[before:] == [line, "%livy batch list"]
    assert "<img" not in html(panel)


def test_what_was_chosen_stays_when_the_list_is_read_anew(panel: Panel, notebook: Notebook) -> None:
    field(panel, "session").value = HOSTILE
    notebook.records["%livy status"].insert(0, {"name": "first", "state": "idle"})
    button(panel, "Refresh").click()
    wait_until(lambda: len(field(panel, "session").options) == 3 and is_idle(panel))
    assert field(panel, "session").value == HOSTILE
    del notebook.records["%livy status"][2]
    button(panel, "Refresh").click()
    wait_until(lambda: len(field(panel, "session").options) == 2 and is_idle(panel))
    assert field(panel, "session").value == "first"


def test_a_target_is_found_by_its_workspace_and_recent_ones_are_there(panel: Panel, notebook: Notebook) -> None:
    notebook.records |= {
        "%livy workspaces": [{"name": "Sales"}, {"name": "Finance & Tax"}],
        "%livy lakehouses 'Finance & Tax'": [{"name": "Bronze/Silver"}],
    }
    panel.box.children[0].selected_index = 2
    wait_until(lambda: field(panel, "recent").value == "Sales/Bronze" and is_idle(panel))
    button(panel, "List workspaces").click()
    wait_until(lambda: field(panel, "workspace").value == "Sales" and is_idle(panel))
    field(panel, "workspace").value = "Finance & Tax"
    button(panel, "List its lakehouses").click()
    wait_until(lambda: field(panel, "lakehouse").value == "Bronze/Silver" and is_idle(panel))
    tooltips = [
        one.tooltip for one in all_of(panel.box) if isinstance(one, widgets.Button) and one.description == "Use"
    ]
    assert tooltips == ["%livy use Sales/Bronze", "%livy use Finance & Tax/'Bronze/Silver'"]


FOLDER = "%livy files ls Files/raw"


def test_folders_are_browsed_and_a_deletion_asks_first(panel: Panel, notebook: Notebook) -> None:
    notebook.records |= {
        "%livy files ls Files": [
            {"name": "raw/", "path": "Files/raw", "kind": "folder"},
            {"name": HOSTILE, "path": f"Files/{HOSTILE}", "kind": "file"},
        ],
        FOLDER: [{"name": "a.csv", "path": "Files/raw/a.csv", "kind": "file"}],
    }
    panel.box.children[0].selected_index = 4
    wait_until(lambda: field(panel, "entry").value == "Files/raw/" and is_idle(panel))
    assert button(panel, "First lines").disabled
    button(panel, "Open").click()
    wait_until(lambda: field(panel, "entry").value == "Files/raw/a.csv" and is_idle(panel))
    assert field(panel, "folder").value == "Files/raw"
    assert notebook.asked[2:] == ["%livy files ls Files", FOLDER]
    button(panel, "First lines").click()
    wait_until(lambda: notebook.asked[4:] == ["%livy files head Files/raw/a.csv", FOLDER] and is_idle(panel))
    remove = button(panel, "Delete")
    for agrees in (False, True):
        before = len(notebook.asked)
        remove.click()
        assert "Delete it? What is deleted is gone." in html(panel)
        assert len(notebook.asked) == before
        button(panel, "Yes" if agrees else "No").click()
        wait_until(lambda: is_idle(panel))
        assert notebook.asked[before:] == (["%livy files rm Files/raw/a.csv", FOLDER] if agrees else [])
    button(panel, "Up").click()
    wait_until(lambda: field(panel, "folder").value == "Files" and is_idle(panel))
    assert "<img" not in html(panel)


def test_one_line_runs_at_a_time_and_can_be_cancelled(panel: Panel, notebook: Notebook) -> None:
    begun = threading.Event()

    def work(line: str) -> None:
        begun.set()
        shown = show_updatable({"text/plain": "Starting"})
        shown.update({"text/plain": "Starting: 3 s"})
        interruptible_sleep(30)

    notebook.work = work
    button(panel, "Start").click()
    assert begun.wait(10)
    wait_until(lambda: "Starting: 3 s" in html(panel))
    assert button(panel, "Stop").disabled
    button(panel, "Stop").click()
    button(panel, "Refresh").click()
    next(one for one in panel.box.children[1].children if one.description == "Cancel").click()
    wait_until(lambda: is_idle(panel))
    assert notebook.asked == ["%livy status", "%livy sessions", "%livy start", "%livy status", "%livy sessions"]
    assert "Interrupted." in html(panel)


def test_a_click_while_a_list_is_read_runs_its_line_afterwards_and_once(panel: Panel, notebook: Notebook) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def work(line: str) -> None:
        if line == "%livy tables":
            reading.set()
            go_on.wait(10)

    notebook.work = work
    panel.box.children[0].selected_index = 3
    assert reading.wait(10)
    start = button(panel, "Start")
    for _ in range(2):
        start.click()
    go_on.set()
    wait_until(lambda: "%livy start" in notebook.lines and is_idle(panel))
    assert notebook.lines.count("%livy start") == 1


@pytest.mark.parametrize("error", [SettingsError(f"There is no {HOSTILE}."), RuntimeError(HOSTILE)])
def test_what_goes_wrong_is_said_in_the_panel(panel: Panel, notebook: Notebook, error: Exception) -> None:
    def work(line: str) -> None:
        raise error

    notebook.work = work
    button(panel, "Start").click()
    wait_until(lambda: "&lt;img src=x onerror=hacked()&gt;" in panel.box.children[2].value and is_idle(panel))
    assert "<img" not in html(panel)


def test_the_cell_that_runs_is_followed_without_a_call_and_can_be_interrupted(panel: Panel, notebook: Notebook) -> None:
    notebook.cells = ["Running: 3 s · 1 of 8 tasks"]
    panel.watch()
    wait_until(lambda: "1 of 8 tasks" in html(panel))
    notebook.cells = ["Running: 4 s · 5 of 8 tasks"]
    wait_until(lambda: "5 of 8 tasks" in html(panel))
    button(panel, "Interrupt the cell").click()
    assert notebook.interrupted == 1
    notebook.cells = []
    wait_until(lambda: "tasks" not in html(panel))
    assert set(notebook.lines[2:]) == {"%livy statements"}


def test_a_server_that_would_have_to_start_is_not_asked(notebook: Notebook) -> None:
    notebook.why_not = "It does not run yet."
    assert text_overview(notebook).count("It does not run yet.") == 4
    assert notebook.lines == ["%livy status", "%livy statements", "%livy config target", "%livy whoami", "%livy config"]


def test_without_widgets_the_same_is_text(notebook: Notebook, golden: Callable[[str, str], None]) -> None:
    notebook.cells = ["Running: 3 s"]
    golden("panel_overview.txt", text_overview(notebook))
