"""Puts a token or password on a request, and only on requests to hosts that may get it."""

from __future__ import annotations

import importlib
import threading
import time
import warnings
from typing import Self
from urllib.parse import urlsplit

import requests

from fabric_livy_magic.clouds import host_of, is_fabric_address
from fabric_livy_magic.errors import SettingsError, SignInError
from fabric_livy_magic.livy.http import LOOPBACK
from fabric_livy_magic.own_imports import no_working_folder
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.identity import identity_of
from fabric_livy_magic.signin.tokens import FABRIC, AccessToken, Credential, RequestsAuth, is_of_entra, token_of

RENEW_BEFORE_S = 300.0
LIVY_PASSWORD_VARIABLE = "FABRIC_LIVY_PASSWORD"  # noqa: S105 - the name of a variable


class BearerAuth:
    """Puts the token of `credential` on requests to a Fabric host over https, or to this machine. Renews it once at a time."""

    def __init__(self, credential: Credential, audience: str = FABRIC, allow_host: str = "") -> None:
        self._credential = credential
        self._audience = audience
        self._allow_host = allow_host
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._was_refused = False

    def __repr__(self) -> str:
        return f"BearerAuth({self._credential!r})"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        check_host(request.url or "", self._allow_host)
        token = self._current()
        check_loopback(request.url or "", self._credential, token, self._allow_host)
        request.headers["Authorization"] = f"Bearer {token.secret}"
        return request

    def as_it_is(self) -> BearerAuth | None:
        """One that never asks for a token: with the token that this one has; None where it has sent none, or its end is near."""
        token = self._token
        if token is None or _ends_soon(token):
            return None
        return BearerAuth(
            StaticToken(token.secret, is_entra=is_of_entra(self._credential, token)), self._audience, self._allow_host
        )

    def keep_valid(self) -> None:
        """Renews a token whose end is near. It prompts nobody: there is none before the sign-in."""
        if self._token is not None:
            self._current()

    def renew(self) -> bool:
        """After a 401: the next request fetches a new token. False where that can only return the same one."""
        with self._lock:
            self._token, self._was_refused = None, True
        return not isinstance(self._credential, StaticToken)

    def account(self) -> str:
        return identity_of(self._current()).who

    def _current(self) -> AccessToken:
        with self._lock:
            if self._token is None or _ends_soon(self._token):
                self._token = token_of(self._credential, self._audience, renew=self._was_refused)
                self._was_refused = False
            return self._token


def _ends_soon(token: AccessToken) -> bool:
    return token.expires_at is not None and token.expires_at - time.time() < RENEW_BEFORE_S


KERBEROS = "requests_kerberos:HTTPKerberosAuth"


class GivenAuth:
    """An auth object of `requests` that a program chose for its Livy server: Kerberos, digest, a gateway's own."""

    def __init__(self, auth: RequestsAuth) -> None:
        self._auth = auth
        self._was_sent = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self._was_sent = True
        authorized: requests.PreparedRequest = self._auth(request)
        return authorized

    def as_it_is(self) -> Self | None:
        """None before it was sent."""
        return self if self._was_sent else None

    def keep_valid(self) -> None:
        pass

    def renew(self) -> bool:
        return False

    def account(self) -> str:
        return type(self._auth).__name__


class BasicAuth(GivenAuth):
    """User and password for a Livy server behind a gateway; over https, to this machine, or to `allow_host`."""

    def __init__(self, user: str, password: str, allow_host: str = "") -> None:
        super().__init__(requests.auth.HTTPBasicAuth(user, password))
        self._user = user
        self._allow_host = allow_host

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(request.url or "")
        host = (parts.hostname or "").lower()
        if parts.scheme != "https" and host not in LOOPBACK and host != self._allow_host.lower():
            raise SignInError(
                f"A password is not sent to {host} in clear text. Use https, or allow it: `%livy config allow_host {host}`."
            )
        return super().__call__(request)

    def account(self) -> str:
        return self._user


def given_auth(credential: object) -> GivenAuth | None:
    """None for what is no auth object of `requests`."""
    return GivenAuth(credential) if isinstance(credential, requests.auth.AuthBase) else None


def named_auth(name: str) -> GivenAuth:
    """`kerberos`, or `package.module:Class` of an installed package, made without arguments. Raises SettingsError."""
    path = KERBEROS if name == "kerberos" else name
    module_name, _, attribute = path.replace(":", ".").rpartition(".")
    try:
        with no_working_folder():
            if path == KERBEROS:  # with each answer over http, since there is no TLS to bind to
                warnings.filterwarnings("ignore", "Failed to get raw socket for CBT")
            made = getattr(importlib.import_module(module_name), attribute)()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        hint = " `pip install 'fabric-livy-magic[kerberos]'` brings it." if path == KERBEROS else ""
        raise SettingsError(f"livy_auth {name!r} cannot be used: {error}.{hint}") from error
    if (given := given_auth(made)) is None:
        raise SettingsError(f"livy_auth {name!r} is no auth class of `requests`.")
    return given


class NothingToSend:
    """Refuses each request: nobody has agreed to a sign-in there."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        raise SignInError("No cell has signed in there yet.")

    def as_it_is(self) -> None:
        return None

    def keep_valid(self) -> None:
        pass

    def renew(self) -> bool:
        return False

    def account(self) -> str:
        raise SignInError("No cell has signed in there yet.")


def check_host(url: str, allow_host: str = "") -> None:
    """Raises SignInError where no token must be sent."""
    host = host_of(url)
    if host in LOOPBACK or is_fabric_address(url):
        return
    if urlsplit(url).scheme == "https" and allow_host and host == allow_host.lower():
        return
    raise SignInError(
        f"A Fabric token is not sent to {urlsplit(url).scheme}://{host}: it is no Fabric address over https. "
        "Paste the Livy connection string of a lakehouse (lakehouse → Settings → Livy endpoint). "
        f"If this is a gateway of your own, allow it: `%livy config allow_host {host}`."
    )


def check_loopback(url: str, credential: Credential, token: AccessToken, allow_host: str = "") -> None:
    """Raises SignInError where a token of Microsoft's would go to a port of this machine that the user did not name for it:
    whichever program of whichever user listens there could use it at Fabric."""
    parts = urlsplit(url)
    if host_of(url) not in LOOPBACK or not is_of_entra(credential, token):
        return
    server = f"{host_of(url)}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    if allow_host.lower() in {server, f"[::1]:{parts.port}" if host_of(url) == "::1" else server}:
        return
    raise SignInError(
        f"A sign-in of Microsoft is not sent to {server}: another program could listen there. `fabric-livy serve` has a token of "
        "its own, which is found by itself, or goes into FABRIC_LIVY_TOKEN. If that server is to get the sign-in, "
        f"allow it: `%livy config allow_host {server}`."
    )
