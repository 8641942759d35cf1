"""Sessions and high-concurrency sessions as the published API shows them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from fabric_livy_magic.local.fabric.views import JsonObject, person_id, time_text
from fabric_livy_magic.local.sessions.high_concurrency import HighConcurrencySession
from fabric_livy_magic.local.sessions.session import ENDED, Session
from fabric_livy_magic.local.spark.session_request import SessionRequest

# States of Fabric's scheduler and Spark plugin by the session's state; in any other it is Scheduled and Monitoring.
SCHEDULER = {"acquiring": "Queued", "not_submitted": "Queued", "not_started": "Queued"}
PLUGIN = {
    "not_submitted": "Preparation",
    "not_started": "ResourceAcquisition",
    "submitting": "Queued",
    "starting": "Submission",
    "shutting_down": "Cleanup",
}
PLUGIN_ACQUIRING = {"queued": "Queued", "libraryPackaging": "Preparation"}
LIVY_MOMENTS = ("notStarted", "starting", "idle", "dead", "shuttingDown", "killed", "recovering", "busy", "error")
# Spark's own rule for what its pages hide (spark.redaction.regex), and what keys to Azure storage are called.
HIDDEN = re.compile(r"(?i)secret|password|token|key|credential|sas")
REDACTED = "*********(redacted)"


def early_session_view(session: Session) -> JsonObject:
    """The view while Fabric looks for a cluster, or if it finds none: no `state`, no `livyInfo`.

    [FIELD] dbt-fabricspark #158: a refusal of the capacity is shown here only.
    """
    acquisition = {"state": session.acquisition}
    if session.ended:
        acquisition["errorMessage"] = _end_message(session)
    return {
        "id": session.id,
        "name": session.name,
        "artifactId": session.works_in.id,
        "fabricSessionStateInfo": acquisition,
    }


def session_view(session: Session) -> JsonObject:
    state = session.state
    if state == "acquiring" or _never_acquired(session):
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
        "schedulerInfo": _scheduler_info(session, state),
        "pluginInfo": _plugin_info(session, state),
        "tags": session.tags,
        "log": session.log.tail(),
        "errorInfo": [],
    }
    if session.application.id is None:
        del view["appId"]
    if session.ended:
        end_reason = session.end_reason
        view["result"] = _result(session)
        if end_reason.cancellation_reason:
            view["cancellationReason"] = end_reason.cancellation_reason
        if end_reason.message:
            view["errorInfo"] = [
                {"message": end_reason.message, "errorCode": end_reason.code, "source": end_reason.source}
            ]
    return view


def _never_acquired(session: Session) -> bool:
    return session.ended and session.acquisition in ("error", "cancelled")


def _end_message(session: Session) -> str:
    return session.end_reason.message or session.end_reason.cancellation_reason


def _result(session: Session) -> str:
    if session.end_reason.result:
        return session.end_reason.result
    if session.state == "success":
        return "Succeeded"
    cancelled = session.acquisition == "cancelled" or (
        session.end_reason.cancellation_reason and not session.end_reason.message
    )
    return "Cancelled" if cancelled else "Failed"


def _fabric_state(session: Session, state: str) -> JsonObject:
    if session.ended and (message := _end_message(session)):
        return {"state": "cancelled" if _result(session) == "Cancelled" else "error", "errorMessage": message}
    starting = ("not_submitted", "submitting", "not_started", "starting")
    if state in starting:
        return {"state": "acquiringSession"}
    # [FIELD] a session that runs is `unknown`, as nothing is acquired any more.
    return {"state": "cancelling" if state == "shutting_down" else "unknown"}


# ---- Fabric's services, and their times


def _livy_info(session: Session, state: str) -> JsonObject:
    times = {**session.times, **_last_changes(session, state)}
    moments = {f"{name}At": time_text(times[name]) for name in LIVY_MOMENTS if name in times}
    return {**moments, "currentState": state, "jobCreationRequest": creation_request(session.request, session.name)}


def _last_changes(session: Session, state: str) -> dict[str, datetime]:
    """`busy`, and the `error` of a dead Python, recur: their last times are those of the statements."""
    statements = [one for repl in session.repls() for one in repl.statements()]
    found = {"busy": max((one.started for one in statements), default=0)}
    if state == "error" and not session.ended:
        found["error"] = max((one.completed for one in statements), default=0)
    return {name: datetime.fromtimestamp(ms / 1000, UTC) for name, ms in found.items() if ms}


def creation_request(request: SessionRequest, name: str) -> JsonObject:
    """The request in the API's fields; values of settings that look like secrets are left out."""
    requested = {
        "archives": list(request.archives),
        "conf": {key: REDACTED if HIDDEN.search(key) else value for key, value in request.conf.items()},
        "tags": dict(request.tags),
        "driverMemory": request.driver_memory,
        "driverCores": request.driver_cores,
        "executorMemory": request.executor_memory,
        "executorCores": request.executor_cores,
        "numExecutors": request.num_executors,
    }
    return {"name": name, **{key: value for key, value in requested.items() if value}}


