"""Waiting while the Spark capacity is full (430). Retries are rare, as each refusal counts against the account, too."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from fabric_livy_magic.errors import CapacityError, HttpError
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.models import Progress
from fabric_livy_magic.livy.retries import JITTER
from fabric_livy_magic.livy.waiting import interruptible_sleep, pause

T = TypeVar("T")
PAUSE_S = 15.0
MOST_NAMED = 5


def wait_for_capacity(
    request: Callable[[], T],
    client: LivyClient,
    *,
    wait_s: float,
    subject: str = "session",
    on_progress: Callable[[Progress], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = interruptible_sleep,
) -> T:
    """Returns what `request` returns. While it raises CapacityError it is retried, for `wait_s` at most; the final error names
    the sessions that hold the capacity, as far as they are visible."""
    until_s, holders = clock() + wait_s, ""
    while True:
        try:
            return request()
        except CapacityError as error:
            holders = holders or capacity_holders(client)
            pause_s = max(error.retry_after_s or 0.0, PAUSE_S * JITTER.uniform(0.8, 1.2))
            if clock() + pause_s > until_s:
                raise _capacity_error(error, holders, wait_s) from error
            _pause(pause_s, until_s, holders, subject, on_progress, clock, sleep)


def _pause(
    seconds: float,
    until_s: float,
    holders: str,
    subject: str,
    on_progress: Callable[[Progress], None] | None,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    next_request_s = clock() + seconds

    def report() -> None:
        if on_progress:
            now_s = clock()
            detail = f"the Spark capacity is full; asking again in {next_request_s - now_s:.0f} s, for {until_s - now_s:.0f} s at most"
            on_progress(
                Progress(
                    subject, "waiting", now_s - next_request_s + seconds, detail=f"{detail}. {holders}".rstrip(". ")
                )
            )

    pause(seconds, sleep, report if on_progress else None)


def _capacity_error(error: CapacityError, holders: str, wait_s: float) -> CapacityError:
    waited = f"It was still so after {wait_s:.0f} s (setting capacity_wait_s)." if wait_s else ""
    return error.and_also(f"{holders} {waited}".strip()) if holders or waited else error


def capacity_holders(client: LivyClient) -> str:
    """The live sessions of this lakehouse, in a sentence; empty where none is visible."""
    try:
        live_sessions = [info for info in client.with_short_timeouts().list_sessions() if not info.state.has_ended]
    except HttpError:
        return ""  # the refusal is being reported, and must not be replaced by this error
    if not live_sessions:
        return ""
    descriptions = [
        f"{info.name or info.id} ({info.state.value}{f', {info.owner}' if info.owner else ''})"
        for info in live_sessions
    ]
    more = f" and {len(descriptions) - MOST_NAMED} more" if len(descriptions) > MOST_NAMED else ""
    return f"On this lakehouse run: {', '.join(descriptions[:MOST_NAMED])}{more}."
