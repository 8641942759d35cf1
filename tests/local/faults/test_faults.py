"""The fault file, and which requests and sessions get a fault; without a server."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.local.faults.reading import BadFaults, faults_of, read_faults
from fabric_livy_magic.local.faults.rules import Call, Faults, Span, StatusFault, own_conf, path_pattern
from fabric_livy_magic.local.faults.sessions import tags_of
from fabric_livy_magic.local.web.fault_answers import altered_statement, blocked_until, first_half

FABRIC = "/v1/workspaces/w/lakehouses/l/livyapi/versions/2023-12-01"


def faults(text: str, seed: int = 1) -> Faults:
    return faults_of({"seed": seed, **tomllib.loads(text)})


def rules_applied(made: Faults, calls: Iterable[Call]) -> list[str]:
    """The rule that applies to each of the calls, or an empty text."""
    return [injected.fault.rule if (injected := made.inject(call)).fault else "" for call in calls]


def gets(path: str, times: int = 1) -> list[Call]:
    return [Call("GET", path)] * times


# ------------------------------------------------------------------------------------------------ wrong files
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sead = 1", "the file: 'sead' is not known, only requests, seed, sessions"),
        ("seed = 'x'", "the file: seed is a whole number from 0 on"),
        ("requests = 1", "the file: requests is a list of tables: write [[requests]]"),
        ("requests = [1]", "requests[0]: a table is needed"),
        ("[[requests]]", "requests[0]: status, connection, answer, delay_s or stall_s is needed: what is to happen"),
        ("[[requests]]\nstatus = 500\n[[requests]]\nstaus = 1", "requests[1]: 'staus' is not known, only after, "),
        ("[[requests]]\nstatus = 600", "requests[0]: status is a number from 200 to 599"),
        ("[[requests]]\nstatus = 100", "requests[0]: status is a whole number from 200 on"),
        ("[[requests]]\nstatus = true", "requests[0]: status is a whole number from 200 on"),
        ("[[requests]]\nstatus = 500\nanswer = 'html'", "requests[0]: status and answer are two faults; make them two"),
        ("[[requests]]\nconnection = 'drop'", "requests[0]: connection is one of close, reset, cut, not 'drop'"),
        ("[[requests]]\nanswer = ['html']", "requests[0]: answer is one of html, "),
        ("[[requests]]\ndelay_s = 1\nerror_code = 'X'", "requests[0]: error_code belongs to a status, which is not"),
        ("[[requests]]\nanswer = 'html'\nafter_work = true", "requests[0]: after_work belongs to a status or a conn"),
        ("[[requests]]\nstatus = 500\nafter_work = 1", "requests[0]: after_work is true or false"),
        ("[[requests]]\nstatus = 500\npath = '/'", "requests[0]: path is the end of one, such as /sessions/*"),
        ("[[requests]]\nstatus = 500\npath = 3", "requests[0]: path is a text"),
        ("[[requests]]\nstatus = 500\nmethod = 'FETCH'", "requests[0]: method has 'FETCH', which is none of GET, "),
        ("[[requests]]\nstatus = 500\nmethod = []", "requests[0]: method is empty"),
        ("[[requests]]\nstatus = 500\nshare = 1.5", "requests[0]: share is a number from 0 to 1"),
        ("[[requests]]\nstatus = 500\nshare = nan", "requests[0]: share is a number that is not below 0"),
        ("[[requests]]\nstatus = 500\ntimes = 0", "requests[0]: times is a whole number from 1 on"),
        ("[[requests]]\nstatus = 500\nafter = -1", "requests[0]: after is a whole number from 0 on"),
        ("[[requests]]\nstatus = 500\nper = 'day'", "requests[0]: per is one of all, path, token, not 'day'"),
        ("[[requests]]\ndelay_s = -1", "requests[0]: delay_s is a number that is not below 0"),
        ("[[requests]]\ndelay_s = inf", "requests[0]: delay_s is a number that is not below 0"),
        ("[[requests]]\ndelay_s = [2, 1]", "requests[0]: delay_s begins with the lower number"),
        ("[[requests]]\ndelay_s = [1]", "requests[0]: delay_s is a number of seconds, or a list of the least and the"),
        ("[[requests]]\nstatus = 429\nretry_after = 'date'", "requests[0]: retry_after needs retry_after_s: how long"),
        ("[[requests]]\nstatus = 204\nbody = 'html'", "requests[0]: an answer of status 204 has no body"),
        ("[[requests]]\nstatus = 302\nheaders = {Location = 1}", "requests[0]: headers is a table of texts"),
        ('[[requests]]\nstatus = 302\nheaders = {A = "b\\nc"}', "requests[0]: 'A' with this value is no header"),
        ("[[requests]]\nstatus = 302\nheaders = {'a b' = 'c'}", "requests[0]: 'a b' with this value is no header"),
        ("[[requests]]\nstatus = 302\nheaders = {content-length = '1'}", "requests[0]: content-length follows from"),
        ("[[sessions]]", "sessions[0]: start, fallback, tags or end is needed: what is to happen"),
        ("[[sessions]]\nper = 'path'", "sessions[0]: 'per' is not known"),
        ("[[sessions]]\ntags = {a = 1}", "sessions[0]: tags is a table of texts"),
        ("[[sessions]]\nstart.second = 1", "sessions[0].start: 'second' is not known, only seconds, states"),
        ("[[sessions]]\nstart = 3", "sessions[0].start: a table is needed"),
        ("[[sessions]]\nstart.states = ['idle']", "sessions[0].start: states has 'idle', which is none of queued, "),
        (
            "[[sessions]]\nstart.states = ['starting', 'queued']",
            "sessions[0].start: states of Fabric come before those of Livy",
        ),
        ("[[sessions]]\nend.state = 'dead'", "sessions[0].end: one of during, after_s and after_statements is needed"),
        ("[[sessions]]\nend.after_s = 1\nend.after_statements = 1", "sessions[0].end: one of during, after_s and"),
        ("[[sessions]]\nend.during = 'starting'", "sessions[0].end: during is one of queued, libraryPackaging, "),
        ("[[sessions]]\nend.during = 'queued'\nend.state = 'killed'", "sessions[0].end: state is one of error, canc"),
        ("[[sessions]]\nend.after_s = 1\nend.state = 'cancelled'", "sessions[0].end: state is one of dead, killed, "),
        ("[[sessions]]\nend.after_s = 1\nend.source = 'me'", "sessions[0].end: source is one of System, User, "),
        ("[[sessions]]\nend.after_s = 1\nend.result = ''", "sessions[0].end: result is one of Uncertain, Succeeded, "),
    ],
)
def test_a_wrong_file_is_refused_with_the_position(text: str, message: str) -> None:
    with pytest.raises(BadFaults) as refused:
        faults_of(tomllib.loads(text))
    assert str(refused.value).startswith(message)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "faults.toml").write_text("seed = 7", encoding="utf-8-sig")
    assert read_faults(tmp_path / "faults.toml").seed == 7


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = ["method", "path", "after", "times", "share", "per", "delay_s", "stall_s", "after_work", "status", "connection"]
KEYS += ["answer", "error_code", "message", "retry_after_s", "retry_after", "body", "headers"]
SESSION_KEYS = ["name", "own_conf", "after", "times", "share", "start", "fallback", "tags", "end"]


@given(
    st.dictionaries(st.sampled_from(KEYS), json_values, max_size=4),
    st.dictionaries(st.sampled_from(SESSION_KEYS), json_values, max_size=4),
)
def test_whatever_the_file_holds_it_is_read_or_refused(request: dict[str, Any], session: dict[str, Any]) -> None:
    for content in ({"requests": [request]}, {"sessions": [session]}):
        complaint = ""
        try:
            made = faults_of(content)
            made.inject(Call("GET", "/v1/workspaces"))
            made.inject_in_session("name", {})
        except BadFaults as refused:
            complaint = str(refused)
        assert complaint.startswith(("requests[0]", "sessions[0]")) or not complaint


# ------------------------------------------------------------------------------------------------ paths
@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/sessions", "/sessions", True),
        ("sessions", f"{FABRIC}/sessions/", True),
        ("/SESSIONS", f"{FABRIC}/sessions", True),
        ("/sessions", "/v1/livysessions", False),
        ("/sessions", f"{FABRIC}/sessions/1", False),
        ("/sessions/*", f"{FABRIC}/sessions/a-b-c", True),
        ("/sessions/*", "/sessions/0/statements", False),
        ("/sessions/*/statements", "/sessions/0/statements", True),
        ("/statements/*", f"{FABRIC}/highConcurrencySessions/s/repls/r/statements/7", True),
        ("/sessions/**", "/sessions", True),
        ("/sessions/**", "/sessions/0/statements/3/cancel", True),
        ("/sessions/**", "/batches/0", False),
        ("/lakehouses/**/statements/*", f"{FABRIC}/sessions/s/statements/3", True),
        ("/repls/r-*/statements", "/x/repls/r-7/statements", True),
        ("/repls/r-*/statements", "/x/repls/7/statements", False),
        ("/a.b", "/aXb", False),
        ("**", "/anything/at/all", True),
        ("**", "/", True),
    ],
)
def test_a_pattern_is_the_end_of_a_path(pattern: str, path: str, fits: bool) -> None:
    made = faults(f'[[requests]]\npath = "{pattern}"\nstatus = 500')
    assert (rules_applied(made, gets(path)) == ["requests[0]"]) is fits


@given(st.lists(st.text(st.characters(exclude_characters="/*", codec="utf-8"), min_size=1), min_size=1, max_size=5))
def test_a_path_fits_itself_and_each_of_its_ends(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    for start in range(len(parts)):
        pattern = path_pattern("/" + "/".join(parts[start:]))
        assert any(pattern.fullmatch(path, at) for at, letter in enumerate(path) if letter == "/")


def test_a_path_of_many_slashes_takes_no_time() -> None:
    made = faults('[[requests]]\npath = "/a/**/b/**/c"\nstatus = 500')
    assert rules_applied(made, gets("/a" * 30_000, 20)) == [""] * 20


# ------------------------------------------------------------------------------------------------ which requests, and how often
def test_a_rule_is_for_its_methods() -> None:
    made = faults('[[requests]]\nmethod = ["POST", "DELETE"]\nstatus = 500')
    assert rules_applied(made, [Call(method, "/a") for method in ("GET", "POST", "DELETE")]) == [
        "",
        "requests[0]",
        "requests[0]",
    ]


def test_the_first_rule_that_applies_decides_and_the_others_do_not_count_the_request() -> None:
    made = faults("[[requests]]\nstatus = 500\ntimes = 2\n[[requests]]\nstatus = 501\nafter = 1\ntimes = 1")
    assert rules_applied(made, gets("/a", 6)) == ["requests[0]", "requests[0]", "", "requests[1]", "", ""]


def test_rules_that_only_wait_add_up_and_those_below_are_tried() -> None:
    made = faults("[[requests]]\ndelay_s = 1\n[[requests]]\nstall_s = 2\n[[requests]]\nstatus = 500\ndelay_s = 4")
    injected = made.inject(Call("GET", "/a"))
    assert (injected.delay_s, injected.stall_s) == (5, 2)
    assert injected.fault is not None
    assert isinstance(injected.fault.action, StatusFault)


def test_counts_may_be_kept_for_each_path() -> None:
    made = faults('[[requests]]\npath = "/sessions/*"\nstatus = 404\ntimes = 2\nper = "path"')
    calls = [*gets("/sessions/a", 3), *gets("/sessions/b", 3), *gets("/sessions/A/", 1)]
    assert rules_applied(made, calls) == [*(["requests[0]"] * 2), "", *(["requests[0]"] * 2), "", ""]


def test_a_token_that_expires_stays_expired_until_another_comes() -> None:
    made = faults('[[requests]]\nstatus = 401\nafter = 2\nper = "token"')
    old, new = Call("GET", "/a", "Bearer old"), Call("GET", "/a", "Bearer new")
    expired = "requests[0]"
    assert rules_applied(made, [old, old, old, old, new, new, old, new]) == [
        "",
        "",
        expired,
        expired,
        "",
        "",
        expired,
        expired,
    ]


def test_an_answer_that_needs_a_finished_statement_counts_only_those() -> None:
    made = faults('[[requests]]\nanswer = "null-output"\ntimes = 1\n[[requests]]\nstatus = 500\nafter = 1')
    first, second = (made.inject(call) for call in gets("/statements/0", 2))
    assert (first.fault, second.fault is None) == (None, False)
    (fault,) = first.reply_faults
    call = Call("GET", "/statements/0")
    assert [made.inject_in_reply(fault, call) for _ in range(2)] == [True, False]


TEN_SHARED = "[[requests]]\nstatus = 500\nshare = 0.3\n[[requests]]\nstatus = 501\nshare = 0.5\ndelay_s = [1, 2]"


@given(st.integers(0, 2**31), st.integers(1, 60))
def test_one_seed_always_gives_the_same(seed: int, count: int) -> None:
    one, other = (faults(TEN_SHARED, seed) for _ in range(2))
    assert [one.inject(call) for call in gets("/a", count)] == [other.inject(call) for call in gets("/a", count)]


def test_a_share_is_about_that_share_and_seeds_differ() -> None:
    runs = [
        rules_applied(faults("[[requests]]\nstatus = 500\nshare = 0.3", seed), gets("/a", 1000)) for seed in range(5)
    ]
    assert all(250 < run.count("requests[0]") < 350 for run in runs)
    assert len({tuple(run) for run in runs}) == 5


@given(st.integers(0, 5), st.none() | st.integers(1, 5), st.floats(0, 1), st.integers(0, 30))
def test_after_and_times_hold_for_any_share(after: int, times: int | None, share: float, count: int) -> None:
    content = {"status": 500, "after": after, "share": share} | ({} if times is None else {"times": times})
    hit = [bool(rule) for rule in rules_applied(faults_of({"seed": 3, "requests": [content]}), gets("/a", count))]
    assert not any(hit[:after])
    assert times is None or sum(hit) <= times
    assert share < 1 or sum(hit) == min(max(0, count - after), times or count)


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 1))
def test_what_is_picked_of_a_range_lies_within_it(one: float, other: float, fraction: float) -> None:
    low, high = sorted((one, other))
    assert low - 1e-9 <= Span(low, high).pick(fraction) <= high + 1e-9


def test_without_a_seed_each_run_has_another() -> None:
    assert faults_of({}).seed != faults_of({}).seed


# ------------------------------------------------------------------------------------------------ sessions
def test_sessions_are_chosen_by_name_count_and_conf() -> None:
    made = faults(
        '[[sessions]]\nname = "etl-*"\nafter = 1\ntimes = 1\ntags = {which = "by name"}\n'
        '[[sessions]]\nown_conf = true\nfallback = true\ntags = {which = "by conf"}'
    )
    own = {"spark.executor.memoryOverhead": "1g", "spark.sql.shuffle.partitions": "7", "spark.x": "y"}
    found = [
        tags_of(injected, conf)["which"] if (injected := made.inject_in_session(name, conf)) else ""
        for name, conf in [("etl-1", {}), ("etl-2", {}), ("etl-3", {}), ("a", {"spark.sql.x": "y"}), ("etl-4", own)]
    ]
    assert found == ["", "by name", "", "", "by conf"]
    assert own_conf(own) == ["spark.executor.memoryOverhead", "spark.x"]
    injected = made.inject_in_session("b", own)
    assert injected is not None
    tags = tags_of(injected, own)
    assert tags["FallbackReasons"] == "UserSparkConfigMismatch"
    assert tags["FallbackMessages"].endswith("incompatible with the pool: spark.executor.memoryOverhead,spark.x,")


def test_a_start_may_never_end() -> None:
    injected = faults("[[sessions]]\nstart.seconds = inf\nstart.states = ['queued']").inject_in_session("a", {})
    assert injected is not None
    assert (injected.start_s, injected.fault.states) == (inf, ("queued",))


@pytest.mark.parametrize(
    ("text", "state", "message", "result"),
    [
        ("end.after_s = 1", "dead", "The session died.", ""),
        ("end.during = 'queued'", "error", "The session failed.", ""),
        ("end.after_s = 1\nend.state = 'killed'\nend.cancellation_reason = 'hub'", "killed", "", ""),
        ("end.after_s = 1\nend.state = 'success'", "success", "", ""),
        ("end.after_s = 1\nend.message = 'm'\nend.result = 'Uncertain'", "dead", "m", "Uncertain"),
    ],
)
def test_an_end_has_default_values(text: str, state: str, message: str, result: str) -> None:
    injected = faults(f"[[sessions]]\n{text}").inject_in_session("a", {})
    assert injected is not None
    assert injected.fault.end is not None
    end = injected.fault.end
    assert (end.state, end.reason.message, end.reason.result) == (state, message, result)


# ------------------------------------------------------------------------------------------------ answers
@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 4, 17, 12, 22, 35, tzinfo=UTC), "4/17/2026 12:22:35 PM (UTC)"),
        (datetime(2026, 11, 2, 0, 5, 9, tzinfo=UTC), "11/2/2026 12:05:09 AM (UTC)"),
        (datetime(2026, 1, 31, 13, 0, 0, tzinfo=UTC), "1/31/2026 1:00:00 PM (UTC)"),
    ],
)
def test_the_time_of_a_blocked_request_is_written_as_fabric_does(moment: datetime, text: str) -> None:
    assert blocked_until(moment) == f"Request is blocked by the upstream service until: {text}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"state": "running", "output": null}',
        b'{"state": "available", "output": null}',
        b"[" * 99_999,
    ],
)
def test_what_shows_no_finished_statement_is_left_as_it_is(body: bytes) -> None:
    assert altered_statement(body, "null-output") is None


def test_a_finished_statement_is_shown_without_output_or_in_state_error() -> None:
    body = b'{"id": 1, "state": "available", "output": {"status": "ok"}, "code": "\\ud800"}'
    assert altered_statement(body, "null-output") == (
        b'{"id": 1, "state": "available", "output": null, "code": "\\ud800"}'
    )
    assert altered_statement(body, "error-state") == body.replace(b"available", b"Error")


@given(st.binary(min_size=1))
def test_half_is_less_than_all(body: bytes) -> None:
    half = first_half(body)
    assert len(half) < len(body)
    assert body.startswith(half)
