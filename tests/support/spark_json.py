"""Jobs and stages as Spark's REST API gives them (fields of JobData and StageData that matter here, and some more)."""

from __future__ import annotations

from typing import Any


def job(
    number: int, group: str | None, tasks: int = 10, done: int = 0, *, running: int = 0, **more: Any
) -> dict[str, Any]:
    """It runs until all of its tasks are done. Its one stage has its number."""
    named = {} if group is None else {"jobGroup": group}
    return {
        "jobId": number,
        "name": "count at <cell 1>:3",
        "submissionTime": "2026-11-28T12:00:00.000GMT",
        "stageIds": [number],
        **named,
        "jobTags": [],
        "status": "SUCCEEDED" if done == tasks else "RUNNING",
        "numTasks": tasks,
        "numActiveTasks": running,
        "numCompletedTasks": done,
        "numSkippedTasks": 0,
        "numFailedTasks": 0,
        **more,
    }


def stage(number: int, tasks: int = 10, done: int = 0, *, running: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "status": "COMPLETE" if done == tasks else "ACTIVE",
        "stageId": number,
        "attemptId": 0,
        "numTasks": tasks,
        "numActiveTasks": running,
        "numCompleteTasks": done,
        "numFailedTasks": 0,
        "inputBytes": 0,
        "memoryBytesSpilled": 0,
        "diskBytesSpilled": 0,
        "name": "count at <cell 1>:3",
        "details": "org.apache.spark.sql.Dataset.count(Dataset.scala:3615)",
        "accumulatorUpdates": [],
        **more,
    }
