"""What is worth saying of a Spark application, in plain words, each with what can be done. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fabric_livy_magic.livy.spark_jobs import Stage
from fabric_livy_magic.livy.spark_report import Executor, SparkReport, StageDetail

# As in Spark's own rule for a skewed partition: five times the median (spark.sql.adaptive.skewJoin.skewedPartitionFactor).
SKEWED = 5.0
SKEW_FROM_MS = 1500.0  # the longest task over the median: below that nobody gains by evening it out
FEWEST_TASKS = 3
MUCH_GC = 0.2  # of the time of all tasks
GC_FROM_MS = 10_000
FEW_TASKS_FROM_S = 10.0
_LET_GO = re.compile(r"idle|killed by driver|decommission|application|stopp", re.IGNORECASE)
_NO_MEMORY = re.compile(r"memory|OutOfMemory|\b137\b|\b143\b", re.IGNORECASE)
MORE_MEMORY = "Larger executors (`%livy start --fresh --executor-memory 56g`), or more and so smaller partitions, help."


@dataclass(frozen=True)
class Hint:
    """`kind`: skew, spill, failed, lost, gc or few tasks. `text` says what was seen, `advice` what helps. `stage_id`: which one it is
    about."""

    kind: str
    text: str
    advice: str
    stage_id: int | None = None


def hints_of(report: SparkReport) -> list[Hint]:
    """The most telling first: what failed, then what takes time."""
    stages = [stage for stage in reversed(report.stages) if stage.state != "skipped"]
    cores = sum(one.cores for one in report.executors if one.is_active)
    return [
        *_lost(report.executors),
        *(hint for stage in stages for hint in _skew(stage, report.detail(stage))),
        *(hint for stage in stages for hint in _spill(stage)),
        *_gc(report.executors),
        *(hint for stage in stages for hint in _few_tasks(stage, cores, report.read_at_s)),
    ]


def _skew(stage: Stage, detail: StageDetail) -> Iterable[Hint]:
    spread = detail.spread
    running_ms = max((task.ran_ms for task in detail.running), default=0)
    most_ms, verb = max((spread.most_ms, "took"), (float(running_ms), "has run for"))
    median_ms = spread.median_ms
    is_long = most_ms >= SKEWED * median_ms and most_ms - median_ms >= SKEW_FROM_MS
    if stage.tasks < FEWEST_TASKS or not stage.done or not is_long:
        return
    text = f"Stage {stage.id} ({stage.name}): its longest task {verb} {_seconds(most_ms)}, half of its {stage.tasks:,} tasks at most {_seconds(median_ms)}"
    if (
        spread.most_bytes >= SKEWED * max(spread.median_bytes, 1)
        and spread.most_bytes >= 1024 * 1024
        and verb == "took"
    ):
        text += f"; the largest read {_bytes(spread.most_bytes)}, half of them at most {_bytes(spread.median_bytes)}"
    advice = (
        "The work is spread unevenly, mostly since one key has far more rows than the others. Look at `GROUP BY` of the key with "
        "`count(*)`; a broadcast of the small side, a filter of null keys, or a second key (salt) evens it out."
    )
    yield Hint("skew", f"{text}.", advice, stage.id)


def _spill(stage: Stage) -> Iterable[Hint]:
    if not stage.spilled_bytes:
        return
    text = f"Stage {stage.id} ({stage.name}) wrote {_bytes(stage.spilled_bytes)} to disk, since its tasks' data does not fit into memory."
    advice = f"More partitions (`spark.sql.shuffle.partitions`, `repartition`) make each smaller. {MORE_MEMORY}"
    yield Hint("spill", text, advice, stage.id)


def _lost(executors: Iterable[Executor]) -> Iterable[Hint]:
    """Not those that were let go, as Spark does with idle ones."""
    for one in executors:
        reason = " ".join(one.removed_reason.split())
        is_out_of_memory = _NO_MEMORY.search(reason) is not None
        if one.is_active or one.is_driver or not reason or (_LET_GO.search(reason) and not is_out_of_memory):
            continue
        advice = MORE_MEMORY if is_out_of_memory else f"`%livy logs --executor {one.id}` shows what it wrote."
        yield Hint("lost", f"Executor {one.id} was lost: {reason[:300]}.".replace("..", "."), advice)


def _gc(executors: Iterable[Executor]) -> Iterable[Hint]:
    for one in executors:
        if one.gc_ms >= GC_FROM_MS and one.gc_ms >= MUCH_GC * max(one.task_ms, 1):
            share = min(1.0, one.gc_ms / max(one.task_ms, 1))
            who = "The driver" if one.is_driver else f"Executor {one.id}"
            text = f"{who} spent {share:.0%} of its tasks' time on freeing memory ({_seconds(one.gc_ms)} of {_seconds(one.task_ms)})."
            yield Hint(
                "gc", text, f"Its memory is nearly full: `unpersist` what is cached and no longer needed. {MORE_MEMORY}"
            )


def _few_tasks(stage: Stage, cores: int, now_s: float) -> Iterable[Hint]:
    if stage.began_s is None or stage.state not in {"active", "complete"}:
        return
    took_s = (stage.ended_s or now_s) - stage.began_s
    if took_s >= FEW_TASKS_FROM_S and 2 * stage.tasks <= cores:
        one = stage.tasks == 1
        text = f"Stage {stage.id} ({stage.name}) has {stage.tasks} task{'' if one else 's'} for {cores} cores, and {'took' if stage.ended_s else 'has run for'} {took_s:.0f} s."
        advice = "The other cores wait: `repartition` before it spreads the work, unless it writes one file on purpose."
        yield Hint("few tasks", text, advice, stage.id)


def _seconds(milliseconds: float) -> str:
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.1f} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1024
    return f"{count:.1f} TiB"
