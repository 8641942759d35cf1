"""Every way to sign in gets its token from a local Entra by real MSAL, renews it, and says plainly why it cannot."""

from __future__ import annotations

import logging
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.signin.entra.logs import masked
from fabric_livy_magic.signin.entra.sign_in import (
    App,
    BrowserSignIn,
    Certificate,
    DeviceCodeSignIn,
    DevicePrompt,
    ManagedIdentity,
    ServicePrincipal,
    TokenStore,
    workload_assertion,
)
from fabric_livy_magic.signin.tokens import FABRIC, STORAGE, Credential, claims
from tests.support.authority import AZURE_CLI, DEVICE_GRANT, FABRIC_SCOPES, TENANT, Authority, pem_of, running

pytestmark = pytest.mark.usefixtures("quick_browser")
SECRET = "s3cr3t~Value.8Q"
POWER_BI = "https://analysis.windows.net/powerbi/api"


@pytest.fixture
def authority() -> Iterator[Authority]:
    with running() as one:
        yield one


def app_at(authority: Authority, client_id: str = AZURE_CLI, tenant: str = TENANT) -> App:
    return App(client_id=client_id, tenant=tenant, authority_host=authority.url, verify=authority.ca_file)


def browser_at(authority: Authority, app: App | None = None, **options: object) -> BrowserSignIn:
    return BrowserSignIn(app or app_at(authority), TokenStore.memory(), authority.browser, **options)


def device_at(authority: Authority) -> DeviceCodeSignIn:
    return DeviceCodeSignIn(app_at(authority), TokenStore.memory(), lambda prompt: authority.approve(prompt.user_code))


def with_secret(authority: Authority, secret: str = SECRET, **fields: object) -> ServicePrincipal:
    client = authority.add_app(secret=SECRET, **fields)
    return ServicePrincipal(app_at(authority, client), secret=secret)


def with_certificate(authority: Authority, folder: Path) -> ServicePrincipal:
    key, certificate = authority.certificate()
    path = folder / "client.pem"
    path.write_bytes(pem_of(key) + certificate.public_bytes(Encoding.PEM))
    client = authority.add_app(certificates=[certificate])
    return ServicePrincipal(app_at(authority, client), certificate=Certificate(path))


def with_workload(authority: Authority) -> ServicePrincipal:
    client = authority.add_app(federated={authority.github_issuer: authority.github_subject})
    return ServicePrincipal(app_at(authority, client), assertion=workload_assertion(authority.github_environment))


