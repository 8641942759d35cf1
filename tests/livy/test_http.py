"""One request: what is sent, what a refusal becomes, and what may be sent twice."""

from __future__ import annotations

import json
import pickle
import socket
import ssl
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic import errors
from fabric_livy_magic.errors import ConnectionFailed, HttpError, NotFoundError, NotLivyError, ThrottledError
from fabric_livy_magic.livy.failures import broken, error_from, retry_after_s
from fabric_livy_magic.livy.http import LivyHttp, WrittenFloat
from fabric_livy_magic.livy.retries import RetryPolicy, may_repeat
from fabric_livy_magic.signin.external_credentials import GivenToken
from fabric_livy_magic.signin.request_auth import BearerAuth
from fabric_livy_magic.signin.tokens import AccessToken
from tests.support.fakes import FakeFabric
from tests.support.timing import FakeClock


def http_to(fabric: FakeFabric, clock: FakeClock, **more: Any) -> LivyHttp:
    return LivyHttp(fabric.url, BearerAuth(GivenToken(fabric.token)), clock=clock, sleep=clock.sleep, **more)


@pytest.fixture
def http(fabric: FakeFabric, clock: FakeClock) -> LivyHttp:
    return http_to(fabric, clock)


class Renewing:
    """A credential whose first token is old."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = list(secrets)

    def token(self, audience: str = "fabric", *, renew: bool = False) -> AccessToken:
        return AccessToken(self.secrets.pop(0) if len(self.secrets) > 1 else self.secrets[0])


# ------------------------------------------------------------------------------------------------ what is sent
def test_a_request_names_its_sender_so_that_livys_csrf_protection_lets_it_in(
    http: LivyHttp, fabric: FakeFabric
) -> None:
    http.post("/sessions", {})
    assert fabric.requests[0].headers["x-requested-by"] == "fabric-livy-magic"
    assert fabric.requests[0].headers["accept"] == "application/json"


def test_a_token_travels_in_the_header_and_nowhere_else(http: LivyHttp, fabric: FakeFabric) -> None:
    http.get("/sessions", {"$top": "5"})
    request = fabric.requests[0]
    assert request.headers["authorization"] == f"Bearer {fabric.token}"
    assert fabric.token not in request.raw_path
    assert fabric.token not in repr(http)


def test_an_empty_answer_is_none(http: LivyHttp, fabric: FakeFabric) -> None:
    session_id = http.post("/sessions", {})["id"]
    assert http.delete(f"/sessions/{session_id}") is None


def test_a_proxy_of_the_environment_does_not_see_calls_to_this_machine(
    fabric: FakeFabric, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    http_to(fabric, clock).get("/sessions")
    assert len(fabric.requests) == 1


def test_a_redirect_is_refused_since_it_could_carry_the_token_away(http: LivyHttp, fabric: FakeFabric) -> None:
    fabric.fault("GET", "/sessions", status=302, headers={"Location": "https://login.example/"})
    with pytest.raises(NotLivyError, match=r"redirects to https://login\.example/"):
        http.get("/sessions")
    assert len(fabric.requests) == 1


# ------------------------------------------------------------------------------------------------ exactly once
LOST = {
    "reset": {"closes": True},
    "reset after acting": {"closes": True, "acts": True},
    "answer cut short": {"status": 202, "body": '{"id": "1"}', "cuts": True, "acts": True},
    "500": {"status": 500, "body": '"boom"'},
    "502 in HTML": {"status": 502, "body": "<html><title>Bad Gateway</title></html>"},
    "503": {"status": 503},
    "504": {"status": 504},
    "broken JSON": {"status": 202, "body": '{"id": ', "acts": True},
}


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_a_post_whose_fate_is_unknown_is_sent_once(http: LivyHttp, fabric: FakeFabric, fault: dict[str, Any]) -> None:
    fabric.fault("POST", "/statements", **fault)
    session_id = http.post("/sessions", {})["id"]
    with pytest.raises(HttpError):
        http.post(f"/sessions/{session_id}/statements", {"code": "1", "kind": "pyspark"})
    assert len(fabric.seen("POST", "/statements")) == 1


def test_a_post_that_times_out_is_sent_once_and_the_message_says_that_its_fate_is_unknown(
    fabric: FakeFabric, clock: FakeClock
) -> None:
    fabric.fault("POST", "/sessions", delay_s=5, acts=True)
    with pytest.raises(ConnectionFailed, match=r"gave no answer within 0 s\. It is not known whether") as caught:
        http_to(fabric, clock, timeout_s=0.45).post("/sessions", {})
    assert caught.value.maybe_sent
    assert len(fabric.requests) == 1


def test_a_post_is_repeated_after_429_when_the_server_said_so(
    http: LivyHttp, fabric: FakeFabric, clock: FakeClock
) -> None:
    fabric.fault("POST", "/sessions", status=429, headers={"Retry-After": "7"}, times=2)
    http.post("/sessions", {})
    assert clock.naps == [7, 7]
    assert len(fabric.sessions) == 1


def test_a_429_that_asks_for_more_time_than_there_is_comes_out_at_once(
    http: LivyHttp, fabric: FakeFabric, clock: FakeClock
) -> None:
    fabric.fault("POST", "/sessions", status=429, headers={"Retry-After": "3600"})
    with pytest.raises(ThrottledError) as caught:
        http.post("/sessions", {})
    assert caught.value.retry_after_s == 3600
    assert clock.naps == []


def test_a_post_is_repeated_once_after_401_with_a_new_token(fabric: FakeFabric, clock: FakeClock) -> None:
    http = LivyHttp(fabric.url, BearerAuth(Renewing("old", fabric.token)), clock=clock, sleep=clock.sleep)
    http.post("/sessions", {})
    assert [one.headers["authorization"] for one in fabric.requests] == ["Bearer old", f"Bearer {fabric.token}"]


def test_a_second_401_comes_out(fabric: FakeFabric, clock: FakeClock) -> None:
    http = LivyHttp(fabric.url, BearerAuth(Renewing("old", "older")), clock=clock, sleep=clock.sleep)
    with pytest.raises(errors.AccessError, match="TokenExpired"):
        http.post("/sessions", {})
    assert len(fabric.requests) == 2


def test_a_401_with_a_token_that_cannot_be_renewed_comes_out_at_once(fabric: FakeFabric, clock: FakeClock) -> None:
    http = LivyHttp(fabric.url, BearerAuth(GivenToken("old")), clock=clock, sleep=clock.sleep)
    with pytest.raises(errors.AccessError):
        http.get("/sessions")
    assert len(fabric.requests) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"closes": True}], ids=["500", "503", "reset"])
def test_get_and_delete_are_repeated_with_growing_pauses(
    http: LivyHttp, fabric: FakeFabric, clock: FakeClock, method: str, fault: dict[str, Any]
) -> None:
    session_id = http.post("/sessions", {})["id"]
    fabric.fault(method, "/sessions/", times=3, **fault)
    http.request(method, f"/sessions/{session_id}")
    assert len(fabric.seen(method)) == 4
    assert clock.naps == sorted(clock.naps)
    assert len(set(clock.naps)) == 3


def test_repeating_ends_when_its_time_is_used_up(http: LivyHttp, fabric: FakeFabric, clock: FakeClock) -> None:
    fabric.fault("GET", "/sessions", status=503, body='{"message": "busy"}', times=1000)
    with pytest.raises(HttpError, match="answered 503: busy"):
        http.get("/sessions")
    assert 30 < clock.now_s <= RetryPolicy().budget_s


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 430])
def test_a_clear_refusal_is_not_repeated(http: LivyHttp, fabric: FakeFabric, status: int) -> None:
    fabric.fault("GET", "/sessions", status=status, times=9)
    with pytest.raises(HttpError):
        http.get("/sessions")
    assert len(fabric.requests) == 1


def test_a_server_that_is_not_there_is_reported_at_once(clock: FakeClock) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectionFailed, match=f"No server answers at 127.0.0.1:{port}: Connection refused") as caught:
        LivyHttp(f"http://127.0.0.1:{port}", clock=clock, sleep=clock.sleep).get("/sessions")
    assert not caught.value.maybe_sent
    assert clock.naps == []


def test_a_name_that_does_not_resolve_is_reported_at_once(clock: FakeClock) -> None:
    with pytest.raises(ConnectionFailed, match=r"The name no-such-host\.invalid was not found") as caught:
        LivyHttp("http://no-such-host.invalid", clock=clock, sleep=clock.sleep).post("/sessions", {})
    assert not caught.value.maybe_sent


def test_brief_calls_are_not_repeated(http: LivyHttp, fabric: FakeFabric, clock: FakeClock) -> None:
    fabric.fault("DELETE", "/sessions", status=503, times=1)
    with pytest.raises(HttpError):
        http.with_short_timeouts().delete("/sessions/1")
    assert len(fabric.requests) == 1
    with pytest.raises(NotFoundError):
        http.delete("/sessions/1")


@pytest.mark.parametrize(
    ("proven", "is_loopback", "repeated"), [(True, False, True), (False, False, False), (True, True, False)]
)
def test_a_name_or_a_port_that_is_gone_is_tried_again_where_it_was_there_before(
    proven: bool, is_loopback: bool, repeated: bool
) -> None:
    """Also for a POST: nothing was sent."""
    error = ConnectionFailed("The name x was not found", maybe_sent=False)
    assert may_repeat(error, idempotent=False, proven=proven, is_loopback=is_loopback) is repeated


def test_a_certificate_that_is_not_trusted_is_not_tried_again() -> None:
    distrusted = requests.exceptions.SSLError(
        ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")
    )
    error = broken(distrusted, "POST", "example.com", 60.0)
    assert "ca_file" in str(error)
    assert not may_repeat(error, idempotent=True, proven=True, is_loopback=False)


def test_tls_that_breaks_after_it_was_there_may_have_carried_the_request() -> None:
    error = broken(requests.exceptions.SSLError(ssl.SSLEOFError("EOF")), "POST", "example.com", 60.0)
    assert error.maybe_sent
    assert "It is not known whether the server acted on it" in str(error)


EXCEPTIONS = [
    kind
    for kind in vars(requests.exceptions).values()
    if isinstance(kind, type) and issubclass(kind, requests.RequestException) and kind is not requests.JSONDecodeError
]


@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_every_exception_of_the_http_library_becomes_ours(kind: type[requests.RequestException]) -> None:
    assert isinstance(broken(kind("x"), "POST", "example.com", 60.0), ConnectionFailed)


@pytest.mark.parametrize("host", ["a..b", "a" * 70, "é..x", "-"])
def test_a_host_that_can_be_none_is_reported_at_once(clock: FakeClock, host: str) -> None:
    with pytest.raises(ConnectionFailed):
        LivyHttp(f"http://{host}", clock=clock, sleep=clock.sleep).get("/sessions")
    assert clock.naps == []


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
    made = requests.Response()
    made.status_code, made.url = status, "https://api.fabric.microsoft.com/v1/x"
    made._content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    made.headers.update(headers or {})
    return made


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("InsufficientScopes", "delegated permission"),
        ("ServicePrincipalsNotAllowed", "Tenant settings"),
        ("PrincipalTypeNotSupported", "sign in as a person"),
    ],
)
def test_where_no_role_would_help_the_hint_is_another(code: str, says: str) -> None:
    error = error_from(response(403, {"errorCode": code, "message": "m"}))
    assert type(error) is errors.AccessError
    assert says in str(error)
    assert "Contributor" not in str(error)


@pytest.mark.parametrize(("status", "kind", "says"), REFUSALS)
def test_each_status_becomes_its_error(status: int, kind: type[HttpError], says: str) -> None:
    error = error_from(response(status, {"errorCode": "C", "message": "m", "requestId": "r-1"}))
    assert type(error) is kind
    assert (error.status, error.code, error.request_id) == (status, "C", "r-1")
    assert says in str(error)
    assert "r-1" in str(error)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 430, 500, 503])
def test_the_servers_own_words_are_in_the_message(name: str, status: int) -> None:
    body, words = BODIES[name]
    if name == "bare string":
        body = json.dumps(body)
    text = str(error_from(response(status, body)))
    assert words in text
    assert ".." not in text
    assert "  " not in text


def test_the_request_id_of_a_header_is_kept() -> None:
    assert error_from(response(500, "", {"RequestId": "h-1"})).request_id == "h-1"


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
    error = error_from(response(status, body))
    assert str(error)
    assert error.status == status
    assert error.code is None or isinstance(error.code, str)
    assert error.request_id is None or isinstance(error.request_id, str)


@pytest.mark.parametrize(
    "body",
    ["<html><title>Sign in</title></html>", "not json", '{"id": ', "\x00\xff"],
    ids=["HTML", "text", "cut", "binary"],
)
def test_a_server_that_is_no_livy_server_is_named_with_what_it_said(
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


def test_a_path_that_is_not_there_is_not_found(http: LivyHttp) -> None:
    with pytest.raises(NotFoundError, match="EntityNotFound: The requested resource could not be found"):
        http.get("/nosuch")


def test_an_address_below_a_livy_server_is_said_to_be_wrong(apache_livy: FakeFabric) -> None:
    with pytest.raises(NotFoundError) as caught:
        LivyHttp(f"{apache_livy.url}/ui").post("/sessions", {})
    assert f"127.0.0.1:{apache_livy.port} has nothing at /ui/sessions. Check the address" in str(caught.value)


def test_what_a_session_can_never_do_again_is_asked_once(apache_livy: FakeFabric, clock: FakeClock) -> None:
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
