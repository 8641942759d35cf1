"""Answers of Livy's own completion that came too late for their key."""

from __future__ import annotations

import pytest

from fabric_livy_magic.running.introspection import KEPT_S, KeptCandidates
from tests.support.timing import FakeClock


@pytest.mark.parametrize(
    ("before", "kind", "found"),
    [
        ("val a = text.ch", "spark", ["charAt", "chars"]),
        ("val a = text.charA", "spark", ["charAt"]),
        ("val a = text.chx", "spark", []),
        ("val a = text.cq", "spark", None),
        ("val a = text.c", "spark", None),
        ("val b = text.ch", "spark", None),
        ("val a = text.ch.", "spark", None),
        ("val a = text.ch", "sql", None),
    ],
)
def test_a_late_answer_is_good_for_the_next_keys_of_the_same_word(
    before: str, kind: str, found: list[str] | None
) -> None:
    kept = KeptCandidates()
    assert kept.of("", "spark") is None
    kept.keep("val a = text.ch", "spark", ["charAt", "chars"])
    assert kept.of(before, kind) == found


def test_an_old_answer_is_asked_for_again() -> None:
    clock = FakeClock()
    kept = KeptCandidates(clock)
    kept.keep("text.ch", "spark", ["chars"])
    clock.sleep(KEPT_S)
    assert kept.of("text.ch", "spark") is None
