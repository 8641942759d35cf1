"""Sign-in of an application or a machine: secret, certificate, managed and workload identity."""

from __future__ import annotations

import time
import traceback
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.signin.entra.sign_in import (
    Certificate,
    ManagedIdentity,
    ServicePrincipal,
    workload_assertion,
)
from fabric_livy_magic.signin.tokens import claims
from tests.signin.conftest import SECRET, app_at, closed_port, with_certificate, with_secret, with_workload
from tests.support.entra.authority import Authority
from tests.support.entra.certificates import pem_of

pytestmark = pytest.mark.usefixtures("quick_browser")


# ------------------------------------------------------------------------------------------------------- application
def test_an_application_gets_a_token_of_its_own(authority: Authority) -> None:
    found = claims(with_secret(authority, roles=("Lakehouse.Execute",)).token().secret)
    assert found["idtyp"] == "app"
    assert found["roles"] == ["Lakehouse.Execute"]


def test_a_wrong_secret_is_reported_and_not_shown(authority: Authority) -> None:
    wrong = "wr0ng~Value"
    with pytest.raises(SignInError, match="client secret is wrong") as caught:
        with_secret(authority, wrong).token()
    assert wrong not in "".join(traceback.format_exception(caught.value))


def test_an_expired_secret_is_reported(authority: Authority) -> None:
    with pytest.raises(SignInError, match="client secret has expired"):
        with_secret(authority, secret_expired=True).token()


def test_an_empty_secret_is_reported(authority: Authority) -> None:
    with pytest.raises(SignInError, match="AZURE_CLIENT_SECRET"):
        with_secret(authority, " \n")


def test_a_disabled_application_that_was_enabled_counts_at_once(authority: Authority) -> None:
    credential = with_secret(authority)
    authority.fail_next(7000112)
    with pytest.raises(SignInError, match="app is disabled"):
        credential.token()
    assert credential.token().secret


def test_an_application_needs_its_tenant(authority: Authority) -> None:
    with pytest.raises(SignInError, match="AZURE_TENANT_ID"):
        ServicePrincipal(app_at(authority, "app", tenant="organizations"), secret=SECRET)


def test_an_application_has_one_credential(authority: Authority) -> None:
    for proofs in ({}, {"secret": SECRET, "assertion": lambda: "x"}):
        with pytest.raises(SignInError, match="one of"):
            ServicePrincipal(app_at(authority, "app"), **proofs)


def test_a_wrong_tenant_is_reported(authority: Authority) -> None:
    client = authority.add_app(secret=SECRET)
    with pytest.raises(SignInError, match=r"knows no tenant 'nowhere\.example'"):
        ServicePrincipal(app_at(authority, client, "nowhere.example"), secret=SECRET).token()


def test_an_application_of_another_tenant_is_reported(authority: Authority) -> None:
    authority.tenants["99999999-0000-0000-0000-000000000000"] = "99999999-0000-0000-0000-000000000000"
    client = authority.add_app(secret=SECRET)
    with pytest.raises(SignInError, match="no app with this client id"):
        ServicePrincipal(app_at(authority, client, "99999999-0000-0000-0000-000000000000"), secret=SECRET).token()


@pytest.mark.parametrize("tenant", ["", "a/b", "a b", "../x", "x?y=1"])
def test_an_invalid_tenant_is_reported(authority: Authority, tenant: str) -> None:
    with pytest.raises(SignInError, match="no tenant id and no domain"):
        ServicePrincipal(app_at(authority, "app", tenant), secret=SECRET).token()


# ------------------------------------------------------------------------------------------------------- certificate
@pytest.mark.parametrize("passphrase", [None, "öffne dich"])
@pytest.mark.parametrize("kind", ["pem", "pfx"])
def test_a_certificate_signs_in(authority: Authority, tmp_path: Path, kind: str, passphrase: str | None) -> None:
    key, certificate = authority.certificate()
    path = tmp_path / f"client.{kind}"
    if kind == "pem":
        path.write_bytes(pem_of(key, passphrase) + certificate.public_bytes(Encoding.PEM))
    else:
        lock = BestAvailableEncryption((passphrase or "x").encode())
        path.write_bytes(serialize_key_and_certificates(b"c", key, certificate, None, lock))
    client = authority.add_app(certificates=[certificate])
    credential = ServicePrincipal(app_at(authority, client), certificate=Certificate(path, passphrase or "x"))
    assert claims(credential.token().secret)["appid"] == client


