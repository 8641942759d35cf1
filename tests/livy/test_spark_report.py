"""A Spark application as data, and what is worth saying of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.livy.run_logs import container_of, containers_of
from fabric_livy_magic.livy.spark_hints import hints_of
from fabric_livy_magic.livy.spark_jobs import jobs_of, stages_of, time_of
from fabric_livy_magic.livy.spark_report import (
    SparkReport,
    StageDetail,
    TaskSpread,
    driver_cores_of,
    executors_of,
    short_reason,
    tasks_of,
)
from fabric_livy_magic.output.spark import report_data, report_text
from tests.support.monitored_spark import EXECUTORS, LOST, MIB, PYTHON_ERROR, executor, task
from tests.support.spark_json import job, stage

BROADCAST = "8f14e45f-ceea-467f-a1b2-0123456789ab"
READ_AT_S = time_of("2026-01-31T15:44:00.000GMT") or 0.0


def report(
    jobs: Any = (), stages: Any = (), executors: Any = (), details: Any = None, driver_cores: int = 0
) -> SparkReport:
    return SparkReport(
        "application_1_7",
        READ_AT_S,
        tuple(jobs_of(list(jobs))),
        tuple(stages_of(list(stages))),
        tuple(executors_of(list(executors))),
        details,
        driver_cores,
    )


def kinds(one: SparkReport) -> list[str]:
    return [hint.kind for hint in hints_of(one)]


# ------------------------------------------------------------------------------------------------ statements
def test_each_statement_has_its_own_jobs_and_a_broadcast_is_the_one_before() -> None:
    groups = ["1", BROADCAST, "2", None, "nightly"]
    found = report(
        [job(number, group, 10, 10) for number, group in enumerate(groups)],
        [stage(number, 10, 10, executorRunTime=1000) for number in range(5)],
    ).statements
    assert [(one.number, one.group, len(one.work.jobs), one.work.task_s) for one in found] == [
        (1, "1", 2, 2.0),
        (2, "2", 2, 2.0),
        (None, "nightly", 1, 1.0),
    ]


def test_a_stage_that_several_jobs_name_counts_once() -> None:
    found = report([job(0, "1", stageIds=[5]), job(1, "2", stageIds=[5, 6])], [stage(5, inputBytes=7), stage(6)])
    assert [one.work.read_bytes for one in found.statements] == [7, 0]
    assert found.work.read_bytes == 7


# ------------------------------------------------------------------------------------------------ failures
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PYTHON_ERROR, "ZeroDivisionError: division by zero"),
        (
            "java.lang.OutOfMemoryError: Java heap space\n\tat java.base/x.Y.z(Y.java:1)\nCaused by: other",
            "java.lang.OutOfMemoryError: Java heap space",
        ),
        (
            "ExecutorLostFailure (executor 1 exited) Reason: killed",
            "ExecutorLostFailure (executor 1 exited) Reason: killed",
        ),
        ("Traceback (most recent call last):\n  File x\nValueError: first\nsecond\n\n\tat x", "second"),
        ("  indented alone", "indented alone"),
        ("", ""),
    ],
)
def test_a_reason_is_one_line(text: str, reason: str) -> None:
    assert short_reason(text) == reason


def test_tasks_of_one_reason_are_one_failure_and_a_stage_without_tasks_has_its_own() -> None:
    tasks = [task("FAILED", one, errorMessage=PYTHON_ERROR, executorId=str(one % 2)) for one in range(4)]
    detail = StageDetail(failed=tuple(tasks_of([*tasks, task("SUCCESS", 9)], 3, "failed")))
    stages = [stage(3, 4, 0, status="FAILED"), stage(4, 4, 0, status="FAILED", failureReason="Job 4 cancelled\n\tat x")]
    found = report(stages=stages, details={(3, 0): detail}).failures
    assert [(one.stage_id, one.tasks, one.executors, one.of_stage) for one in found] == [
        (4, 0, (), True),
        (3, 4, ("0", "1"), True),
    ]
    assert [one.reason for one in found] == ["Job 4 cancelled", "ZeroDivisionError: division by zero"]


# ------------------------------------------------------------------------------------------------ hints
def skewed(median_ms: float, most_ms: float, **more: Any) -> SparkReport:
    spread = TaskSpread(median_ms, most_ms, more.pop("median_bytes", 0.0), more.pop("most_bytes", 0.0))
    return report(stages=[stage(3, more.pop("tasks", 10), 10, **more)], details={(3, 0): StageDetail(spread)})


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(skewed(1000, 60_000), ["skew"], id="a task of a minute among those of a second"),
        pytest.param(skewed(1000, 4900), [], id="less than five times"),
        pytest.param(skewed(10, 1400), [], id="too short to matter"),
        pytest.param(skewed(0, 60_000, tasks=2), [], id="two tasks are no spread"),
        pytest.param(report(stages=[stage(1, diskBytesSpilled=1)]), ["spill"], id="spill"),
        pytest.param(
            report(stages=[stage(1, memoryBytesSpilled=9)]), [], id="what left memory and did not reach a disk"
        ),
        pytest.param(report(executors=[LOST]), ["lost"], id="killed for its memory"),
        pytest.param(
            report(executors=[executor("1", 8, isActive=False, removeReason="Executor killed by driver.")]),
            [],
            id="let go",
        ),
        pytest.param(
            report(executors=[executor("1", 8, totalDuration=100_000, totalGCTime=30_000)]),
            ["gc"],
            id="much collection",
        ),
        pytest.param(
            report(executors=[executor("1", 8, totalDuration=10_000, totalGCTime=3000)]), [], id="much of little"
        ),
        pytest.param(
            report(
                stages=[stage(1, 2, 0, running=2, submissionTime="2026-01-31T15:43:00.000GMT")],
                executors=[executor("1", 8)],
            ),
            ["few tasks"],
            id="two tasks on eight cores for a minute",
        ),
        pytest.param(
            report(stages=[stage(1, 2, 0, submissionTime="2026-01-31T15:43:55.000GMT")], executors=[executor("1", 8)]),
            [],
            id="for five seconds",
        ),
    ],
)
def test_a_hint_comes_where_it_is_due_and_nowhere_else(one: SparkReport, expected: list[str]) -> None:
    assert kinds(one) == expected


def test_a_task_that_still_runs_is_skewed_already() -> None:
    running = tuple(tasks_of([task("RUNNING", 9, duration=300_000)], 3, "running"))
    detail = StageDetail(TaskSpread(1000, 2000), running)
    (hint,) = hints_of(report(stages=[stage(3, 10, 9, running=1)], details={(3, 0): detail}))
    assert "its longest task has run for 5 min, half of its 10 tasks at most 1.0 s" in hint.text


def test_a_skew_of_data_names_the_bytes() -> None:
    (hint,) = hints_of(skewed(1000, 60_000, median_bytes=2.0 * MIB, most_bytes=600.0 * MIB))
    assert "the largest read 600.0 MiB, half of them at most 2.0 MiB" in hint.text


# ------------------------------------------------------------------------------------------------ use of the capacity
def test_vcore_seconds_are_those_of_driver_and_executors_while_they_were_there() -> None:
    ten_minutes_s, six_minutes_s = 600, 360
    found = report(executors=[*EXECUTORS, LOST], driver_cores=8)
    assert found.vcore_seconds == 3 * 8 * ten_minutes_s + 8 * six_minutes_s
    assert report_data(found)["capacity_unit_seconds"] == found.vcore_seconds / 2


def test_of_local_spark_the_cores_are_the_drivers_and_without_cores_nothing_is_said() -> None:
    assert report(executors=[executor("driver", 4)]).vcore_seconds == 2400
    assert report(executors=[executor("driver", 0)], driver_cores=8).vcore_seconds is None


@pytest.mark.parametrize(
    ("answer", "cores"),
    [
        ({"sparkProperties": [["spark.driver.cores", "8"]]}, 8),
        ({"sparkProperties": [["x", "8"]]}, 0),
        ({}, 0),
        (None, 0),
    ],
)
def test_the_drivers_cores_are_what_the_application_says(answer: Any, cores: int) -> None:
    assert driver_cores_of(answer) == cores


# ------------------------------------------------------------------------------------------------ logs of executors
CONTAINERS = [f"container_1_0007_01_00000{number}" for number in (1, 2, 9)]


@pytest.mark.parametrize(
    ("wanted", "container"),
    [("driver", CONTAINERS[0]), ("1", CONTAINERS[1]), ("2", CONTAINERS[2]), ("3", ""), ("x", "")],
)
def test_an_executor_is_in_the_container_that_spark_names_or_in_the_one_of_its_number(
    wanted: str, container: str
) -> None:
    named = executor("2", 8, executorLogs={"stdout": f"http://vm:8042/node/containerlogs/{CONTAINERS[2]}/me/stdout"})
    executors = executors_of([executor("driver", 0), executor("1", 8), named, executor("3", 8)])
    assert container_of(wanted, executors, CONTAINERS) == container


def test_sizes_of_logs_may_be_text() -> None:
    answer = [{"containerId": "c", "containerLogMeta": [{"fileName": "stdout", "fileSize": "508"}, {"fileName": "x"}]}]
    assert containers_of(answer) == {"c": {"stdout": 508, "x": 0}}


# ------------------------------------------------------------------------------------------------ any answer
_KEYS = [*executor("1", 8), *job(0, "1"), *stage(0), *task("FAILED", 1), "peakMemoryMetrics", "containerLogMeta"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=8),
    max_leaves=12,
)


@given(_JSON, _JSON, _JSON, _JSON)
def test_any_json_can_be_read_and_shown(one: Any, two: Any, three: Any, four: Any) -> None:
    tasks = tuple(tasks_of(four, 0, "failed"))
    details = {(0, 0): StageDetail(TaskSpread.from_json(four), tasks, tasks)}
    found = SparkReport(
        "a",
        READ_AT_S,
        tuple(jobs_of(one)),
        tuple(stages_of(two)),
        tuple(executors_of(three)),
        details,
        driver_cores_of(four),
    )
    assert report_text(found)
    assert report_data(found)["jobs"] == len(found.jobs)
    assert isinstance(containers_of(four), dict)
