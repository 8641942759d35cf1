"""How the outputs of a cell that runs are read from the driver's log: which lines, how often, and when no more."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from fabric_livy_magic.errors import HttpError, ThrottledError
from fabric_livy_magic.livy.client import LivyClient
from fabric_livy_magic.livy.driver_log import FIRST_BACK_BYTES, DriverLog
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.monitoring import Monitored, SparkMonitoring
from fabric_livy_magic.local.interpreters.live_scala import channel_of
from fabric_livy_magic.running import live_output
from fabric_livy_magic.running.live_output import News, Reader
from fabric_livy_magic.running.results import Cleared, Printed
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.request_auth import BearerAuth
from tests.support.fakes import APPLICATION, FakeFabric

Part = Callable[[str], list[bytes]] | Exception


class ScriptedLog:
    """Of a server: what comes with each look, for the channel of the cell."""

    def __init__(self, *looks: Part, is_near: bool = True) -> None:
        self.looks, self.is_near, self.was_given_up, self.channel = list(looks), is_near, False, ""

    def read(self) -> list[bytes]:
        look = self.looks.pop(0) if self.looks else lambda _: []
        if isinstance(look, Exception):
            raise look
        return look(self.channel)

    def is_missing(self) -> None:
        self.was_given_up = True


def line(number: int, *events: Any, prefix: str = "", channel: str = "") -> Part:
    text = json.dumps(events)
    return lambda own: [f"{prefix}[live fabric-livy {channel or own} {number}] {text}".encode()]


def printed(text: str) -> dict[str, Any]:
    return {"n": 1, "stream": "stdout", "text": text}


def read(log: ScriptedLog, looks: int = 10) -> tuple[list[News], list[float]]:
    """What was heard in that many looks, and the pauses before them."""
    heard: list[News] = []
    pauses: list[float] = []

    def hear(news: Sequence[News]) -> None:
        heard.extend(news)

    def wait(pause_s: float) -> bool:
        pauses.append(pause_s)
        return len(pauses) > looks

    reader = Reader(log, hear, wait)
    log.channel = reader.channel
    reader.read()
    return heard, pauses[:looks]


def test_lines_of_this_cell_are_read_wherever_they_stand() -> None:
    other = line(0, printed("of another cell"), channel="0" * 32)
    log = ScriptedLog(
        line(0), other, line(1, printed("a"), {"clear": True}, prefix="24/01/01 INFO "), lambda _: [b"WARN x"]
    )
    heard, _ = read(log)
    assert [type(one) for one in heard] == [Printed, Cleared]
    assert heard[0] == Printed("a")


@pytest.mark.parametrize(
    "wrong",
    [
        line(2, printed("after a line that is missing")),
        lambda own: [f"[live fabric-livy {own} 1] [{{".encode()],
        lambda own: [f"[live fabric-livy {own} 1] 5".encode()],
        HttpError("no such log", status=404),
    ],
)
def test_what_is_out_of_step_ends_the_reading_and_nothing_else(wrong: Part) -> None:
    heard, pauses = read(ScriptedLog(line(0, printed("a")), wrong, line(3, printed("b"))))
    assert (heard, len(pauses)) == ([Printed("a")], 2)


def test_an_event_that_is_none_is_left_out() -> None:
    heard, _ = read(ScriptedLog(line(0, {"n": 1}, 5, None, printed("a"))))
    assert heard == [Printed("a")]


def test_a_log_without_any_line_of_the_cell_is_given_up_for_the_session() -> None:
    log = ScriptedLog(is_near=False)
    assert read(log)[1] == [2.5, 5.0, 10.0, 15.0]
    assert log.was_given_up


def test_a_server_elsewhere_is_asked_every_two_seconds_while_something_comes_and_ever_later_then() -> None:
    spare = ThrottledError("no call to spare")
    log = ScriptedLog(line(0), line(1, printed("a")), line(2, printed("b")), spare, is_near=False)
    heard, pauses = read(log, 8)
    assert heard == [Printed("a"), Printed("b")]
    assert pauses == [2.5, 5.0, 2.0, 2.0, 4.0, 8.0, 15.0, 15.0]


def test_one_on_this_machine_is_asked_more_often_until_something_has_come() -> None:
    assert read(ScriptedLog(lambda _: [], line(0, printed("a"))), 5)[1] == [0.2, 0.2, 0.4, 0.4, 0.4]


def test_a_scala_cell_is_listed_as_it_was_written() -> None:
    asking = live_output.asking("val a = 1 // b", "0123456789abcdef" * 2)
    assert channel_of(asking) == ("val a = 1 // b", "0123456789abcdef" * 2)
    assert live_output.as_written(asking) == live_output.as_written("val a = 1 // b") == "val a = 1 // b"


# ------------------------------------------------------------------------------------------------ the log
@pytest.fixture
def log(fabric: FakeFabric) -> DriverLog:
    http = LivyHttp(fabric.url, BearerAuth(StaticToken(fabric.token)))
    LivyClient(http).list_sessions()  # signs in, which nobody does for a log
    fabric.requests.clear()
    return DriverLog(SparkMonitoring(http, lambda: Monitored("7", APPLICATION)))


def serve(fabric: FakeFabric, *bodies: Any) -> None:
    for body in bodies:
        fabric.fault("GET", "/logs", status=200, body=body)


def test_whole_lines_are_read_from_where_the_log_had_ended(fabric: FakeFabric, log: DriverLog) -> None:
    length = FIRST_BACK_BYTES + 100
    serve(fabric, {"containerLogMeta": {"fileName": "stdout", "length": str(length)}}, "tail\none\ntw", "o\n", "")
    assert [log.read() for _ in range(3)] == [[b"tail", b"one"], [b"two"], []]
    queries = [{key: value for key, (value,) in request.query.items()} for request in fabric.requests]
    assert queries[0] == {"type": "driver", "fileName": "stdout", "meta": "true"}
    assert [query.get("offset") for query in queries[1:]] == ["100", "111", "113"]


def test_a_log_that_is_not_shown_costs_the_jobs_nothing(fabric: FakeFabric, log: DriverLog) -> None:
    for _ in range(3):
        fabric.fault("GET", "/logs", status=404, body={})
        with pytest.raises(HttpError):
            log.read()
    assert log.may_ask
    log.is_missing()
    assert not log.may_ask
