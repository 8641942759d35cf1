"""The ways to sign in at Entra, by MSAL: a person by browser or device code, an application, a managed identity.

Each is a `Credential`: first a token of MSAL's cache, then a silent renewal, then, if `interactive`, a prompt.
"""

from __future__ import annotations

import base64
import json
import time
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msal
from msal.exceptions import MsalError
from msal.oauth2cli import AuthCodeReceiver, JwtAssertionCreator

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.signin.entra.app import App, AppCredential, EntraCredential, MsalHttp
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

MANAGED_IDENTITY_TIMEOUT_S = 5.0  # its endpoint is on the machine itself, or nowhere
MOST_CODE_S, MOST_INTERVAL_S = 1800.0, 60.0  # Entra says 900 and 5
_NO_TENANT = {"organizations", "common", "consumers"}


@dataclass(frozen=True)
class DevicePrompt:
    """What the user needs for a device-code sign-in: open `url`, enter `user_code`. `expires_at` is epoch seconds."""

    user_code: str
    url: str
    message: str
    expires_at: float


class ServicePrincipal(AppCredential):
    """An application with a secret, a certificate, or a token of another issuer that Entra trusts (`assertion`)."""

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

    def _make_msal_client(self, options: Mapping[str, Any]) -> Any:
        return msal.ConfidentialClientApplication(client_credential=self._client_credential(), **options)

    def _client_credential(self) -> Any:
        if self._secret is not None:
            return self._secret.strip()
        if self._certificate is None:
            return {"client_assertion": self._assertion}
        # Signed by MSAL's own class, but loaded here: MSAL's readers of PEM and PFX differ (SHA-1 or SHA-256 thumbprint, chain or
        # none), and their errors are those of cryptography.
        loaded = self._certificate.load()
        chain = {"x5c": loaded.encoded_chain()} if self._certificate.send_chain else {}
        signer = JwtAssertionCreator(loaded.key, "PS256", sha256_thumbprint=loaded.thumbprint, headers=chain)
        audience = f"{self._app.authority_host.rstrip('/')}/{self._app.tenant}/oauth2/v2.0/token"
        return {"client_assertion": signer.create_regenerative_assertion(audience, self._app.client_id)}

    def _acquire(self, audience: str, renew: bool) -> Mapping[str, Any]:
        client = self._msal_client()
        if renew:
            client.remove_tokens_for_client()  # MSAL's only way to get a new one
        answer: Mapping[str, Any] = client.acquire_token_for_client(self._app.scopes(audience, delegated=False))
        return answer


class _UserCredential(AppCredential):
    """A user who signs in once; the token is renewed silently until Entra requires a new sign-in."""

    def __init__(self, app: App, store: TokenStore, interactive: bool) -> None:
        super().__init__(app, store.cache)
        self._interactive = interactive
        self._account = ""
        self._signed_in = False

    def sign_in(self) -> AccessToken:
        """Prompts also where a sign-in is saved: for another account, or after Entra required a new sign-in."""
        with self._lock:
            return self._fetch_token(FABRIC, lambda: self._sign_in_by_flow(self._app.scopes(FABRIC, delegated=True)))

    def _make_msal_client(self, options: Mapping[str, Any]) -> Any:
        return msal.PublicClientApplication(**options)

    def _acquire(self, audience: str, renew: bool) -> Mapping[str, Any]:
        client, scopes = self._msal_client(), self._app.scopes(audience, delegated=True)
        answer: Mapping[str, Any] | None = None
        if account := self._saved_account(client):
            answer = client.acquire_token_silent_with_error(scopes, account, force_refresh=renew)
        if account and answer and "access_token" in answer:
            self._account, self._signed_in = account["home_account_id"], True
            return answer
        # Prompts only once: no browser window opens in the middle of a long statement.
        if self._interactive and not self._signed_in:
            return self._sign_in_by_flow(scopes)
        if answer:
            return answer
        raise SignInError(f"Nobody is signed in. {AGAIN}")

    def _saved_account(self, client: Any) -> dict[str, Any] | None:
        """The account of this sign-in, else the one that was used last. After a refusal no other account is tried."""
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

    def _sign_in_by_flow(self, scopes: list[str]) -> Mapping[str, Any]:
        answer = self._run_flow(self._msal_client(), scopes)
        if answer.get("access_token"):
            self._signed_in = True
            client_info = str(answer.get("client_info") or "")
            found = json.loads(base64.urlsafe_b64decode(client_info + "=" * (-len(client_info) % 4)) or b"{}")
            self._account = f"{found['uid']}.{found['utid']}" if {"uid", "utid"} <= found.keys() else ""
        return answer

    def _run_flow(self, client: Any, scopes: list[str]) -> Mapping[str, Any]:
        raise NotImplementedError


