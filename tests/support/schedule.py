"""Which worker runs which tests, and in which order, when a run has several (`pytest -n`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from xdist.scheduler import LoadFileScheduling

# Files of these folders share their sessions, which each further worker would start again.
TOGETHER = ("tests/agent/", "tests/kernel/fabric_kernel/")
# A file of so many tests is made of quick ones. They come first: the archive of class data, with which a session starts in half
# the time, is made meanwhile.
MANY = 60
# What takes more than about half a minute, the longest first, so that no worker is left with a long one at the end.
LONG = (
    "tests/testing/test_plugin.py",
    "tests/cli/test_fabric_notebooks.py",
    "tests/agent/",
    "tests/test_notebooks.py",
    "tests/local/test_dbt.py",
    "tests/local/apache/test_replay.py",
    "tests/local/spark/test_delta.py",
    "tests/kernel/test_kernel_notebooks.py",
    "tests/testing/test_notebook_tests.py",
    "tests/cli/test_small_cases.py",
    "tests/local/spark/test_catalog.py",
    "tests/cli/test_quickstart.py",
    "tests/local/sessions/test_high_concurrency.py",
    "tests/local/sessions/test_endings.py",
    "tests/local/spark/test_spellings.py",
    "tests/frames/test_real_data.py",
    "tests/sessions/test_samples.py",
    "tests/local/sessions/test_mocks.py",
    "tests/local/batches/test_batches.py",
    "tests/sessions/test_batches.py",
    "tests/sessions/test_table_uploads.py",
    "tests/magics/test_in_a_kernel.py",
    "tests/kernel/test_ends_by_signals.py",
    "tests/cli/test_lakehouses_of_a_repository.py",
    "tests/kernel/test_hostile_repository.py",
    "tests/test_benchmarks.py",
    "tests/signin/test_notebooks.py",
    "tests/kernel/test_vs_code.py",
    "tests/local/web/bad_input/test_log.py",
    "tests/local/spark/test_scala_classes.py",
    "tests/local/faults/test_fault_run.py",
    "tests/kernel/fabric_kernel/",
    "tests/cli/test_fifty_notebooks.py",
)


def group_of(node_id: str) -> str:
    """What one worker runs as a whole: a file, or a folder whose files share their sessions."""
    path = node_id.split("::", 1)[0]
    return next((folder for folder in TOGETHER if path.startswith(folder)), path)


def order(sizes: Mapping[str, int]) -> list[str]:
    """The groups in their order; `sizes` is how many tests each has."""

    def key(group: str) -> tuple[int, int]:
        if group in LONG:
            return 1, LONG.index(group)
        return (0 if sizes[group] >= MANY else 2), -sizes[group]

    return sorted(sizes, key=key)


class Schedule(LoadFileScheduling):
    """`--dist loadfile`, but by these groups."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    sizes = Counter(group_of(item.nodeid) for item in items)
    places = {group: place for place, group in enumerate(order(sizes))}
    return sorted(items, key=lambda item: places[group_of(item.nodeid)])
