"""The road to Entra: which app at which authority, one question at a time, and every failure in plain words."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from msal.authority import WELL_KNOWN_AUTHORITY_HOSTS
from msal.exceptions import MsalError

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.signin.entra.logs import keep_secrets_out_of_logs, masked
from fabric_livy_magic.signin.entra.reasons import explain
from fabric_livy_magic.signin.tokens import FABRIC, FABRIC_RESOURCE, STORAGE_RESOURCE, AccessToken, scopes_for

PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
TIMEOUT_S = 30.0
ON_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}
_TENANT = re.compile(r"[\w.-]+")


@dataclass(frozen=True, kw_only=True)
class App:
    """Which app registration signs in, where, and what for. `verify` is a CA bundle where the system's is not right."""

    client_id: str
    tenant: str = "organizations"
    authority_host: str = PUBLIC_AUTHORITY
    verify: str | bool = True
    fabric_resource: str = FABRIC_RESOURCE
    storage_resource: str = STORAGE_RESOURCE

    def scopes(self, audience: str, *, delegated: bool) -> list[str]:
        resource = self.fabric_resource if audience == FABRIC else self.storage_resource
        return scopes_for(audience, delegated=delegated, client_id=self.client_id, resource=resource)


class Renewing:
    """One question to Entra at a time; who waited meanwhile gets its outcome instead of asking again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, int] = {}
        self._outcome: dict[str, AccessToken | SignInError] = {}

    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        answers_before = self._answers.get(audience, 0)
        with self._lock:
            if self._answers.get(audience, 0) != answers_before:
                outcome = self._outcome[audience]
                if isinstance(outcome, SignInError):
                    raise SignInError(str(outcome)) from outcome
                return outcome
            return self._settled(audience, lambda: self._obtain(audience, renew))

    def _settled(self, audience: str, obtain: Callable[[], Mapping[str, Any]]) -> AccessToken:
        try:
            answer = obtain()
            if not answer.get("access_token"):
                raise SignInError(explain(answer))
            token = AccessToken(str(answer["access_token"]), time.time() + float(answer.get("expires_in") or 0))
        except SignInError as error:
            self._forget_answers()
            self._keep(audience, error)
            raise
        if answer.get("token_source") != "cache":
            self._keep(audience, token)
        return token

    def _keep(self, audience: str, outcome: AccessToken | SignInError) -> None:
        self._outcome[audience] = outcome
        self._answers[audience] = self._answers.get(audience, 0) + 1

    def _obtain(self, audience: str, renew: bool) -> Mapping[str, Any]:
        raise NotImplementedError

    def _forget_answers(self) -> None:
        """MSAL repeats a refusal for a minute without asking again, also to a person who has just mended its reason."""


class AtEntra(Renewing):
    """An app at an authority. MSAL's object for it is made at the first use, as that asks the authority for its endpoints."""

    def __init__(self, app: App, cache: Any) -> None:
        super().__init__()
        keep_secrets_out_of_logs()
        self._app, self._cache = app, cache
        self._client: Any = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(client_id={self._app.client_id!r}, tenant={self._app.tenant!r})"

    def _forget_answers(self) -> None:
        self._client = None

    def _connected(self) -> Any:
        if self._client is None:
            app = self._app
            host = urlsplit(app.authority_host)
            if host.scheme != "https" or not host.hostname:
                raise SignInError(
                    f"The authority {app.authority_host!r} is no https address: `%livy config authority_host`."
                )
            if not _TENANT.fullmatch(app.tenant):
                raise SignInError(f"{app.tenant!r} is no tenant id and no domain: `%livy config tenant`.")
            try:
                self._client = self._make(
                    {
                        "client_id": app.client_id,
                        "authority": f"{app.authority_host.rstrip('/')}/{app.tenant}",
                        "token_cache": self._cache,
                        "http_client": Http(app.verify, on_this_machine=host.hostname in ON_THIS_MACHINE),
                        # Microsoft vouches for its own hosts only; a sovereign or private one the user chose to trust.
                        "instance_discovery": None if host.hostname in WELL_KNOWN_AUTHORITY_HOSTS else False,
                    }
                )
            except (ValueError, KeyError) as error:
                # MSAL keeps Entra's reason to itself here: a 4xx to the question for a tenant's endpoints.
                raise SignInError(
                    f"{app.authority_host} knows no tenant {app.tenant!r}. Check the tenant id or domain "
                    "(`%livy config tenant`) and the cloud (`%livy config authority_host`). (AADSTS90002)"
                ) from error
        return self._client

    def _make(self, options: Mapping[str, Any]) -> Any:
        raise NotImplementedError

    def _settled(self, audience: str, obtain: Callable[[], Mapping[str, Any]]) -> AccessToken:
        return super()._settled(audience, lambda: told_plainly(obtain, self._app.authority_host))


class Http(requests.Session):
    """What MSAL sends with: bounded in time, no redirects (they would carry secrets elsewhere), the CA that was chosen."""

    def __init__(
        self, verify: str | bool = True, *, timeout_s: float = TIMEOUT_S, on_this_machine: bool = False
    ) -> None:
        super().__init__()
        self._ca, self._timeout_s = verify, timeout_s
        self.trust_env = not on_this_machine  # no proxy between a process and its own machine
        for scheme in ("http://", "https://"):
            self.mount(scheme, requests.adapters.HTTPAdapter(max_retries=1))

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", self._timeout_s)
        kwargs["allow_redirects"] = False
        if self._ca is not True:
            kwargs["verify"] = self._ca  # given here, as REQUESTS_CA_BUNDLE overrides Session.verify
        return super().request(*args, **kwargs)


def told_plainly(obtain: Callable[[], Mapping[str, Any]], host: str) -> Mapping[str, Any]:
    """Failures of network, storage and answers as SignInError."""
    try:
        return obtain()
    except requests.exceptions.SSLError as error:
        raise SignInError(
            f"The certificate of {host} is not trusted on this machine. If your organisation inspects TLS, name its CA: "
            "`%livy config ca_file FILE`."
        ) from error
    except requests.RequestException as error:
        raise SignInError(
            f"{host} cannot be reached ({type(error).__name__}). Check network and proxy (HTTPS_PROXY)."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise SignInError(f"The sign-in failed on this machine: {reason}") from error
    except RuntimeError as error:
        raise SignInError(f"The sign-in failed: {masked(str(error))}") from error
    except (MsalError, ValueError) as error:
        raise SignInError(
            f"{host} gave an answer that could not be read ({type(error).__name__}). Try again in a minute; if it stays, check "
            "`%livy config authority_host`."
        ) from error
