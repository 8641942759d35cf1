from __future__ import annotations

from pathlib import Path

from tests.support.schedule import LONG, TOGETHER, group_of, order

ROOT = Path(__file__).parents[1]


def test_what_the_schedule_names_exists() -> None:
    assert [name for name in (*LONG, *TOGETHER) if not (ROOT / name).exists()] == []
    assert len(set(LONG)) == len(LONG)


def test_files_that_share_their_sessions_are_one_group() -> None:
    assert group_of("tests/agent/test_values.py::test_one[a::b]") == group_of("tests/agent/test_displays.py::test_two")
    assert group_of("tests/cli/test_cli.py::test_one") == "tests/cli/test_cli.py"


def test_many_quick_tests_come_first_then_what_takes_long_then_the_rest() -> None:
    first, second = LONG[:2]
    assert order({"few": 3, second: 90, "some": 9, first: 2, "many": 400}) == ["many", first, second, "some", "few"]