@pytest.fixture
def managed(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> ManagedIdentity:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", authority.imds_host)
    return ManagedIdentity()


METHODS: dict[str, Callable[[Authority, Path], Credential]] = {
    "browser": lambda authority, _: browser_at(authority),
    "device": lambda authority, _: device_at(authority),
    "secret": lambda authority, _: with_secret(authority),
    "certificate": with_certificate,
    "managed identity": lambda _, __: ManagedIdentity(),
    "workload identity": lambda authority, _: with_workload(authority),
}


@pytest.fixture(params=METHODS)
def credential(
    request: pytest.FixtureRequest, authority: Authority, tmp_path: Path, managed: ManagedIdentity
) -> Credential:
    return METHODS[request.param](authority, tmp_path)


# ------------------------------------------------------------------------------------------------------- all methods
def test_a_token_for_fabric(credential: Credential) -> None:
    token = credential.token()
    assert claims(token.secret)["aud"] == POWER_BI
    assert token.expires_at == pytest.approx(time.time() + 3600, abs=10)


def test_a_token_for_onelake_needs_no_second_sign_in(credential: Credential, authority: Authority) -> None:
    credential.token()
    assert claims(credential.token(STORAGE).secret)["aud"] == "https://storage.azure.com"
    assert len(authority.asked("/authorize")) + len(authority.asked("/devicecode")) <= 1


def test_a_token_with_time_left_is_kept(credential: Credential, authority: Authority) -> None:
    authority.token_lifetime_s = 330
    first = credential.token()
    asked = len(authority.requests)
    assert credential.token().secret == first.secret
    assert len(authority.requests) == asked


def test_a_token_is_renewed_five_minutes_before_its_end(credential: Credential, authority: Authority) -> None:
    authority.token_lifetime_s = 290
    assert credential.token().secret != credential.token().secret
    assert len(authority.asked("/authorize")) + len(authority.asked("/devicecode")) <= 1


def test_a_refused_token_is_replaced_at_once(credential: Credential) -> None:
    first = credential.token()
    renewed = credential.token(renew=True)
    assert renewed.secret != first.secret
    assert credential.token().secret == renewed.secret


def test_many_threads_make_one_renewal(credential: Credential, authority: Authority) -> None:
    credential.token()
    asked, authority.delay_s = len(authority.requests), 0.5
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
    asked_now = [one for one in authority.requests[asked:] if not one.path.startswith("/github")]
    assert len(asked_now) == 1


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


# ----------------------------------------------------------------------------------------------------------- browser
def test_the_browser_signs_in_the_person(authority: Authority) -> None:
    authority.add_user("zoë@contoso.onmicrosoft.com")
    found = claims(browser_at(authority).token().secret)
    assert found["upn"] == "zoë@contoso.onmicrosoft.com"
    assert found["scp"] == "user_impersonation"


def test_the_code_travels_with_pkce_and_not_in_an_address(authority: Authority) -> None:
    browser_at(authority).token()
    (asked,) = authority.asked("/authorize")
    assert asked.form["code_challenge_method"] == "S256"
    assert asked.form["response_mode"] == "form_post"
    assert authority.asked("authorization_code")[0].form["code_verifier"] not in str(asked.form)


def test_an_own_registration_asks_for_the_documented_scopes(authority: Authority) -> None:
    client = authority.add_app()
    found = claims(browser_at(authority, app_at(authority, client)).token().secret)
    assert sorted(found["scp"].split()) == sorted(FABRIC_SCOPES)


def test_without_a_tenant_the_account_brings_its_own(authority: Authority) -> None:
    assert claims(browser_at(authority, app_at(authority, tenant="organizations")).token().secret)["tid"] == TENANT


def test_a_second_sign_in_may_be_another_account(authority: Authority) -> None:
    credential = browser_at(authority)
    credential.token()
    authority.add_user("bob@contoso.onmicrosoft.com")
    assert claims(credential.token().secret)["upn"].startswith("ann@")
    assert claims(credential.sign_in().secret)["upn"].startswith("bob@")
    assert claims(credential.token(renew=True).secret)["upn"].startswith("bob@")


def test_a_machine_without_a_browser_names_the_device_code(authority: Authority) -> None:
    credential = BrowserSignIn(app_at(authority), TokenStore.memory(), lambda url: False)
    with pytest.raises(SignInError, match="--method device"):
        credential.token()


def test_nobody_at_the_browser_ends_the_wait(authority: Authority) -> None:
    credential = BrowserSignIn(app_at(authority), TokenStore.memory(), lambda url: True, timeout_s=1)
    with pytest.raises(SignInError, match="Nobody signed in within 1 s"):
        credential.token()


def test_ctrl_c_during_a_sign_in_gets_through_and_leaves_it_usable(authority: Authority) -> None:
    def interrupted(url: str) -> bool:
        raise KeyboardInterrupt

    credential = BrowserSignIn(app_at(authority), TokenStore.memory(), interrupted)
    with pytest.raises(KeyboardInterrupt):
        credential.token()
    with pytest.raises(KeyboardInterrupt):
        credential.token()


def test_where_nobody_may_be_asked_no_browser_opens(authority: Authority) -> None:
    credential = browser_at(authority, interactive=False)
    with pytest.raises(SignInError, match="Nobody is signed in"):
        credential.token()
    assert not authority.asked("/authorize")


def test_a_revoked_sign_in_asks_for_a_new_one_instead_of_opening_a_window(authority: Authority) -> None:
    credential = browser_at(authority)
    credential.token()
    authority.revoke()
    with pytest.raises(SignInError, match=r"revoked.*%livy login.*AADSTS50173"):
        credential.token(renew=True)
    assert len(authority.asked("/authorize")) == 1
    assert credential.sign_in().secret
    assert credential.token(renew=True).secret


def test_a_failed_sign_in_is_told_to_all_who_waited_for_it(authority: Authority) -> None:
    authority.delay_s = 0.5
    authority.fail_next(65004)
    credential, told = browser_at(authority), []

    def ask() -> None:
        with pytest.raises(SignInError, match="declined") as caught:
            credential.token()
        told.append(caught.value)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 4
    assert len(authority.asked("/authorize")) == 1


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (50076, "multi-factor authentication"),
        (53003, "conditional access"),
        (65001, "no consent"),
        (65004, "consent was declined"),
        (50173, "revoked"),
        (700082, "not used for too long"),
    ],
)
def test_a_refusal_at_the_browser_says_what_to_do(authority: Authority, code: int, says: str) -> None:
    authority.fail_next(code)
    with pytest.raises(SignInError, match=says) as caught:
        browser_at(authority).token()
    assert f"AADSTS{code}" in str(caught.value)


