"""What holds for all methods of sign-in, on the way to the authority, and in logs."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.signin.entra.logs import masked
from fabric_livy_magic.signin.entra.sign_in import (
    App,
    ServicePrincipal,
)
from fabric_livy_magic.signin.tokens import FABRIC, STORAGE, Credential, claims
from tests.signin.conftest import POWER_BI, SECRET, closed_port, with_secret
from tests.support.entra.authority import Authority
from tests.support.entra.model import TENANT

pytestmark = pytest.mark.usefixtures("quick_browser")


# ------------------------------------------------------------------------------------------------------- all methods
def test_a_token_for_fabric(credential: Credential) -> None:
    token = credential.token()
    assert claims(token.secret)["aud"] == POWER_BI
    assert token.expires_at == pytest.approx(time.time() + 3600, abs=10)


def test_a_token_for_onelake_needs_no_second_sign_in(credential: Credential, authority: Authority) -> None:
    credential.token()
    assert claims(credential.token(STORAGE).secret)["aud"] == "https://storage.azure.com"
    assert len(authority.requests_with("/authorize")) + len(authority.requests_with("/devicecode")) <= 1


def test_a_token_with_time_left_is_kept(credential: Credential, authority: Authority) -> None:
    authority.token_lifetime_s = 330
    first = credential.token()
    requests_before = len(authority.requests)
    assert credential.token().secret == first.secret
    assert len(authority.requests) == requests_before


def test_a_token_is_renewed_five_minutes_before_its_end(credential: Credential, authority: Authority) -> None:
    authority.token_lifetime_s = 290
    assert credential.token().secret != credential.token().secret
    assert len(authority.requests_with("/authorize")) + len(authority.requests_with("/devicecode")) <= 1


def test_a_refused_token_is_replaced_at_once(credential: Credential) -> None:
    first = credential.token()
    renewed = credential.token(renew=True)
    assert renewed.secret != first.secret
    assert credential.token().secret == renewed.secret


def test_many_threads_make_one_renewal(credential: Credential, authority: Authority) -> None:
    credential.token()
    requests_before, authority.delay_s = len(authority.requests), 0.5
    together, found = threading.Barrier(8), []

    def ask() -> None:
        together.wait()
        found.append(credential.token(renew=True).secret)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    new_requests = [one for one in authority.requests[requests_before:] if not one.path.startswith("/github")]
    assert len(new_requests) == 1


def test_no_repr_shows_a_secret(credential: Credential, authority: Authority) -> None:
    shown = f"{credential!r} {credential.token()!r} {credential}"
    assert SECRET not in shown
    assert not [one for one in authority.secrets() if one in shown]


def test_no_log_at_debug_level_shows_a_secret(
    credential: Credential, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for audience in (FABRIC, STORAGE):
            credential.token(audience)
        credential.token(renew=True)
    assert "msal" in {record.name.partition(".")[0] for record in caplog.records}
    secrets = authority.secrets()
    assert len(secrets) > 3
    assert not [one for one in secrets if one in caplog.text]


# ----------------------------------------------------------------------------------------------------------- the road
def test_an_unreachable_authority_is_reported() -> None:
    app = App(client_id="a", tenant="t", authority_host=f"https://127.0.0.1:{closed_port()}")
    with pytest.raises(SignInError, match="cannot be reached"):
        ServicePrincipal(app, secret=SECRET).token()


def test_an_authority_that_is_not_trusted_is_reported(authority: Authority) -> None:
    app = App(client_id="a", tenant=TENANT, authority_host=authority.url)
    with pytest.raises(SignInError, match="ca_file"):
        ServicePrincipal(app, secret=SECRET).token()


def test_a_missing_ca_file_is_reported(authority: Authority, tmp_path: Path) -> None:
    app = App(client_id="a", tenant=TENANT, authority_host=authority.url, verify=str(tmp_path / "none.pem"))
    with pytest.raises(SignInError, match=r"none\.pem"):
        ServicePrincipal(app, secret=SECRET).token()


@pytest.mark.parametrize("host", ["http://login.example", "login.example", "", "ftp://x"])
def test_an_authority_without_https_gets_nothing(host: str) -> None:
    with pytest.raises(SignInError, match="no https address"):
        ServicePrincipal(App(client_id="a", tenant="t", authority_host=host), secret=SECRET).token()


def test_the_chosen_ca_counts_more_than_the_environments(authority: Authority, monkeypatch, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(authority.certificate()[1].public_bytes(Encoding.PEM))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert with_secret(authority).token().secret


def test_no_proxy_stands_between_a_process_and_its_own_machine(authority: Authority, monkeypatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("NO_PROXY", "")
    assert with_secret(authority).token().secret


def test_a_server_that_is_no_authority_is_reported(authority: Authority) -> None:
    app = App(client_id="a", tenant="discovery", authority_host=authority.url, verify=authority.ca_file)
    with pytest.raises(SignInError, match="knows no tenant"):
        ServicePrincipal(app, secret=SECRET).token()


# ------------------------------------------------------------------------------------------------------------ masking
@pytest.mark.parametrize(
    "text",
    [
        "Got auth response: {'code': 'SECRET', 'state': 'x'}",
        "{'client_info': 'SECRET', \"code_verifier\": 'SECRET'}",
        '"device_code": "SECRET",\n"scope": []',
        "{'client_assertion': b'SECRET'}",
        "GET /cb?state=1&code=SECRET&x=2 HTTP/1.1",
        "token eyJhbGciOiJSUzI1NiJ9.eyJTRUNSRVQiOjF9.SECRET was refused",
    ],
)
def test_secrets_are_masked(text: str) -> None:
    assert "SECRET" not in masked(text)
    assert "***" in masked(text)


def test_other_text_is_left_as_it_is() -> None:
    text = '{"error_codes": [50076], "error": "invalid_grant", "scope": "https://x/.default"} code 5'
    assert masked(text) == text
