"""What a Spark application does, as lists and as data. Names and reasons come from user code and servers: `lists` escapes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fabric_livy_magic.livy.session_sizes import capacity_unit_seconds
from fabric_livy_magic.livy.spark_hints import hints_of
from fabric_livy_magic.livy.spark_jobs import SparkWork, Stage
from fabric_livy_magic.livy.spark_report import Executor, Failure, SparkReport, StatementWork
from fabric_livy_magic.output.bundles import Bundle, note_bundle
from fabric_livy_magic.output.lists import ListColumn, OwnList
from fabric_livy_magic.output.short_texts import counted
from fabric_livy_magic.output.tables import link_html
from fabric_livy_magic.printable import printable

MOST_STATEMENTS = 20
MOST_STAGES = 20
MOST_EXECUTORS = 50
AMOUNTS = (
    ListColumn("task_s", "task time", "seconds"),
    ListColumn("read_bytes", "read", "bytes"),
    ListColumn("written_bytes", "written", "bytes"),
    ListColumn("shuffle_bytes", "shuffle", "bytes"),
    ListColumn("spilled_bytes", "spilled", "bytes"),
)
HINT_COLUMNS = (ListColumn("kind", "hint"), ListColumn("text", "what was seen"), ListColumn("advice", "what helps"))
FAILURE_COLUMNS = (
    ListColumn("stage", "stage", "count"),
    ListColumn("name", "name"),
    ListColumn("failed", "failed", "count"),
    ListColumn("executors", "on executor"),
    ListColumn("reason", "reason"),
)
STATEMENT_COLUMNS = (
    ListColumn("statement", "statement"),
    ListColumn("group", "group"),
    ListColumn("state", "state", "state"),
    ListColumn("jobs", "jobs", "count"),
    ListColumn("tasks", "tasks", "count"),
    ListColumn("failed", "failed", "count"),
    *AMOUNTS,
)
STAGE_COLUMNS = (
    ListColumn("stage", "stage"),
    ListColumn("name", "name"),
    ListColumn("state", "state", "state"),
    ListColumn("tasks", "tasks", "count"),
    ListColumn("done", "done", "count"),
    ListColumn("failed", "failed", "count"),
    ListColumn("median_s", "median", "seconds"),
    ListColumn("longest_s", "longest", "seconds"),
    *AMOUNTS,
)
EXECUTOR_COLUMNS = (
    ListColumn("executor", "executor"),
    ListColumn("host", "host"),
    ListColumn("state", "state", "state"),
    ListColumn("cores", "cores", "count"),
    ListColumn("running", "running", "count"),
    ListColumn("done", "done", "count"),
    ListColumn("failed", "failed", "count"),
    ListColumn("task_s", "task time", "seconds"),
    ListColumn("gc_s", "GC", "seconds"),
    ListColumn("memory_used_bytes", "cached", "bytes"),
    ListColumn("memory_bytes", "memory", "bytes"),
    ListColumn("heap_bytes", "heap at most", "bytes"),
    ListColumn("disk_bytes", "disk", "bytes"),
    ListColumn("reason", "why removed"),
)


def report_data(report: SparkReport) -> dict[str, Any]:
    """For a program."""
    work = report.work
    return {
        "application": report.app_id,
        "link": report.link or None,
        "spark_ui": report.ui_url or None,
        "vcore_seconds": report.vcore_seconds,
        "capacity_unit_seconds": capacity_unit_seconds(report.vcore_seconds),
        "jobs_running": sum(job.is_running for job in report.jobs),
        "jobs": len(report.jobs),
        **_amounts(work),
        "hints": [
            {"kind": one.kind, "stage": one.stage_id, "text": one.text, "advice": one.advice}
            for one in hints_of(report)
        ],
        "failures": list(map(_failure_record, report.failures)),
        "statements": list(map(_statement_record, report.statements)),
        "stages": [_stage_record(report, stage) for stage in report.stages],
        "executors": list(map(_executor_record, report.executors)),
    }


def report_lists(report: SparkReport) -> list[OwnList]:
    """The first says what it is; then what is wrong, then what ran and runs."""
    data = report_data(report)
    parts = [
        (HINT_COLUMNS, data["hints"], "", len(data["hints"])),
        (FAILURE_COLUMNS, data["failures"], "Failed tasks", MOST_STAGES),
        (STATEMENT_COLUMNS, data["statements"][::-1], "Statements, the latest first", MOST_STATEMENTS),
        (STAGE_COLUMNS, data["stages"][::-1], "Stages, the latest first", MOST_STAGES),
        (EXECUTOR_COLUMNS, data["executors"], "Executors", MOST_EXECUTORS),
    ]
    head = OwnList((), (), empty="\n".join(f"{name}: {url}" for name, url in _links(report)), title=_headline(report))
    return [head, *(_part(*part) for part in parts if part[1])]


def report_bundle(report: SparkReport) -> Bundle:
    head, *parts = report_lists(report)
    links = " · ".join(filter(None, (link_html(url, name) for name, url in _links(report))))
    return {
        "text/html": "".join(
            [
                note_bundle(head.title)["text/html"],
                f'<div class="flm-c">{links}</div>' if links else "",
                *(one.bundle["text/html"] for one in parts),
            ]
        ),
        "text/plain": report_text(report),
    }


def report_text(report: SparkReport) -> str:
    """Hints as lines: their sentences are too long for a table of a terminal."""
    head, *parts = report_lists(report)
    hints = [f"{one.kind}: {one.text}\n  {one.advice}" for one in hints_of(report)]
    tables = [one.text for one in parts if one.columns is not HINT_COLUMNS]
    return "\n\n".join(filter(None, [head.text, printable("\n".join(hints)), *tables]))


def _part(columns: tuple[ListColumn, ...], records: list[dict[str, Any]], title: str, most: int) -> OwnList:
    more = f"and {len(records) - most:,} more; --json has them all." if len(records) > most else ""
    return OwnList(columns, [_without_zeros(one) for one in records[:most]], title=title, caption=more)


def _without_zeros(record: Mapping[str, Any]) -> dict[str, Any]:
    """A table of zeros hides the numbers that say something."""
    kept = {"done", "tasks", "running", "cores"}
    return {
        key: None if value == 0 and key not in kept and value is not False else value for key, value in record.items()
    }


def _headline(report: SparkReport) -> str:
    running = [stage for stage in report.stages if stage.state == "active"]
    tasks = sum(stage.running for stage in running)
    cores = sum(one.cores for one in report.executors if one.is_active)
    busy = f"{counted(tasks, 'task')} run" + ("s" if tasks == 1 else "") if tasks else "nothing runs"
    vcores, units = report.vcore_seconds, capacity_unit_seconds(report.vcore_seconds)
    used = (
        f"{vcores:,.0f} vCore-seconds ({units:,.0f} CU-seconds) so far"
        if vcores is not None and units is not None
        else ""
    )
    return " · ".join(filter(None, [report.app_id, busy, counted(cores, "core") if cores else "", used]))


def _links(report: SparkReport) -> list[tuple[str, str]]:
    return [(name, url) for name, url in (("Monitoring hub", report.link), ("Spark UI", report.ui_url)) if url]


# ------------------------------------------------------------------------------------------- records
def _amounts(work: SparkWork) -> dict[str, Any]:
    return {
        "tasks": work.tasks,
        "failed": work.failed,
        "task_s": round(work.task_s, 3),
        "read_bytes": work.read_bytes,
        "written_bytes": work.written_bytes,
        "shuffle_bytes": work.shuffle_bytes,
        "spilled_bytes": work.spilled_bytes,
    }


def _statement_record(one: StatementWork) -> dict[str, Any]:
    state = "running" if one.is_running else "failed" if any(job.has_failed for job in one.work.jobs) else "done"
    return {
        "statement": one.number,
        "group": None if one.number is not None else one.group or "none: of no cell",
        "state": state,
        "jobs": len(one.work.jobs),
        **_amounts(one.work),
    }


def _stage_record(report: SparkReport, stage: Stage) -> dict[str, Any]:
    spread = report.detail(stage).spread
    return {
        "stage": f"{stage.id}.{stage.attempt}" if stage.attempt else str(stage.id),
        "name": stage.name,
        "state": stage.state,
        "tasks": stage.tasks,
        "done": stage.done,
        "failed": stage.failed,
        "median_s": round(spread.median_ms / 1000, 3) or None,
        "longest_s": round(spread.most_ms / 1000, 3) or None,
        "task_s": round(stage.task_ms / 1000, 3),
        "read_bytes": stage.read_bytes,
        "written_bytes": stage.written_bytes,
        "shuffle_bytes": stage.shuffle_written_bytes,
        "spilled_bytes": stage.spilled_bytes,
    }


def _failure_record(one: Failure) -> dict[str, Any]:
    return {
        "stage": one.stage_id,
        "name": one.stage_name,
        "failed": one.tasks,
        "of_stage": one.of_stage,
        "executors": ", ".join(one.executors) or None,
        "reason": one.reason,
    }


def _executor_record(one: Executor) -> dict[str, Any]:
    return {
        "executor": one.id,
        "host": one.host,
        "state": "active" if one.is_active else "removed",
        "cores": one.cores,
        "running": one.running,
        "done": one.done,
        "failed": one.failed,
        "task_s": round(one.task_ms / 1000, 3),
        "gc_s": round(one.gc_ms / 1000, 3),
        "memory_used_bytes": one.memory_used_bytes,
        "memory_bytes": one.memory_bytes,
        "heap_bytes": one.heap_bytes,
        "disk_bytes": one.disk_bytes,
        "reason": " ".join(one.removed_reason.split())[:200] or None,
    }