def _scheduler_info(session: Session, state: str) -> JsonObject:
    times = session.times
    cancelled = times.get("shuttingDown") or (_ended_at(session) if session.end_reason.cancellation_reason else None)
    return {
        **_moments(
            submittedAt=times.get("notStarted"),
            queuedAt=times.get("notStarted"),
            scheduledAt=times.get("starting"),
            endedAt=_ended_at(session),
            cancellationRequestedAt=cancelled,
        ),
        "currentState": _scheduler_state(session, state),
    }


def _plugin_info(session: Session, state: str) -> JsonObject:
    times = session.times
    return {
        **_moments(
            preparationStartedAt=times.get("notStarted"),
            resourceAcquisitionStartedAt=times.get("notStarted"),
            submissionStartedAt=times.get("starting"),
            monitoringStartedAt=times.get("idle"),
            cleanupStartedAt=times.get("shuttingDown") or _ended_at(session),
        ),
        "currentState": _plugin_state(session, state),
    }


def _scheduler_state(session: Session, state: str) -> str:
    return "Ended" if session.ended else SCHEDULER.get(state, "Scheduled")


def _plugin_state(session: Session, state: str) -> str:
    if session.ended:
        return "Ended"
    if state == "acquiring":
        return PLUGIN_ACQUIRING.get(session.acquisition, "ResourceAcquisition")
    return PLUGIN.get(state, "Monitoring")


def _ended_at(session: Session) -> datetime | None:
    return next((session.times[state] for state in ENDED if session.ended and state in session.times), None)


def _moments(**moments: datetime | None) -> dict[str, str]:
    return {name: time_text(moment) for name, moment in moments.items() if moment is not None}


# ---- in lists


def activity_view(session: Session) -> JsonObject:
    """One line of the list of sessions."""
    state = session.state
    view: dict[str, Any] = {
        "id": session.id,
        "appId": session.application.id,
        "name": session.name,
        "workspaceId": session.lakehouse.workspace_id,
        "submitterId": person_id(session.submitter),
        "submitterName": session.submitter,
        "artifactId": session.works_in.id,
        **_moments(
            submittedAt=session.times.get("notStarted"),
            startedAt=session.times.get("starting"),
            endedAt=_ended_at(session),
        ),
        "tags": session.tags,
        "schedulerState": _scheduler_state(session, state),
        "pluginState": _plugin_state(session, state),
        "livyState": "not_started" if state == "acquiring" or _never_acquired(session) else state,
        "isJobTimedOut": session.end_reason.code == "LIVY_JOB_TIMED_OUT",
    }
    if session.ended:
        end_reason = session.end_reason
        view |= {"result": _result(session), "cancellationReason": end_reason.cancellation_reason or None}
        if end_reason.message:
            view |= {"errorSource": end_reason.source, "errorCode": end_reason.code}
    return {key: value for key, value in view.items() if value is not None}


# ---- high concurrency


def high_concurrency_view(one: HighConcurrencySession) -> JsonObject:
    """`sessionId` and `replId` are null until it is Idle; `fabricSessionStateInfo` is left out once nothing is acquired."""
    state = one.state
    ready = state in ("Idle", "Dead", "Killed", "Deleting")
    view = {
        "id": one.id,
        "state": state,
        "fabricSessionStateInfo": _acquisition(one, state),
        "sessionId": one.session.id if ready else None,
        "workspaceId": one.session.lakehouse.workspace_id,
        "artifactId": one.session.works_in.id,
        "creatorId": person_id(one.session.submitter),
        "createdAt": time_text(one.created_at),
        "replId": one.repl_id if ready else None,
        "sessionTag": one.tag,
    }
    for absent in ("fabricSessionStateInfo", "sessionTag"):
        if view[absent] is None:
            del view[absent]
    return view


def _acquisition(one: HighConcurrencySession, state: str) -> JsonObject | None:
    if state == "AcquiringHighConcurrencySession":
        return {"state": one.session.acquisition}
    if state in ("Dead", "Killed", "Failed") and (message := one.error_message or _end_message(one.session)):
        cancelled = one.session.ended and _result(one.session) == "Cancelled"
        return {"state": "cancelled" if cancelled else "error", "errorMessage": message}
    return None
