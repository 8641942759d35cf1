"""An authority that signs tokens."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from fabric_livy_magic.local.server.tokens import (
    FABRIC_AUDIENCES,
    AuthorityTokens,
    Caller,
    OwnToken,
    TokenRefused,
)
from tests.support.json_server import JsonServer

pytest.importorskip("tornado")

TENANT, OTHER_TENANT = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
FABRIC = FABRIC_AUDIENCES[0]
EVERYTHING = "user_impersonation"


class KeyServer(JsonServer):
    """Discovery and signing keys."""

    def __init__(self) -> None:
        super().__init__()
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = "first"
        self.tenants = {TENANT, OTHER_TENANT}
        self.published: dict[str, Any] = {}
        self.status = 200
        self.publish()

    def publish(self, **more: Any) -> None:
        self.published = {
            **json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key())),
            "kid": self.key_id,
            **more,
        }

    def answer(self, path: str) -> tuple[int, Any]:
        if path == "/keys":
            keys = [{"kty": "EC", "kid": "other"}, {"kty": "RSA", "kid": "broken"}, self.published]
            return self.status, {"keys": keys}
        status = self.status if path.split("/")[1] in self.tenants else 400
        return status, {"issuer": f"{self.url}/{{tenantid}}/v2.0", "jwks_uri": f"{self.url}/keys"}

    def rotate(self, key_id: str) -> None:
        self.key, self.key_id = rsa.generate_private_key(public_exponent=65537, key_size=2048), key_id
        self.publish()

    def claims(self, tenant: str = TENANT, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "aud": FABRIC, "iss": f"{self.url}/{tenant}/v2.0", "tid": tenant, "iat": now, "nbf": now, "exp": now + 600,
            "upn": "ann@example.org", "scp": EVERYTHING, **changed,
        }  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key: Any = None, key_id: str | None = None, tenant: str = TENANT, **changed: Any) -> str:
        headers = {"kid": self.key_id if key_id is None else key_id}
        return jwt.encode(self.claims(tenant, **changed), key or self.key, algorithm="RS256", headers=headers)


@pytest.fixture(scope="module")
def shared_key_server() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.close()


@pytest.fixture
def own_key_server() -> Iterator[KeyServer]:
    """For tests that change what is published."""
    server = KeyServer()
    yield server
    server.close()


@pytest.fixture
def tokens(shared_key_server: KeyServer) -> AuthorityTokens:
    return AuthorityTokens(shared_key_server.url, clock_skew_s=0)


def check(tokens: AuthorityTokens | OwnToken, token: str, audiences: tuple[str, ...] = FABRIC_AUDIENCES) -> Caller:
    return asyncio.run(tokens.check(token, audiences))


def refusal(
    tokens: AuthorityTokens | OwnToken, token: str, audiences: tuple[str, ...] = FABRIC_AUDIENCES
) -> TokenRefused:
    with pytest.raises(TokenRefused) as refused:
        check(tokens, token, audiences)
    assert token not in refused.value.message or not token
    return refused.value
