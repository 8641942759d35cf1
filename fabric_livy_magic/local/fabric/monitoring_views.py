"""What the monitoring API shows of sessions and batches."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fabric_livy_magic.local.batches.batch import Batch
from fabric_livy_magic.local.fabric.views import JsonObject, person_id, time_text
from fabric_livy_magic.local.sessions.ended_jobs import EndedJob
from fabric_livy_magic.local.sessions.session import Session

Job = Session | Batch | EndedJob
BATCH_STATES = {
    "not_started": "NotStarted",
    "starting": "NotStarted",
    "success": "Succeeded",
    "dead": "Failed",
    "killed": "Cancelled",
}
ENDS = ("success", "killed", "dead")


def application_id(job: Job) -> str | None:
    return job.application.id if isinstance(job, Session) else job.app_id


def is_batch(job: Job) -> bool:
    return job.is_batch if isinstance(job, EndedJob) else isinstance(job, Batch)


def monitored_view(job: Job) -> JsonObject:
    """One session or batch as the Monitoring hub lists it."""
    of_batch = is_batch(job)
    request, begun = job.times["notStarted"], job.times.get("running" if of_batch else "idle")
    ended = next((job.times[state] for state in ENDS if state in job.times), None)
    view = {
        "sparkApplicationId": application_id(job),
        "state": monitored_state(job),
        "livyId": job.id,
        "origin": "SubmittedJob",
        "attemptNumber": 1,
        "maxNumberOfAttempts": 1,
        "livyName": job.name,
        "submitter": {"id": person_id(job.submitter), "type": "User"},
        "item": {
            "workspaceId": job.lakehouse.workspace_id,
            "itemId": job.lakehouse.id,
            "referenceType": "ById",
        },
        "itemName": job.lakehouse.name,
        "itemType": "Lakehouse",
        "jobType": "SparkBatch" if of_batch else "SparkSession",
        "submittedDateTime": time_text(request),
        "startDateTime": time_text(begun) if begun else None,
        "endDateTime": time_text(ended) if ended else None,
        "queuedDuration": _duration(request, begun or ended),
        "runningDuration": _duration(begun, ended) if begun else None,
        "totalDuration": _duration(request, ended),
        "cancellationReason": job.end_reason.message or None,
    }
    return {key: value for key, value in view.items() if value is not None}


def monitored_state(job: Job) -> str:
    if is_batch(job):
        return BATCH_STATES.get(job.state, "InProgress")
    if job.ended:
        return "Failed" if job.end_reason.message else "Cancelled"
    return "NotStarted" if job.state in ("acquiring", "not_started", "starting") else "InProgress"


def _duration(begun: datetime, ended: datetime | None) -> JsonObject:
    """Until now where it has not ended yet."""
    return {"value": ((ended or datetime.now(UTC)) - begun).total_seconds(), "timeUnit": "Seconds"}


def container(job: Job, meta: Any) -> JsonObject:
    number = str(application_id(job)).removeprefix("local-")
    return {"containerId": f"container_{number}_0001_01_000001", "nodeId": "localhost", "containerLogMeta": meta}


def file_meta(name: str, path: Path) -> JsonObject:
    stat = path.stat()
    changed = datetime.fromtimestamp(stat.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "GMT"
    return {"fileName": name, "length": stat.st_size, "lastModified": changed, "metaData": {}}


def executor_file_meta(name: str, path: Path) -> JsonObject:
    """In the form of the page executor-log, which is another one."""
    stat = path.stat()
    changed = datetime.fromtimestamp(stat.st_mtime, UTC).strftime("%a %b %d %H:%M:%S +0000 %Y")
    return {"fileName": name, "fileSize": str(stat.st_size), "lastModifiedTime": changed}
