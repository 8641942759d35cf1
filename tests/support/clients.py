"""Clients of the scripted server, and of a served lakehouse's files."""

from __future__ import annotations

from typing import Any

from fabric_livy_magic.fabric.onelake import OneLake
from fabric_livy_magic.fabric.targets import ids_in_url
from fabric_livy_magic.livy.client import Dialect, LivyClient
from fabric_livy_magic.livy.http import LivyHttp
from fabric_livy_magic.livy.retries import RetryPolicy
from fabric_livy_magic.signin.external_credentials import StaticToken
from fabric_livy_magic.signin.request_auth import BearerAuth
from fabric_livy_magic.signin.tokens import AccessToken
from tests.support.fakes import FakeFabric
from tests.support.service import TOKEN, Api
from tests.support.timing import FakeClock


def client_of(fake: FakeFabric, clock: FakeClock | None = None) -> LivyClient:
    """With a clock, the waits between calls are those of that clock."""
    authorization = None if fake.apache else BearerAuth(StaticToken(fake.token))
    timing: dict[str, Any] = {"clock": clock, "sleep": clock.sleep} if clock else {}
    http = LivyHttp(fake.url, authorization, **timing)
    return LivyClient(http, Dialect.APACHE_LIVY if fake.apache else Dialect.FABRIC)


class SuccessiveTokens:
    """A credential that returns these tokens one after the other, and then the last one again."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = list(secrets)
        self.requests = 0

    def token(self, audience: str = "fabric", *, renew: bool = False) -> AccessToken:
        self.requests += 1
        return AccessToken(self.secrets.pop(0) if len(self.secrets) > 1 else self.secrets[0])


def onelake_of(api: Api, token: str = TOKEN) -> OneLake:
    """The files of a served lakehouse, with short pauses between retries."""
    root = str(api.ready["api_url"]).removesuffix("/v1") + "/onelake"
    http = LivyHttp(root, BearerAuth(StaticToken(token)), retry=RetryPolicy(first_pause_s=0.01))
    return OneLake(http, *ids_in_url(api.base))
