"""Runs of Livy as the monitoring and as Livy itself name them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.livy.models import BatchInfo, SessionInfo
from fabric_livy_magic.livy.runs import BATCH, SESSION, RunInfo, moment_of
from fabric_livy_magic.livy.session_sizes import capacity_unit_seconds, vcore_seconds
from tests.support.monitored_spark import RUNS


def test_an_entry_of_the_monitoring_is_read() -> None:
    one = RunInfo.from_json(RUNS[1])
    assert (one.id, one.kind, one.state, one.queued_s, one.ran_s) == (RUNS[1]["livyId"], BATCH, "Failed", 1.0, 180.0)
    assert (one.reason, one.app_id, one.item) == ("the driver ran out of memory", "application_1_0002", "Bronze")
    assert one.has_ended
    assert not RunInfo.from_json(RUNS[2]).has_ended


def test_an_entry_of_livys_own_list_is_read() -> None:
    raw = {
        "id": 7,
        "name": "n",
        "state": "dead",
        "owner": "ada",
        "submittedAt": "2026-01-31T10:00:00Z",
        "errorCode": "E1",
    }
    session, batch = RunInfo.from_livy(SessionInfo.from_json(raw)), RunInfo.from_livy(BatchInfo.from_json(raw))
    assert (session.kind, batch.kind) == (SESSION, BATCH)
    assert (session.id, session.state, session.submitter, session.reason) == ("7", "dead", "ada", "E1")
    assert session.submitted_s == moment_of("2026-01-31T10:00:00+00:00")
    assert session.has_ended


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ({"value": 2, "timeUnit": "Minutes"}, 120.0),
        ({"value": 1.5, "timeUnit": "Hours"}, 5400.0),
        ({"value": 3}, 3.0),
        ({"value": -1, "timeUnit": "Seconds"}, None),
        ({"value": True}, None),
        ({"value": 1, "timeUnit": "Fortnights"}, None),
        (7, None),
    ],
)
def test_a_duration_has_a_unit(duration: Any, seconds: float | None) -> None:
    assert RunInfo.from_json({"livyId": "x", "runningDuration": duration}).ran_s == seconds


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*RUNS[1], "value", "timeUnit"]), inner)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*RUNS[1]]), _JSON))
def test_any_entry_can_be_read(raw: dict[str, Any]) -> None:
    one = RunInfo.from_json(raw)
    assert isinstance(one.state, str)
    assert one.ran_s is None or one.ran_s >= 0


@pytest.mark.parametrize(
    ("asked", "vcores"),
    [
        ({"driverCores": 4, "executorCores": 8, "numExecutors": 2}, 20),
        ({"driverMemory": "28g", "executorMemory": "56G", "numExecutors": 2}, 20),
        ({"driverMemory": "28g", "driverCores": 8, "executorMemory": "56g", "numExecutors": 1}, 16),
        ({"driverMemory": "7g", "executorMemory": "56g", "numExecutors": 2}, None),
        ({"driverMemory": "28g", "executorMemory": "56g"}, None),
        ({}, None),
    ],
)
def test_a_sessions_vcores_are_those_of_the_nodes_that_it_asked_for(asked: dict[str, Any], vcores: int | None) -> None:
    info = SessionInfo.from_json({"livyInfo": {"jobCreationRequest": asked}})
    seconds = vcore_seconds(info, 60)
    assert seconds == (None if vcores is None else 60 * vcores)
    assert capacity_unit_seconds(seconds) == (None if vcores is None else 30 * vcores)
    assert vcore_seconds(info, None) is None
