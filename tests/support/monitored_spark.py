"""A Spark application with everything to be told of it, as Spark's REST API and the list of runs give it."""

from __future__ import annotations

from typing import Any

from tests.support.spark_json import job, stage

MIB = 1024 * 1024
STAGES = [
    stage(
        1,
        200,
        200,
        name="parquet at <cell 1>:2",
        inputBytes=900 * MIB,
        shuffleWriteBytes=700 * MIB,
        executorRunTime=400_000,
    ),
    stage(
        2,
        200,
        200,
        name="count at <img src=x>:3",
        shuffleReadBytes=700 * MIB,
        diskBytesSpilled=3 * MIB,
        executorRunTime=900_000,
        outputBytes=10 * MIB,
    ),
    stage(3, 4, 1, running=1, status="ACTIVE", name="collect at <cell 2>:1", numFailedTasks=2, executorRunTime=2000),
]
JOBS = [
    job(0, "1", 400, 400, stageIds=[1, 2]),
    job(1, "2", 4, 1, running=1, stageIds=[3], numFailedTasks=2),
]


def executor(number: str, cores: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "hostPort": f"vm-{number}:38259",
        "isActive": True,
        "totalCores": cores,
        "activeTasks": 0,
        "completedTasks": 200,
        "failedTasks": 0,
        "totalDuration": 500_000,
        "totalGCTime": 1000,
        "memoryUsed": 0,
        "maxMemory": 30 * 1024 * MIB,
        "addTime": "2026-01-31T15:34:00.000GMT",
        "executorLogs": {},
        "attributes": {},
        **more,
    }


EXECUTORS = [
    executor("driver", 0),
    executor("1", 8, failedTasks=2, peakMemoryMetrics={"JVMHeapMemory": 9 * 1024 * MIB}),
    executor("2", 8, attributes={"CONTAINER_ID": "container_1764360000000_0007_01_000009"}),
]
LOST = executor(
    "3",
    8,
    isActive=False,
    removeTime="2026-01-31T15:40:00.000GMT",
    removeReason="Container killed by YARN for exceeding physical memory limits. 56.1 GB of 56 GB used.",
)
PYTHON_ERROR = (
    "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n"
    '  File "/worker.py", line 1247, in main\n    process()\n'
    "ZeroDivisionError: division by zero\n\n"
    "\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:572)\n"
)


def task(state: str, index: int, **more: Any) -> dict[str, Any]:
    return {
        "taskId": index,
        "index": index,
        "status": state,
        "executorId": "1",
        "host": "vm-1",
        "duration": 500,
        **more,
    }


def monitored_spark() -> dict[str, Any]:
    """Answers by their paths below the application."""
    spread = {"quantiles": [0.5, 1.0], "executorRunTime": [1500.0, 120_000.0]}
    read = {"readBytes": [2.0 * MIB, 600.0 * MIB]}
    failed = [task("FAILED", one, errorMessage=PYTHON_ERROR) for one in (1, 2)]
    return {
        "jobs": JOBS,
        "stages": STAGES,
        "allexecutors": [*EXECUTORS, LOST],
        "environment": {"sparkProperties": [["spark.driver.cores", "8"]]},
        "stages/1/0/taskSummary": {"quantiles": [0.5, 1.0], "executorRunTime": [1900.0, 2500.0]},
        "stages/2/0/taskSummary": {**spread, "shuffleReadMetrics": read},
        "stages/3/0/taskSummary": {"quantiles": [0.5, 1.0], "executorRunTime": [100.0, 100.0]},
        "stages/3/0/taskList": [*failed, task("RUNNING", 3, duration=900), task("SUCCESS", 0)],
    }


def run(number: int, name: str, state: str, submitted: str, **more: Any) -> dict[str, Any]:
    return {
        "sparkApplicationId": f"application_1_000{number}",
        "state": state,
        "livyId": f"9611f500-bf44-42e0-a0de-78dacb37439{number}",
        "livyName": name,
        "submitter": {"id": "6f23a8a6-d954-4550-b91a-4df73ccd0311", "type": "User"},
        "itemName": "Bronze",
        "jobType": "SparkSession",
        "submittedDateTime": submitted,
        "queuedDuration": {"value": 1, "timeUnit": "Seconds"},
        **more,
    }


RUNS = [
    run(1, "a notebook", "Cancelled", "2026-01-30T15:00:00Z", endDateTime="2026-01-30T15:20:00Z"),
    run(
        2,
        "nightly load",
        "Failed",
        "2026-01-31T15:32:03Z",
        jobType="SparkBatch",
        endDateTime="2026-01-31T15:37:30Z",
        runningDuration={"value": 3, "timeUnit": "Minutes"},
        cancellationReason="the driver ran out of memory",
    ),
    run(3, "by hand", "InProgress", "2026-01-31T16:00:00Z", runningDuration={"value": 60, "timeUnit": "Seconds"}),
]
