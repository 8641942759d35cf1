"""What a person sees of a Spark application and of runs."""

from __future__ import annotations

from collections.abc import Callable

from fabric_livy_magic.livy.batches import NOTEBOOK
from fabric_livy_magic.livy.runs import RunInfo
from fabric_livy_magic.livy.spark_jobs import jobs_of, stages_of, time_of
from fabric_livy_magic.livy.spark_report import SparkReport, StageDetail, TaskSpread, executors_of, tasks_of
from fabric_livy_magic.output.bundles import style
from fabric_livy_magic.output.runs import runs_list
from fabric_livy_magic.output.spark import report_bundle, report_text
from tests.support.monitored_spark import EXECUTORS, JOBS, LOST, RUNS, STAGES, monitored_spark, run

HUB = "https://app.fabric.microsoft.com/workloads/de-ds/sparkmonitor/1/2"


def shown_report(link: str = HUB, ui_url: str = "http://rm:8088/proxy/application_1_7/") -> SparkReport:
    spark = monitored_spark()
    details = {
        (number, 0): StageDetail(
            TaskSpread.from_json(spark[f"stages/{number}/0/taskSummary"]),
            failed=tuple(tasks_of(spark.get(f"stages/{number}/0/taskList"), number, "failed")),
        )
        for number in (1, 2, 3)
    }
    return SparkReport(
        "application_1_7",
        time_of("2026-01-31T15:44:00.000GMT") or 0.0,
        tuple(jobs_of(JOBS)),
        tuple(stages_of(STAGES)),
        tuple(executors_of([*EXECUTORS, LOST])),
        details,
        8,
        link,
        ui_url,
    )


def test_a_report_reads_as_the_golden_files(golden: Callable[[str, str], None]) -> None:
    golden("spark_report.txt", report_text(shown_report()) + "\n")
    html = report_bundle(shown_report())["text/html"]
    golden("spark_report.html", html.replace(style(), "").replace("</tr>", "</tr>\n") + "\n")


def test_no_name_and_no_address_of_a_server_becomes_markup() -> None:
    html = report_bundle(shown_report('https://x/"><script>', "javascript:alert(1)"))["text/html"]
    assert "<img" not in html
    assert "<script" not in html
    assert "javascript:" not in html


def test_a_list_of_runs_draws_no_control_character_and_cuts_a_long_reason() -> None:
    bad = run(4, "\x1b]0;title\x07<b>", "Failed", "2026-01-31T15:00:00Z", cancellationReason="why " * 100)
    shown = runs_list([RunInfo.from_json(one) for one in [*RUNS, bad]], "Sales/Bronze", NOTEBOOK, 10)
    assert "\x1b" not in shown.text
    assert "<b>" not in shown.bundle["text/html"]
    assert "why …" in shown.text or "wh…" in shown.text or "why…" in shown.text
    assert "Nothing of Livy has run on Sales/Bronze." in runs_list([], "Sales/Bronze", NOTEBOOK, 10).text
