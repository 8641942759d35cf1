"""The API's JSON as values: every field may be missing, and nothing that comes from a server is trusted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.livy.models import Output, SessionInfo, SessionState, StatementInfo, StatementState
from tests.support import contract

KEYS = [
    *contract.fields("SessionResponse"),
    *contract.fields("StatementResponse"),
    *("currentState", "errorMessage", "message", "errorCode", "livyState", "kind", "owner", "progress", "started"),
    *("completed", "status", "data", "ename", "evalue", "traceback", "execution_count", "text/plain"),
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(KEYS), anything, max_size=12)


@given(objects)
def test_any_json_object_can_be_read_as_a_session(raw: dict[str, Any]) -> None:
    info = SessionInfo.from_json(raw)
    assert isinstance(info.id, str)
    assert isinstance(info.state, SessionState)
    assert all(isinstance(line, str) for line in (*info.log, *info.reasons, info.reason))
    for value in (info.name, info.kind, info.app_id, info.owner):
        assert value is None or isinstance(value, str)


@given(objects)
def test_any_json_object_can_be_read_as_a_statement(raw: dict[str, Any]) -> None:
    info = StatementInfo.from_json(raw)
    assert isinstance(info.id, int)
    assert isinstance(info.state, StatementState)
    assert info.progress is None or 0 <= info.progress <= 1


@given(objects)
def test_any_json_object_can_be_read_as_an_output(raw: dict[str, Any]) -> None:
    output = Output.from_json(raw)
    assert isinstance(output.text, str)
    assert all(isinstance(line, str) for line in output.traceback)


@pytest.mark.parametrize("raw", [{}, {"id": None}, {"id": None, "state": None, "log": None, "tags": None}])
def test_a_session_may_be_all_but_empty(raw: dict[str, Any]) -> None:
    info = SessionInfo.from_json(raw)
    assert (info.id, info.state, info.log, info.tags) == ("", SessionState.UNKNOWN, (), {})


@pytest.mark.parametrize("raw", [{}, {"id": None, "state": None, "output": None, "code": None}])
def test_a_statement_may_be_all_but_empty(raw: dict[str, Any]) -> None:
    info = StatementInfo.from_json(raw)
    assert (info.id, info.state, info.output) == (-1, StatementState.UNKNOWN, None)


@pytest.mark.parametrize(
    "state", [*contract.values("SessionResponse", "state"), *contract.values("SessionStateInfo", "state")]
)
def test_every_session_state_of_the_contract_is_known(state: str) -> None:
    assert (SessionState(state) is SessionState.UNKNOWN) == (state == "unknown")


@pytest.mark.parametrize("state", contract.values("StatementResponse", "state"))
def test_every_statement_state_of_the_contract_is_known(state: str) -> None:
    assert StatementState(state) is not StatementState.UNKNOWN


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        # Early on only fabricSessionStateInfo is there.
        ({"fabricSessionStateInfo": {"state": "queued"}}, "queued"),
        ({"fabricSessionStateInfo": {"state": "libraryPackaging"}}, "library_packaging"),
        ({"fabricSessionStateInfo": {"state": "acquiringSession"}}, "acquiring_session"),
        ({"fabricSessionStateInfo": {"state": "error", "errorMessage": "no capacity"}}, "error"),
        ({"fabricSessionStateInfo": {"state": "cancelled"}}, "cancelled"),
        # livyInfo may be missing, or be all there is.
        ({"state": "starting"}, "starting"),
        ({"livyInfo": {"currentState": "idle"}}, "idle"),
        ({"livyInfo": {"currentState": "not_started"}}, "not_started"),
        ({"livyInfo": {"currentState": "NotStarted"}}, "not_started"),
        ({"livyState": "idle"}, "idle"),
        # Two that disagree: an end counts, and "still starting" beats "idle".
        ({"state": "starting", "livyInfo": {"currentState": "idle"}}, "starting"),
        ({"state": "idle", "livyInfo": {"currentState": "starting"}}, "starting"),
        ({"state": "idle", "livyInfo": {"currentState": "dead"}}, "dead"),
        ({"state": "dead", "livyInfo": {"currentState": "idle"}}, "dead"),
        # A ready session with a left-over in Fabric's own field.
        ({"state": "idle", "fabricSessionStateInfo": {"state": "unknown", "errorMessage": ""}}, "idle"),
        ({"state": "busy", "fabricSessionStateInfo": {"state": "error"}}, "busy"),
        ({"state": "starting", "fabricSessionStateInfo": {"state": "error"}}, "error"),
        # Words from a later version of the API.
        ({"state": "hibernating"}, "unknown"),
        ({"state": "hibernating", "livyInfo": {"currentState": "idle"}}, "idle"),
        ({"state": "IDLE"}, "idle"),
        ({"state": None, "livyInfo": None, "fabricSessionStateInfo": None}, "unknown"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
def test_one_state_is_read_out_of_three_fields(raw: dict[str, Any], state: str) -> None:
    assert SessionInfo.from_json(raw).state.value == state


def test_the_reason_for_an_end_is_collected_from_every_field() -> None:
    raw = {
        "fabricSessionStateInfo": {"state": "error", "errorMessage": "no capacity "},
        "errorInfo": [{"message": "timed out", "errorCode": "LIVY_JOB_TIMED_OUT", "source": "User"}, "strange", {}],
        "cancellationReason": "by an admin",
    }
    assert SessionInfo.from_json(raw).reason == "no capacity; LIVY_JOB_TIMED_OUT timed out; by an admin"


def test_a_blank_error_message_is_no_reason() -> None:
    assert SessionInfo.from_json({"fabricSessionStateInfo": {"state": "unknown", "errorMessage": " "}}).reason == ""


def test_an_id_is_text_in_both_dialects() -> None:
    assert SessionInfo.from_json({"id": 7}).id == "7"
    assert SessionInfo.from_json({"id": "a-b"}).id == "a-b"


@pytest.mark.parametrize(("received", "read"), [(0, 0.0), (0.5, 0.5), (7, 1.0), (-1, 0.0), (None, None), ("x", None)])
def test_progress_is_a_fraction_or_nothing(received: Any, read: float | None) -> None:
    assert StatementInfo.from_json({"progress": received}).progress == read


def test_a_statement_that_runs_has_no_times_yet() -> None:
    info = StatementInfo.from_json({"id": 1, "state": "waiting", "started": 0, "completed": 0})
    assert (info.started_ms, info.completed_ms) == (None, None)


def test_a_traceback_of_one_string_is_one_line() -> None:
    assert Output.from_json({"status": "error", "traceback": "all of it"}).traceback == ("all of it",)


def test_code_and_raw_json_stay_out_of_reprs() -> None:
    assert "secret" not in repr(StatementInfo.from_json({"id": 1, "code": "password = 'secret'"}))
    assert "secret" not in repr(SessionInfo.from_json({"id": 1, "livyInfo": {"jobCreationRequest": "secret"}}))


@pytest.mark.parametrize(
    ("raw", "detail"),
    [
        ({"state": "not_started", "pluginInfo": {"currentState": "ResourceAcquisition"}}, "resource acquisition"),
        (
            {"state": "starting", "pluginInfo": {"currentState": "Ended"}, "schedulerInfo": {"currentState": "Queued"}},
            "queued",
        ),
        ({"fabricSessionStateInfo": {"state": "queued"}, "pluginInfo": {"currentState": "Queued"}}, ""),
        ({"state": "starting", "pluginInfo": None, "schedulerInfo": {"currentState": None}}, ""),
    ],
)
def test_where_a_start_is_in_fabrics_own_words(raw: dict[str, Any], detail: str) -> None:
    assert SessionInfo.from_json(raw).start_detail == detail
