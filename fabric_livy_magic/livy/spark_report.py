"""One Spark application at one time: its executors, what each statement did, which tasks failed and why. Pure.

Field names: spark.apache.org/docs/latest/monitoring.html, and the classes ExecutorSummary, TaskData and TaskMetricDistributions of Spark.
Any may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fabric_livy_magic.livy.spark_jobs import (
    MOST_NAME,
    MOST_REASON,
    OF_SPARK,
    Job,
    SparkWork,
    Stage,
    count_of,
    is_amount,
    objects_of,
    time_of,
)

DRIVER = "driver"
QUANTILES = "0.5,1.0"
_CONTAINER = re.compile(r"container_\w+")
_STACK_LINE = re.compile(r"\s+at |\s*\.\.\. \d+ more|\s*Driver stacktrace:")


@dataclass(frozen=True)
class Executor:
    """`memory_bytes` is what Spark has for its cache and its work, `memory_used_bytes` what the cache takes of it, `heap_bytes` the
    most that its JVM has used. `container_id` is that of YARN, where it runs in one. Times are the server's, since the epoch."""

    id: str
    host: str
    is_active: bool
    cores: int
    running: int
    done: int
    failed: int
    task_ms: int
    gc_ms: int
    memory_used_bytes: int
    memory_bytes: int
    heap_bytes: int
    disk_bytes: int
    read_bytes: int
    shuffle_read_bytes: int
    shuffle_written_bytes: int
    container_id: str = ""
    added_s: float | None = None
    removed_s: float | None = None
    removed_reason: str = ""

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Executor:
        return cls(
            id=str(raw.get("id") or "")[:MOST_NAME],
            host=str(raw.get("hostPort") or "").rpartition(":")[0][:MOST_NAME],
            is_active=raw.get("isActive") is not False,
            cores=count_of(raw, "totalCores"),
            running=count_of(raw, "activeTasks"),
            done=count_of(raw, "completedTasks"),
            failed=count_of(raw, "failedTasks"),
            task_ms=count_of(raw, "totalDuration"),
            gc_ms=count_of(raw, "totalGCTime"),
            memory_used_bytes=count_of(raw, "memoryUsed"),
            memory_bytes=count_of(raw, "maxMemory"),
            heap_bytes=count_of(_object(raw, "peakMemoryMetrics"), "JVMHeapMemory"),
            disk_bytes=count_of(raw, "diskUsed"),
            read_bytes=count_of(raw, "totalInputBytes"),
            shuffle_read_bytes=count_of(raw, "totalShuffleRead"),
            shuffle_written_bytes=count_of(raw, "totalShuffleWrite"),
            container_id=_container_of(raw),
            added_s=time_of(raw.get("addTime")),
            removed_s=time_of(raw.get("removeTime")),
            removed_reason=str(raw.get("removeReason") or "")[:MOST_REASON],
        )

    @property
    def is_driver(self) -> bool:
        return self.id == DRIVER


@dataclass(frozen=True)
class TaskSpread:
    """Of the tasks of a stage that have ended: the median and the largest. `bytes` are what a task read, of files and of a shuffle."""

    median_ms: float = 0.0
    most_ms: float = 0.0
    median_bytes: float = 0.0
    most_bytes: float = 0.0

    @classmethod
    def from_json(cls, answer: Any) -> TaskSpread:
        raw = answer if isinstance(answer, Mapping) else {}
        read = _pair(_object(raw, "inputMetrics").get("bytesRead"))
        shuffled = _pair(_object(raw, "shuffleReadMetrics").get("readBytes"))
        times = _pair(raw.get("executorRunTime"))
        return cls(*times, read[0] + shuffled[0], read[1] + shuffled[1])


@dataclass(frozen=True)
class Task:
    """One attempt at a task. `ran_ms` of one that runs is that until now."""

    stage_id: int
    index: int
    state: str
    executor: str
    host: str
    ran_ms: int
    reason: str

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], stage_id: int) -> Task:
        return cls(
            stage_id=stage_id,
            index=count_of(raw, "index", -1),
            state=str(raw.get("status") or "").lower()[:MOST_NAME],
            executor=str(raw.get("executorId") or "")[:MOST_NAME],
            host=str(raw.get("host") or "")[:MOST_NAME],
            ran_ms=count_of(raw, "duration"),
            reason=short_reason(str(raw.get("errorMessage") or "")),
        )


@dataclass(frozen=True)
class Failure:
    """Tasks of one stage that failed for one reason. `of_stage`: the stage failed with it."""

    stage_id: int
    stage_name: str
    tasks: int
    reason: str
    executors: tuple[str, ...] = ()
    of_stage: bool = False


@dataclass(frozen=True)
class StatementWork:
    """What one statement, or one job group that code has set, has done. `number` is None for the latter."""

    group: str
    number: int | None
    work: SparkWork

    @property
    def is_running(self) -> bool:
        return any(job.is_running for job in self.work.jobs)


@dataclass(frozen=True)
class StageDetail:
    """What was asked about one stage besides."""

    spread: TaskSpread = TaskSpread()
    running: tuple[Task, ...] = ()
    failed: tuple[Task, ...] = ()


