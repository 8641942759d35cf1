"""Spark's jobs and stages as data, and which of them a statement ran."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.livy.spark_jobs import SparkWork, first_new_job, jobs_of, own_jobs, stages_of, together
from tests.support.spark_json import job, stage

REPL = "0f9c2a44-repl"
BROADCAST = "8f14e45f-ceea-467f-a1b2-0123456789ab"


@pytest.mark.parametrize(
    ("groups", "statement", "repl", "own"),
    [
        pytest.param(["3", "4", "4", "5"], 4, "", [1, 2], id="jobs of the statement's group"),
        pytest.param(["4", BROADCAST, "4"], 4, "", [0, 1, 2], id="a broadcast between them"),
        pytest.param(["3", BROADCAST, "4"], 4, "", [2], id="a broadcast of the statement before"),
        pytest.param(["4", BROADCAST, "5", BROADCAST], 4, "", [0, 1], id="a broadcast of the next statement"),
        pytest.param(["4", "nightly load"], 4, "", [0, 1], id="a group that the cell has set"),
        pytest.param(["4", None], 4, "", [0], id="a job of nobody, where groups are named"),
        pytest.param(["14", "44", "x-4"], 4, "", [], id="other statements with the same digit"),
        pytest.param(
            [f"{REPL}-4", "other-4", f"{REPL}-14"], 4, REPL, [0], id="another REPL's statement of that number"
        ),
        pytest.param([f"{REPL}-3", BROADCAST, "4"], 4, REPL, [], id="nothing is guessed between REPLs"),
        pytest.param([None, None, None], 4, "", [2], id="no groups: what began meanwhile"),
    ],
)
def test_a_statement_has_its_own_jobs_and_no_others(
    groups: list[str | None], statement: int, repl: str, own: list[int]
) -> None:
    jobs = jobs_of([job(number, group) for number, group in enumerate(groups)])
    assert [one.id for one in own_jobs(jobs, statement, repl, first_new=2)] == own


def test_a_server_that_names_groups_has_no_job_of_a_statement_without_one() -> None:
    warm_up = jobs_of([job(0, None)])
    assert own_jobs(warm_up, 1, "", first_new=0, names_groups=True) == []


@pytest.mark.parametrize(
    ("jobs", "first"),
    [([], 0), ([job(0, None, 4, 4), job(1, None, 4, 4)], 2), ([job(0, None, 4, 4), job(3, None, 4, 1)], 3)],
)
def test_a_first_look_takes_what_runs_and_what_comes(jobs: list[Any], first: int) -> None:
    assert first_new_job(jobs_of(jobs)) == first


def test_sums_leave_out_the_tasks_of_skipped_stages() -> None:
    jobs = jobs_of([job(0, "1", 10, 10), job(1, "1", 30, 5, running=2, numSkippedTasks=20, numFailedTasks=1)])
    stages = stages_of([stage(0, inputBytes=700), stage(1, inputBytes=300, diskBytesSpilled=5, memoryBytesSpilled=900)])
    work = SparkWork(tuple(jobs), tuple(stages))
    assert (work.tasks, work.done, work.running, work.failed) == (20, 15, 2, 1)
    assert (work.read_bytes, work.spilled_bytes, work.fraction) == (1000, 5, 0.75)


def test_stages_that_did_nothing_are_none() -> None:
    answer = [stage(0), stage(1, status="PENDING"), stage(2, status="SKIPPED"), stage(3, 4, 1, status="FAILED")]
    assert [(one.id, one.state) for one in stages_of(answer)] == [(0, "active"), (3, "failed")]


def test_works_together_are_final_when_all_are() -> None:
    one = SparkWork(tuple(jobs_of([job(0, "1")])), is_final=True)
    assert together([one, one]).is_final
    assert len(together([one, one]).jobs) == 2
    assert not together([one, SparkWork()]).is_final


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*job(0, "1"), *stage(0)]), inner),
    max_leaves=10,
)


@given(_JSON)
def test_any_json_can_be_read(answer: Any) -> None:
    jobs, stages = jobs_of(answer), stages_of(answer)
    work = SparkWork(tuple(own_jobs(jobs, 1, "", first_new_job(jobs))), tuple(stages))
    assert min(work.tasks, work.done, work.running, work.failed, work.read_bytes) >= 0
    assert work.fraction is None or 0 <= work.fraction <= 1
