"""Sessions and batches that were deleted, as the Monitoring hub keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fabric_livy_magic.local.lakehouse.workspaces import one_lakehouse
from fabric_livy_magic.local.sessions.ended_jobs import KEPT_S, MOST_KEPT, EndedJob, EndedJobs, KeptLog
from fabric_livy_magic.local.spark.end_reason import EndReason

pytestmark = pytest.mark.spark  # needs the `local` extra


def job(folder: Path, job_id: str) -> EndedJob:
    log = folder / f"{job_id}.log"
    log.write_text(job_id, encoding="utf-8")
    return EndedJob(
        id=job_id,
        name="n",
        submitter="s",
        lakehouse=one_lakehouse(folder).first_lakehouse,
        times={"notStarted": datetime.now(UTC)},
        end_reason=EndReason(),
        state="dead",
        app_id=None,
        is_batch=False,
        log=KeptLog({"stderr": log}),
    )


def test_the_newest_are_kept_with_their_logs(tmp_path: Path) -> None:
    jobs = EndedJobs(tmp_path / "ended")
    for number in range(MOST_KEPT + 2):
        jobs.keep(job(tmp_path, f"job-{number}"))
    assert [one.id for one in jobs.all()] == [f"job-{number}" for number in range(2, MOST_KEPT + 2)]
    assert len(list((tmp_path / "ended").iterdir())) == MOST_KEPT
    last = jobs.get(f"JOB-{MOST_KEPT}")
    assert last is not None
    assert last.log.files["stderr"].read_text(encoding="utf-8") == last.id


def test_one_is_dropped_after_a_day(tmp_path: Path) -> None:
    jobs = EndedJobs(tmp_path / "ended")
    jobs.keep(replace(job(tmp_path, "old"), deleted=datetime.now(UTC) - timedelta(seconds=KEPT_S + 1)))
    assert jobs.all() == []
    assert list((tmp_path / "ended").iterdir()) == []


def test_one_whose_log_is_gone_is_listed_without_it(tmp_path: Path) -> None:
    jobs = EndedJobs(tmp_path / "ended")
    gone = job(tmp_path, "gone")
    (tmp_path / "gone.log").unlink()
    jobs.keep(gone)
    assert jobs.all()[0].log.files == {}
