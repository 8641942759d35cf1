"""Spark's jobs and stages as its monitoring REST API gives them, and which of them a statement ran.

Field names: spark.apache.org/docs/latest/monitoring.html, and the classes JobData and StageData of Spark. Any may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

MOST_NAME = 120  # characters of a name that user code gave
MOST_REASON = 20_000  # of why a stage or task failed: a stack of the JVM
LARGE = 10**19  # no id, count or time of a server's is larger
_OF_SOME_STATEMENT = re.compile(r"(?:.*\D)?\d{1,9}", re.DOTALL)
OF_SPARK = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)  # a broadcast's job group


@dataclass(frozen=True)
class Job:
    """`group` is Spark's job group: Livy gives each statement one, named by its number."""

    id: int
    group: str | None
    is_running: bool
    has_failed: bool
    stage_ids: tuple[int, ...]
    tasks: int
    done: int
    running: int
    failed: int

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Job:
        """Tasks of skipped stages, whose results are there already, are none that run."""
        stages = raw.get("stageIds")
        return cls(
            id=count_of(raw, "jobId", -1),
            group=str(raw["jobGroup"]) if raw.get("jobGroup") is not None else None,
            is_running=raw.get("status") == "RUNNING",
            has_failed=raw.get("status") == "FAILED",
            stage_ids=tuple(one for one in stages if type(one) is int) if isinstance(stages, list) else (),
            tasks=max(0, count_of(raw, "numTasks") - count_of(raw, "numSkippedTasks")),
            done=count_of(raw, "numCompletedTasks"),
            running=count_of(raw, "numActiveTasks"),
            failed=count_of(raw, "numFailedTasks"),
        )


@dataclass(frozen=True)
class Stage:
    """One attempt at a stage. `name` is its call site: `count at <cell>:3`. `spilled_bytes` went to disk. `task_ms` is the time of
    all its tasks together, `reason` why it failed, `began_s` and `ended_s` are of the server's clock, since the epoch."""

    id: int
    attempt: int
    name: str
    state: str
    tasks: int
    done: int
    running: int
    failed: int
    read_bytes: int
    spilled_bytes: int
    task_ms: int = 0
    gc_ms: int = 0
    written_bytes: int = 0
    shuffle_read_bytes: int = 0
    shuffle_written_bytes: int = 0
    reason: str = ""
    began_s: float | None = None
    ended_s: float | None = None

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Stage:
        return cls(
            id=count_of(raw, "stageId", -1),
            attempt=count_of(raw, "attemptId"),
            name=str(raw.get("name") or "")[:MOST_NAME],
            state=str(raw.get("status") or "").lower()[:MOST_NAME],
            tasks=count_of(raw, "numTasks"),
            done=count_of(raw, "numCompleteTasks"),
            running=count_of(raw, "numActiveTasks"),
            failed=count_of(raw, "numFailedTasks"),
            read_bytes=count_of(raw, "inputBytes"),
            spilled_bytes=count_of(raw, "diskBytesSpilled"),
            task_ms=count_of(raw, "executorRunTime"),
            gc_ms=count_of(raw, "jvmGcTime"),
            written_bytes=count_of(raw, "outputBytes"),
            shuffle_read_bytes=count_of(raw, "shuffleReadBytes"),
            shuffle_written_bytes=count_of(raw, "shuffleWriteBytes"),
            reason=str(raw.get("failureReason") or "")[:MOST_REASON],
            began_s=time_of(raw.get("submissionTime")),
            ended_s=time_of(raw.get("completionTime")),
        )


@dataclass(frozen=True)
class SparkWork:
    """What Spark did for one statement, or for several together. `is_final`: it was read after they had ended."""

    jobs: tuple[Job, ...] = ()
    stages: tuple[Stage, ...] = ()
    is_final: bool = False

    @property
    def tasks(self) -> int:
        return sum(job.tasks for job in self.jobs)

    @property
    def done(self) -> int:
        return sum(job.done for job in self.jobs)

    @property
    def running(self) -> int:
        return sum(job.running for job in self.jobs)

    @property
    def failed(self) -> int:
        return sum(job.failed for job in self.jobs)

    @property
    def read_bytes(self) -> int:
        return sum(stage.read_bytes for stage in self.stages)

    @property
    def written_bytes(self) -> int:
        return sum(stage.written_bytes for stage in self.stages)

    @property
    def shuffle_bytes(self) -> int:
        """That were written for other stages to read."""
        return sum(stage.shuffle_written_bytes for stage in self.stages)

    @property
    def spilled_bytes(self) -> int:
        return sum(stage.spilled_bytes for stage in self.stages)

    @property
    def task_s(self) -> float:
        return sum(stage.task_ms for stage in self.stages) / 1000

    @property
    def fraction(self) -> float | None:
        return min(1.0, self.done / self.tasks) if self.tasks else None


