"""Batches as the published API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fabric_livy_magic.local.batches.batch import Batch
from fabric_livy_magic.local.fabric.views import JsonObject, person_id, time_text
from fabric_livy_magic.local.spark.session_request import BatchRequest

ACQUISITION = {"not_started": "queued", "starting": "submitting", "killed": "cancelled", "dead": "error"}
SCHEDULER = {"not_started": "Queued", "starting": "Scheduled", "running": "Scheduled"}
PLUGIN = {"not_started": "Queued", "starting": "Submission", "running": "Monitoring"}
RESULT = {"success": "Succeeded", "dead": "Failed", "killed": "Cancelled"}
LIVY_MOMENTS = ("notStarted", "starting", "running", "success", "dead", "killed")
CANCELLED = "The batch was cancelled by a request."


def early_batch_view(batch: Batch) -> JsonObject:
    """The view before Livy has the batch: no `state` yet, as with sessions."""
    view = {
        "id": batch.id,
        "name": batch.name,
        "artifactId": batch.lakehouse.id,
        "fabricBatchStateInfo": {"state": "queued"},
    }
    return _without_none(view)


def batch_view(batch: Batch) -> JsonObject:
    state = batch.state
    view = early_batch_view(batch) | {
        "fabricBatchStateInfo": _acquisition(batch, state),
        "state": state,
        "result": RESULT.get(state),
        "appId": batch.app_id,
        "appInfo": {},
        "jobType": "SparkBatch",
        "submitterId": person_id(batch.submitter),
        "submitterName": batch.submitter,
        "livyInfo": _livy_info(batch, state),
        "schedulerInfo": _scheduler_info(batch, state),
        "pluginInfo": _plugin_info(batch, state),
        "tags": dict(batch.request.tags),
        "log": batch.log.tail(),
        "errorInfo": [],
        "cancellationReason": CANCELLED if state == "killed" else None,
    }
    if batch.end_reason.message:
        view["errorInfo"] = [
            {"message": batch.end_reason.message, "errorCode": batch.end_reason.code, "source": batch.end_reason.source}
        ]
    return _without_none(view)


def batch_activity_view(batch: Batch) -> JsonObject:
    """One line of the list of batches."""
    state = batch.state
    failed = bool(batch.end_reason.message)
    view = {
        "id": batch.id,
        "appId": batch.app_id,
        "name": batch.name,
        "workspaceId": batch.lakehouse.workspace_id,
        "submitterId": person_id(batch.submitter),
        "submitterName": batch.submitter,
        "artifactId": batch.lakehouse.id,
        "cancellationReason": CANCELLED if state == "killed" else None,
        "result": RESULT.get(state),
        "submittedAt": _moment(batch, "notStarted"),
        "startedAt": _moment(batch, "starting"),
        "endedAt": _ended_at(batch),
        "errorSource": batch.end_reason.source if failed else None,
        "errorCode": batch.end_reason.code if failed else None,
        "tags": dict(batch.request.tags),
        "schedulerState": SCHEDULER.get(state, "Ended"),
        "pluginState": PLUGIN.get(state, "Ended"),
        "livyState": state,
        "isJobTimedOut": False,
    }
    return _without_none(view)


def _acquisition(batch: Batch, state: str) -> JsonObject:
    if state == "dead":
        return {"state": "error", "errorMessage": batch.end_reason.message}
    return {"state": "cancelling" if batch.stopping else ACQUISITION.get(state, "unknown")}


def _livy_info(batch: Batch, state: str) -> JsonObject:
    moments = {f"{name}At": time_text(batch.times[name]) for name in LIVY_MOMENTS if name in batch.times}
    return {**moments, "currentState": state, "jobCreationRequest": _creation_request(batch.request)}


def _creation_request(request: BatchRequest) -> JsonObject:
    """Without `conf` and `args`: they may hold keys to storage."""
    return _without_none(
        {
            "name": request.name,
            "file": request.file,
            "className": request.class_name,
            "jars": list(request.jars),
            "files": list(request.files),
            "pyFiles": list(request.py_files),
            "archives": list(request.archives),
        }
    )


def _scheduler_info(batch: Batch, state: str) -> JsonObject:
    view = {
        "submittedAt": _moment(batch, "notStarted"),
        "queuedAt": _moment(batch, "notStarted"),
        "scheduledAt": _moment(batch, "starting"),
        "endedAt": _ended_at(batch),
        "cancellationRequestedAt": _moment(batch, "cancellationRequested"),
        "currentState": SCHEDULER.get(state, "Ended"),
    }
    return _without_none(view)


def _plugin_info(batch: Batch, state: str) -> JsonObject:
    view = {
        "preparationStartedAt": _moment(batch, "notStarted"),
        "submissionStartedAt": _moment(batch, "starting"),
        "monitoringStartedAt": _moment(batch, "running"),
        "cleanupStartedAt": _ended_at(batch),
        "currentState": PLUGIN.get(state, "Ended"),
    }
    return _without_none(view)


def _moment(batch: Batch, name: str) -> str | None:
    return time_text(batch.times[name]) if name in batch.times else None


def _ended_at(batch: Batch) -> str | None:
    return next((text for name in RESULT if (text := _moment(batch, name))), None)


def _without_none(view: Mapping[str, Any]) -> JsonObject:
    return {key: value for key, value in view.items() if value is not None}
