"""Tokens of an authority: which count, and why others do not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from fabric_livy_magic.local.server.tokens import (
    FABRIC_AUDIENCES,
    STORAGE_AUDIENCES,
    AuthorityTokens,
    BadAuthority,
    Caller,
    OwnToken,
)
from tests.local.server.authority_tokens.conftest import FABRIC, OTHER_TENANT, TENANT, KeyServer, check, refusal
from tests.support.entra.authority import Authority


# ------------------------------------------------------------------------------------------------ what is accepted
def test_a_person_s_token_has_a_name_and_scopes(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    caller = check(tokens, shared_key_server.token(scp="Lakehouse.Read.All Item.Read.All"))
    assert caller == Caller("ann@example.org", frozenset({"Lakehouse.Read.All", "Item.Read.All"}))
    assert caller.may("Lakehouse.Execute.All", "Item.Read.All")
    assert not caller.may("Lakehouse.Execute.All")


def test_a_first_party_client_s_token_may_do_everything(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    assert check(tokens, shared_key_server.token()).may("Lakehouse.Execute.All")


def test_an_application_s_token_has_no_scopes_to_ask_for(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    caller = check(tokens, shared_key_server.token(scp=None, upn=None, appid="app-1", roles=[]))
    assert caller.is_application
    assert caller.name == "app-1"
    assert caller.may("Lakehouse.Execute.All")


@pytest.mark.parametrize("audience", FABRIC_AUDIENCES)
@pytest.mark.parametrize("slash", ["", "/"])
def test_both_audiences_of_fabric_count_with_and_without_slash(
    tokens: AuthorityTokens, shared_key_server: KeyServer, audience: str, slash: str
) -> None:
    assert check(tokens, shared_key_server.token(aud=audience + slash))


def test_keys_are_fetched_once_for_many_tokens(own_key_server: KeyServer) -> None:
    tokens = AuthorityTokens(own_key_server.url)
    for _ in range(5):
        check(tokens, own_key_server.token())
    assert len(own_key_server.seen) == 2


def test_a_new_signing_key_is_found(own_key_server: KeyServer) -> None:
    tokens = AuthorityTokens(own_key_server.url, keys_refresh_after_s=0)
    check(tokens, own_key_server.token())
    own_key_server.rotate("second")
    assert check(tokens, own_key_server.token())


def test_unknown_key_ids_do_not_make_the_server_ask_again_and_again(own_key_server: KeyServer) -> None:
    tokens = AuthorityTokens(own_key_server.url)
    for number in range(5):
        assert refusal(tokens, own_key_server.token(key_id=f"unknown {number}")).code == "InvalidToken"
    assert own_key_server.seen.count("/keys") == 1


# ------------------------------------------------------------------------------------------------ what is not
def unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, algorithm="none")


def signed_with_the_public_key(server: KeyServer) -> str:
    """The old trick: HMAC with the published key as its secret."""

    def encoded(part: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")

    text = encoded({"alg": "HS256", "typ": "JWT", "kid": server.key_id}) + b"." + encoded(server.claims())
    signature = hmac.new(json.dumps(server.published).encode(), text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_an_expired_token(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    refused = refusal(tokens, shared_key_server.token(exp=int(time.time()) - 1))
    assert (refused.status, refused.code) == (401, "TokenExpired")


def test_clocks_may_differ_by_as_much_as_was_allowed(shared_key_server: KeyServer) -> None:
    now = int(time.time())
    tokens = AuthorityTokens(shared_key_server.url, clock_skew_s=60)
    assert check(tokens, shared_key_server.token(exp=now - 30, nbf=now - 100))
    assert check(tokens, shared_key_server.token(iat=now + 30, nbf=now + 30))
    assert refusal(tokens, shared_key_server.token(exp=now - 90)).code == "TokenExpired"


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"nbf": 4_000_000_000}, "clock"),
    ({"aud": "https://storage.azure.com"}, "'https://storage.azure.com'"),
    ({"aud": "https://graph.microsoft.com"}, "https://api.fabric.microsoft.com"),
    ({"aud": f"{FABRIC}.evil.example"}, "meant for"),
    ({"aud": None}, "'aud'"),
    ({"exp": None}, "'exp'"),
    ({"exp": "soon"}, "not accepted"),
    ({"iss": "https://evil.example/v2.0"}, "evil.example"),
    ({"iss": None}, "'iss'"),
    ({"tid": None}, "no tenant"),
    ({"tid": "../x"}, "no tenant"),
    ({"tid": "nobody"}, "not known"),
    ({"tid": OTHER_TENANT}, "issued it"),
]


@pytest.mark.parametrize(("changed", "words"), CHANGES, ids=[str(case[0]) for case in CHANGES])
def test_a_token_with_a_wrong_claim_is_refused_with_the_claim(
    tokens: AuthorityTokens, shared_key_server: KeyServer, changed: dict[str, Any], words: str
) -> None:
    refused = refusal(tokens, sign(shared_key_server, changed))
    assert (refused.status, refused.code) == (401, "InvalidToken")
    assert words in refused.message


def sign(server: KeyServer, changed: dict[str, Any]) -> str:
    """PyJWT itself refuses to encode some of the claims."""
    claims = server.claims(**changed)
    return jwt.PyJWS().encode(json.dumps(claims).encode(), server.key, "RS256", headers={"kid": server.key_id})


def test_a_signature_of_another_key(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert "signature" in refusal(tokens, shared_key_server.token(key=other)).message


def test_a_changed_claim_under_an_old_signature(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    head, _, signature = shared_key_server.token().split(".")
    _, body, _ = shared_key_server.token(upn="eve@example.org").split(".")
    assert "signature" in refusal(tokens, f"{head}.{body}.{signature}").message


def test_a_token_without_or_with_a_forged_signature(tokens: AuthorityTokens, shared_key_server: KeyServer) -> None:
    assert refusal(tokens, unsigned(shared_key_server.claims())).code == "InvalidToken"
    assert refusal(tokens, signed_with_the_public_key(shared_key_server)).code == "InvalidToken"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "....", "eyJhbGciOiJSUzI1NiJ9.e30.x", "[" * 5000])
def test_what_is_no_token_at_all(tokens: AuthorityTokens, token: str) -> None:
    refused = refusal(tokens, token)
    assert (refused.status, refused.code) == (401, "InvalidToken")


def test_only_the_wanted_tenant_is_let_in(shared_key_server: KeyServer) -> None:
    tokens = AuthorityTokens(shared_key_server.url, tenant=TENANT, clock_skew_s=0)
    assert check(tokens, shared_key_server.token())
    assert "issued it" in refusal(tokens, shared_key_server.token(tenant=OTHER_TENANT)).message


def test_organizations_lets_in_each_tenant(own_key_server: KeyServer) -> None:
    own_key_server.tenants.add("organizations")
    tokens = AuthorityTokens(own_key_server.url, tenant="organizations")
    assert check(tokens, own_key_server.token(tenant=OTHER_TENANT))


def test_an_authority_that_fails_is_no_fault_of_the_token(own_key_server: KeyServer) -> None:
    tokens = AuthorityTokens(own_key_server.url)
    own_key_server.status = 500
    assert refusal(tokens, own_key_server.token()).status == 503
    own_key_server.status = 200
    assert check(tokens, own_key_server.token())


def test_an_authority_that_does_not_answer(own_key_server: KeyServer) -> None:
    token = own_key_server.token()
    own_key_server.close()
    refused = refusal(AuthorityTokens(own_key_server.url), token)
    assert refused.status == 503
    assert own_key_server.url in refused.message


@pytest.mark.parametrize("url", ["", "x", "http://login.example.org", "ftp://127.0.0.1", "https://"])
def test_an_authority_is_reached_over_tls_only(url: str) -> None:
    with pytest.raises(BadAuthority, match="https"):
        AuthorityTokens(url)


def test_an_authority_over_tls_is_believed_by_its_own_ca_alone() -> None:
    with Authority() as authority:
        token = authority.mint(FABRIC, app="app-1")
        assert check(AuthorityTokens(authority.url, Path(authority.ca_file)), token).name == "app-1"
        refused = refusal(AuthorityTokens(authority.url), token)
        assert refused.status == 503
        assert "certificate" in refused.message


def test_a_file_of_certificates_that_holds_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(BadAuthority, match=name):
            AuthorityTokens("https://127.0.0.1", tmp_path / name)


def test_the_server_s_own_token_and_nothing_else() -> None:
    assert check(OwnToken("secret"), "secret", STORAGE_AUDIENCES).may("Lakehouse.Execute.All")
    assert refusal(OwnToken("secret"), "other").code == "Unauthorized"
