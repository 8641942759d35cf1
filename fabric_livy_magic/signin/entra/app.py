"""Token requests to Entra: the app registration and its authority, one request at a time, and failures as SignInError."""

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

from fabric_livy_magic.errors import AnswerTooLarge, SignInError
from fabric_livy_magic.livy.exchange import MIB, TimedAdapter, receive
from fabric_livy_magic.livy.http import LOOPBACK
from fabric_livy_magic.signin.entra.logs import keep_secrets_out_of_logs, masked
from fabric_livy_magic.signin.entra.reasons import explain
from fabric_livy_magic.signin.tokens import FABRIC, FABRIC_RESOURCE, STORAGE_RESOURCE, AccessToken, scopes_for

PUBLIC_AUTHORITY = "https://login.microsoftonline.com"
TIMEOUT_S = 30.0
MOST_TOKEN_BYTES = 4 * MIB  # an answer with a token of many groups has some 20 kB
_TENANT = re.compile(r"[\w.-]+")


@dataclass(frozen=True, kw_only=True)
class App:
    """An app registration, its authority, and the resources to get tokens for. `verify` is True or the path of a CA bundle."""

    client_id: str
    tenant: str = "organizations"
    authority_host: str = PUBLIC_AUTHORITY
    verify: str | bool = True
    fabric_resource: str = FABRIC_RESOURCE
    storage_resource: str = STORAGE_RESOURCE

    def scopes(self, audience: str, *, delegated: bool) -> list[str]:
        resource = self.fabric_resource if audience == FABRIC else self.storage_resource
        return scopes_for(audience, delegated=delegated, client_id=self.client_id, resource=resource)


class EntraCredential:
    """Sends one token request at a time; threads that waited meanwhile share its outcome."""

    is_entra = True

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
            return self._fetch_token(audience, lambda: self._acquire(audience, renew))

    def _fetch_token(self, audience: str, acquire: Callable[[], Mapping[str, Any]]) -> AccessToken:
        try:
            answer = acquire()
            if not answer.get("access_token"):
                raise SignInError(explain(answer))
            token = AccessToken(str(answer["access_token"]), time.time() + float(answer.get("expires_in") or 0))
        except SignInError as error:
            self._reset_client()
            self._record_outcome(audience, error)
            raise
        if answer.get("token_source") != "cache":
            self._record_outcome(audience, token)
        return token

    def _record_outcome(self, audience: str, outcome: AccessToken | SignInError) -> None:
        self._outcome[audience] = outcome
        self._answers[audience] = self._answers.get(audience, 0) + 1

    def _acquire(self, audience: str, renew: bool) -> Mapping[str, Any]:
        raise NotImplementedError

    def _reset_client(self) -> None:
        """MSAL caches a refusal for a minute, also when its reason has just been fixed."""


class AppCredential(EntraCredential):
    """An app at an authority. MSAL's client is created at first use, as that requests the authority's endpoints."""

    def __init__(self, app: App, cache: Any) -> None:
        super().__init__()
        keep_secrets_out_of_logs()
        self._app, self._cache = app, cache
        self._client: Any = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(client_id={self._app.client_id!r}, tenant={self._app.tenant!r})"

    def _reset_client(self) -> None:
        self._client = None

    def _msal_client(self) -> Any:
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
                self._client = self._make_msal_client(
                    {
                        "client_id": app.client_id,
                        "authority": f"{app.authority_host.rstrip('/')}/{app.tenant}",
                        "token_cache": self._cache,
                        "http_client": MsalHttp(app.verify, is_on_this_machine=host.hostname in LOOPBACK),
                        # Instance discovery knows Microsoft's hosts only; a sovereign or private one was chosen by the user.
                        "instance_discovery": None if host.hostname in WELL_KNOWN_AUTHORITY_HOSTS else False,
                    }
                )
            except (ValueError, KeyError) as error:
                # A 4xx to the request for the tenant's endpoints, of which MSAL does not pass on the reason.
                raise SignInError(
                    f"{app.authority_host} knows no tenant {app.tenant!r}. Check the tenant id or domain "
                    "(`%livy config tenant`) and the cloud (`%livy config authority_host`). (AADSTS90002)"
                ) from error
        return self._client

    def _make_msal_client(self, options: Mapping[str, Any]) -> Any:
        raise NotImplementedError

    def _fetch_token(self, audience: str, acquire: Callable[[], Mapping[str, Any]]) -> AccessToken:
        return super()._fetch_token(audience, lambda: as_sign_in_errors(acquire, self._app.authority_host))


class MsalHttp(requests.Session):
    """MSAL's HTTP client: with a time-out for the whole exchange, bounded answers, no redirects (they would carry secrets
    elsewhere), and the chosen CA."""

    def __init__(
        self, verify: str | bool = True, *, timeout_s: float = TIMEOUT_S, is_on_this_machine: bool = False
    ) -> None:
        super().__init__()
        self._ca, self._timeout_s = verify, timeout_s
        self.trust_env = not is_on_this_machine  # no proxy between a process and its own machine
        for scheme in ("http://", "https://"):
            self.mount(scheme, TimedAdapter(max_retries=1))

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", self._timeout_s)
        kwargs["allow_redirects"] = False
        if self._ca is not True:
            kwargs["verify"] = self._ca  # passed here, as REQUESTS_CA_BUNDLE overrides Session.verify
        kwargs["stream"] = True
        response = super().request(*args, **kwargs)
        try:
            receive(response, MOST_TOKEN_BYTES)
        except AnswerTooLarge as error:  # for MSAL one of the errors that it knows
            raise requests.exceptions.ContentDecodingError(str(error), request=response.request) from error
        return response


def as_sign_in_errors(acquire: Callable[[], Mapping[str, Any]], host: str) -> Mapping[str, Any]:
    """Failures of network, storage and answers as SignInError."""
    try:
        return acquire()
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
    except (MsalError, ValueError, RecursionError) as error:
        raise SignInError(
            f"{host} gave an answer that could not be read ({type(error).__name__}). Try again in a minute; if it stays, check "
            "`%livy config authority_host`."
        ) from error
