"""Request bodies, numbers and times, as Jackson, Java and Livy read them."""

from __future__ import annotations

import json
from contextlib import suppress
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tornado")

from fabric_livy_magic.local.apache import request_parsing, views
from fabric_livy_magic.local.apache.handler import LONG_BITS, java_number, part_of
from fabric_livy_magic.local.apache.refusals import LivyRefusal
from fabric_livy_magic.local.sessions.lifetimes import BadTime, fabric_lifetimes, livy_lifetimes, time_s
from fabric_livy_magic.local.spark.session_request import SessionRequest

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def session(**fields: Any) -> SessionRequest:
    return request_parsing.session_request(request_parsing.read_session(json.dumps(fields).encode()))


def test_without_a_kind_a_session_is_shared() -> None:
    assert session() == SessionRequest(kind="shared")


@pytest.mark.parametrize(
    ("fields", "requested"),
    [
        ({"kind": "python"}, SessionRequest(kind="pyspark")),
        ({"kind": "sql", "name": 5}, SessionRequest(kind="sql", name="5")),
        ({"kind": "sql", "name": None}, SessionRequest(kind="sql")),
        ({"conf": {"a": 1, "b": True, "c": 1.5, "d": None}}, SessionRequest(kind="shared", conf={"a": "1", "b": "true", "c": "1.5"})),
        ({"jars": ["a", 1]}, SessionRequest(kind="shared", jars=("a", "1"))),
        ({"heartbeatTimeoutInSecond": "5"}, SessionRequest(kind="shared", heartbeat_timeout_s=5)),
        ({"heartbeatTimeoutInSecond": 2.9}, SessionRequest(kind="shared", heartbeat_timeout_s=2)),
        ({"driverCores": None, "numExecutors": 2}, SessionRequest(kind="shared", num_executors=2)),
    ],
)  # fmt: skip
def test_values_are_read_as_jackson_does(fields: dict[str, Any], requested: SessionRequest) -> None:
    assert session(**fields) == requested


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("", 400, "No content to map due to end-of-input"),
        ("null", 500, "java.lang.NullPointerException"),
        ("[]", 400, "Cannot deserialize value of type"),
        ('{"nosuch": 1}', 400, 'Unrecognized field "nosuch"'),
        ('{"kind": "Spark"}', 400, "Invalid kind: Spark"),
        ('{"kind": null}', 500, "java.lang.NullPointerException"),
        ('{"conf": []}', 400, "Map"),
        ('{"conf": {"a": {}}}', 400, "java.lang.String"),
        ('{"jars": "x"}', 400, "List"),
        ('{"jars": null}', 500, "java.lang.NullPointerException"),
        ('{"driverCores": true}', 500, "java.lang.ClassCastException"),
        ('{"driverCores": 4294967296}', 500, "java.lang.ClassCastException"),
        ('{"heartbeatTimeoutInSecond": "x"}', 400, "Cannot deserialize value of type `int`"),
        ('{"heartbeatTimeoutInSecond": NaN}', 400, "NaN"),
        ("[" * 100_000, 400, "nesting depth"),
    ],
)
def test_what_is_refused(body: str, status: int, words: str) -> None:
    with pytest.raises(LivyRefusal) as refused:
        request_parsing.session_request(request_parsing.read_session(body.encode()))
    assert (refused.value.status_code, words in refused.value.body) == (status, True), refused.value.body


def test_the_first_problem_of_a_body_is_the_one_that_counts() -> None:
    with pytest.raises(LivyRefusal) as refused:
        session(kind="foo", nosuch=1)
    assert refused.value.body == "Invalid kind: foo"


def test_what_follows_the_first_value_is_not_looked_at() -> None:
    assert request_parsing.read_session(b' {"kind": "sql"} ]]') == {"kind": "sql"}


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for read in (
        request_parsing.read_session,
        request_parsing.read_batch,
        request_parsing.read_statement,
        request_parsing.read_job,
    ):
        with suppress(LivyRefusal):
            read(body)


@given(st.dictionaries(st.sampled_from(list(request_parsing.SESSION)), ANY_JSON))
def test_any_values_of_known_fields_are_read_or_refused(fields: dict[str, Any]) -> None:
    with suppress(LivyRefusal):
        requested = session(**fields)
        assert all(isinstance(value, str) for value in requested.conf.values())
        assert isinstance(requested.driver_cores, int)


# ------------------------------------------------------------------------------------------------ numbers and times
@pytest.mark.parametrize(("text", "number"), [("0", 0), ("-1", -1), ("+7", 7), ("007", 7), ("2147483647", 2**31 - 1)])
def test_a_number_in_javas_words(text: str, number: int) -> None:
    assert java_number(text) == number


@pytest.mark.parametrize("text", ["", "x", "1.5", " 1", "1 ", "2147483648", "-2147483649", "٣", "9" * 5000])
def test_what_is_no_int_is_refused_with_javas_message(text: str) -> None:
    with pytest.raises(LivyRefusal) as refused:
        java_number(text)
    assert (refused.value.status_code, refused.value.body) == (400, {"msg": f'For input string: "{text}"'})


