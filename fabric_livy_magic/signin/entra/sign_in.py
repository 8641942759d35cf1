"""The ways to sign in at Entra, by MSAL: a person by browser or device code, an application, a managed identity.

Each is a `Credential`: first what MSAL's cache has, then a silent renewal, then, where a person may be asked, a question.
"""

from __future__ import annotations

import base64
import json
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msal
from msal.exceptions import MsalError
from msal.oauth2cli import AuthCodeReceiver, JwtAssertionCreator

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.signin.entra.app import App, AtEntra, Http, Renewing
from fabric_livy_magic.signin.entra.certificates import Certificate
from fabric_livy_magic.signin.entra.logs import keep_secrets_out_of_logs
from fabric_livy_magic.signin.entra.reasons import AGAIN
from fabric_livy_magic.signin.entra.token_store import Account, TokenStore
from fabric_livy_magic.signin.entra.workloads import workload_assertion
from fabric_livy_magic.signin.tokens import FABRIC, FABRIC_RESOURCE, STORAGE_RESOURCE, AccessToken

__all__ = [
    "Account",
    "App",
    "BrowserSignIn",
    "Certificate",
    "DeviceCodeSignIn",
    "DevicePrompt",
    "ManagedIdentity",
    "ServicePrincipal",
    "TokenStore",
    "workload_assertion",
]

MANAGED_IDENTITY_TIMEOUT_S = 5.0  # its endpoint is on the machine itself; elsewhere nothing answers at all
_NO_TENANT = {"organizations", "common", "consumers"}


@dataclass(frozen=True)
class DevicePrompt:
    """What a person needs for a device-code sign-in: open `url`, enter `user_code`. `expires_at` is epoch seconds."""

    user_code: str
    url: str
    message: str
    expires_at: float


