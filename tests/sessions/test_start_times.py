"""What is said of how long a session's start usually takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fabric_livy_magic.own_folders import user_folder
from fabric_livy_magic.sessions.start_times import MOST_KEPT, MOST_KINDS, note_start, start_kind, usual_start_text
from fabric_livy_magic.settings import SessionSpec

SERVER = "https://api.fabric.microsoft.com/v1/workspaces/a/lakehouses/b/livyapi/versions/2023-12-01"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the state folder of Windows has no variable")


@pytest.fixture(autouse=True)
def _own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.parametrize(
    ("took", "text"),
    [
        ([], ""),
        ([40.0], "last time 40 s"),
        ([40.0, 12.4], "last time 12 s"),
        ([11.0, 190.0, 12.4], "usually about 12 s"),
        ([1000.0] * 9 + [12.0] * MOST_KEPT, "usually about 12 s"),
    ],
)
def test_a_median_is_said_once_three_starts_are_known(took: list[float], text: str) -> None:
    for one in took:
        note_start("kind", one)
    assert usual_start_text("kind") == text
    assert usual_start_text("other") == ""


def test_kinds_are_told_by_server_and_by_what_takes_time() -> None:
    plain = start_kind(SERVER, SessionSpec())
    assert start_kind(SERVER, SessionSpec(name="etl", tags={"team": "a"})) == plain
    others = [
        start_kind(f"{SERVER}2", SessionSpec()),
        start_kind(SERVER, SessionSpec(conf={"spark.executor.cores": "4"})),
        start_kind(SERVER, SessionSpec(high_concurrency=True)),
        start_kind(SERVER, SessionSpec(driver_memory="28g")),
    ]
    assert len({plain, *others}) == 5


@pytest.mark.parametrize("content", ["", "{", "[]", '{"kind": 3}', '{"kind": ["x", null, -1, 1e99]}', "\x00"])
def test_a_broken_file_counts_as_none_and_is_written_anew(content: str) -> None:
    note_start("kind", 1)
    (user_folder("state") / "start_times.json").write_text(content)
    assert usual_start_text("kind") == ""
    note_start("kind", 5)
    assert usual_start_text("kind") == "last time 5 s"


def test_old_kinds_are_forgotten_and_the_file_is_its_owner_s() -> None:
    for number in range(MOST_KINDS + 1):
        note_start(str(number), 5)
    assert usual_start_text("0") == ""
    assert usual_start_text("1") == "last time 5 s"
    assert (user_folder("state") / "start_times.json").stat().st_mode & 0o077 == 0
