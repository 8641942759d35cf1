"""What the local Entra knows: tenants, users, app registrations, its errors; and what it answers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography import x509

TENANT = "11111111-2222-3333-4444-555555555555"
AZURE_CLI = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
FABRIC_SCOPES = ("Lakehouse.Execute.All", "Lakehouse.Read.All", "Code.AccessFabric.All", "Code.AccessStorage.All")
# A token for the Fabric API carries Power BI's audience: it is the same resource under an older name.
AUDIENCES = {
    "https://api.fabric.microsoft.com": "https://analysis.windows.net/powerbi/api",
    "https://analysis.windows.net/powerbi/api": "https://analysis.windows.net/powerbi/api",
    "https://storage.azure.com": "https://storage.azure.com",
}
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

# AADSTS number → OAuth error and Entra's words. What to do about them is the business of whoever reads them.
ERRORS = {
    50011: ("invalid_request", "The redirect URI specified in the request does not match the redirect URIs configured."),
    50076: ("interaction_required", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access."),
    50173: ("invalid_grant", "The provided grant has expired due to it being revoked, a fresh auth token is needed."),
    53003: ("access_denied", "Access has been blocked by Conditional Access policies."),
    65001: ("invalid_grant", "The user or administrator has not consented to use the application."),
    65004: ("access_denied", "User declined to consent to access the app."),
    70008: ("invalid_grant", "The provided authorization code or refresh token has expired due to inactivity."),
    70011: ("invalid_scope", "The provided value for the input parameter 'scope' is not valid."),
    70016: ("authorization_pending", "OAuth 2.0 device flow error. Authorization is pending. Continue polling."),
    70018: ("authorization_declined", "Authorization was declined by the user."),
    70020: ("expired_token", "The provided value for the input parameter 'device_code' is not valid. This device code has expired."),
    70021: ("invalid_client", "No matching federated identity record found for presented assertion."),
    90002: ("invalid_request", "Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."),
    500011: ("invalid_resource", "The resource principal named in the request was not found in the tenant."),
    501481: ("invalid_grant", "The Code_Verifier does not match the code_challenge supplied in the authorization request."),
    700016: ("unauthorized_client", "Application was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant."),
    700024: ("invalid_client", "Client assertion is not within its valid time range."),
    700027: ("invalid_client", "The certificate with identifier used to sign the client assertion is not registered on application, or the signature does not match."),
    700082: ("invalid_grant", "The refresh token has expired due to inactivity."),
    7000112: ("unauthorized_client", "Application is disabled."),
    7000215: ("invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID."),
    7000218: ("invalid_client", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."),
    7000222: ("invalid_client", "The provided client secret keys for app are expired."),
}  # fmt: skip


@dataclass(frozen=True)
class User:
    name: str
    tenant: str = TENANT
    oid: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class RegisteredApp:
    client_id: str
    tenant: str = TENANT
    secret: str = ""
    secret_expired: bool = False
    certificates: list[x509.Certificate] = field(default_factory=list)
    trusts_subject: str = ""  # subject-name/issuer: any certificate of this subject that the authority's CA signed
    federated: dict[str, str] = field(default_factory=dict)  # issuer → subject
    consented: bool = True
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    form: dict[str, str]
    headers: dict[str, str]
    answer: int


class Refused(Exception):  # noqa: N818 - an answer, not a failure
    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(f"AADSTS{code}")
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any] | str
    headers: dict[str, str] = field(default_factory=dict)


def _audience(scope: str) -> str:
    """`https://api.fabric.microsoft.com/Lakehouse.Read.All` → `https://api.fabric.microsoft.com`."""
    resource = scope.partition(" ")[0].rpartition("/")[0].rstrip("/")
    if resource not in AUDIENCES:
        raise Refused(500011, f"The resource principal named {resource} was not found in the tenant.")
    return resource


def _unchecked(token: str) -> dict[str, Any]:
    payload = jwt.decode(token, options={"verify_signature": False})
    return dict(payload)


def _flat(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
