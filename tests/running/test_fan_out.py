"""Many codes on a few REPLs: threads, without a server."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from fabric_livy_magic.errors import (
    CapacityError,
    Interrupted,
    SessionLostError,
    StatementError,
)
from fabric_livy_magic.livy.waiting import interruptible_sleep
from fabric_livy_magic.running.fan_out import FanOut
from fabric_livy_magic.running.results import Result
from tests.running.conftest import result
from tests.support.timing import interrupt_after


def spread(codes: list[str], run: Callable[[int, str], Result], repls: int = 2, **more: bool) -> list[str]:
    found = FanOut(codes, lambda number: lambda code: run(number, code), **more).run(repls)
    return [one.text if isinstance(one, Result) else type(one).__name__ for one in found]


def test_results_are_in_the_order_of_the_codes() -> None:
    codes = [str(number) for number in range(20)]
    assert spread(codes, lambda _, code: result(code), repls=5) == codes
    assert spread([], lambda _, code: result(code)) == []


def test_repls_that_cannot_be_had_leave_their_work_to_the_others() -> None:
    def repl(number: int) -> Callable[[str], Result]:
        if number:
            raise CapacityError("full")
        return result

    assert [one.text for one in FanOut(["1", "2", "3"], repl).run(3) if isinstance(one, Result)] == ["1", "2", "3"]


def test_an_error_begins_nothing_more_and_is_raised_unless_it_is_to_be_kept() -> None:
    begun = []

    def run(_: int, code: str) -> Result:
        begun.append(code)
        if code == "bad":
            raise StatementError("ValueError", "no")
        return result(code)

    with pytest.raises(StatementError):
        spread(["bad", "1", "2"], run, repls=1)
    assert begun == ["bad"]
    assert spread(["bad", "1", "2"], run, repls=1, keeps_errors=True) == ["StatementError", "1", "2"]


def test_codes_that_no_repl_was_left_for_are_told_as_not_begun() -> None:
    def run(_: int, code: str) -> Result:
        raise SessionLostError("gone")

    found = FanOut(["1", "2", "3"], lambda number: lambda code: run(number, code), keeps_errors=True).run(2)
    assert [type(one) for one in found] == [SessionLostError] * 3
    assert sum("not begun" in str(one) for one in found) == 1


def test_an_interrupt_says_what_ended_what_was_cancelled_and_what_not() -> None:
    def run(_: int, code: str) -> Result:
        try:
            interruptible_sleep(0.01 if code == "quick" else 30)
        except KeyboardInterrupt:
            if code == "deaf":
                time.sleep(6)
            raise Interrupted("Statement 7 was cancelled on the session.") from None
        return result(code)

    interrupt_after(0.3)
    began = time.monotonic()
    with pytest.raises(Interrupted) as told:
        spread(["quick", "slow", "deaf", "slow", "slow"], run)
    assert time.monotonic() - began < 5
    assert told.value.may_run_on is True  # the deaf one
    assert str(told.value).startswith(
        "1 of 5 had ended, 2 had not begun. Statement 7 was cancelled on the session. The server"
    )
