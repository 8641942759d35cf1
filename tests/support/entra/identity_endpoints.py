"""Beside Entra, over plain http as in Azure: managed identities, and OIDC as of GitHub."""

from __future__ import annotations

import time
from typing import Any

from tests.support.entra.model import Answer


class IdentityEndpoints:
    """A part of `Authority`, whose state it uses."""

    @property
    def imds_host(self) -> str:
        """For AZURE_POD_IDENTITY_AUTHORITY_HOST, which is what MSAL takes instead of 169.254.169.254."""
        return self.plain_url

    @property
    def identity_endpoint(self) -> str:
        """For IDENTITY_ENDPOINT, together with `identity_header` for IDENTITY_HEADER: App Service's way."""
        return f"{self.plain_url}/msi/token"

    @property
    def github_environment(self) -> dict[str, str]:
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.plain_url}/github/oidc?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.github_token,
        }

    def federated_token(self, subject: str, issuer: str = "", **claims: Any) -> str:
        """What Kubernetes puts into the file of AZURE_FEDERATED_TOKEN_FILE, and GitHub into its answer."""
        now = int(time.time())
        return self.sign(
            {"iss": issuer or self.github_issuer, "sub": subject, "aud": "api://AzureADTokenExchange", "iat": now, "exp": now + 600}
            | claims
        )  # fmt: skip

    def _beside(self, path: str, query: dict[str, str], headers: Any) -> Answer:
        if path == "/metadata/identity/oauth2/token":
            if headers.get("Metadata") != "true":
                return Answer(
                    400, {"error": "invalid_request", "error_description": "Required metadata header not specified"}
                )
            return self._managed(query, {"error": "invalid_request", "error_description": "Identity not found"})
        if path == "/msi/token":
            if headers.get("X-IDENTITY-HEADER") != self.identity_header:
                return Answer(401, {"statusCode": 401, "message": "Unauthorized"})
            missing = (
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
            )
            return self._managed(query, {"statusCode": 400, "message": missing})
        if path == "/github/oidc":
            if headers.get("Authorization") != f"Bearer {self.github_token}":
                return Answer(401, {"message": "Unauthorized"})
            audience = query.get("audience", "https://github.com/contoso")
            return Answer(200, {"value": self.federated_token(self.github_subject, aud=audience)})
        return Answer(404, {"error": "not_found", "path": path})

    def _managed(self, query: dict[str, str], missing: dict[str, Any]) -> Answer:
        client_id = query.get("client_id", "")
        if client_id not in self.managed_identities:
            return Answer(400, missing)
        token = self.mint(query["resource"], app=client_id or "system-assigned", oid=self.managed_identities[client_id])
        ends = str(int(self.now() + self.token_lifetime_s))
        return Answer(
            200,
            {
                "access_token": token, "expires_in": str(int(self.token_lifetime_s)), "expires_on": ends,
                "resource": query["resource"], "token_type": "Bearer",
            },
        )  # fmt: skip
