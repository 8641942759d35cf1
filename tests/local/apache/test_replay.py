"""Recorded answers of a real Apache Livy, replayed: a share of what `python -m tests.support.replay` replays in whole.

The differences are exactly those that `tests/payloads/livy/differences.toml` lists.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support import service
from tests.support.replay import comparison, http, statements
from tests.support.replay.target import Target

RECORDED_WITH = "recorded with Python 3.11 and Spark 3.5, whose words others do not share"


@pytest.mark.spark
@pytest.mark.skipif(sys.version_info[:2] != (3, 11) or not version("pyspark").startswith("3.5."), reason=RECORDED_WITH)
@pytest.mark.parametrize("quirks", [False, True], ids=["default", "quirks"])
def test_statements_answer_as_recorded_but_for_the_listed_differences(tmp_path: Path, quirks: bool) -> None:
    cases = statements.quick_share(statements.statement_cases("fabric"), quirks=quirks)
    options = ["--token", service.TOKEN, "--no-schemas", *(["--quirks"] if quirks else [])]  # Livy has none
    with service.serving(tmp_path / "lake", options) as api:
        results = statements.run_all(Target(api.base, service.TOKEN, "fabric"), cases)
    surprises = comparison.surprises(cases, results, comparison.known_differences("fabric", quirks=quirks))
    assert not surprises, "\n".join(f"=== {case_id}\n{difference}" for case_id, difference in surprises.items())


@pytest.mark.spark
@pytest.mark.skipif(sys.version_info[:2] != (3, 11) or not version("pyspark").startswith("3.5."), reason=RECORDED_WITH)
@pytest.mark.parametrize("quirks", [False, True], ids=["default", "quirks"])
def test_livys_dialect_answers_as_recorded_but_for_the_listed_differences(tmp_path: Path, quirks: bool) -> None:
    cases = http.quick_share(http.http_cases(), quirks=quirks)
    options = ["--token", service.TOKEN, "--dialect", "livy", *(["--quirks"] if quirks else [])]
    with service.serving(tmp_path / "lake", options) as api:
        results = http.run_all(Target(api.base, service.TOKEN, "livy"), cases, workers=2)
    surprises = comparison.surprises(cases, results, comparison.known_differences("livy", quirks=quirks))
    assert not surprises, "\n".join(f"=== {case_id}\n{difference}" for case_id, difference in surprises.items())


def test_every_listed_difference_is_of_a_recorded_case() -> None:
    known = {case["id"] for case in [*comparison.read_cases("statements.jsonl"), *http.http_cases()]}
    assert set(comparison.timely_differences()) <= known
    for dialect in ("fabric", "livy"):
        for quirks in (False, True):
            assert set(comparison.known_differences(dialect, quirks=quirks)) <= known


CASE = {"id": "a", "expect": {"statement": {"state": "available", "output": {"status": "ok"}}}}
OTHER = {"statement": {"state": "available", "output": {"status": "error", "ename": "E"}}}


@pytest.mark.parametrize(
    ("more", "seen", "known", "surprise"),
    [
        ({}, CASE["expect"], {}, ""),
        ({}, OTHER, {}, "+++ seen"),
        ({}, OTHER, {"a": "reason"}, ""),
        ({}, CASE["expect"], {"a": "reason"}, "does not differ any more"),
        ({"racy": True}, OTHER, {}, ""),
        ({"compare": "regex", "pattern": '"ename": "E"'}, OTHER, {}, ""),
        ({"compare": "regex", "pattern": "F"}, OTHER, {}, "no match"),
        ({"compare": "status"}, OTHER, {}, "+++ seen"),
    ],
)
def test_neither_an_unlisted_difference_nor_a_stale_entry_passes(
    more: dict[str, object], seen: object, known: dict[str, str], surprise: str
) -> None:
    found = comparison.surprises([CASE | more], {"a": seen}, known)
    assert surprise in found["a"] if surprise else not found
