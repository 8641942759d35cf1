"""The file that has a kernel's sessions on record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fabric_livy_magic.sessions.records import SessionRecord, SessionRecords, state_folder

SESSIONS = [SessionRecord(str(number), str(number), "local", "http://127.0.0.1:1", True) for number in range(8)]


def test_sessions_that_end_side_by_side_leave_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    records = SessionRecords(tmp_path / "Load.ipynb")
    for _ in range(20):
        for session in SESSIONS:
            records.add(session)
        with ThreadPoolExecutor(len(SESSIONS)) as threads:
            list(threads.map(records.remove, [session.id for session in SESSIONS]))
        assert list(state_folder().iterdir()) == []
