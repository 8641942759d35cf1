"""The only sleep of the client, on a clock that only sleeping moves."""

from __future__ import annotations

import itertools
import queue
import sys
import threading
import time
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.errors import WaitTimeout
from fabric_livy_magic.livy.waiting import SESSION_PAUSES, Pauses, interruptible_call, wait_until
from tests.support.timing import FakeClock


def polls_until(seconds: float, clock: FakeClock, pauses: Pauses | None = None) -> int:
    polls = itertools.count(1)
    count = 0

    def fetch() -> bool:
        nonlocal count
        count = next(polls)
        return clock.now_s >= seconds

    wait_until(fetch, bool, pauses=pauses or Pauses(), clock=clock, sleep=clock.sleep)
    return count


@pytest.mark.parametrize(
    ("seconds", "most"), [(0.02, 3), (1, 40), (10, 70), (60, 90), (600, 150), (3600, 450)], ids=lambda value: str(value)
)
def test_a_statement_costs_few_polls(clock: FakeClock, seconds: float, most: int) -> None:
    assert polls_until(seconds, clock) <= most


def test_a_ten_minute_statement_costs_150_polls_at_most(clock: FakeClock) -> None:
    assert polls_until(600, clock) <= 150


def test_a_session_of_three_minutes_costs_90_polls_at_most(clock: FakeClock) -> None:
    assert polls_until(180, clock, SESSION_PAUSES) <= 90


@given(st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_a_pause_grows_with_the_time_waited_within_its_bounds(one_s: float, other_s: float) -> None:
    pauses = Pauses()
    assert pauses.first_s <= pauses.after(one_s) <= pauses.most_s
    if one_s <= other_s:
        assert pauses.after(one_s) <= pauses.after(other_s)


@given(st.floats(0.3, 100.0))
def test_a_finished_statement_is_seen_within_a_tenth_of_its_time(seconds: float) -> None:
    clock = FakeClock()
    polls_until(seconds, clock)
    assert clock.now_s <= seconds * 1.1


def test_a_value_at_hand_is_not_fetched_again(clock: FakeClock) -> None:
    def fetch() -> str:
        raise AssertionError("must not be called")

    assert wait_until(fetch, bool, first="done", clock=clock, sleep=clock.sleep) == "done"
    assert clock.sleeps == []


@given(st.floats(0.1, 500.0))
def test_a_listener_gets_the_elapsed_time_at_least_every_half_second(seconds: float) -> None:
    clock, reported = FakeClock(), []
    wait_until(
        lambda: clock.now_s >= seconds,
        bool,
        on_wait=lambda value, elapsed_s: reported.append(elapsed_s),
        clock=clock,
        sleep=clock.sleep,
    )
    assert reported[0] == 0.0
    assert reported == sorted(reported)
    assert all(later - earlier <= 0.5 + 1e-6 for earlier, later in itertools.pairwise([*reported, clock.now_s]))


@given(st.floats(0.01, 1000.0))
def test_a_wait_ends_at_its_time_limit_and_not_much_later(limit_s: float) -> None:
    clock = FakeClock()
    with pytest.raises(WaitTimeout, match="Gave up waiting for godot after"):
        wait_until(lambda: False, bool, timeout_s=limit_s, what="godot", clock=clock, sleep=clock.sleep)
    assert limit_s <= clock.now_s <= limit_s + 1e-3


def test_a_result_of_the_last_poll_counts(clock: FakeClock) -> None:
    assert wait_until(lambda: clock.now_s >= 5, bool, timeout_s=5, clock=clock, sleep=clock.sleep)


@given(
    st.floats(0, 1e6), st.floats(0.01, 100), st.floats(0.01, 1), st.floats(0.01, 1), st.sampled_from([0.2, 1.0, 10.0])
)
def test_a_wait_ends_whatever_its_pauses_and_its_start(
    start_s: float, limit_s: float, first_s: float, share: float, most_s: float
) -> None:
    clock = FakeClock()
    clock.now_s = start_s
    polls = itertools.count()

    def poll() -> int:
        assert next(polls) < 20_000, "it does not come to an end"
        return 0

    with pytest.raises(WaitTimeout):
        wait_until(poll, bool, timeout_s=limit_s, pauses=Pauses(first_s, share, most_s), clock=clock, sleep=clock.sleep)


@pytest.mark.parametrize("line", range(12))
def test_an_interrupt_at_any_line_does_not_lose_the_result_of_the_call(line: int) -> None:
    """A signal comes between any two lines."""
    begun, reported = threading.Event(), queue.SimpleQueue[str | None]()

    def call() -> str:
        begun.set()
        time.sleep(0.15)
        return "made"

    lines = itertools.count()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code is not interruptible_call.__code__:
            return None
        if event == "line" and next(lines) == line:
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        result = interruptible_call(call, reported.put)
    except KeyboardInterrupt:
        result = ""
    finally:
        sys.settrace(None)
    if begun.wait(0.1):
        assert result == "made" or reported.get(timeout=5) == "made"
