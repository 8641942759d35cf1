"""Sessions, statements and errors as the published API shows them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fabric_livy_magic.local.session import Session
from fabric_livy_magic.local.statements import Statement

JsonObject = dict[str, Any]

SCHEDULER = {"acquiring": "Queued", "dead": "Ended", "killed": "Ended"}
PLUGIN = {"acquiring": "ResourceAcquisition", "starting": "Submission", "dead": "Ended", "killed": "Ended"}


def error_view(code: str, message: str, request_id: str) -> JsonObject:
    return {"errorCode": code, "message": message, "requestId": request_id, "moreDetails": []}


def time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def early_session_view(session: Session, artifact_id: str) -> JsonObject:
    """What Fabric tells while it looks for a cluster: no `state` yet."""
    return {
        "id": session.id,
        "name": session.name,
        "artifactId": artifact_id,
        "fabricSessionStateInfo": {"state": "acquiringSession"},
    }


def session_view(session: Session, artifact_id: str) -> JsonObject:
    state = session.state
    if state == "acquiring":
        return early_session_view(session, artifact_id)
    view = early_session_view(session, artifact_id) | {
        "fabricSessionStateInfo": _fabric_state(session, state),
        "state": state,
        "appId": session.app_id,
        "appInfo": {},
        "jobType": "SparkSession",
        "livyInfo": _livy_info(session, state),
        "schedulerInfo": {"currentState": SCHEDULER.get(state, "Scheduled")},
        "pluginInfo": {"currentState": PLUGIN.get(state, "Monitoring")},
        "tags": session.request.get("tags") or {},
        "log": session.log.tail(),
        "errorInfo": [],
    }
    if session.app_id is None:
        del view["appId"]
    if state in ("dead", "killed"):
        view["result"] = "Failed" if session.error_message else "Cancelled"
        if session.error_message:
            view["errorInfo"] = [{"message": session.error_message, "errorCode": session.error_code, "source": "User"}]
    return view


def _fabric_state(session: Session, state: str) -> JsonObject:
    if state == "dead" and session.error_message:
        return {"state": "error", "errorMessage": session.error_message}
    return {"state": {"starting": "acquiringSession", "shutting_down": "cancelling"}.get(state, "unknown")}


def _livy_info(session: Session, state: str) -> JsonObject:
    moments = {f"{name}At": time_text(moment) for name, moment in session.times.items()}
    return {**moments, "currentState": state, "jobCreationRequest": _creation_request(session)}


def _creation_request(session: Session) -> JsonObject:
    """Without `conf`: it may hold keys to storage."""
    return {"name": session.name}


def activity_view(session: Session, artifact_id: str, workspace_id: str) -> JsonObject:
    """One line of the list of sessions."""
    state = session.state
    view = {
        "id": session.id,
        "appId": session.app_id,
        "name": session.name,
        "workspaceId": workspace_id,
        "artifactId": artifact_id,
        "submittedAt": _moment(session, "notStarted"),
        "startedAt": _moment(session, "starting"),
        "endedAt": _moment(session, "dead"),
        "tags": session.request.get("tags") or {},
        "schedulerState": SCHEDULER.get(state, "Scheduled"),
        "pluginState": PLUGIN.get(state, "Monitoring"),
        "livyState": "not_started" if state == "acquiring" else state,
        "isJobTimedOut": session.error_code == "LIVY_JOB_TIMED_OUT",
    }
    return {key: value for key, value in view.items() if value is not None}


def _moment(session: Session, name: str) -> str | None:
    return time_text(session.times[name]) if name in session.times else None


def statement_view(statement: Statement) -> JsonObject:
    view = {
        "id": statement.id,
        "code": statement.code,
        "state": statement.state,
        "sourceId": statement.source_id,
        "output": statement.output,
        "progress": statement.progress,
        "started": statement.started,
        "completed": statement.completed,
    }
    if statement.source_id is None:
        del view["sourceId"]
    return view