def test_consent_that_was_given_meanwhile_counts_at_once(authority: Authority) -> None:
    client = authority.add_app(consented=False)
    credential = browser_at(authority, app_at(authority, client))
    with pytest.raises(SignInError, match="AADSTS65001"):
        credential.token()
    authority.apps[client].consented = True
    assert credential.token().secret


# ------------------------------------------------------------------------------------------------------- device code
def test_the_device_code_is_shown_with_its_page_and_end(authority: Authority) -> None:
    shown: list[DevicePrompt] = []

    def show(prompt: DevicePrompt) -> None:
        shown.append(prompt)
        authority.approve(prompt.user_code)

    DeviceCodeSignIn(app_at(authority), TokenStore.memory(), show).token()
    assert shown[0].url == f"{authority.url}/devicelogin"
    assert shown[0].user_code in shown[0].message
    assert shown[0].expires_at == pytest.approx(time.time() + 900, abs=10)


def test_the_device_code_waits_until_the_person_is_done(authority: Authority) -> None:
    def show(prompt: DevicePrompt) -> None:
        threading.Timer(0.5, authority.approve, [prompt.user_code]).start()

    assert DeviceCodeSignIn(app_at(authority), TokenStore.memory(), show).token().secret
    answers = [one.answer for one in authority.asked(DEVICE_GRANT)]
    assert (answers[0], answers[-1]) == (400, 200)


def test_a_declined_device_code_is_told(authority: Authority) -> None:
    def show(prompt: DevicePrompt) -> None:
        authority.decline(prompt.user_code)

    with pytest.raises(SignInError, match="declined"):
        DeviceCodeSignIn(app_at(authority), TokenStore.memory(), show).token()


def test_a_device_code_that_nobody_entered_is_told(authority: Authority) -> None:
    authority.device_lifetime_s = 1
    with pytest.raises(SignInError, match="new one: `%livy login --method device`"):
        DeviceCodeSignIn(app_at(authority), TokenStore.memory(), lambda prompt: None).token()


def test_a_refused_device_code_is_told(authority: Authority) -> None:
    with pytest.raises(SignInError, match="no app with this client id"):
        DeviceCodeSignIn(app_at(authority, "unknown"), TokenStore.memory(), lambda prompt: None).token()


# ------------------------------------------------------------------------------------------------------- application
def test_an_application_gets_a_token_of_its_own(authority: Authority) -> None:
    found = claims(with_secret(authority, roles=("Lakehouse.Execute",)).token().secret)
    assert found["idtyp"] == "app"
    assert found["roles"] == ["Lakehouse.Execute"]


def test_a_wrong_secret_is_told_and_not_shown(authority: Authority) -> None:
    wrong = "wr0ng~Value"
    with pytest.raises(SignInError, match="client secret is wrong") as caught:
        with_secret(authority, wrong).token()
    assert wrong not in "".join(traceback.format_exception(caught.value))


def test_an_expired_secret_is_told(authority: Authority) -> None:
    with pytest.raises(SignInError, match="client secret has expired"):
        with_secret(authority, secret_expired=True).token()


def test_an_empty_secret_is_told(authority: Authority) -> None:
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


def test_an_application_has_one_proof(authority: Authority) -> None:
    for proofs in ({}, {"secret": SECRET, "assertion": lambda: "x"}):
        with pytest.raises(SignInError, match="one of"):
            ServicePrincipal(app_at(authority, "app"), **proofs)


def test_a_wrong_tenant_is_told(authority: Authority) -> None:
    client = authority.add_app(secret=SECRET)
    with pytest.raises(SignInError, match=r"knows no tenant 'nowhere\.example'"):
        ServicePrincipal(app_at(authority, client, "nowhere.example"), secret=SECRET).token()


def test_an_application_of_another_tenant_is_told(authority: Authority) -> None:
    authority.tenants["99999999-0000-0000-0000-000000000000"] = "99999999-0000-0000-0000-000000000000"
    client = authority.add_app(secret=SECRET)
    with pytest.raises(SignInError, match="no app with this client id"):
        ServicePrincipal(app_at(authority, client, "99999999-0000-0000-0000-000000000000"), secret=SECRET).token()


@pytest.mark.parametrize("tenant", ["", "a/b", "a b", "../x", "x?y=1"])
def test_a_tenant_that_can_be_none_is_told(authority: Authority, tenant: str) -> None:
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


def test_a_certificate_that_is_not_registered_is_told(authority: Authority, tmp_path: Path) -> None:
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
    given = Certificate(tmp_path / "new.pem", None, send_chain)
    credential = ServicePrincipal(app_at(authority, client), certificate=given)
    if send_chain:
        assert credential.token().secret
    else:
        with pytest.raises(SignInError, match="--send-chain"):
            credential.token()


