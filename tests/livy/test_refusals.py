"""Refusals and odd answers become errors that say what to do; `Retry-After` in all its forms."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic import errors
from fabric_livy_magic.errors import HttpError, NotFoundError, NotLivyError
from fabric_livy_magic.livy.failures import http_error, retry_after_s
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.json_answers import WrittenFloat
from tests.support.fakes import FakeFabric
from tests.support.timing import FakeClock

# ------------------------------------------------------------------------------------------------ refusals
REFUSALS = [
    (401, errors.AccessError, "FABRIC_LIVY_TOKEN"),
    (403, errors.AccessError, "Contributor"),
    (404, errors.NotFoundError, "Not found"),
    (410, errors.NotFoundError, "Not found"),
    (429, errors.ThrottledError, "fewer calls"),
    (430, errors.CapacityError, "%livy sessions"),
    (400, errors.HttpError, "answered 400"),
    (500, errors.HttpError, "answered 500"),
]
BODIES = {
    "Fabric": (
        {"errorCode": "Code1", "message": "Words here.", "requestId": "r-1", "moreDetails": []},
        "Code1: Words here",
    ),
    "nested": ({"error": {"code": "Code1", "message": "Words here"}}, "Code1: Words here"),
    "message only": ({"message": "Words here"}, "Words here"),
    "Apache Livy": ({"msg": "Words here"}, "Words here"),
    "bare string": ("Words here.\n\tat java.lang.Thread.run(Thread.java:840)", "Words here"),
    "HTML": ("<html><head><title>Words\n here &amp; there</title></head></html>", "an HTML page, “Words here & there”"),
    "HTML without a title": ("<!DOCTYPE html><p>x", "an HTML page"),
    "text": ("upstream says no", "upstream says no"),
    "nothing": ("", ""),
    "list": ([1], "[1]"),
}


def response(status: int, body: Any, headers: dict[str, str] | None = None) -> requests.Response:
    answer = requests.Response()
    answer.status_code, answer.url = status, "https://api.fabric.microsoft.com/v1/x"
    answer._content = (
        body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    )
    answer.headers.update(headers or {})
    return answer


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InsufficientScopes", "delegated permission"),
        ("ServicePrincipalsNotAllowed", "Tenant settings"),
        ("PrincipalTypeNotSupported", "sign in as a person"),
    ],
)
def test_where_no_role_is_missing_the_hint_says_what_is(code: str, message: str) -> None:
    error = http_error(response(403, {"errorCode": code, "message": "m"}))
    assert type(error) is errors.AccessError
    assert message in str(error)
    assert "Contributor" not in str(error)


@pytest.mark.parametrize(("status", "kind", "message"), REFUSALS)
def test_each_status_becomes_its_error(status: int, kind: type[HttpError], message: str) -> None:
    error = http_error(response(status, {"errorCode": "C", "message": "m", "requestId": "r-1"}))
    assert type(error) is kind
    assert (error.status, error.code, error.request_id) == (status, "C", "r-1")
    assert message in str(error)
    assert "r-1" in str(error)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 430, 500, 503])
def test_the_servers_message_is_part_of_the_message(name: str, status: int) -> None:
    body, words = BODIES[name]
    if name == "bare string":
        body = json.dumps(body)
    text = str(http_error(response(status, body)))
    assert words in text
    assert ".." not in text
    assert "  " not in text


def test_the_request_id_of_a_header_is_kept() -> None:
    assert http_error(response(500, "", {"RequestId": "h-1"})).request_id == "h-1"


@given(
    status=st.integers(300, 599),
    body=st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["error", "errorCode", "code", "message", "msg", "requestId"]), inner)
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_any_refusal_can_be_read(status: int, body: bytes) -> None:
    error = http_error(response(status, body))
    assert str(error)
    assert error.status == status
    assert error.code is None or isinstance(error.code, str)
    assert error.request_id is None or isinstance(error.request_id, str)


@pytest.mark.parametrize(
    "body",
    ["<html><title>Sign in</title></html>", "not json", '{"id": ', "\x00\xff"],
    ids=["HTML", "text", "cut", "binary"],
)
def test_a_server_that_is_no_livy_server_is_named_with_its_answer(
    http: LivyHttp, fabric: FakeFabric, body: str
) -> None:
    fabric.fault("GET", "/sessions", status=200, body=body)
    with pytest.raises(NotLivyError, match="Check the address") as caught:
        http.get("/sessions")
    if "title" in body:
        assert "an HTML page, “Sign in”" in str(caught.value)


def test_an_endlessly_nested_answer_is_no_livy_answer(http: LivyHttp, fabric: FakeFabric) -> None:
    fabric.fault("GET", "/sessions", status=200, body="[" * 200_000)
    with pytest.raises(NotLivyError):
        http.get("/sessions")


def test_an_unknown_path_is_not_found(http: LivyHttp) -> None:
    with pytest.raises(NotFoundError, match="EntityNotFound: The requested resource could not be found"):
        http.get("/nosuch")


def test_an_address_below_a_livy_server_is_reported_as_wrong(apache_livy: FakeFabric) -> None:
    with pytest.raises(NotFoundError) as caught:
        LivyHttp(f"{apache_livy.url}/ui").post("/sessions", {})
    assert f"127.0.0.1:{apache_livy.port} has nothing at /ui/sessions. Check the address" in str(caught.value)


def test_an_illegal_state_of_apache_livy_is_not_retried(apache_livy: FakeFabric, clock: FakeClock) -> None:
    apache_livy.fault("GET", "/sessions", status=500, body='"java.lang.IllegalStateException: RPC channel is closed."')
    with pytest.raises(HttpError, match=r"answered 500: java\.lang\.IllegalStateException: RPC channel is closed\.$"):
        LivyHttp(apache_livy.url, clock=clock, sleep=clock.sleep).get("/sessions")
    assert len(apache_livy.requests) == 1


# ------------------------------------------------------------------------------------------------ Retry-After
NOON = datetime(2026, 4, 17, 12, 0, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("header", "message", "seconds"),
    [
        ("55", "", 55),
        (" 55 ", "", 55),
        ("0", "", 0),
        ("Fri, 17 Apr 2026 12:00:30 GMT", "", 30),
        ("Fri, 17 Apr 2026 11:00:00 GMT", "", 0),
        (None, "Too many calls until: 4/17/2026 12:01:05 PM (UTC)", 65),
        (None, "until: 4/17/2026 1:00:00 AM (UTC)", 0),
        ("soon", "until: 4/17/2026 12:00:10 PM (UTC)", 10),
        (None, "until: 99/99/2026 12:00:10 PM (UTC)", None),
        (None, "", None),
        ("", "", None),
        ("soon", "", None),
        ("-5", "", None),
        ("²", "", None),
    ],
)
def test_how_long_to_wait_is_read_from_every_form(header: str | None, message: str, seconds: float | None) -> None:
    assert retry_after_s(header, message, now=lambda: NOON) == seconds


@given(
    header=st.none()
    | st.text()
    | st.from_regex(r"\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} (GMT|[+-]\d{4})", fullmatch=True)
    | st.from_regex(r"[0-9]{1,400}", fullmatch=True),
    message=st.text()
    | st.from_regex(r"until: \d{1,3}/\d{1,3}/\d{4} \d{1,2}:\d{2}:\d{2} [AP]M \(UTC\)", fullmatch=True),
)
def test_any_retry_after_gives_seconds_or_nothing(header: str | None, message: str) -> None:
    seconds = retry_after_s(header, message)
    assert seconds is None or seconds >= 0


def test_a_date_without_a_zone_is_utc() -> None:
    assert retry_after_s("Fri, 17 Apr 2026 12:00:30 -0000", now=lambda: NOON) == 30


def test_a_number_keeps_all_its_digits() -> None:
    assert str(WrittenFloat("12345678901234567890.123456789")) == "12345678901234567890.123456789"
    assert WrittenFloat("0.5") + 1 == 1.5
    assert json.dumps([WrittenFloat("0.10")]) == "[0.1]"
    assert pickle.loads(pickle.dumps(WrittenFloat("0.25"))) == 0.25
