"""Sign-in of a person: browser and device code."""

from __future__ import annotations

import threading
import time

import pytest

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.signin.entra.sign_in import (
    BrowserSignIn,
    DeviceCodeSignIn,
    DevicePrompt,
    TokenStore,
)
from fabric_livy_magic.signin.tokens import claims
from tests.signin.conftest import app_at, browser_at
from tests.support.entra.authority import Authority
from tests.support.entra.model import DEVICE_GRANT, FABRIC_SCOPES, TENANT

pytestmark = pytest.mark.usefixtures("quick_browser")


# ----------------------------------------------------------------------------------------------------------- browser
def test_the_browser_signs_in_the_person(authority: Authority) -> None:
    authority.add_user("zoë@contoso.onmicrosoft.com")
    found = claims(browser_at(authority).token().secret)
    assert found["upn"] == "zoë@contoso.onmicrosoft.com"
    assert found["scp"] == "user_impersonation"


def test_the_code_is_sent_with_pkce_and_not_in_a_url(authority: Authority) -> None:
    browser_at(authority).token()
    (request,) = authority.requests_with("/authorize")
    assert request.form["code_challenge_method"] == "S256"
    assert request.form["response_mode"] == "form_post"
    assert authority.requests_with("authorization_code")[0].form["code_verifier"] not in str(request.form)


def test_an_own_registration_requests_the_documented_scopes(authority: Authority) -> None:
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


def test_a_browser_sign_in_times_out(authority: Authority) -> None:
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


def test_without_interaction_no_browser_opens(authority: Authority) -> None:
    credential = browser_at(authority, interactive=False)
    with pytest.raises(SignInError, match="Nobody is signed in"):
        credential.token()
    assert not authority.requests_with("/authorize")


def test_a_revoked_sign_in_is_an_error_and_opens_no_browser(authority: Authority) -> None:
    credential = browser_at(authority)
    credential.token()
    authority.revoke()
    with pytest.raises(SignInError, match=r"revoked.*%livy login.*AADSTS50173"):
        credential.token(renew=True)
    assert len(authority.requests_with("/authorize")) == 1
    assert credential.sign_in().secret
    assert credential.token(renew=True).secret


def test_a_failed_sign_in_is_raised_in_all_threads_that_waited_for_it(authority: Authority) -> None:
    authority.delay_s = 0.5
    authority.fail_next(65004)
    credential, errors = browser_at(authority), []

    def ask() -> None:
        with pytest.raises(SignInError, match="declined") as caught:
            credential.token()
        errors.append(caught.value)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 4
    assert len(authority.requests_with("/authorize")) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (50076, "multi-factor authentication"),
        (53003, "conditional access"),
        (65001, "no consent"),
        (65004, "consent was declined"),
        (50173, "revoked"),
        (700082, "not used for too long"),
    ],
)
def test_a_refusal_at_the_browser_says_what_to_do(authority: Authority, code: int, message: str) -> None:
    authority.fail_next(code)
    with pytest.raises(SignInError, match=message) as caught:
        browser_at(authority).token()
    assert f"AADSTS{code}" in str(caught.value)


def test_a_consent_counts_at_the_next_sign_in(authority: Authority) -> None:
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


def test_the_device_code_is_polled_until_the_user_has_signed_in(authority: Authority) -> None:
    def show(prompt: DevicePrompt) -> None:
        threading.Timer(0.5, authority.approve, [prompt.user_code]).start()

    assert DeviceCodeSignIn(app_at(authority), TokenStore.memory(), show).token().secret
    answers = [one.answer for one in authority.requests_with(DEVICE_GRANT)]
    assert (answers[0], answers[-1]) == (400, 200)


def test_a_declined_device_code_is_reported(authority: Authority) -> None:
    def show(prompt: DevicePrompt) -> None:
        authority.decline(prompt.user_code)

    with pytest.raises(SignInError, match="declined"):
        DeviceCodeSignIn(app_at(authority), TokenStore.memory(), show).token()


def test_a_device_code_that_expires_is_reported(authority: Authority) -> None:
    authority.device_lifetime_s = 1
    with pytest.raises(SignInError, match="new one: `%livy login --method device`"):
        DeviceCodeSignIn(app_at(authority), TokenStore.memory(), lambda prompt: None).token()


def test_a_refused_device_code_is_reported(authority: Authority) -> None:
    with pytest.raises(SignInError, match="no app with this client id"):
        DeviceCodeSignIn(app_at(authority, "unknown"), TokenStore.memory(), lambda prompt: None).token()
