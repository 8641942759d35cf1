"""`%livy ui` without a front end of widgets, and the subcommands and columns that came with it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fabric_livy_magic.errors import SessionError
from fabric_livy_magic.livy.models import SessionInfo
from fabric_livy_magic.livy.session_sizes import capacity_unit_hours, memory_text
from fabric_livy_magic.magics.magics import of
from fabric_livy_magic.magics.panel_command import PanelHost
from fabric_livy_magic.sessions.recent_targets import MOST_KEPT, note_target, recent_targets
from fabric_livy_magic.widgets.panel_outputs import Outputs, run_line
from fabric_livy_magic.widgets.panel_sections import CATALOG
from tests.support.fakes import FakeFabric
from tests.support.notebook import Notebook
from tests.support.outputs import sql_output

SIZES = {"driverMemory": "28g", "driverCores": 4, "executorMemory": "56g", "executorCores": 8, "numExecutors": 2}


def test_without_a_front_end_the_panel_is_text(started: Notebook, fabric: FakeFabric) -> None:
    shown = started.ok("%livy ui")
    assert shown.displays == []
    titles = [line.partition(" (")[0] for line in shown.text.splitlines() if " (`%livy" in line]
    assert titles == ["Sessions", "Statements", "Target", "Catalog", "Files", "Batches", "Account", "Settings"]
    assert "main" in shown.text
    assert "No background statements" in shown.text
    assert "rows_shown" in shown.text


def test_a_section_that_fails_says_why_and_the_others_are_there(started: Notebook, fabric: FakeFabric) -> None:
    fabric.fault("GET", r"/sessions$", status=403, body={"errorCode": "InsufficientPrivileges", "message": "no"})
    text = started.ok("%livy ui").text
    assert "InsufficientPrivileges" in text
    assert "rows_shown" in text


def test_a_preview_is_the_cell_that_its_line_says_and_stands_in_the_panel(
    started: Notebook, fabric: FakeFabric
) -> None:
    fabric.answer("SELECT * FROM `dim`.`<b>`", sql_output([("<i>n</i>", "long")], [[1], [2]]))
    outputs = Outputs()
    (preview,) = [action for row in CATALOG.rows for action in row.actions if action.label == "Preview"]
    run_line(PanelHost(of(started.shell).notebook), preview.line_for({"table": "dim.<b>"}), outputs)
    assert "2 rows" in outputs.text
    assert "&lt;i&gt;n&lt;/i&gt;" in outputs.html
    assert "<i>n</i>" not in outputs.html
    assert started.ok("1").displays == []


def test_a_panel_starts_no_embedded_fabric(bare: Notebook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    bare.ok("%livy use local")
    text = bare.ok("%livy ui").text
    assert text.count("The embedded Fabric does not run yet: it starts with the first session.") == 4
    assert "nobody has to sign in" in text


def test_whoami_names_the_account_or_why_there_is_none(started: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Signed in as unknown" in started.ok("%livy whoami").text  # the token of a test has no claims
    started.ok("%livy use http://localhost:8998")
    assert "without a sign-in" in started.ok("%livy whoami").text
    started.ok("%livy config livy_user ada")
    assert "is called as ada." in started.ok("%livy whoami").text


def test_one_background_statement_is_cancelled_by_its_number(started: Notebook, fabric: FakeFabric) -> None:
    fabric.statement_goes("running")
    first, second = (started.ok("%%livy_pyspark -b\nforever").value for _ in range(2))
    said = started.ok(f"%livy cancel -b {second.number}").text
    assert said.startswith(f"Background statement {second.number}: ")
    assert (first.state in {"waiting", "running"}, second.state in {"cancelling", "cancelled"}) == (True, True)
    first.cancel()
    assert "There is no background statement 99" in started.fails("%livy cancel -b 99")


def test_the_status_has_age_memory_and_capacity_where_the_server_says_them(nb: Notebook, fabric: FakeFabric) -> None:
    request = {"schedulerInfo": {"submittedAt": "2025-11-23T04:00:00Z"}, "livyInfo": {"jobCreationRequest": SIZES}}
    fabric.session_goes("idle", **request)
    nb.ok("%livy start")
    (record,) = nb.ok("rows = %livy status --json\nrows").value
    assert record["memory"] == "28g + 2 × 56g"
    assert record["age_s"] > 0
    assert record["capacity_unit_hours"] == pytest.approx(10 * record["age_s"] / 3600, abs=0.01)


@pytest.mark.parametrize(
    ("asked", "memory", "units"),
    [
        ({}, "", None),
        (SIZES, "28g + 2 × 56g", 10.0),
        ({"executorMemory": "8g"}, "8g each", None),
        ({**SIZES, "numExecutors": "many"}, "28g + 56g each", None),
    ],
)
def test_sizes_are_said_as_far_as_they_are_known(asked: dict[str, object], memory: str, units: float | None) -> None:
    info = SessionInfo.from_json({"id": "1", "state": "idle", **asked})
    assert (memory_text(info), capacity_unit_hours(info, 3600)) == (memory, units)
    assert capacity_unit_hours(info, None) is None


def test_a_name_that_is_being_started_is_not_started_twice(nb: Notebook, fabric: FakeFabric) -> None:
    """By a cell and by a panel at the same moment."""
    fabric.session_goes("idle")
    fabric.fault("POST", r"/sessions$", delay_s=1.0, acts=True)
    sessions = of(nb.shell).notebook.runner.sessions
    first = threading.Thread(target=sessions.begin)
    first.start()
    while not fabric.seen("POST", r"/sessions$"):
        pass
    with pytest.raises(SessionError, match="being started already"):
        sessions.begin()
    first.join()
    assert len(fabric.sessions) == 1


def test_recent_targets_are_those_of_the_latest_sessions(started: Notebook, fabric: FakeFabric) -> None:
    assert recent_targets() == [fabric.url]
    for number in range(MOST_KEPT + 3):
        note_target(f"Sales/{number}")
    note_target(fabric.url)
    assert recent_targets()[:2] == [fabric.url, f"Sales/{MOST_KEPT + 2}"]
    assert len(recent_targets()) == MOST_KEPT
