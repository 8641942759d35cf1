"""Puts a token or password on a request, and only on requests to hosts that may get it."""

from __future__ import annotations

import threading
import time
from urllib.parse import urlsplit

import requests

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.livy.http import LOOPBACK
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.identity import identity_of
from fabric_livy_magic.signin.tokens import FABRIC, AccessToken, Credential

RENEW_BEFORE_S = 300.0
LIVY_PASSWORD_VARIABLE = "FABRIC_LIVY_PASSWORD"  # noqa: S105 - the name of a variable

# Where a token may go: Fabric and OneLake (the list that dbt-fabricspark's credentials.py keeps, and sovereign clouds).
TOKEN_HOSTS = (
    ".fabric.microsoft.com",
    ".pbidedicated.windows.net",
    ".analysis.windows.net",
    ".microsoftfabric.com",
    ".fabric.microsoft.us",
    ".fabric.microsoft.cn",
)


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
        request.headers["Authorization"] = f"Bearer {self._current().secret}"
        return request

    def renew(self) -> bool:
        """After a 401: the next request fetches a new token. False where that can only return the same one."""
        with self._lock:
            self._token, self._was_refused = None, True
        return not isinstance(self._credential, StaticToken)

    def account(self) -> str:
        return identity_of(self._current()).who

    def _current(self) -> AccessToken:
        with self._lock:
            expires_at = self._token.expires_at if self._token else None
            if self._token is None or (expires_at is not None and expires_at - time.time() < RENEW_BEFORE_S):
                self._token = self._credential.token(self._audience, renew=self._was_refused)
                self._was_refused = False
            return self._token


class BasicAuth:
    """User and password for a Livy server behind a gateway; over https, to this machine, or to `allow_host`."""

    def __init__(self, user: str, password: str, allow_host: str = "") -> None:
        self._user = user
        self._basic = requests.auth.HTTPBasicAuth(user, password)
        self._allow_host = allow_host

    def __repr__(self) -> str:
        return "BasicAuth(…)"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(request.url or "")
        host = (parts.hostname or "").lower()
        if parts.scheme != "https" and host not in LOOPBACK and host != self._allow_host.lower():
            raise SignInError(
                f"A password is not sent to {host} in clear text. Use https, or allow it: `%livy config allow_host {host}`."
            )
        with_password: requests.PreparedRequest = self._basic(request)
        return with_password

    def renew(self) -> bool:
        return False

    def account(self) -> str:
        return self._user


def check_host(url: str, allow_host: str = "") -> None:
    """Raises SignInError where a token must not be sent."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host in LOOPBACK:
        return
    if parts.scheme == "https" and (("." + host).endswith(TOKEN_HOSTS) or (allow_host and host == allow_host.lower())):
        return
    raise SignInError(
        f"A Fabric token is not sent to {parts.scheme}://{host}: it is no Fabric address over https. "
        "Paste the Livy connection string of a lakehouse (lakehouse → Settings → Livy endpoint). "
        f"If this is a gateway of your own, allow it: `%livy config allow_host {host}`."
    )