def test_a_certificate_that_is_not_registered_is_reported(authority: Authority, tmp_path: Path) -> None:
    credential = with_certificate(authority, tmp_path)
    next(app for app in authority.apps.values() if app.certificates).certificates.clear()
    with pytest.raises(SignInError, match=r"does not know the certificate.*AADSTS700027"):
        credential.token()


@pytest.mark.parametrize("send_chain", [True, False])
def test_a_rotated_certificate_is_known_by_its_subject_and_issuer(
    authority: Authority, tmp_path: Path, send_chain: bool
) -> None:
    key, certificate = authority.certificate("lake-loader", index=5)
    (tmp_path / "new.pem").write_bytes(pem_of(key) + certificate.public_bytes(Encoding.PEM))
    client = authority.add_app(trusts_subject="lake-loader")
    certificate_file = Certificate(tmp_path / "new.pem", None, send_chain)
    credential = ServicePrincipal(app_at(authority, client), certificate=certificate_file)
    if send_chain:
        assert credential.token().secret
    else:
        with pytest.raises(SignInError, match="--send-chain"):
            credential.token()


def test_an_expired_certificate_is_reported_before_anything_is_sent(authority: Authority, tmp_path: Path) -> None:
    key, certificate = authority.certificate(days=-1)
    (tmp_path / "old.pem").write_bytes(pem_of(key) + certificate.public_bytes(Encoding.PEM))
    client = authority.add_app(certificates=[certificate])
    with pytest.raises(SignInError, match="expired on"):
        ServicePrincipal(app_at(authority, client), certificate=Certificate(tmp_path / "old.pem")).token()
    assert not authority.requests_with("client_credentials")


def test_a_certificate_file_that_cannot_be_read_is_reported(authority: Authority, tmp_path: Path) -> None:
    certificate = Certificate(tmp_path / "none.pem")
    with pytest.raises(SignInError, match="No such file"):
        ServicePrincipal(app_at(authority, authority.add_app()), certificate=certificate).token()


@pytest.mark.parametrize("skew_s", [-7200, 7200])
def test_a_clock_that_is_wrong_is_reported(authority: Authority, tmp_path: Path, skew_s: float) -> None:
    credential = with_certificate(authority, tmp_path)
    authority.clock_skew_s = skew_s
    with pytest.raises(SignInError, match=r"Set the clock.*AADSTS700024"):
        credential.token()


@pytest.mark.parametrize("skew_s", [-7200, 7200])
def test_where_nothing_is_signed_a_wrong_clock_does_not_matter(authority: Authority, skew_s: float) -> None:
    authority.clock_skew_s = skew_s
    assert with_secret(authority).token().expires_at == pytest.approx(time.time() + 3600, abs=10)


