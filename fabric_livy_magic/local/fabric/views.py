"""Sessions, statements and errors as the published API shows them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from fabric_livy_magic.local.high_concurrency import HighConcurrencySession
from fabric_livy_magic.local.interpreters.outputs import Output
from fabric_livy_magic.local.session import Session
from fabric_livy_magic.local.statements import Statement

JsonObject = dict[str, Any]

SCHEDULER = {"acquiring": "Queued", "dead": "Ended", "killed": "Ended"}
PLUGIN = {"acquiring": "ResourceAcquisition", "starting": "Submission", "dead": "Ended", "killed": "Ended"}


def error_view(code: str, message: str, request_id: str) -> JsonObject:
    return {"errorCode": code, "message": message, "requestId": request_id, "moreDetails": []}


def time_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def person_id(name: str) -> str:
    """The same for the same name. There is no directory behind an embedded Fabric."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"fabric-livy:{name}"))


def early_session_view(session: Session) -> JsonObject:
    """What Fabric tells while it looks for a cluster: no `state` yet."""
    return {
        "id": session.id,
        "name": session.name,
        "artifactId": session.lakehouse.id,
        "fabricSessionStateInfo": {"state": "acquiringSession"},
    }


def session_view(session: Session) -> JsonObject:
    state = session.state
    if state == "acquiring":
        return early_session_view(session)
    view = early_session_view(session) | {
        "fabricSessionStateInfo": _fabric_state(session, state),
        "state": state,
        "appId": session.application.id,
        "appInfo": {},
        "jobType": "SparkSession",
        "submitterId": person_id(session.submitter),
        "submitterName": session.submitter,
        "livyInfo": _livy_info(session, state),
        "schedulerInfo": {"currentState": SCHEDULER.get(state, "Scheduled")},
        "pluginInfo": {"currentState": PLUGIN.get(state, "Monitoring")},
        "tags": session.tags,
        "log": session.log.tail(),
        "errorInfo": [],
    }
    if session.application.id is None:
        del view["appId"]
    if state in ("dead", "killed"):
        failed = session.ending.message
        view["result"] = "Failed" if failed else "Cancelled"
        if failed:
            view["errorInfo"] = [{"message": failed, "errorCode": session.ending.code, "source": "User"}]
    return view


def _fabric_state(session: Session, state: str) -> JsonObject:
    if state == "dead" and session.ending.message:
        return {"state": "error", "errorMessage": session.ending.message}
    return {"state": {"starting": "acquiringSession", "shutting_down": "cancelling"}.get(state, "unknown")}


def _livy_info(session: Session, state: str) -> JsonObject:
    moments = {f"{name}At": time_text(moment) for name, moment in session.times.items()}
    return {**moments, "currentState": state, "jobCreationRequest": _creation_request(session)}


def _creation_request(session: Session) -> JsonObject:
    """Without `conf`: it may hold keys to storage."""
    return {"name": session.name}


def activity_view(session: Session) -> JsonObject:
    """One line of the list of sessions."""
    state = session.state
    view = {
        "id": session.id,
        "appId": session.application.id,
        "name": session.name,
        "workspaceId": session.lakehouse.workspace_id,
        "submitterId": person_id(session.submitter),
        "submitterName": session.submitter,
        "artifactId": session.lakehouse.id,
        "submittedAt": _moment(session, "notStarted"),
        "startedAt": _moment(session, "starting"),
        "endedAt": _moment(session, "dead"),
        "tags": session.tags,
        "schedulerState": SCHEDULER.get(state, "Scheduled"),
        "pluginState": PLUGIN.get(state, "Monitoring"),
        "livyState": "not_started" if state == "acquiring" else state,
        "isJobTimedOut": session.ending.code == "LIVY_JOB_TIMED_OUT",
    }
    return {key: value for key, value in view.items() if value is not None}


def _moment(session: Session, name: str) -> str | None:
    return time_text(session.times[name]) if name in session.times else None


def high_concurrency_view(one: HighConcurrencySession) -> JsonObject:
    """`sessionId` and `replId` are null until it is Idle; `fabricSessionStateInfo` is there while there is something to say."""
    state = one.state
    ready = state in ("Idle", "Dead", "Killed")
    view = {
        "id": one.id,
        "state": state,
        "fabricSessionStateInfo": _acquisition(one, state),
        "sessionId": one.session.id if ready else None,
        "workspaceId": one.session.lakehouse.workspace_id,
        "artifactId": one.session.lakehouse.id,
        "creatorId": person_id(one.session.submitter),
        "createdAt": time_text(one.created_at),
        "replId": one.repl_id if ready else None,
        "sessionTag": one.tag,
    }
    if view["fabricSessionStateInfo"] is None:
        del view["fabricSessionStateInfo"]
    return view


def _acquisition(one: HighConcurrencySession, state: str) -> JsonObject | None:
    if state == "AcquiringHighConcurrencySession":
        return {"state": "acquiringSession"}
    if message := one.error_message or (one.session.ending.message if state in ("Dead", "Killed") else ""):
        return {"state": "error", "errorMessage": message}
    return None


def statement_view(statement: Statement, part: slice = slice(0, None)) -> JsonObject:
    """`part` is the part of the output's text that is asked for, in bytes."""
    view = {
        "id": statement.id,
        "code": statement.code,
        "state": statement.state,
        "sourceId": statement.source_id,
        "output": _part_of(statement.output, part) if statement.output else None,
        "progress": statement.progress,
        "started": statement.started,
        "completed": statement.completed,
    }
    if statement.source_id is None:
        del view["sourceId"]
    return view


def _part_of(output: Output, part: slice) -> Output:
    """The contract pages an output by bytes and does not say of what; only text can be cut and still be an answer."""
    text = output.get("data", {}).get("text/plain")
    if text is None or part == slice(0, None):
        return output
    cut = text.encode("utf-8", errors="surrogatepass")[part].decode("utf-8", errors="ignore")
    return {**output, "data": {**output["data"], "text/plain": cut}}
