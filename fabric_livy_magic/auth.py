"""Get a token, and put it on a request, but only on one that goes to a host it is meant for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import requests

from fabric_livy_magic.errors import SignInError
from fabric_livy_magic.livy.http import LOOPBACK
from fabric_livy_magic.settings import Target

TOKEN_VARIABLE = "FABRIC_LIVY_TOKEN"  # noqa: S105 - the name of a variable
RESOURCE = "https://api.fabric.microsoft.com"
AZ_TIMEOUT_S = 30.0
RENEW_BEFORE_S = 300.0
_TOKEN = re.compile(r"[\x21-\x7e]+")

# Where a Fabric token may go (the list that dbt-fabricspark's credentials.py keeps, and Fabric's sovereign clouds).
FABRIC_HOSTS = (
    ".fabric.microsoft.com",
    ".pbidedicated.windows.net",
    ".analysis.windows.net",
    ".microsoftfabric.com",
    ".fabric.microsoft.us",
    ".fabric.microsoft.cn",
)


@dataclass(frozen=True)
class AccessToken:
    """`expires_at` is epoch seconds; None where it is not known."""

    secret: str = field(repr=False)
    expires_at: float | None = None


class Credential(Protocol):
    def token(self) -> AccessToken:
        """A token that is good now. Raises SignInError with what to do."""
        ...


class GivenToken:
    """A token that somebody else got. It cannot be renewed."""

    def __init__(self, secret: str) -> None:
        self._token = AccessToken(secret.strip().removeprefix("Bearer ").strip())

    def __repr__(self) -> str:
        return "GivenToken(…)"

    def token(self) -> AccessToken:
        # Checked here, as the HTTP library's complaint would quote the token.
        if not _TOKEN.fullmatch(self._token.secret):
            raise SignInError(
                "What was given as a token is none: it is empty, or has a space, a line break or another character that "
                f"no token has. Copy it again, in one piece, into {TOKEN_VARIABLE}."
            )
        return self._token


class AzureCli:
    """The account of `az login`."""

    def __repr__(self) -> str:
        return "AzureCli()"

    def token(self) -> AccessToken:
        az = shutil.which("az")
        if not az:
            raise SignInError(
                f"No sign-in was found. Install the Azure CLI and run `az login`, or put a token in the environment variable {TOKEN_VARIABLE}."
            )
        command = [az, "account", "get-access-token", "--resource", RESOURCE, "--output", "json"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=AZ_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SignInError(
                f"The Azure CLI did not answer ({type(error).__name__}). Run `az login` in a terminal."
            ) from error
        if done.returncode != 0:
            told = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise SignInError(f"The Azure CLI has no sign-in: {told}. Run `az login` in a terminal.")
        try:
            answer = json.loads(done.stdout)
            return AccessToken(answer["accessToken"], float(answer.get("expires_on") or 0) or None)
        except (ValueError, KeyError, TypeError) as error:
            raise SignInError(
                "The Azure CLI's answer could not be read. Update it (`az upgrade`), then run `az login`."
            ) from error


class BearerAuth:
    """Puts the token of `credential` on requests to a Fabric host over https, or to this machine. One renewal at a time."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential
        self._lock = threading.Lock()
        self._token: AccessToken | None = None

    def __repr__(self) -> str:
        return f"BearerAuth({self._credential!r})"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        check_host(request.url or "")
        request.headers["Authorization"] = f"Bearer {self._current().secret}"
        return request

    def renew(self) -> bool:
        """After a 401: forget the token. False where asking again can only give the same one."""
        with self._lock:
            self._token = None
        return not isinstance(self._credential, GivenToken)

    def _current(self) -> AccessToken:
        with self._lock:
            expires_at = self._token.expires_at if self._token else None
            if self._token is None or (expires_at is not None and expires_at - time.time() < RENEW_BEFORE_S):
                self._token = self._credential.token()
            return self._token


def check_host(url: str) -> None:
    """Raises SignInError where a token must not be sent."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host in LOOPBACK:
        return
    if parts.scheme == "https" and ("." + host).endswith(FABRIC_HOSTS):
        return
    raise SignInError(
        f"A Fabric token is not sent to {parts.scheme}://{host}: it is no Fabric address over https. "
        "Paste the Livy connection string of a lakehouse (lakehouse → Settings → Livy endpoint)."
    )


def credential_for(target: Target, environ: Mapping[str, str] | None = None) -> Credential | None:
    """The token in the environment, else the Azure CLI's account. None for a plain Livy server, which takes no token."""
    environ = os.environ if environ is None else environ
    if not target.is_fabric_api:
        return None
    if secret := environ.get(TOKEN_VARIABLE):
        return GivenToken(secret)
    return AzureCli()