# ------------------------------------------------------------------------------------------------- managed identities
@pytest.fixture
def app_service(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", authority.identity_endpoint)
    monkeypatch.setenv("IDENTITY_HEADER", authority.identity_header)


def test_a_machine_has_its_own_identity(managed: ManagedIdentity, authority: Authority) -> None:
    assert claims(managed.token().secret)["oid"] == authority.managed_identities[""]


def test_an_identity_that_was_assigned_is_named(managed: ManagedIdentity, authority: Authority) -> None:
    authority.managed_identities["my-identity"] = "object-of-mine"
    assert claims(ManagedIdentity("my-identity").token().secret)["oid"] == "object-of-mine"


@pytest.mark.usefixtures("app_service")
def test_app_service_has_its_own_identity(authority: Authority) -> None:
    assert claims(ManagedIdentity().token().secret)["oid"] == authority.managed_identities[""]
    assert authority.requests_with("/msi/token")


@pytest.mark.usefixtures("app_service")
def test_app_service_has_assigned_identities(authority: Authority) -> None:
    authority.managed_identities["my-identity"] = "object-of-mine"
    assert claims(ManagedIdentity("my-identity").token().secret)["oid"] == "object-of-mine"


@pytest.mark.usefixtures("managed")
def test_an_identity_that_is_not_assigned_is_reported() -> None:
    with pytest.raises(SignInError, match=r"client id nobody.*Identity not found.*Assign it"):
        ManagedIdentity("nobody").token()


@pytest.mark.usefixtures("app_service")
def test_app_services_refusal_is_reported() -> None:
    with pytest.raises(SignInError, match=r"client id nobody.*No User Assigned"):
        ManagedIdentity("nobody").token()


def test_a_machine_outside_azure_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(SignInError, match="works on Azure only"):
        ManagedIdentity().token()


# ------------------------------------------------------------------------------------------------- workload identities
def test_a_token_file_of_kubernetes_signs_in_and_is_read_anew(authority: Authority, tmp_path: Path) -> None:
    path = tmp_path / "token"
    client = authority.add_app(federated={"https://cluster.example": "system:serviceaccount:jobs:loader"})
    assertion = workload_assertion({"AZURE_FEDERATED_TOKEN_FILE": str(path)})
    credential = ServicePrincipal(app_at(authority, client), assertion=assertion)
    for number in ("1", "2"):
        path.write_text(
            authority.federated_token("system:serviceaccount:jobs:loader", "https://cluster.example", jti=number) + "\n"
        )
        assert claims(credential.token(renew=True).secret)["appid"] == client
        assert claims(authority.requests[-1].form["client_assertion"])["jti"] == number


def test_a_job_of_github_signs_in(authority: Authority) -> None:
    assert with_workload(authority).token().secret
    (request,) = authority.requests_with("/github/oidc")
    assert request.form["audience"] == "api://AzureADTokenExchange"


def test_a_workload_of_another_subject_is_reported(authority: Authority) -> None:
    authority.github_subject = "repo:contoso/lake:ref:refs/heads/main"
    credential = with_workload(authority)
    authority.github_subject = "repo:contoso/fork:pull_request"
    with pytest.raises(SignInError, match=r"no federated credential.*subject"):
        credential.token()


def test_an_expired_token_file_is_reported(authority: Authority, tmp_path: Path) -> None:
    client = authority.add_app(federated={"https://cluster.example": "me"})
    (tmp_path / "token").write_text(authority.federated_token("me", "https://cluster.example", exp=1))
    assertion = workload_assertion({"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")})
    with pytest.raises(SignInError, match="AADSTS700024"):
        ServicePrincipal(app_at(authority, client), assertion=assertion).token()


@pytest.mark.parametrize(
    ("content", "message"), [(None, "No such file"), (b"", "is empty"), (b"\xff\xfe", "cannot be read")]
)
def test_a_token_file_that_is_none_is_reported(
    authority: Authority, tmp_path: Path, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    assertion = workload_assertion({"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")})
    with pytest.raises(SignInError, match=message):
        ServicePrincipal(app_at(authority, authority.add_app()), assertion=assertion).token()


def test_github_that_refuses_is_reported(authority: Authority) -> None:
    environ = authority.github_environment | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "other"}
    with pytest.raises(SignInError, match=r"HTTP 401.*id-token: write"):
        workload_assertion(environ)()


def test_github_that_does_not_answer_is_reported(authority: Authority) -> None:
    environ = authority.github_environment | {"ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{closed_port()}/x?y=1"}
    with pytest.raises(SignInError, match="GitHub did not give the job its OIDC token") as caught:
        workload_assertion(environ)()
    assert authority.github_token not in "".join(traceback.format_exception(caught.value))


def test_a_jobs_token_is_not_sent_without_https(authority: Authority) -> None:
    environ = authority.github_environment | {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://evil.example/x?y=1"}
    with pytest.raises(SignInError, match="no https address"):
        workload_assertion(environ)()


def test_without_a_workload_identity_both_kinds_are_named() -> None:
    with pytest.raises(SignInError, match=r"AZURE_FEDERATED_TOKEN_FILE.*id-token: write"):
        workload_assertion({})