def test_ids_of_jobs_are_longs() -> None:
    assert java_number("2147483648", LONG_BITS) == 2**31


@pytest.mark.parametrize(
    ("start", "size", "part"),
    [(0, 2, "ab"), (1, 9, "bcd"), (4, 1, ""), (-1, 1, ""), (-1, 3, "ab"), (0, -1, ""), (2, -5, "")],
)
def test_a_part_of_a_list_is_scalas_slice(start: int, size: int, part: str) -> None:
    assert part_of(list("abcd"), start, size) == list(part)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 0.005),
        ("20s", 20),
        ("2 min", 120),
        ("1M", 60),
        ("1h", 3600),
        ("2d", 172_800),
        ("7us", 7e-6),
        ("9ms", 0.009),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert time_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "abc", "-1s", "1.5h", "1 fortnight", "s", "１s"])
def test_texts_that_are_no_times(text: str) -> None:
    with pytest.raises(BadTime):
        time_s(text)


# ------------------------------------------------------------------------------------------------ lifetimes
def session_of_age(
    requested: SessionRequest, state: str, idle_s: float = 0, age_s: float = 0, since_heartbeat_s: float = 0
) -> Any:
    """What the rules look at of a session."""
    ended = state == "dead"
    return SimpleNamespace(
        request=requested,
        state=state,
        ended=ended,
        idle_s=idle_s,
        age_s=age_s,
        since_heartbeat_s=since_heartbeat_s,
        ended_s=700.0,
    )


REQUESTED = SessionRequest(idle_timeout="10s", ttl="100s", heartbeat_timeout_s=5)


@pytest.mark.parametrize(
    ("session", "ends"),
    [
        (session_of_age(REQUESTED, "idle", idle_s=9), False),
        (session_of_age(REQUESTED, "idle", idle_s=11), True),
        (session_of_age(REQUESTED, "error", idle_s=11), True),
        (session_of_age(REQUESTED, "busy", idle_s=11), False),
        (session_of_age(REQUESTED, "starting", idle_s=11), False),
        (session_of_age(REQUESTED, "busy", age_s=101), True),
        (session_of_age(REQUESTED, "starting", since_heartbeat_s=6), True),
        (session_of_age(SessionRequest(), "idle", idle_s=3599, age_s=1e9, since_heartbeat_s=1e9), False),
        (session_of_age(SessionRequest(), "idle", idle_s=3601), True),
    ],
)
def test_when_a_session_of_livys_is_over(session: Any, ends: bool) -> None:
    assert (livy_lifetimes().reason_to_end(session) is not None) == ends


def test_livy_itself_ends_busy_sessions_too() -> None:
    assert livy_lifetimes(quirks=True).reason_to_end(session_of_age(REQUESTED, "busy", idle_s=11))


def test_fabric_takes_the_idle_timeout_from_conf_and_knows_no_other() -> None:
    rules = fabric_lifetimes()
    requested = SessionRequest(conf={"spark.livy.session.idle.timeout": "2s"}, ttl="1s", heartbeat_timeout_s=1)
    assert rules.reason_to_end(session_of_age(requested, "idle", idle_s=3))
    assert rules.reason_to_end(session_of_age(requested, "idle", idle_s=1, age_s=9, since_heartbeat_s=9)) is None
    unreadable = SessionRequest(conf={"spark.livy.session.idle.timeout": "soon"})
    assert rules.reason_to_end(session_of_age(unreadable, "idle", idle_s=1199)) is None
    assert rules.reason_to_end(session_of_age(unreadable, "idle", idle_s=1201))
    assert rules.keep_ended_s == inf


def test_livy_forgets_what_ended_ten_minutes_ago() -> None:
    assert livy_lifetimes().forgets(session_of_age(REQUESTED, "dead"))
    assert not livy_lifetimes().forgets(session_of_age(REQUESTED, "idle"))


# ------------------------------------------------------------------------------------------------ logs
class Log:
    def stdout_lines(self) -> list[str]:
        return ["printed"]

    def stderr_lines(self) -> list[str]:
        return ["one", "two"]


@pytest.mark.parametrize(
    ("start", "size", "first", "lines"),
    [
        (-1, 100, 0, ["stdout: ", "printed", "\nstderr: ", "one", "two"]),
        (-1, 2, 3, ["one", "two"]),
        (-1, 0, 5, []),
        (-4, 2, 3, ["one", "two"]),
        (-(1 << 31), 100, 0, ["stdout: ", "printed", "\nstderr: ", "one", "two"]),
        (-4, -1, 0, ["stdout: ", "printed", "\nstderr: ", "one", "two"]),
        (1, (1 << 31) - 1, 1, []),
        (1, 2, 1, ["printed", "\nstderr: "]),
        (0, -1, 0, ["stdout: ", "printed", "\nstderr: ", "one", "two"]),
        (9, 2, 9, []),
    ],
)
def test_a_part_of_a_log(start: int, size: int, first: int, lines: list[str]) -> None:
    assert views.log_view(3, Log(), start, size) == {"id": 3, "from": first, "total": 5, "log": lines}