class BrowserSignIn(_UserCredential):
    """By the browser of this machine, which sends its answer to a port of this process (authorization code with PKCE).

    With `interactive` off it uses only a sign-in that is saved in `store`.
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

    def _run_flow(self, client: Any, scopes: list[str]) -> Mapping[str, Any]:
        # MSAL's acquire_token_interactive does the same, but chooses the browser itself.
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


class DeviceCodeSignIn(_UserCredential):
    """By any device: `show` gets the code and the URL to enter it at. Works over SSH and in hosted notebooks."""

    def __init__(
        self, app: App, store: TokenStore, show: Callable[[DevicePrompt], None], *, interactive: bool = True
    ) -> None:
        super().__init__(app, store, interactive)
        self._show = show

    def _run_flow(self, client: Any, scopes: list[str]) -> Mapping[str, Any]:
        flow = client.initiate_device_flow(scopes)
        if "user_code" not in flow:
            return {"error": "invalid_request", **flow}
        # A server that names other times would have MSAL sleep through them.
        flow["expires_at"] = min(float(flow["expires_at"]), time.time() + MOST_CODE_S)
        flow["interval"] = int(min(float(flow.get("interval") or 5), MOST_INTERVAL_S))
        url = str(flow.get("verification_uri") or flow.get("verification_url") or "")
        self._show(DevicePrompt(flow["user_code"], url, str(flow.get("message") or ""), float(flow["expires_at"])))
        answer: Mapping[str, Any] = client.acquire_token_by_device_flow(flow)
        return answer


class ManagedIdentity(EntraCredential):
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

    def _acquire(self, audience: str, renew: bool) -> Mapping[str, Any]:
        if renew:
            self._cache = msal.TokenCache()  # MSAL's only way to get a new one
        identity = (
            msal.UserAssignedManagedIdentity(client_id=self._client_id)
            if self._client_id
            else msal.SystemAssignedManagedIdentity()
        )
        # A new client for each call: it caches a refusal, and the environment may change.
        http = MsalHttp(timeout_s=MANAGED_IDENTITY_TIMEOUT_S, is_on_this_machine=True)
        client = msal.ManagedIdentityClient(identity, http_client=http, token_cache=self._cache)
        try:
            answer: Mapping[str, Any] = client.acquire_token_for_client(resource=self._resources[audience == FABRIC])
        except (OSError, MsalError, ValueError, RecursionError) as error:
            raise SignInError(
                f"No managed identity answered on this machine ({type(error).__name__}). This works on Azure only (VM, App "
                "Service, Functions, Arc …), where an identity is assigned. Elsewhere: `%livy login --method browser`."
            ) from error
        if not answer.get("access_token"):
            which = f"the client id {self._client_id}" if self._client_id else "a system-assigned one"
            raise SignInError(
                f"This machine has no such managed identity ({which}): {answer.get('error_description') or answer.get('error')}. "
                "Assign it in the Azure portal (Identity), or name another: `--client-id`."
            )
        return answer
