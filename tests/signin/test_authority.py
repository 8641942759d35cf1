"""The local Entra checks what Entra checks: else a test that signs in against it would show nothing."""

from __future__ import annotations

import base64
import hashlib
import ssl
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import requests

from tests.support.entra.authority import Authority
from tests.support.entra.model import AZURE_CLI, DEVICE_GRANT, TENANT

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SCOPE = "https://api.fabric.microsoft.com/.default openid profile offline_access"


def token(authority: Authority, tenant: str = TENANT, **form: str) -> tuple[int, dict[str, Any]]:
    url = f"{authority.url}/{tenant}/oauth2/v2.0/token"
    answer = requests.post(url, data={"client_id": AZURE_CLI, **form}, verify=authority.ca_file, timeout=5)
    return answer.status_code, answer.json()


def code(authority: Authority) -> str:
    params = {
        "client_id": AZURE_CLI, "response_type": "code", "redirect_uri": "http://localhost:1", "scope": SCOPE,
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "state": "s",
    }  # fmt: skip
    url = f"{authority.url}/{TENANT}/oauth2/v2.0/authorize"
    answer = requests.get(url, params=params, verify=authority.ca_file, timeout=5, allow_redirects=False)
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["state"] == ["s"]
    return query["code"][0]


def redeem(authority: Authority, code: str, **other: str) -> tuple[int, dict[str, Any]]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "http://localhost:1",
        "code_verifier": VERIFIER,
    }
    return token(authority, **(form | other))


def test_a_code_with_its_verifier_gives_a_token_that_the_published_keys_verify(authority: Authority) -> None:
    status, answer = redeem(authority, code(authority))
    assert status == 200
    keys = jwt.PyJWKClient(authority.jwks_url, ssl_context=ssl.create_default_context(cafile=authority.ca_file))
    found = jwt.decode(
        answer["access_token"],
        keys.get_signing_key_from_jwt(answer["access_token"]),
        algorithms=["RS256"],
        audience="https://analysis.windows.net/powerbi/api",
        issuer=authority.issuer(),
    )
    assert (found["upn"], found["tid"], found["scp"]) == (authority.users[-1].name, TENANT, "user_impersonation")


def test_a_code_with_another_verifier_is_refused(authority: Authority) -> None:
    status, answer = redeem(authority, code(authority), code_verifier="w" * 43)
    assert (status, answer["error_codes"]) == (400, [501481])


def test_a_code_is_good_once(authority: Authority) -> None:
    first = code(authority)
    redeem(authority, first)
    assert redeem(authority, first)[1]["error_codes"] == [70008]


def test_a_redirect_to_another_machine_is_refused(authority: Authority) -> None:
    params = {"client_id": AZURE_CLI, "response_type": "code", "redirect_uri": "https://evil.example"}
    url = f"{authority.url}/{TENANT}/oauth2/v2.0/authorize"
    assert requests.get(url, params=params, verify=authority.ca_file, timeout=5).json()["error_codes"] == [50011]


def test_a_device_code_waits_for_a_person(authority: Authority) -> None:
    url = f"{authority.url}/{TENANT}/oauth2/v2.0/devicecode"
    form = {"client_id": AZURE_CLI, "scope": SCOPE}
    device = requests.post(url, data=form, verify=authority.ca_file, timeout=5).json()
    form = {"grant_type": DEVICE_GRANT, "device_code": device["device_code"]}
    assert token(authority, **form)[1]["error"] == "authorization_pending"
    authority.approve(device["user_code"])
    assert token(authority, **form)[0] == 200


def test_an_assertion_of_another_key_is_refused(authority: Authority) -> None:
    _, certificate = authority.certificate()
    other, _ = authority.certificate("other", index=4)
    client = authority.add_app(certificates=[certificate])
    assertion = jwt.encode({"iss": client, "sub": client}, other, algorithm="PS256", headers={"x5t#S256": "AAAA"})
    status, answer = token(
        authority, grant_type="client_credentials", client_id=client, scope=SCOPE, client_assertion=assertion
    )
    assert (status, answer["error_codes"]) == (401, [700027])


def test_an_unknown_tenant_has_no_endpoints(authority: Authority) -> None:
    url = f"{authority.url}/nowhere.example/v2.0/.well-known/openid-configuration"
    answer = requests.get(url, verify=authority.ca_file, timeout=5)
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [90002])


def test_a_scripted_failure_occurs_once(authority: Authority) -> None:
    first = code(authority)
    authority.fail_next("AADSTS50076")
    assert redeem(authority, first)[1]["error_codes"] == [50076]
    assert redeem(authority, first)[0] == 200


def test_the_metadata_header_is_needed_for_a_managed_identity(authority: Authority) -> None:
    url = f"{authority.imds_host}/metadata/identity/oauth2/token"
    params = {"resource": "https://api.fabric.microsoft.com"}
    assert requests.get(url, params=params, timeout=5).status_code == 400
    assert requests.get(url, params=params, headers={"Metadata": "true"}, timeout=5).status_code == 200


def test_a_minted_token_takes_any_claim(authority: Authority) -> None:
    secret = authority.mint("https://storage.azure.com", scopes=("a", "b"), exp=1, tid="other")
    found = jwt.decode(secret, options={"verify_signature": False})
    assert (found["aud"], found["scp"], found["exp"], found["tid"]) == ("https://storage.azure.com", "a b", 1, "other")
