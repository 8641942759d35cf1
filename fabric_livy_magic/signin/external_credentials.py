"""Credentials whose sign-in happened elsewhere: a token, the Azure CLI, a Fabric notebook, a TokenCredential."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
from typing import Any

from fabric_livy_magic.errors import SettingsError, SignInError
from fabric_livy_magic.signin.tokens import FABRIC, STORAGE, AccessToken, expiry, scopes_for

TOKEN_VARIABLE = "FABRIC_LIVY_TOKEN"  # noqa: S105 - the name of a variable
AZ_TIMEOUT_S = 30.0
_TOKEN = re.compile(r"[\x21-\x7e]+")


class StaticToken:
    """A token from elsewhere, one for each audience. It cannot be renewed."""

    def __init__(self, secret: str, *, storage: str | None = None) -> None:
        self._secrets = {FABRIC: _without_bearer(secret), STORAGE: _without_bearer(storage) if storage else ""}

    def __repr__(self) -> str:
        return "GivenToken(…)"

    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        secret = self._secrets[audience]
        if audience == STORAGE and not secret:
            raise SignInError("The token that was given is for Fabric, not for OneLake. Sign in with `%livy login`.")
        # Checked here, as an error of the HTTP library would quote the token.
        if not _TOKEN.fullmatch(secret):
            raise SignInError(
                "What was given as a token is none: it is empty, or has a space, a line break or another character that "
                f"no token has. Copy it again, in one piece, into {TOKEN_VARIABLE}."
            )
        if renew:
            raise SignInError(
                "The token that was given was refused: it has expired or is meant for another service. Put a new one into "
                f"{TOKEN_VARIABLE}, or sign in with `%livy login`."
            )
        return AccessToken(secret, expiry(secret))


def _without_bearer(text: str) -> str:
    return text.strip().removeprefix("Bearer ").strip()


class AzureCli:
    """The account of `az login`. `resource` replaces the public cloud's Fabric."""

    def __init__(self, tenant: str = "", resource: str = "") -> None:
        self._tenant = tenant
        self._resource = resource

    def __repr__(self) -> str:
        return "AzureCli()"

    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        az = shutil.which("az")
        if not az:
            raise SignInError(
                "The Azure CLI (az) is not installed or not on the PATH. Sign in with `%livy login --method browser` or `device`."
            )
        scope = scopes_for(audience, delegated=False, resource=self._resource if audience == FABRIC else "")[0]
        command = [az, "account", "get-access-token", "--scope", scope, "--output", "json"]
        if self._tenant:
            command += ["--tenant", self._tenant]
        try:
            process = subprocess.run(
                command, capture_output=True, text=True, timeout=AZ_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SignInError(
                f"The Azure CLI did not answer ({type(error).__name__}). Run `az login` in a terminal."
            ) from error
        if process.returncode != 0:
            message = (process.stderr.strip().splitlines() or ["no reason given"])[0].removeprefix("ERROR: ")
            raise SignInError(f"The Azure CLI has no sign-in: {message.rstrip('.')}. Run `az login` in a terminal.")
        try:
            answer = json.loads(process.stdout)
            secret = str(answer["accessToken"])
        except (ValueError, KeyError, TypeError) as error:
            raise SignInError(
                "The Azure CLI's answer could not be read. Update it (`az upgrade`), then run `az login`."
            ) from error
        return AccessToken(secret, expiry(secret) or _seconds(answer.get("expires_on")))


def _seconds(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


class FabricNotebook:
    """The person or pipeline that a notebook inside Fabric runs as, by `notebookutils`."""

    def __repr__(self) -> str:
        return "FabricNotebook()"

    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        try:
            notebookutils = importlib.import_module("notebookutils")
        except ImportError as error:
            raise SignInError(
                "This is not a notebook inside Fabric: it has no `notebookutils`. Sign in with `%livy login`."
            ) from error
        secret = str(notebookutils.credentials.getToken("pbi" if audience == FABRIC else "storage"))
        return AccessToken(secret, expiry(secret))


class TokenCredential:
    """An azure.core TokenCredential, as an object or by its dotted path, such as `azure.identity:DefaultAzureCredential`."""

    def __init__(self, credential: Any, resource: str = "") -> None:
        self._credential = credential
        self._resource = resource

    def __repr__(self) -> str:
        return f"TokenCredential({type(self._credential).__name__})"

    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        scope = scopes_for(audience, delegated=False, resource=self._resource if audience == FABRIC else "")[0]
        try:
            found = self._credential.get_token(scope)
        except Exception as error:  # third-party code may raise anything
            raise SignInError(
                f"{type(self._credential).__name__} gave no token: {type(error).__name__}: {error}"
            ) from error
        return AccessToken(str(found.token), float(found.expires_on))

    @classmethod
    def from_path(cls, path: str, resource: str = "") -> TokenCredential:
        module_name, _, name = path.replace(":", ".").rpartition(".")
        try:
            target = getattr(importlib.import_module(module_name), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise SettingsError(
                f"method {path!r} is no sign-in method and no importable TokenCredential: {error}"
            ) from error
        credential = target() if isinstance(target, type) else target
        if not hasattr(credential, "get_token"):
            raise SettingsError(f"method {path!r} names something without get_token(scope).")
        return cls(credential, resource)