def test_an_expired_certificate_is_told_before_anything_is_sent(authority: Authority, tmp_path: Path) -> None:
    key, certificate = authority.certificate(days=-1)
    (tmp_path / "old.pem").write_bytes(pem_of(key) + certificate.public_bytes(Encoding.PEM))
    client = authority.add_app(certificates=[certificate])
    with pytest.raises(SignInError, match="expired on"):
        ServicePrincipal(app_at(authority, client), certificate=Certificate(tmp_path / "old.pem")).token()
    assert not authority.asked("client_credentials")


def test_a_certificate_file_that_cannot_be_read_is_told(authority: Authority, tmp_path: Path) -> None:
    given = Certificate(tmp_path / "none.pem")
    with pytest.raises(SignInError, match="No such file"):
        ServicePrincipal(app_at(authority, authority.add_app()), certificate=given).token()


@pytest.mark.parametrize("skew_s", [-7200, 7200])
def test_a_clock_that_is_wrong_is_told(authority: Authority, tmp_path: Path, skew_s: float) -> None:
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
    assert authority.asked("/msi/token")


@pytest.mark.usefixtures("app_service")
def test_app_service_has_assigned_identities(authority: Authority) -> None:
    authority.managed_identities["my-identity"] = "object-of-mine"
    assert claims(ManagedIdentity("my-identity").token().secret)["oid"] == "object-of-mine"


@pytest.mark.usefixtures("managed")
def test_an_identity_that_is_not_assigned_is_told() -> None:
    with pytest.raises(SignInError, match=r"client id nobody.*Identity not found.*Assign it"):
        ManagedIdentity("nobody").token()


@pytest.mark.usefixtures("app_service")
def test_app_services_refusal_is_told() -> None:
    with pytest.raises(SignInError, match=r"client id nobody.*No User Assigned"):
        ManagedIdentity("nobody").token()


def test_a_machine_outside_azure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
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
    (asked,) = authority.asked("/github/oidc")
    assert asked.form["audience"] == "api://AzureADTokenExchange"


def test_a_workload_of_another_subject_is_told(authority: Authority) -> None:
    authority.github_subject = "repo:contoso/lake:ref:refs/heads/main"
    credential = with_workload(authority)
    authority.github_subject = "repo:contoso/fork:pull_request"
    with pytest.raises(SignInError, match=r"no federated credential.*subject"):
        credential.token()


def test_an_expired_token_file_is_told(authority: Authority, tmp_path: Path) -> None:
    client = authority.add_app(federated={"https://cluster.example": "me"})
    (tmp_path / "token").write_text(authority.federated_token("me", "https://cluster.example", exp=1))
    assertion = workload_assertion({"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")})
    with pytest.raises(SignInError, match="AADSTS700024"):
        ServicePrincipal(app_at(authority, client), assertion=assertion).token()


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), (b"", "is empty"), (b"\xff\xfe", "cannot be read")]
)
def test_a_token_file_that_is_none_is_told(
    authority: Authority, tmp_path: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    assertion = workload_assertion({"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")})
    with pytest.raises(SignInError, match=says):
        ServicePrincipal(app_at(authority, authority.add_app()), assertion=assertion).token()


def test_github_that_refuses_is_told(authority: Authority) -> None:
    environ = authority.github_environment | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "other"}
    with pytest.raises(SignInError, match=r"HTTP 401.*id-token: write"):
        workload_assertion(environ)()


def test_github_that_does_not_answer_is_told(authority: Authority) -> None:
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


# ----------------------------------------------------------------------------------------------------------- the road
def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_an_authority_that_is_not_there_is_told() -> None:
    app = App(client_id="a", tenant="t", authority_host=f"https://127.0.0.1:{closed_port()}")
    with pytest.raises(SignInError, match="cannot be reached"):
        ServicePrincipal(app, secret=SECRET).token()


def test_an_authority_that_is_not_trusted_is_told(authority: Authority) -> None:
    app = App(client_id="a", tenant=TENANT, authority_host=authority.url)
    with pytest.raises(SignInError, match="ca_file"):
        ServicePrincipal(app, secret=SECRET).token()


def test_a_ca_file_that_is_not_there_is_told(authority: Authority, tmp_path: Path) -> None:
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


def test_something_that_is_no_authority_is_told(authority: Authority) -> None:
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
def test_what_nobody_may_read_is_masked(text: str) -> None:
    assert "SECRET" not in masked(text)
    assert "***" in masked(text)


def test_other_text_is_left_as_it_is() -> None:
    text = '{"error_codes": [50076], "error": "invalid_grant", "scope": "https://x/.default"} code 5'
    assert masked(text) == text