class ServicePrincipal(AtEntra):
    """An application with a secret, a certificate, or a statement of another issuer that Entra trusts (`assertion`)."""

    def __init__(
        self,
        app: App,
        *,
        secret: str | None = None,
        certificate: Certificate | None = None,
        assertion: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(app, msal.TokenCache())
        if sum(one is not None for one in (secret, certificate, assertion)) != 1:
            raise SignInError("An application signs in with one of: secret, certificate, federated token.")
        if secret is not None and not secret.strip():
            raise SignInError(
                "The client secret is empty. Put its value into the environment variable AZURE_CLIENT_SECRET."
            )
        if app.tenant in _NO_TENANT:
            raise SignInError("An application signs in to one tenant. Name it: `--tenant …`, or AZURE_TENANT_ID.")
        self._secret, self._certificate, self._assertion = secret, certificate, assertion

    def _make(self, options: Mapping[str, Any]) -> Any:
        return msal.ConfidentialClientApplication(client_credential=self._proof(), **options)

    def _proof(self) -> Any:
        if self._secret is not None:
            return self._secret.strip()
        if self._certificate is None:
            return {"client_assertion": self._assertion}
        # Signed by MSAL's own class, but loaded here: MSAL reads PEM and PFX by two ways of different abilities (SHA-1 or
        # SHA-256 thumbprint, chain or none) and reports what is wrong with a file in cryptography's words.
        loaded = self._certificate.load()
        chain = {"x5c": loaded.encoded_chain()} if self._certificate.send_chain else {}
        signer = JwtAssertionCreator(loaded.key, "PS256", sha256_thumbprint=loaded.thumbprint, headers=chain)
        audience = f"{self._app.authority_host.rstrip('/')}/{self._app.tenant}/oauth2/v2.0/token"
        return {"client_assertion": signer.create_regenerative_assertion(audience, self._app.client_id)}

    def _obtain(self, audience: str, renew: bool) -> Mapping[str, Any]:
        client = self._connected()
        if renew:
            client.remove_tokens_for_client()  # MSAL has no other way to ask for a new one
        answer: Mapping[str, Any] = client.acquire_token_for_client(self._app.scopes(audience, delegated=False))
        return answer


class _Person(AtEntra):
    """Somebody who signs in once; the store renews without a question until Entra wants one."""

    def __init__(self, app: App, store: TokenStore, interactive: bool) -> None:
        super().__init__(app, store.cache)
        self._interactive = interactive
        self._account = ""
        self._signed_in = False

    def sign_in(self) -> AccessToken:
        """Ask, whatever is remembered: to be another account, or after Entra wanted a fresh sign-in."""
        with self._lock:
            return self._settled(FABRIC, lambda: self._ask(self._app.scopes(FABRIC, delegated=True)))

    def _make(self, options: Mapping[str, Any]) -> Any:
        return msal.PublicClientApplication(**options)

    def _obtain(self, audience: str, renew: bool) -> Mapping[str, Any]:
        client, scopes = self._connected(), self._app.scopes(audience, delegated=True)
        answer: Mapping[str, Any] | None = None
        if account := self._remembered(client):
            answer = client.acquire_token_silent_with_error(scopes, account, force_refresh=renew)
        if account and answer and "access_token" in answer:
            self._account, self._signed_in = account["home_account_id"], True
            return answer
        # Asked once only: a window that opens in the middle of a long statement would surprise, or find nobody there.
        if self._interactive and not self._signed_in:
            return self._ask(scopes)
        if answer:
            return answer
        raise SignInError(f"Nobody is signed in. {AGAIN}")

    def _remembered(self, client: Any) -> dict[str, Any] | None:
        """The account of this sign-in, else the one that was used last: never another after one that is refused."""
        accounts = {one["home_account_id"]: one for one in client.get_accounts()}
        if self._account:
            return accounts.get(self._account)
        used = {
            one.get("home_account_id"): int(one.get("last_modification_time") or 0)
            for one in self._cache.search(msal.TokenCache.CredentialType.REFRESH_TOKEN)
            if one.get("client_id") == self._app.client_id
        }
        return max(
            (one for name, one in accounts.items() if name in used),
            key=lambda one: used[one["home_account_id"]],
            default=None,
        )

    def _ask(self, scopes: list[str]) -> Mapping[str, Any]:
        answer = self._question(self._connected(), scopes)
        if answer.get("access_token"):
            self._signed_in = True
            with_whom = str(answer.get("client_info") or "")
            found = json.loads(base64.urlsafe_b64decode(with_whom + "=" * (-len(with_whom) % 4)) or b"{}")
            self._account = f"{found['uid']}.{found['utid']}" if {"uid", "utid"} <= found.keys() else ""
        return answer

    def _question(self, client: Any, scopes: list[str]) -> Mapping[str, Any]:
        raise NotImplementedError


class BrowserSignIn(_Person):
    """In the browser of this machine, which sends its answer to a port of this process (authorization code with PKCE).

    With `interactive` off it uses only what an earlier sign-in left in `store`.
    """

    def __init__(
        self,
        app: App,
        store: TokenStore,
        open_browser: Callable[[str], bool] = webbrowser.open,
        timeout_s: float = 300.0,
        *,
        interactive: bool = True,
    ) -> None:
        super().__init__(app, store, interactive)
        self._open_browser, self._timeout_s = open_browser, timeout_s

    def _question(self, client: Any, scopes: list[str]) -> Mapping[str, Any]:
        # MSAL's acquire_token_interactive does the same, but opens a browser of its own choice only.
        with AuthCodeReceiver() as receiver:
            flow = client.initiate_auth_code_flow(
                scopes,
                redirect_uri=f"http://localhost:{receiver.get_port()}",
                prompt="select_account",
                response_mode="form_post",  # the code stays out of the browser's history
            )
            if not self._open_browser(flow["auth_uri"]):
                raise SignInError(
                    "No browser could be opened on this machine. Sign in with a code on any other device: "
                    "`%livy login --method device`."
                )
            answer = receiver.get_auth_response(
                timeout=self._timeout_s,
                state=flow["state"],
                success_template="You are signed in. Close this tab and go back to the notebook.",
                error_template="Not signed in: $error. The notebook tells more. You can close this tab.",
            )
        if not answer:
            raise SignInError(
                f"Nobody signed in within {self._timeout_s:.0f} s. Run `%livy login` again; if the browser is on another "
                "machine than this kernel, use `%livy login --method device`."
            )
        found: Mapping[str, Any] = client.acquire_token_by_auth_code_flow(flow, answer)
        return found


class DeviceCodeSignIn(_Person):
    """On any device: `show` gets the code and the page to enter it at. Works over SSH and in hosted notebooks."""

    def __init__(
        self, app: App, store: TokenStore, show: Callable[[DevicePrompt], None], *, interactive: bool = True
    ) -> None:
        super().__init__(app, store, interactive)
        self._show = show

    def _question(self, client: Any, scopes: list[str]) -> Mapping[str, Any]:
        flow = client.initiate_device_flow(scopes)
        if "user_code" not in flow:
            return {"error": "invalid_request", **flow}
        url = str(flow.get("verification_uri") or flow.get("verification_url") or "")
        self._show(DevicePrompt(flow["user_code"], url, str(flow.get("message") or ""), float(flow["expires_at"])))
        answer: Mapping[str, Any] = client.acquire_token_by_device_flow(flow)
        return answer


class ManagedIdentity(Renewing):
    """The identity that Azure gave this machine (VM, App Service, Functions, Arc, Machine Learning); `client_id` names one
    that was assigned by hand."""

    def __init__(
        self,
        client_id: str | None = None,
        *,
        fabric_resource: str = FABRIC_RESOURCE,
        storage_resource: str = STORAGE_RESOURCE,
    ) -> None:
        super().__init__()
        keep_secrets_out_of_logs()
        self._client_id = client_id
        self._resources = {True: fabric_resource, False: storage_resource}
        self._cache = msal.TokenCache()

    def __repr__(self) -> str:
        return f"ManagedIdentity({self._client_id!r})" if self._client_id else "ManagedIdentity()"

    def _obtain(self, audience: str, renew: bool) -> Mapping[str, Any]:
        if renew:
            self._cache = msal.TokenCache()  # MSAL has no other way to ask for a new one
        identity = (
            msal.UserAssignedManagedIdentity(client_id=self._client_id)
            if self._client_id
            else msal.SystemAssignedManagedIdentity()
        )
        # Made anew for each call: it keeps a refusal, and its session must not outlive a change of the environment.
        http = Http(timeout_s=MANAGED_IDENTITY_TIMEOUT_S, on_this_machine=True)
        client = msal.ManagedIdentityClient(identity, http_client=http, token_cache=self._cache)
        try:
            answer: Mapping[str, Any] = client.acquire_token_for_client(resource=self._resources[audience == FABRIC])
        except (OSError, MsalError, ValueError) as error:
            raise SignInError(
                f"No managed identity answered on this machine ({type(error).__name__}). This works on Azure only (VM, App "
                "Service, Functions, Arc …), where an identity is assigned. Elsewhere: `%livy login --method browser`."
            ) from error
        if not answer.get("access_token"):
            named = f"the client id {self._client_id}" if self._client_id else "a system-assigned one"
            raise SignInError(
                f"This machine has no such managed identity ({named}): {answer.get('error_description') or answer.get('error')}. "
                "Assign it in the Azure portal (Identity), or name another: `--client-id`."
            )
        return answer
