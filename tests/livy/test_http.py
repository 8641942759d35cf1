"""One request: what is sent, and what is sent again."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import pytest
import requests

from fabric_livy_magic import errors
from fabric_livy_magic.errors import ConnectionFailed, HttpError, NotFoundError, NotLivyError, ThrottledError
from fabric_livy_magic.livy.failures import connection_error
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.retries import RetryPolicy, may_repeat
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.request_auth import BearerAuth
from tests.livy.conftest import http_to
from tests.support.clients import SuccessiveTokens
from tests.support.fakes import FakeFabric
from tests.support.timing import FakeClock


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
def test_a_post_whose_outcome_is_unknown_is_sent_once(
    http: LivyHttp, fabric: FakeFabric, fault: dict[str, Any]
) -> None:
    fabric.fault("POST", "/statements", **fault)
    session_id = http.post("/sessions", {})["id"]
    with pytest.raises(HttpError):
        http.post(f"/sessions/{session_id}/statements", {"code": "1", "kind": "pyspark"})
    assert len(fabric.seen("POST", "/statements")) == 1


def test_a_post_that_times_out_is_sent_once_and_its_outcome_is_reported_as_unknown(
    fabric: FakeFabric, clock: FakeClock
) -> None:
    fabric.fault("POST", "/sessions", delay_s=5, acts=True)
    with pytest.raises(ConnectionFailed, match=r"gave no answer within 0 s\. It is not known whether") as caught:
        http_to(fabric, clock, timeout_s=0.45).post("/sessions", {})
    assert caught.value.maybe_sent
    assert len(fabric.requests) == 1


def test_a_post_is_repeated_after_429_and_its_retry_after(http: LivyHttp, fabric: FakeFabric, clock: FakeClock) -> None:
    fabric.fault("POST", "/sessions", status=429, headers={"Retry-After": "7"}, times=2)
    http.post("/sessions", {})
    assert clock.sleeps == [7, 7]
    assert len(fabric.sessions) == 1


def test_a_429_with_a_retry_after_beyond_the_limit_is_raised_at_once(
    http: LivyHttp, fabric: FakeFabric, clock: FakeClock
) -> None:
    fabric.fault("POST", "/sessions", status=429, headers={"Retry-After": "3600"})
    with pytest.raises(ThrottledError) as caught:
        http.post("/sessions", {})
    assert caught.value.retry_after_s == 3600
    assert clock.sleeps == []


def test_a_post_is_repeated_once_after_401_with_a_new_token(fabric: FakeFabric, clock: FakeClock) -> None:
    http = LivyHttp(fabric.url, BearerAuth(SuccessiveTokens("old", fabric.token)), clock=clock, sleep=clock.sleep)
    http.post("/sessions", {})
    assert [one.headers["authorization"] for one in fabric.requests] == ["Bearer old", f"Bearer {fabric.token}"]


def test_a_second_401_is_raised(fabric: FakeFabric, clock: FakeClock) -> None:
    http = LivyHttp(fabric.url, BearerAuth(SuccessiveTokens("old", "older")), clock=clock, sleep=clock.sleep)
    with pytest.raises(errors.AccessError, match="TokenExpired"):
        http.post("/sessions", {})
    assert len(fabric.requests) == 2


def test_a_401_with_a_token_that_cannot_be_renewed_is_raised_at_once(fabric: FakeFabric, clock: FakeClock) -> None:
    http = LivyHttp(fabric.url, BearerAuth(StaticToken("old")), clock=clock, sleep=clock.sleep)
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
    assert clock.sleeps == sorted(clock.sleeps)
    assert len(set(clock.sleeps)) == 3


def test_retries_end_after_their_time_budget(http: LivyHttp, fabric: FakeFabric, clock: FakeClock) -> None:
    fabric.fault("GET", "/sessions", status=503, body='{"message": "busy"}', times=1000)
    with pytest.raises(HttpError, match="answered 503: busy"):
        http.get("/sessions")
    assert 30 < clock.now_s <= RetryPolicy().budget_s


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410])
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
    assert clock.sleeps == []


def test_a_name_that_does_not_resolve_is_reported_at_once(clock: FakeClock) -> None:
    with pytest.raises(ConnectionFailed, match=r"The name no-such-host\.invalid was not found") as caught:
        LivyHttp("http://no-such-host.invalid", clock=clock, sleep=clock.sleep).post("/sessions", {})
    assert not caught.value.maybe_sent


def test_calls_with_short_timeouts_are_not_repeated(http: LivyHttp, fabric: FakeFabric, clock: FakeClock) -> None:
    fabric.fault("DELETE", "/sessions", status=503, times=1)
    with pytest.raises(HttpError):
        http.with_short_timeouts().delete("/sessions/1")
    assert len(fabric.requests) == 1
    with pytest.raises(NotFoundError):
        http.delete("/sessions/1")


@pytest.mark.parametrize(
    ("is_verified", "is_loopback", "repeated"), [(True, False, True), (False, False, False), (True, True, False)]
)
def test_a_dns_or_connect_failure_is_retried_for_a_verified_address(
    is_verified: bool, is_loopback: bool, repeated: bool
) -> None:
    """Also for a POST: nothing was sent."""
    error = ConnectionFailed("The name x was not found", maybe_sent=False)
    assert may_repeat(error, idempotent=False, is_verified=is_verified, is_loopback=is_loopback) is repeated


def test_an_untrusted_certificate_is_not_retried() -> None:
    distrusted = requests.exceptions.SSLError(
        ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")
    )
    error = connection_error(distrusted, "POST", "example.com", 60.0)
    assert "ca_file" in str(error)
    assert not may_repeat(error, idempotent=True, is_verified=True, is_loopback=False)


def test_a_tls_failure_after_the_handshake_may_have_sent_the_request() -> None:
    error = connection_error(requests.exceptions.SSLError(ssl.SSLEOFError("EOF")), "POST", "example.com", 60.0)
    assert error.maybe_sent
    assert "It is not known whether the server acted on it" in str(error)


EXCEPTIONS = [
    kind
    for kind in vars(requests.exceptions).values()
    if isinstance(kind, type) and issubclass(kind, requests.RequestException) and kind is not requests.JSONDecodeError
]


@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_every_exception_of_the_http_library_becomes_a_connection_failure(
    kind: type[requests.RequestException],
) -> None:
    assert isinstance(connection_error(kind("x"), "POST", "example.com", 60.0), ConnectionFailed)


@pytest.mark.parametrize("host", ["a..b", "a" * 70, "é..x", "-"])
def test_an_invalid_host_is_reported_at_once(clock: FakeClock, host: str) -> None:
    with pytest.raises(ConnectionFailed):
        LivyHttp(f"http://{host}", clock=clock, sleep=clock.sleep).get("/sessions")
    assert clock.sleeps == []
