"""What a token says of itself, and what is asked for."""

from __future__ import annotations

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.settings import AZURE_CLI_CLIENT_ID
from fabric_livy_magic.signin.tokens import (
    FABRIC,
    STORAGE,
    AccessToken,
    claims,
    expiry,
    scopes_for,
)


def jwt(payload: object) -> str:
    part = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
    return f"e30.{part}.c2ln"


def test_a_token_s_claims_and_expiry_are_read() -> None:
    assert claims(jwt({"tid": "t", "exp": 5}))["tid"] == "t"
    assert expiry(jwt({"exp": 1700000000})) == 1700000000.0


def test_what_is_no_jwt_has_no_claims_and_no_expiry() -> None:
    for text in ["", "abc", "a.b.c", "a.%%%.c", jwt([1]), jwt("x"), jwt({"exp": "soon"}), jwt({"exp": True})]:
        assert expiry(text) is None


@given(st.text())
def test_any_text_has_claims_or_none(text: str) -> None:
    assert isinstance(claims(text), dict)


def test_a_token_is_not_in_its_repr() -> None:
    assert "geheim" not in repr(AccessToken("geheim", 1.0))


def test_an_own_app_requests_the_four_scopes_and_azure_cli_s_the_default() -> None:
    assert scopes_for(FABRIC, delegated=True, client_id="mine") == [
        "https://api.fabric.microsoft.com/Lakehouse.Execute.All",
        "https://api.fabric.microsoft.com/Lakehouse.Read.All",
        "https://api.fabric.microsoft.com/Code.AccessFabric.All",
        "https://api.fabric.microsoft.com/Code.AccessStorage.All",
    ]
    assert scopes_for(FABRIC, delegated=True, client_id=AZURE_CLI_CLIENT_ID) == [
        "https://api.fabric.microsoft.com/.default"
    ]


def test_applications_and_storage_request_the_default_scope() -> None:
    assert scopes_for(FABRIC, delegated=False) == ["https://api.fabric.microsoft.com/.default"]
    assert scopes_for(STORAGE, delegated=True, client_id="mine") == ["https://storage.azure.com/.default"]
    assert scopes_for(FABRIC, delegated=False, resource="https://api.fabric.microsoft.us/") == [
        "https://api.fabric.microsoft.us/.default"
    ]
