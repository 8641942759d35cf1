"""Access tokens, the protocol of credentials, scopes and claims. Pure: no I/O."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fabric_livy_magic.clouds import CLOUDS, PUBLIC, is_authority
from fabric_livy_magic.errors import without_calls
from fabric_livy_magic.settings import AZURE_CLI_CLIENT_ID

FABRIC, STORAGE = "fabric", "storage"  # the two audiences: the Fabric API with its Livy endpoint, and OneLake

FABRIC_RESOURCE, STORAGE_RESOURCE = PUBLIC.resource, PUBLIC.storage_resource

# "Get started with the Livy API": what an own app registration must be granted to run Spark code for a person.
DELEGATED_SCOPES = ("Lakehouse.Execute.All", "Lakehouse.Read.All", "Code.AccessFabric.All", "Code.AccessStorage.All")


@dataclass(frozen=True)
class AccessToken:
    """`expires_at` is epoch seconds; None where it is not known."""

    secret: str = field(repr=False)
    expires_at: float | None = None


class RequestsAuth(Protocol):
    """An auth object of `requests`, such as `HTTPKerberosAuth()`: for an Apache Livy server."""

    def __call__(self, r: Any) -> Any: ...


class Credential(Protocol):
    def token(self, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
        """A token that is valid for at least five minutes; with `renew` a new one, after the server refused the last.

        Raises SignInError with what to do.
        """
        ...


def token_of(credential: Credential, audience: str = FABRIC, *, renew: bool = False) -> AccessToken:
    """The credential's token. An error comes without the calls that led to it: their names hold secrets, requests with them
    and answers, which a debugger, `%xmode Verbose` or a log of tracebacks would show."""
    return without_calls(lambda: credential.token(audience, renew=renew))


def is_of_entra(credential: Credential, token: AccessToken) -> bool:
    """Whether the token is one of Microsoft's: it opens more than the server that it was sent to. One that the user gave is
    judged by what it says, as far as it can be read."""
    if getattr(credential, "is_entra", False):
        return True
    told = claims(token.secret)
    audiences = {audience for cloud in CLOUDS for audience in (*cloud.audiences, cloud.storage_resource)}
    return is_authority(str(told.get("iss") or "")) or str(told.get("aud") or "").rstrip("/") in audiences


def scopes_for(audience: str, *, delegated: bool, client_id: str = "", resource: str = "") -> list[str]:
    """The scopes to request. `resource` replaces the public cloud's host of that audience.

    Azure CLI's own client id is pre-authorised as a whole and cannot request single scopes, so it requests `.default`.
    """
    host = (resource or (FABRIC_RESOURCE if audience == FABRIC else STORAGE_RESOURCE)).rstrip("/")
    if audience == FABRIC and delegated and client_id != AZURE_CLI_CLIENT_ID:
        return [f"{host}/{scope}" for scope in DELEGATED_SCOPES]
    return [f"{host}/.default"]


def claims(secret: str) -> Mapping[str, Any]:
    """The payload of a JWT, unchecked; empty where it is none. For display and expiry, never for trust."""
    parts = secret.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def expiry(secret: str) -> float | None:
    """When the token ends, in epoch seconds, by its own `exp`."""
    value = claims(secret).get("exp")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