class JobsOfStatement(Protocol):
    """Where the jobs of one statement can be asked for."""

    @property
    def may_ask(self) -> bool: ...

    @property
    def is_near(self) -> bool:
        """Whether calls cost nobody anything: the server is on this machine."""
        ...

    @property
    def is_postponed(self) -> bool:
        """Whether the last question was not sent, as the rate limit had no call to spare."""
        ...

    def ask(self, *, is_final: bool = False) -> SparkWork | None:
        """Blocks for seconds at most. None where there is no answer, for now or for good (`may_ask`)."""
        ...


def together(works: Iterable[SparkWork]) -> SparkWork:
    found = list(works)
    return SparkWork(
        tuple(job for work in found for job in work.jobs),
        tuple(stage for work in found for stage in work.stages),
        is_final=all(work.is_final for work in found),
    )


def jobs_of(answer: Any) -> list[Job]:
    found = [Job.from_json(one) for one in objects_of(answer)]
    return sorted((job for job in found if job.id >= 0), key=lambda job: job.id)


def stages_of(answer: Any) -> list[Stage]:
    """Those that run, ran or failed. One that waits or was skipped has done nothing."""
    found = [Stage.from_json(one) for one in objects_of(answer)]
    return [stage for stage in found if stage.id >= 0 and stage.state not in {"pending", "skipped"}]


def own_jobs(
    jobs: Sequence[Job], statement_id: int, repl_id: str, first_new: int, *, names_groups: bool = False
) -> list[Job]:
    """The jobs that the statement ran, as far as they are told from others; never those of another statement.

    `repl_id`: of the REPL, where several share the Spark application, whose statements have the same numbers. `first_new`: jobs
    from that id on ran, or began, while the statement did: all that is known where a server names its groups otherwise.
    `names_groups`: this one is known to name them as Livy does, so that a job without a group is nobody's.
    """
    if repl_id:
        of_repl = [job for job in jobs if job.group and repl_id in job.group]
        if of_repl or names_groups:
            return [job for job in of_repl if _number_of(job.group) == statement_id]
        return [job for job in jobs if job.id >= first_new and job.group == str(statement_id)]
    own = [job for job in jobs if job.group == str(statement_id)]
    of_others = {job.id for job in jobs if _is_of_a_statement(job.group)} - {job.id for job in own}
    begin = min([first_new, *(job.id for job in own)])
    end = min((one for one in of_others if one > begin), default=LARGE)  # the next statement has begun there
    # A REPL runs one statement at a time. A broadcast's job is in a group of Spark's own, others in one that the cell has set.
    without_group = not (own or of_others or names_groups)
    more = [
        job
        for job in jobs
        if begin <= job.id < end and (without_group if job.group is None else not _is_of_a_statement(job.group))
    ]
    return sorted({*own, *more}, key=lambda job: job.id)


def first_new_job(jobs: Sequence[Job]) -> int:
    """For a first look: the oldest job that runs, or the next one that will."""
    running = [job.id for job in jobs if job.is_running]
    return min(running) if running else max((job.id for job in jobs), default=-1) + 1


def _is_of_a_statement(group: str | None) -> bool:
    return group is not None and not OF_SPARK.fullmatch(group) and _OF_SOME_STATEMENT.fullmatch(group) is not None


def _number_of(group: str | None) -> int | None:
    match = re.search(r"(?<!\d)(\d{1,9})$", group or "")
    return int(match[1]) if match else None


def objects_of(answer: Any) -> list[Mapping[str, Any]]:
    return [one for one in answer if isinstance(one, Mapping)] if isinstance(answer, list) else []


def time_of(value: Any) -> float | None:
    """`2024-01-31T10:00:00.000GMT`, as Spark writes a time, in seconds since the epoch."""
    try:
        return datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%S.%fGMT").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def is_amount(value: Any) -> bool:
    """Whether it is a number that a server may have counted or measured."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < LARGE


def count_of(raw: Mapping[str, Any], key: str, otherwise: int = 0) -> int:
    value = raw.get(key)
    return value if type(value) is int and 0 <= value < LARGE else otherwise