@dataclass(frozen=True)
class SparkReport:
    """`details` are of stages, by (id, attempt). `driver_cores`: as far as the application says them. `link` is its page in the
    Monitoring hub, `ui_url` Spark's own; each may be empty. `read_at_s`: when, since the epoch."""

    app_id: str
    read_at_s: float
    jobs: tuple[Job, ...] = ()
    stages: tuple[Stage, ...] = ()
    executors: tuple[Executor, ...] = ()
    details: Mapping[tuple[int, int], StageDetail] | None = None
    driver_cores: int = 0
    link: str = ""
    ui_url: str = ""

    @property
    def work(self) -> SparkWork:
        return SparkWork(self.jobs, self.stages)

    def detail(self, stage: Stage) -> StageDetail:
        return (self.details or {}).get((stage.id, stage.attempt), StageDetail())

    @property
    def vcore_seconds(self) -> float | None:
        """Of its driver and executors, from when each was added until it was removed, or until now. None where no core is named.
        Spark in local mode runs its tasks in the driver, whose cores those are."""
        in_driver = sum(one.cores for one in self.executors if one.is_driver)
        spans = [
            (self._alive_s(one), one.cores or (self.driver_cores if one.is_driver else 0)) for one in self.executors
        ]
        if not in_driver and not any(one.cores for one in self.executors):
            return None
        return round(sum(alive_s * cores for alive_s, cores in spans), 1)

    def _alive_s(self, executor: Executor) -> float:
        if executor.added_s is None:
            return 0.0
        return max(0.0, (executor.removed_s or self.read_at_s) - executor.added_s)

    @property
    def statements(self) -> list[StatementWork]:
        """In the order of their first jobs."""
        return list(by_statement(self.jobs, self.stages))

    @property
    def failures(self) -> list[Failure]:
        """Of tasks and of stages, each reason of a stage once; the latest stage first."""
        return [one for stage in reversed(self.stages) for one in _failures_of(stage, self.detail(stage).failed)]


def by_statement(jobs: Sequence[Job], stages: Sequence[Stage]) -> Iterable[StatementWork]:
    """A stage belongs to the first job that names it; a broadcast, whose group is Spark's own, to the statement before it."""
    attempts: dict[int, list[Stage]] = {}
    for stage in stages:
        attempts.setdefault(stage.id, []).append(stage)
    groups: dict[str, tuple[list[Job], list[Stage]]] = {}
    last = ""
    for job in jobs:
        is_own = job.group is not None and not OF_SPARK.fullmatch(job.group)
        last = str(job.group) if is_own else last
        of_group = groups.setdefault(last, ([], []))
        of_group[0].append(job)
        for stage_id in job.stage_ids:
            of_group[1].extend(attempts.pop(stage_id, ()))
    for group, (own_jobs, own_stages) in groups.items():
        number = int(group) if group.isdecimal() and len(group) < 10 else None
        yield StatementWork(group, number, SparkWork(tuple(own_jobs), tuple(own_stages)))


def executors_of(answer: Any) -> list[Executor]:
    """The driver first, then by number."""
    found = [Executor.from_json(one) for one in objects_of(answer)]
    return sorted(found, key=lambda one: (not one.is_driver, int(one.id) if one.id.isdecimal() else 0, one.id))


def tasks_of(answer: Any, stage_id: int, state: str) -> list[Task]:
    """Those of that state: Spark before 3.1 gives all of them whatever it is asked for."""
    found = [Task.from_json(one, stage_id) for one in objects_of(answer)]
    return [task for task in found if task.state == state]


def driver_cores_of(answer: Any) -> int:
    """From `/environment`: Spark's default is 1, which no node of Fabric has."""
    found = answer.get("sparkProperties") if isinstance(answer, Mapping) else None
    pairs = [one for one in found if isinstance(one, list) and len(one) == 2] if isinstance(found, list) else []
    value = next((str(value) for key, value in pairs if key == "spark.driver.cores"), "")
    return int(value) if re.fullmatch(r"[0-9]{1,4}", value) else 0


def _failures_of(stage: Stage, tasks: Sequence[Task]) -> Iterable[Failure]:
    by_reason: dict[str, list[Task]] = {}
    for task in tasks:
        by_reason.setdefault(task.reason, []).append(task)
    for reason, same in by_reason.items():
        executors = tuple(sorted({task.executor for task in same if task.executor}))
        yield Failure(stage.id, stage.name, len(same), reason, executors, of_stage=stage.state == "failed")
    if stage.reason and not by_reason:
        yield Failure(stage.id, stage.name, stage.failed, short_reason(stage.reason), of_stage=True)


def short_reason(text: str) -> str:
    """The line of an error that says what it was: of Python the last one of its traceback, of the JVM the first one."""
    text = text[:MOST_REASON]
    stack = text.rpartition("Traceback (most recent call last):")[2] if "Traceback (most" in text else text
    lines: list[str] = []
    for line in stack.splitlines():
        if _STACK_LINE.match(line):
            break
        if line.strip() and not line.startswith(" "):
            lines.append(line.strip())
    if not lines:
        return text.strip().split("\n")[0][:300]
    return (lines[-1] if stack is not text else lines[0])[:300]


def _container_of(raw: Mapping[str, Any]) -> str:
    """YARN's: Spark gives it as an attribute, and in the addresses of its logs."""
    texts = [
        str(_object(raw, "attributes").get("CONTAINER_ID") or ""),
        *map(str, _object(raw, "executorLogs").values()),
    ]
    return next((match[0] for text in texts if (match := _CONTAINER.search(text))), "")


def _pair(values: Any) -> tuple[float, float]:
    found = values if isinstance(values, list) else []
    numbers = [float(one) for one in found if is_amount(one)]
    return (numbers[0], numbers[1]) if len(numbers) == len(found) == 2 else (0.0, 0.0)


def _object(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}
